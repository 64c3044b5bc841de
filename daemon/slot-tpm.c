/*
 * The TPM's part of a slot
 *
 * The secret of the slot is an agreement between a key that never leaves the TPM and one that was thrown away after
 * its public half was noted, as in ctap-seal.c. There the vault's root is needed beside it; here it opens the vault by
 * itself, so it is blinded: the helper, which carries question and answer, has in it nothing that opens anything.
 */
#include "daemon/slot-tpm.h"

#include <errno.h>
#include <string.h>

#include "crypto/seal.h"

#define AUTH_AT 1U /* in a key: after its version */

int slot_tpm_auth(const SlotTpm2 *tpm2, const Secret *pin, uint8_t ret[TPM_AUTH_SIZE])
{
        _cleanup_(key_freep) Key *salt = key_new_from(tpm2->salt), *key = NULL;

        _Static_assert(TPM_AUTH_SIZE == sizeof(key->bytes), "a key is an authorization value");
        key = salt ? key_derive(salt, "keyfob slot tpm2 pin", pin->data, pin->size) : NULL;
        if (!key)
                return -ENOMEM;
        memcpy(ret, key->bytes, TPM_AUTH_SIZE);
        return 0;
}

int slot_tpm_question(const SlotTpm2 *tpm2, const Secret *pin, ByteWriter *ret_fields, Blind **ret_blind)
{
        _cleanup_(blind_freep) Blind *blind = NULL;
        uint8_t question[SLOT_POINT_SIZE], key[TPM_KEY_MAX];
        int r;

        if (tpm2->key_size > sizeof(key) || tpm2->key_size < AUTH_AT + TPM_AUTH_SIZE || (tpm2->pin && !pin))
                return -EBADMSG;
        r = blind_new(tpm2->point, question, &blind);
        if (r < 0)
                return r == -EINVAL ? -EBADMSG : r;
        memcpy(key, tpm2->key, tpm2->key_size);
        if (tpm2->pin)
                r = slot_tpm_auth(tpm2, pin, key + AUTH_AT);
        if (r == 0) {
                byte_writer_u8(ret_fields, tpm2->pin ? TPM_PIN : 0);
                byte_writer_u32(ret_fields, tpm2->pcrs);
                byte_writer_blob(ret_fields, key, tpm2->key_size);
                byte_writer_blob(ret_fields, question, sizeof(question));
                r = ret_fields->failed ? -ENOMEM : 0;
        }
        explicit_bzero(key, sizeof(key));
        if (r == 0)
                *ret_blind = TAKE_PTR(blind);
        return r;
}

int slot_tpm_answer(const Blind *blind, ByteReader *fields, Secret **ret)
{
        uint8_t secret[SLOT_KEY_SIZE];
        const uint8_t *x;
        size_t size;
        int r;

        x = byte_reader_blob(fields, TPM_COORDINATE_MAX, &size);
        if (!byte_reader_done(fields) || size != sizeof(secret))
                return -EBADMSG;
        r = blind_take_off(blind, x, secret);
        if (r == 0)
                r = secret_new_from(ret, secret, sizeof(secret));
        explicit_bzero(secret, sizeof(secret));
        return r == -EINVAL ? -EBADMSG : r;
}

const char *slot_tpm_error_name(TpmProblem problem)
{
        switch (problem) {
        case TPM_PROBLEM_WRONG_PIN:
                return KEYFOB_ERROR_WRONG_SECRET;
        case TPM_PROBLEM_LOCKOUT:
                return KEYFOB_ERROR_PIN_BLOCKED;
        case TPM_PROBLEM_BUSY:
                return KEYFOB_ERROR_BUSY;
        case TPM_PROBLEM_NOT_PERMITTED:
                return KEYFOB_ERROR_NOT_ALLOWED;
        case TPM_PROBLEM_NONE_HERE:
        case TPM_PROBLEM_FOREIGN:
        case TPM_PROBLEM_REGISTERS:
                return KEYFOB_ERROR_NOT_FOUND;
        default:
                return KEYFOB_ERROR_UNSUPPORTED;
        }
}
