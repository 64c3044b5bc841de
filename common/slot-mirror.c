/*
 * The slot mirror
 *
 * Root reads what a user's daemon wrote, so the reader is as strict as a format allows: one way to write a set of
 * slots, and everything else is refused as a whole. A slot that a login can't use, as its cost is beyond what a login
 * may cost, is not written, so that it does not keep the others from working.
 */
#include "common/slot-mirror.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"

#define TITLE "keyfob slots 1"

static bool is_title(const uint8_t *data, size_t size)
{
        return data && size == strlen(TITLE) && memcmp(data, TITLE, size) == 0;
}

/* An rp id is a domain name, or a name with a scheme (as pam://host, ssh:…): printable ASCII without blanks. */
static bool rp_id_valid(const uint8_t *data, size_t size)
{
        if (size == 0)
                return false;
        for (size_t i = 0; i < size; i++)
                if (data[i] <= ' ' || data[i] > '~')
                        return false;
        return true;
}

bool slot_mirror_cost_valid(uint32_t memory_kib, uint32_t passes)
{
        return memory_kib >= SLOT_MIRROR_MEMORY_MIN_KIB && memory_kib <= SLOT_MIRROR_MEMORY_MAX_KIB &&
               passes >= SLOT_MIRROR_PASSES_MIN && (uint64_t)memory_kib * passes <= SLOT_MIRROR_WORK_MAX_KIB;
}

static bool read_entry(ByteReader *reader, SlotMirrorEntry *ret)
{
        const uint8_t *rp_id, *credential;
        size_t rp_id_size;
        uint8_t kind, uv;

        byte_reader_copy(reader, ret->id, sizeof(ret->id));
        kind = byte_reader_u8(reader);
        ret->kind = (SlotMirrorKind)kind;
        if (kind == SLOT_MIRROR_LOGIN) {
                ret->memory_kib = byte_reader_u32(reader);
                ret->passes = byte_reader_u32(reader);
                byte_reader_copy(reader, ret->kdf_salt, sizeof(ret->kdf_salt));
                return !reader->failed && slot_mirror_cost_valid(ret->memory_kib, ret->passes);
        }
        if (kind != SLOT_MIRROR_FIDO2)
                return false;
        uv = byte_reader_u8(reader);
        ret->uv = uv == 1;
        rp_id = byte_reader_blob(reader, SLOT_MIRROR_RP_MAX, &rp_id_size);
        credential = byte_reader_blob(reader, SLOT_MIRROR_CREDENTIAL_MAX, &ret->credential_size);
        if (reader->failed || uv > 1 || !rp_id_valid(rp_id, rp_id_size) || ret->credential_size == 0)
                return false;
        memcpy(ret->rp_id, rp_id, rp_id_size);
        memcpy(ret->credential, credential, ret->credential_size);
        return true;
}

/* Whether one entry may stand behind another; those of a slot that stands there already are counted. */
static bool may_follow(const SlotMirrorEntry *before, const SlotMirrorEntry *entry, size_t *n_again)
{
        int order = memcmp(before->id, entry->id, sizeof(entry->id));

        if (order != 0)
                return order < 0;
        return before->kind == SLOT_MIRROR_LOGIN && entry->kind == SLOT_MIRROR_LOGIN &&
               memcmp(before->kdf_salt, entry->kdf_salt, sizeof(entry->kdf_salt)) < 0 && ++*n_again < SLOT_MIRROR_WAYS_MAX;
}

int slot_mirror_read(const void *data, size_t size, SlotMirror **ret)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = NULL;
        ByteReader reader = BYTE_READER(data, size);
        const uint8_t *title;
        size_t title_size, n_again = 0;
        uint32_t n;

        if (size > SLOT_MIRROR_SIZE_MAX)
                return -EBADMSG;
        mirror = calloc(1, sizeof(*mirror));
        if (!mirror)
                return -ENOMEM;
        title = byte_reader_blob(&reader, strlen(TITLE), &title_size);
        byte_reader_copy(&reader, mirror->vault, sizeof(mirror->vault));
        mirror->uid = byte_reader_u32(&reader);
        byte_reader_copy(&reader, mirror->hmac_salt, sizeof(mirror->hmac_salt));
        n = byte_reader_u32(&reader);
        if (reader.failed || !is_title(title, title_size) || n > SLOT_MIRROR_ENTRIES_MAX)
                return -EBADMSG;
        for (; mirror->n < n; mirror->n++) {
                const SlotMirrorEntry *before = mirror->n > 0 ? &mirror->slots[mirror->n - 1] : NULL;
                SlotMirrorEntry *entry = &mirror->slots[mirror->n];

                if (!read_entry(&reader, entry) || (before && !may_follow(before, entry, &n_again)))
                        return -EBADMSG;
        }
        if (!byte_reader_done(&reader) || mirror->n - n_again > SLOT_MIRROR_SLOTS_MAX)
                return -EBADMSG;
        *ret = TAKE_PTR(mirror);
        return 0;
}

SlotMirror *slot_mirror_free(SlotMirror *mirror)
{
        free(mirror);
        return NULL;
}

static int by_id_and_salt(const void *a, const void *b)
{
        const SlotMirrorEntry *x = a, *y = b;
        int order = memcmp(x->id, y->id, sizeof(x->id));

        return order != 0 ? order : memcmp(x->kdf_salt, y->kdf_salt, sizeof(x->kdf_salt));
}

static bool is_usable(const SlotMirrorEntry *entry)
{
        size_t size = strnlen(entry->rp_id, sizeof(entry->rp_id));

        if (entry->kind == SLOT_MIRROR_LOGIN)
                return slot_mirror_cost_valid(entry->memory_kib, entry->passes);
        return entry->kind == SLOT_MIRROR_FIDO2 && size <= SLOT_MIRROR_RP_MAX &&
               rp_id_valid((const uint8_t *)entry->rp_id, size) && entry->credential_size > 0 &&
               entry->credential_size <= SLOT_MIRROR_CREDENTIAL_MAX;
}

static void write_entry(ByteWriter *writer, const SlotMirrorEntry *entry)
{
        byte_writer_raw(writer, entry->id, sizeof(entry->id));
        byte_writer_u8(writer, (uint8_t)entry->kind);
        if (entry->kind == SLOT_MIRROR_LOGIN) {
                byte_writer_u32(writer, entry->memory_kib);
                byte_writer_u32(writer, entry->passes);
                byte_writer_raw(writer, entry->kdf_salt, sizeof(entry->kdf_salt));
                return;
        }
        byte_writer_u8(writer, entry->uv);
        byte_writer_string(writer, entry->rp_id);
        byte_writer_blob(writer, entry->credential, entry->credential_size);
}

void slot_mirror_write(SlotMirror *mirror, ByteWriter *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < mirror->n; i++)
                if (is_usable(&mirror->slots[i])) {
                        if (n != i)
                                mirror->slots[n] = mirror->slots[i];
                        n++;
                }
        mirror->n = n;
        if (n > 1)
                qsort(mirror->slots, n, sizeof(mirror->slots[0]), by_id_and_salt);

        byte_writer_string(ret, TITLE);
        byte_writer_raw(ret, mirror->vault, sizeof(mirror->vault));
        byte_writer_u32(ret, mirror->uid);
        byte_writer_raw(ret, mirror->hmac_salt, sizeof(mirror->hmac_salt));
        byte_writer_u32(ret, (uint32_t)n);
        for (size_t i = 0; i < n; i++)
                write_entry(ret, &mirror->slots[i]);
}

void slot_fido2_info(const uint8_t id[SLOT_MIRROR_ID_SIZE], uint8_t ret[SLOT_FIDO2_INFO_SIZE])
{
        const uint8_t length[4] = {sizeof(SLOT_FIDO2_INFO) - 1};

        memcpy(ret, length, sizeof(length));
        memcpy(ret + sizeof(length), SLOT_FIDO2_INFO, sizeof(SLOT_FIDO2_INFO) - 1);
        memcpy(ret + SLOT_FIDO2_INFO_SIZE - SLOT_MIRROR_ID_SIZE, id, SLOT_MIRROR_ID_SIZE);
}
