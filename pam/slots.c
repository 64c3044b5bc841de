/*
 * Slots
 *
 * The login password never leaves the module: the daemon gets a key that it opens one slot with, and no password can be found from it
 * faster than from the vault itself. A mirror that is not root's, or another user's, is as good as none.
 *
 * While a password is being changed, the mirror has two ways for the slot: nobody but the daemon knows which is true, so each gives a
 * frame, in the mirror's order. So does each login slot, where somebody has added another one beside that of a password of the past.
 * Who writes the mirror has the lock, which nobody but root can take.
 */
#include "pam/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "common/bytes.h"
#include "common/places.h"
#include "common/unlock-frame.h"
#include "crypto/sha.h"
#include "pam/file.h"

#define FLAG_UV     0x04U
#define HMAC_SIZE   32U
#define MIRROR_MODE 0644
#define LOCK_MODE   0600

_Static_assert(UNLOCK_ID_SIZE == SLOT_MIRROR_ID_SIZE && UNLOCK_SALT_SIZE == SLOT_MIRROR_KDF_SALT_SIZE &&
                       UNLOCK_SALT_SIZE == crypto_pwhash_SALTBYTES,
               "of the same slots");

/* ---- the mirror ---- */

static int path_of(const Login *login, uint32_t uid, const char *end, char **ret)
{
        const char *dir = login->options->mirror ? login->options->mirror : SLOT_MIRROR_DIR;

        return asprintf(ret, "%s/%u%s", dir, uid, end) < 0 ? -ENOMEM : 0;
}

/* 0, FILE_MISSING and the like, or a negative errno. */
static int read_of(const Login *login, uint32_t uid, SlotMirror **ret)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = NULL;
        _cleanup_(secret_freep) Secret *data = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = path_of(login, uid, "", &path);
        if (r == 0)
                r = file_read_own(path, SLOT_MIRROR_SIZE_MAX, &data);
        if (r == 0)
                r = slot_mirror_read(data->data, data->size, &mirror);
        if (r == 0 && mirror->uid != uid)
                r = -EBADMSG;
        if (r == 0)
                *ret = TAKE_PTR(mirror);
        return r;
}

int slots_read(const Login *login, SlotMirror **ret)
{
        int r;

        *ret = NULL;
        r = read_of(login, login->user.uid, ret);
        if (r == 0 || r == FILE_MISSING)
                return 0;
        log_error(&login->log, "the vault is not opened: what is mirrored of its slots is not right");
        return r > 0 ? -EBADMSG : r;
}

/* There is one way to write a mirror, so what is read the same is the same. */
bool slots_unchanged(const Login *login, const SlotMirror *mirror)
{
        _cleanup_(slot_mirror_freep) SlotMirror *now = NULL;

        return read_of(login, mirror->uid, &now) == 0 && memcmp(now, mirror, sizeof(*now)) == 0;
}

int slots_lock(const Login *login, uint32_t uid, bool wait)
{
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *path = NULL;
        int r;

        r = path_of(login, uid, ".lock", &path);
        if (r < 0)
                return r;
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, LOCK_MODE);
        if (fd < 0)
                return -errno;
        while (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0)
                if (errno != EINTR)
                        return -errno;
        return TAKE_FD(fd);
}

static int write_file(const char *path, const ByteWriter *data)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MIRROR_MODE);

        if (fd < 0)
                return -errno;
        if (write(fd, data->data, data->size) != (ssize_t)data->size)
                return -EIO;
        return fchmod(fd, MIRROR_MODE) < 0 || fsync(fd) < 0 ? -errno : 0;
}

int slots_write(const Login *login, SlotMirror *mirror)
{
        _cleanup_free_ char *path = NULL, *new_path = NULL;
        _cleanup_(byte_writer_done) ByteWriter data = BYTE_WRITER_NULL;
        int r;

        slot_mirror_write(mirror, &data);
        r = data.failed ? -ENOMEM : path_of(login, mirror->uid, "", &path);
        if (r == 0)
                r = path_of(login, mirror->uid, ".new", &new_path);
        if (r < 0)
                return r;
        (void)unlink(new_path);
        r = write_file(new_path, &data);
        if (r == 0 && rename(new_path, path) < 0)
                r = -errno;
        if (r == 0)
                return places_sync_parent(path);
        (void)unlink(new_path);
        return r;
}

/* ---- security keys ---- */

bool slots_is_of(const SlotMirrorEntry *slot, const uint8_t *id, size_t id_size, const char *rp)
{
        return slot->kind == SLOT_MIRROR_FIDO2 && strcmp(slot->rp_id, rp) == 0 && id_size > 0 && slot->credential_size == id_size &&
               memcmp(slot->credential, id, id_size) == 0;
}

bool slots_have(const SlotMirror *mirror, const uint8_t *id, size_t id_size, const char *rp)
{
        for (size_t i = 0; mirror && i < mirror->n; i++) {
                const SlotMirrorEntry *slot = mirror->slots + i;

                if (id_size > 0 ? slots_is_of(slot, id, id_size, rp) : slot->kind == SLOT_MIRROR_FIDO2 && strcmp(slot->rp_id, rp) == 0)
                        return true;
        }
        return false;
}

/* The only place where a frame is put together. */
static int append_frame(Secret *frames, UnlockFrame *frame)
{
        uint8_t bytes[UNLOCK_FRAME_SIZE];
        int r;

        unlock_frame_encode(frame, bytes);
        r = secret_append(frames, bytes, sizeof(bytes));
        explicit_bzero(bytes, sizeof(bytes));
        explicit_bzero(frame, sizeof(*frame));
        return r;
}

static int frame_new(UnlockFrame *frame, Secret **ret)
{
        _cleanup_(secret_freep) Secret *frames = NULL;
        int r;

        r = secret_new(&frames, UNLOCK_FRAME_SIZE);
        if (r == 0)
                r = append_frame(frames, frame);
        if (r == 0)
                *ret = TAKE_PTR(frames);
        explicit_bzero(frame, sizeof(*frame));
        return r;
}

int slots_frame_of_key(const SlotMirror *mirror, const uint8_t *id, size_t id_size, const fido_assert_t *assertion, size_t i,
                       Secret **ret)
{
        bool uv = fido_assert_flags(assertion, i) & FLAG_UV;

        *ret = NULL;
        if (fido_assert_hmac_secret_len(assertion, i) != HMAC_SIZE)
                return 0;
        for (size_t k = 0; k < mirror->n; k++) {
                const SlotMirrorEntry *slot = mirror->slots + k;
                uint8_t info[SLOT_FIDO2_INFO_SIZE];
                UnlockFrame frame = {.kind = UNLOCK_FRAME_OPEN};

                if (!slots_is_of(slot, id, id_size, fido_assert_rp_id(assertion)) || slot->uv != uv)
                        continue;
                slot_fido2_info(slot->id, info);
                memcpy(frame.slot, slot->id, sizeof(frame.slot));
                hkdf_sha256(/* salt= */ NULL, 0, fido_assert_hmac_secret_ptr(assertion, i), HMAC_SIZE, info, sizeof(info), frame.key,
                            sizeof(frame.key));
                return frame_new(&frame, ret);
        }
        return 0;
}

/* ---- the password ---- */

size_t slots_ways(const SlotMirror *mirror, const SlotMirrorEntry *ret[SLOTS_WAYS_MAX])
{
        size_t n = 0;

        for (size_t i = 0; mirror && i < mirror->n && n < SLOTS_WAYS_MAX; i++)
                if (mirror->slots[i].kind == SLOT_MIRROR_LOGIN)
                        ret[n++] = mirror->slots + i;
        return n;
}

static bool is_way_of(const SlotMirrorEntry *entry, const uint8_t slot[SLOT_MIRROR_ID_SIZE])
{
        return entry->kind == SLOT_MIRROR_LOGIN && memcmp(entry->id, slot, SLOT_MIRROR_ID_SIZE) == 0;
}

static bool has_salt(const SlotMirrorEntry *entry, const uint8_t salt[SLOT_MIRROR_KDF_SALT_SIZE])
{
        return entry->kind == SLOT_MIRROR_LOGIN && memcmp(entry->kdf_salt, salt, SLOT_MIRROR_KDF_SALT_SIZE) == 0;
}

void slots_keep_way(SlotMirror *mirror, const uint8_t salt[SLOT_MIRROR_KDF_SALT_SIZE])
{
        uint8_t slot[SLOT_MIRROR_ID_SIZE];
        size_t i = 0, n = 0;

        while (i < mirror->n && !has_salt(mirror->slots + i, salt))
                i++;
        if (i == mirror->n)
                return;
        memcpy(slot, mirror->slots[i].id, sizeof(slot));
        for (i = 0; i < mirror->n; i++) {
                if (is_way_of(mirror->slots + i, slot) && !has_salt(mirror->slots + i, salt))
                        continue;
                if (n != i)
                        mirror->slots[n] = mirror->slots[i];
                n++;
        }
        memset(mirror->slots + n, 0, (mirror->n - n) * sizeof(mirror->slots[0]));
        mirror->n = n;
}

/* A mirror can say so of one slot only. */
static bool any_has_two_ways(const SlotMirror *mirror)
{
        for (size_t i = 1; i < mirror->n; i++)
                if (is_way_of(mirror->slots + i, mirror->slots[i - 1].id))
                        return true;
        return false;
}

static int derive(const SlotMirrorEntry *way, const char *password, uint8_t ret[UNLOCK_KEY_SIZE])
{
        if (sodium_init() < 0)
                return -EIO;
        return crypto_pwhash(ret, UNLOCK_KEY_SIZE, password, strlen(password), way->kdf_salt, way->passes,
                             (size_t)way->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0 ?
                       0 :
                       -ENOMEM;
}

/* A frame for each way; *ret is NULL when there is none. */
static int frames_of_ways(const SlotMirror *mirror, const char *password, UnlockFrameKind kind, Secret **ret)
{
        _cleanup_(secret_freep) Secret *frames = NULL;
        const SlotMirrorEntry *ways[SLOTS_WAYS_MAX];
        size_t n = slots_ways(mirror, ways);
        int r;

        *ret = NULL;
        if (n == 0)
                return 0;
        r = secret_new(&frames, n * UNLOCK_FRAME_SIZE);
        for (size_t i = 0; r == 0 && i < n; i++) {
                UnlockFrame frame = {.kind = kind};

                memcpy(frame.slot, ways[i]->id, sizeof(frame.slot));
                r = derive(ways[i], password, frame.key);
                if (kind == UNLOCK_FRAME_REPLACE) {
                        memcpy(frame.new_key, frame.key, sizeof(frame.new_key));
                        frame.memory_kib = ways[i]->memory_kib;
                        frame.passes = ways[i]->passes;
                        memcpy(frame.salt, ways[i]->kdf_salt, sizeof(frame.salt));
                }
                if (r == 0)
                        r = append_frame(frames, &frame);
                explicit_bzero(&frame, sizeof(frame));
        }
        if (r == 0)
                *ret = TAKE_PTR(frames);
        return r;
}

int slots_frames_of_password(const SlotMirror *mirror, const char *password, Secret **ret)
{
        return frames_of_ways(mirror, password, UNLOCK_FRAME_OPEN, ret);
}

int slots_frames_of_trial(const SlotMirror *mirror, const char *password, Secret **ret)
{
        return frames_of_ways(mirror, password, UNLOCK_FRAME_REPLACE, ret);
}

int slots_frame_of_change(SlotMirror *mirror, const Secret *trial, size_t i, const char *password, Secret **ret)
{
        SlotMirrorEntry way = {.kind = SLOT_MIRROR_LOGIN};
        UnlockFrame frame;
        int r;

        *ret = NULL;
        r = unlock_frame_decode(trial->data + i * UNLOCK_FRAME_SIZE, UNLOCK_FRAME_SIZE, &frame);
        if (r < 0)
                return r;
        slots_keep_way(mirror, frame.salt);
        if (any_has_two_ways(mirror))
                r = -EBUSY;
        memcpy(way.id, frame.slot, sizeof(way.id));
        way.memory_kib = frame.memory_kib;
        way.passes = frame.passes;
        if (r == 0 && getrandom(way.kdf_salt, sizeof(way.kdf_salt), 0) != (ssize_t)sizeof(way.kdf_salt))
                r = -EIO;
        if (r == 0)
                r = derive(&way, password, frame.new_key);
        memcpy(frame.salt, way.kdf_salt, sizeof(frame.salt));
        if (r == 0)
                r = frame_new(&frame, ret);
        if (r == 0)
                mirror->slots[mirror->n++] = way;
        explicit_bzero(&frame, sizeof(frame));
        return r;
}

static bool is_of(const uint8_t *frame, const uint8_t slot[UNLOCK_ID_SIZE])
{
        UnlockFrame decoded;
        bool r = unlock_frame_decode(frame, UNLOCK_FRAME_SIZE, &decoded) == 0 && memcmp(decoded.slot, slot, sizeof(decoded.slot)) == 0;

        explicit_bzero(&decoded, sizeof(decoded));
        return r;
}

bool slots_are_of_change(const Secret *frames, const Secret *change)
{
        UnlockFrame changed;
        bool found = false;

        if (unlock_frame_decode(change->data, change->size, &changed) < 0)
                return false;
        for (size_t i = 0; i < frames->size / UNLOCK_FRAME_SIZE; i++)
                found |= is_of(frames->data + i * UNLOCK_FRAME_SIZE, changed.slot);
        explicit_bzero(&changed, sizeof(changed));
        return found;
}

int slots_frame_after_change(const Secret *change, Secret **ret)
{
        UnlockFrame changed, frame = {.kind = UNLOCK_FRAME_OPEN};
        int r;

        r = unlock_frame_decode(change->data, change->size, &changed);
        if (r < 0)
                return r;
        memcpy(frame.slot, changed.slot, sizeof(frame.slot));
        memcpy(frame.key, changed.new_key, sizeof(frame.key));
        explicit_bzero(&changed, sizeof(changed));
        return frame_new(&frame, ret);
}
