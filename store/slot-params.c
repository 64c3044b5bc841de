/*
 * What slots are made of
 *
 * A slot's parameters are a small versioned binary, one layout for each kind: whatever is needed to get the KEK from
 * the secret, and nothing secret. A kind, a version or a cost that this build does not know makes that one slot
 * unsupported and leaves the others alone.
 *
 * A password is stretched (Argon2id), since people choose it. What is random already is not: a key file, a recovery
 * code, and what a device answers. Those are bound to the slot, by a salt or by its id, because one secret may be in
 * several slots.
 */
#include <errno.h>
#include <string.h>

#include "common/recovery-code.h"
#include "common/slot-mirror.h"
#include "crypto/sha.h"
#include "store/internal.h"

#define PARAMS_FORMAT 1U
#define PATH_MAX_SIZE 4096U
#define FLAG_UV       (1U << 0) /* fido2 */
#define FLAG_PIN      (1U << 0) /* tpm2 */
#define INFO_TPM2     "keyfob slot tpm2"

_Static_assert(SLOT_RP_MAX == SLOT_MIRROR_RP_MAX && SLOT_CREDENTIAL_MAX == SLOT_MIRROR_CREDENTIAL_MAX &&
                       SLOT_ID_SIZE == SLOT_MIRROR_ID_SIZE && (int)SLOT_LOGIN == (int)SLOT_MIRROR_LOGIN &&
                       (int)SLOT_FIDO2 == (int)SLOT_MIRROR_FIDO2,
               "what is stored can be mirrored");

/* ---- reading ---- */

static int read_kdf(ByteReader *reader, KdfParams *ret)
{
        ret->memory_kib = byte_reader_u32(reader);
        ret->passes = byte_reader_u32(reader);
        byte_reader_copy(reader, ret->salt, sizeof(ret->salt));
        if (!byte_reader_done(reader))
                return VAULT_E_DAMAGED;
        return kdf_params_valid(ret) ? 0 : VAULT_E_UNSUPPORTED;
}

static int read_path(ByteReader *reader, Text *ret)
{
        const uint8_t *path = byte_reader_blob(reader, PATH_MAX_SIZE, &ret->size);

        ret->data = (const char *)path;
        if (!byte_reader_done(reader) || (ret->size > 0 && (path[0] != '/' || memchr(path, 0, ret->size))))
                return VAULT_E_DAMAGED;
        return 0;
}

static int read_fido2(ByteReader *reader, SlotFido2 *ret)
{
        uint8_t flags = byte_reader_u8(reader);
        const uint8_t *rp_id;
        size_t size;

        ret->uv = flags & FLAG_UV;
        rp_id = byte_reader_blob(reader, SLOT_RP_MAX, &size);
        ret->credential = byte_reader_blob(reader, SLOT_CREDENTIAL_MAX, &ret->credential_size);
        if (!byte_reader_done(reader) || size == 0 || !utf8_valid(rp_id, size) || ret->credential_size == 0)
                return VAULT_E_DAMAGED;
        memcpy(ret->rp_id, rp_id, size);
        ret->rp_id[size] = 0;
        return flags & ~FLAG_UV ? VAULT_E_UNSUPPORTED : 0;
}

static int read_tpm2(ByteReader *reader, SlotTpm2 *ret)
{
        uint8_t flags = byte_reader_u8(reader);

        ret->pin = flags & FLAG_PIN;
        ret->pcrs = byte_reader_u32(reader);
        byte_reader_copy(reader, ret->salt, sizeof(ret->salt));
        byte_reader_copy(reader, ret->point, sizeof(ret->point));
        ret->key = byte_reader_blob(reader, SLOT_TPM_KEY_MAX, &ret->key_size);
        if (!byte_reader_done(reader) || ret->key_size == 0)
                return VAULT_E_DAMAGED;
        return flags & ~FLAG_PIN || ret->pcrs >> SLOT_PCRS_MAX ? VAULT_E_UNSUPPORTED : 0;
}

int slot_params_read(uint32_t kind, const uint8_t *data, size_t size, SlotParams *ret)
{
        ByteReader reader = BYTE_READER(data, size);
        SlotParams params = {0};
        int r = 0;

        if (kind == 0 || kind >= _SLOT_KIND_MAX || byte_reader_u8(&reader) != PARAMS_FORMAT)
                return VAULT_E_UNSUPPORTED;
        switch ((SlotKind)kind) {
        case SLOT_PASSWORD:
        case SLOT_LOGIN:
                r = read_kdf(&reader, &params.kdf);
                break;
        case SLOT_CREDENTIAL:
                params.salt = byte_reader_raw(&reader, SLOT_SALT_SIZE);
                r = read_path(&reader, &params.path);
                break;
        case SLOT_NONE:
        case SLOT_RECOVERY:
                params.salt = byte_reader_raw(&reader, SLOT_SALT_SIZE);
                r = byte_reader_done(&reader) ? 0 : VAULT_E_DAMAGED;
                break;
        case SLOT_FIDO2:
                r = read_fido2(&reader, &params.fido2);
                break;
        case SLOT_TPM2:
                r = read_tpm2(&reader, &params.tpm2);
                break;
        case _SLOT_KIND_MAX:
                return VAULT_E_UNSUPPORTED;
        }
        if (r == 0)
                *ret = params;
        return r;
}

/* ---- writing ---- */

void slot_params_write(SlotKind kind, const SlotParams *params, ByteWriter *ret)
{
        byte_writer_u8(ret, PARAMS_FORMAT);
        switch (kind) {
        case SLOT_PASSWORD:
        case SLOT_LOGIN:
                byte_writer_u32(ret, params->kdf.memory_kib);
                byte_writer_u32(ret, params->kdf.passes);
                byte_writer_raw(ret, params->kdf.salt, sizeof(params->kdf.salt));
                break;
        case SLOT_CREDENTIAL:
                byte_writer_raw(ret, params->salt, SLOT_SALT_SIZE);
                byte_writer_blob(ret, params->path.data, params->path.size);
                break;
        case SLOT_NONE:
        case SLOT_RECOVERY:
                byte_writer_raw(ret, params->salt, SLOT_SALT_SIZE);
                break;
        case SLOT_FIDO2:
                byte_writer_u8(ret, params->fido2.uv ? FLAG_UV : 0);
                byte_writer_string(ret, params->fido2.rp_id);
                byte_writer_blob(ret, params->fido2.credential, params->fido2.credential_size);
                break;
        case SLOT_TPM2:
                byte_writer_u8(ret, params->tpm2.pin ? FLAG_PIN : 0);
                byte_writer_u32(ret, params->tpm2.pcrs);
                byte_writer_raw(ret, params->tpm2.salt, SLOT_SALT_SIZE);
                byte_writer_raw(ret, params->tpm2.point, SLOT_POINT_SIZE);
                byte_writer_blob(ret, params->tpm2.key, params->tpm2.key_size);
                break;
        case _SLOT_KIND_MAX:
                break;
        }
}

/* ---- the KEK ---- */

static int salted(const uint8_t salt[SLOT_SALT_SIZE], const char *label, const void *data, size_t size, Key **ret)
{
        _cleanup_(key_freep) Key *key = key_new_from(salt);

        if (!key)
                return -ENOMEM;
        *ret = key_derive(key, label, data, size);
        return *ret ? 0 : -ENOMEM;
}

static int of_code(const uint8_t salt[SLOT_SALT_SIZE], const Secret *secret, Key **ret)
{
        uint8_t code[RECOVERY_KEY_SIZE];
        unsigned group;
        int r;

        if (recovery_code_read(secret->data, secret->size, code, &group) != RECOVERY_OK)
                return VAULT_E_WRONG_SECRET;
        r = salted(salt, "keyfob slot recovery", code, sizeof(code), ret);
        explicit_bzero(code, sizeof(code));
        return r;
}

/* What a device answered is as good as random, and known to nobody who has the file. */
static int of_device(const uint8_t *salt, size_t salt_size, const Secret *secret, const uint8_t *info,
                     size_t info_size, Key **ret)
{
        _cleanup_(key_freep) Key *key = NULL;

        if (secret->size != SLOT_KEY_SIZE)
                return VAULT_E_WRONG_SECRET;
        key = key_new();
        if (!key)
                return -ENOMEM;
        hkdf_sha256(salt, salt_size, secret->data, secret->size, info, info_size, key->bytes, sizeof(key->bytes));
        *ret = TAKE_PTR(key);
        return 0;
}

static int of_tpm2(const uint8_t id[SLOT_ID_SIZE], const SlotTpm2 *tpm2, const Secret *secret, Key **ret)
{
        uint8_t memory[4 + sizeof(INFO_TPM2) - 1 + SLOT_ID_SIZE];
        ByteWriter info = BYTE_WRITER_ON(memory);

        byte_writer_string(&info, INFO_TPM2);
        byte_writer_raw(&info, id, SLOT_ID_SIZE);
        return of_device(tpm2->salt, SLOT_SALT_SIZE, secret, info.data, info.size, ret);
}

int slot_kek(uint32_t kind, const uint8_t id[SLOT_ID_SIZE], const SlotParams *params, const Secret *secret, Key **ret)
{
        uint8_t info[SLOT_FIDO2_INFO_SIZE];
        int r;

        if (kind != SLOT_NONE && (!secret || secret->size == 0 || secret->size > SLOT_SECRET_MAX))
                return VAULT_E_WRONG_SECRET;
        switch ((SlotKind)kind) {
        case SLOT_PASSWORD:
        case SLOT_LOGIN:
                r = kdf_derive(&params->kdf, secret->data, secret->size, ret);
                return r == -EINVAL ? VAULT_E_UNSUPPORTED : r;
        case SLOT_CREDENTIAL:
                return salted(params->salt, "keyfob slot credential", secret->data, secret->size, ret);
        case SLOT_NONE:
                return salted(params->salt, "keyfob slot none", NULL, 0, ret);
        case SLOT_RECOVERY:
                return of_code(params->salt, secret, ret);
        case SLOT_FIDO2:
                slot_fido2_info(id, info);
                return of_device(NULL, 0, secret, info, sizeof(info), ret);
        case SLOT_TPM2:
                return of_tpm2(id, &params->tpm2, secret, ret);
        case _SLOT_KIND_MAX:
                break;
        }
        return VAULT_E_UNSUPPORTED;
}
