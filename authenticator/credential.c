/*
 * A credential's record
 *
 * Raw values in a fixed order after a version: the private scalar and the public value, so that signing parses no DER and
 * computes no point. Of a key that lives elsewhere, what stands for it takes the scalar's place. Storage keeps records whole and
 * secret; what is read is checked all the same, because a limit that does not hold here would be an overflow elsewhere. Its number is
 * not in it: that is storage's.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/internal.h"
#include "common/bytes.h"

#define CREDENTIAL_FORMAT 1U

enum {
        FLAG_DISCOVERABLE = 1 << 0,
        FLAG_U2F = 1 << 1,
        FLAG_BACKUP_ELIGIBLE = 1 << 2,
        FLAG_HMAC = 1 << 3,
        FLAG_LARGE_BLOB_KEY = 1 << 4,
        FLAG_BLOB = 1 << 5,
        FLAG_PAYMENT = 1 << 6,
        FLAG_COUNTS = 1 << 7,
        FLAG_EXTERNAL = 1 << 8,
        FLAGS_ALL = (1 << 9) - 1,
};

Credential *credential_new(void)
{
        return arena_alloc(sizeof(Credential));
}

Credential *credential_free(Credential *credential)
{
        return arena_free(credential);
}

static uint16_t flags_of(const Credential *c)
{
        return (uint16_t)((c->public.discoverable ? FLAG_DISCOVERABLE : 0) | (c->public.u2f ? FLAG_U2F : 0) |
                          (c->public.backup_eligible ? FLAG_BACKUP_ELIGIBLE : 0) | (c->hmac ? FLAG_HMAC : 0) |
                          (c->has_large_blob_key ? FLAG_LARGE_BLOB_KEY : 0) | (c->has_blob ? FLAG_BLOB : 0) |
                          (c->third_party_payment ? FLAG_PAYMENT : 0) | (c->counts ? FLAG_COUNTS : 0) |
                          (c->public.external ? FLAG_EXTERNAL : 0));
}

static void encode(const Credential *c, ByteWriter *w)
{
        byte_writer_u8(w, CREDENTIAL_FORMAT);
        byte_writer_u16(w, flags_of(c));
        byte_writer_blob(w, c->public.id, c->public.id_size);
        byte_writer_raw(w, c->public.rp_id_hash, sizeof(c->public.rp_id_hash));
        byte_writer_string(w, c->public.rp_id);
        byte_writer_string(w, c->public.rp_name);
        byte_writer_blob(w, c->public.user_id, c->public.user_id_size);
        byte_writer_string(w, c->public.user_name);
        byte_writer_string(w, c->public.user_display_name);
        byte_writer_u64(w, c->public.created);
        byte_writer_u8(w, c->public.protection);
        byte_writer_u32(w, (uint32_t)c->public.algorithm);
        if (c->public.external)
                byte_writer_blob(w, c->external, c->external_size);
        else
                byte_writer_raw(w, c->key.private_key, sign_private_size(c->key.kind));
        byte_writer_raw(w, c->key.public_key, sign_public_size(c->key.kind));
        byte_writer_raw(w, c->hmac_uv, sizeof(c->hmac_uv));
        byte_writer_raw(w, c->hmac_no_uv, sizeof(c->hmac_no_uv));
        if (c->has_large_blob_key)
                byte_writer_raw(w, c->large_blob_key, sizeof(c->large_blob_key));
        if (c->has_blob)
                byte_writer_blob(w, c->blob, c->blob_size);
        byte_writer_u32(w, c->reserved);
}

int credential_encode(const Credential *credential, uint8_t ret[CREDENTIAL_RECORD_MAX], size_t *ret_size)
{
        _cleanup_(byte_writer_done) ByteWriter w = BYTE_WRITER_NULL;

        encode(credential, &w);
        if (w.failed)
                return -ENOMEM;
        if (w.size > CREDENTIAL_RECORD_MAX)
                return -EOVERFLOW;
        memcpy(ret, w.data, w.size);
        *ret_size = w.size;
        return 0;
}

static void read_blob(ByteReader *reader, uint8_t *ret, size_t max, size_t *ret_size)
{
        const uint8_t *data = byte_reader_blob(reader, max, ret_size);

        if (data && *ret_size > 0)
                memcpy(ret, data, *ret_size);
}

static void read_string(ByteReader *reader, char *ret, size_t max)
{
        size_t size;
        const uint8_t *data = byte_reader_blob(reader, max, &size);

        if (!data || !utf8_valid(data, size))
                reader->failed = true;
        else if (size > 0)
                memcpy(ret, data, size);
}

static void read_key(ByteReader *reader, Credential *ret)
{
        const Algorithm *algorithm;

        ret->public.algorithm = (int32_t)byte_reader_u32(reader);
        algorithm = algorithm_find(ret->public.algorithm);
        if (!algorithm) {
                reader->failed = true;
                return;
        }
        ret->key.kind = algorithm->kind;
        if (ret->public.external)
                read_blob(reader, ret->external, sizeof(ret->external), &ret->external_size);
        else
                byte_reader_copy(reader, ret->key.private_key, sign_private_size(algorithm->kind));
        byte_reader_copy(reader, ret->key.public_key, sign_public_size(algorithm->kind));
}

static uint16_t read_flags(ByteReader *reader, Credential *ret)
{
        uint16_t flags = byte_reader_u16(reader);

        ret->public.discoverable = flags & FLAG_DISCOVERABLE;
        ret->public.u2f = flags & FLAG_U2F;
        ret->public.backup_eligible = flags & FLAG_BACKUP_ELIGIBLE;
        ret->hmac = flags & FLAG_HMAC;
        ret->has_large_blob_key = flags & FLAG_LARGE_BLOB_KEY;
        ret->has_blob = flags & FLAG_BLOB;
        ret->third_party_payment = flags & FLAG_PAYMENT;
        ret->counts = flags & FLAG_COUNTS;
        ret->public.external = flags & FLAG_EXTERNAL;
        return flags;
}

/* `ret` is zeroed memory, so strings are ended. */
static bool decode(ByteReader *reader, Credential *ret)
{
        AuthenticatorCredential *public = &ret->public;

        if (byte_reader_u8(reader) != CREDENTIAL_FORMAT || read_flags(reader, ret) > FLAGS_ALL)
                return false;
        read_blob(reader, public->id, sizeof(public->id), &public->id_size);
        byte_reader_copy(reader, public->rp_id_hash, sizeof(public->rp_id_hash));
        read_string(reader, public->rp_id, AUTHENTICATOR_RP_ID_MAX);
        read_string(reader, public->rp_name, AUTHENTICATOR_NAME_MAX);
        read_blob(reader, public->user_id, sizeof(public->user_id), &public->user_id_size);
        read_string(reader, public->user_name, AUTHENTICATOR_NAME_MAX);
        read_string(reader, public->user_display_name, AUTHENTICATOR_NAME_MAX);
        public->created = byte_reader_u64(reader);
        public->protection = byte_reader_u8(reader);
        read_key(reader, ret);
        byte_reader_copy(reader, ret->hmac_uv, sizeof(ret->hmac_uv));
        byte_reader_copy(reader, ret->hmac_no_uv, sizeof(ret->hmac_no_uv));
        if (ret->has_large_blob_key)
                byte_reader_copy(reader, ret->large_blob_key, sizeof(ret->large_blob_key));
        if (ret->has_blob)
                read_blob(reader, ret->blob, sizeof(ret->blob), &ret->blob_size);
        ret->reserved = byte_reader_u32(reader);
        if (public->external && (public->backup_eligible || !ret->counts || ret->external_size == 0))
                return false; /* it is bound to its device */
        return byte_reader_done(reader) && public->id_size > 0 && public->protection >= 1 && public->protection <= 3;
}

int credential_decode(const void *record, size_t size, Credential *ret)
{
        ByteReader reader = BYTE_READER(record, size);

        *ret = (Credential){0};
        if (decode(&reader, ret))
                return 0;
        *ret = (Credential){0};
        return AUTHENTICATOR_E_DAMAGED;
}
