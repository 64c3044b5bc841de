/*
 * Slots
 *
 * The login password never leaves the module: the daemon gets a key that it opens one slot with, and no password can be found from it
 * faster than from the vault itself. A mirror that is not root's, or another user's, is as good as none.
 */
#include "pam/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
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

_Static_assert(UNLOCK_ID_SIZE == SLOT_MIRROR_ID_SIZE && UNLOCK_SALT_SIZE == SLOT_MIRROR_KDF_SALT_SIZE &&
                       UNLOCK_SALT_SIZE == crypto_pwhash_SALTBYTES,
               "of the same slots");

/* ---- the mirror ---- */

static int path_of(const Login *login, const char *end, char **ret)
{
        const char *dir = login->options->mirror ? login->options->mirror : SLOT_MIRROR_DIR;

        return asprintf(ret, "%s/%u%s", dir, login->user.uid, end) < 0 ? -ENOMEM : 0;
}

int slots_read(const Login *login, SlotMirror **ret)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = NULL;
        _cleanup_(secret_freep) Secret *data = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        *ret = NULL;
        r = path_of(login, "", &path);
        if (r == 0)
                r = file_read_own(path, SLOT_MIRROR_SIZE_MAX, &data);
        if (r == 0)
                r = slot_mirror_read(data->data, data->size, &mirror);
        if (r == 0 && mirror->uid != login->user.uid)
                r = -EBADMSG;
        if (r == 0)
                *ret = TAKE_PTR(mirror);
        if (r == 0 || r == FILE_MISSING)
                return 0;
        log_error(&login->log, "the vault is not opened: what is mirrored of its slots is not right");
        return r > 0 ? -EBADMSG : r;
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
        r = data.failed ? -ENOMEM : path_of(login, "", &path);
        if (r == 0)
                r = path_of(login, ".new", &new_path);
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
static int frame_new(UnlockFrame *frame, Secret **ret)
{
        uint8_t bytes[UNLOCK_FRAME_SIZE];
        int r;

        unlock_frame_encode(frame, bytes);
        r = secret_new_from(ret, bytes, sizeof(bytes));
        explicit_bzero(bytes, sizeof(bytes));
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

static SlotMirrorEntry *login_slot(SlotMirror *mirror)
{
        for (size_t i = 0; i < mirror->n; i++)
                if (mirror->slots[i].kind == SLOT_MIRROR_LOGIN)
                        return mirror->slots + i;
        return NULL;
}

static int derive(const SlotMirrorEntry *slot, const char *password, uint8_t ret[UNLOCK_KEY_SIZE])
{
        if (sodium_init() < 0)
                return -EIO;
        return crypto_pwhash(ret, UNLOCK_KEY_SIZE, password, strlen(password), slot->kdf_salt, slot->passes,
                             (size_t)slot->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0 ?
                       0 :
                       -ENOMEM;
}

int slots_frame_of_password(const SlotMirror *mirror, const char *password, Secret **ret)
{
        const SlotMirrorEntry *slot = login_slot((SlotMirror *)(uintptr_t)mirror);
        UnlockFrame frame = {.kind = UNLOCK_FRAME_OPEN};
        int r;

        *ret = NULL;
        if (!slot)
                return 0;
        memcpy(frame.slot, slot->id, sizeof(frame.slot));
        r = derive(slot, password, frame.key);
        if (r == 0)
                return frame_new(&frame, ret);
        explicit_bzero(&frame, sizeof(frame));
        return r;
}

int slots_frame_of_change(SlotMirror *mirror, const char *old_password, const char *new_password, Secret **ret)
{
        SlotMirrorEntry *slot = login_slot(mirror);
        UnlockFrame frame = {.kind = UNLOCK_FRAME_REPLACE};
        int r;

        *ret = NULL;
        if (!slot)
                return 0;
        memcpy(frame.slot, slot->id, sizeof(frame.slot));
        r = derive(slot, old_password, frame.key);
        if (r == 0 && getrandom(slot->kdf_salt, sizeof(slot->kdf_salt), 0) != (ssize_t)sizeof(slot->kdf_salt))
                r = -EIO;
        if (r == 0)
                r = derive(slot, new_password, frame.new_key);
        frame.memory_kib = slot->memory_kib;
        frame.passes = slot->passes;
        memcpy(frame.salt, slot->kdf_salt, sizeof(frame.salt));
        if (r == 0)
                return frame_new(&frame, ret);
        explicit_bzero(&frame, sizeof(frame));
        return r;
}
