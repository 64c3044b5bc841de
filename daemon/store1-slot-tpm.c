/*
 * Store1: a slot that the TPM opens
 *
 * The TPM makes a key, and the daemon one that it throws away after agreeing with it. Then the TPM is asked as it will
 * be asked when it opens the vault, PIN and registers included, and must come to the same before the slot is written.
 * With new keys of the vault it is asked so once more.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/agree.h"
#include "crypto/seal.h"
#include "daemon/present.h"
#include "daemon/slot-tpm.h"

_Static_assert(SLOT_TPM_KEY_MAX == TPM_KEY_MAX && SLOT_PCRS_MAX == TPM_PCRS, "what the TPM makes can be stored");

static int tpm_failed(const Waiting *waiting, sd_bus_error *error)
{
        sd_bus_error_set(error, slot_tpm_error_name(waiting->tpm_problem), waiting->tpm_why);
        return -EIO;
}

static int odd_answer(sd_bus_error *error)
{
        sd_bus_error_set(error, KEYFOB_ERROR_UNSUPPORTED,
                         "the TPM does not agree with itself: nothing was changed, see tpm2_selftest");
        return -EOPNOTSUPP;
}

/* The TPM comes to the same. */
static int agreed(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        ByteReader fields;
        int r;

        if (waiting->tpm_problem != 0)
                return tpm_failed(waiting, error);
        fields = BYTE_READER(waiting->tpm_fields->data, waiting->tpm_fields->size);
        r = slot_tpm_answer(waiting->blind, &fields, &secret);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !secret_equal(secret, waiting->touched))
                return odd_answer(error);
        return waiting_prepare(waiting, SLOT_TPM2, waiting->touched, store1_add_write);
}

/* Agrees with the TPM's new key. */
static int agree_with(Waiting *waiting, const uint8_t point[SLOT_POINT_SIZE], const ByteWriter *key)
{
        _cleanup_(agree_key_freep) AgreeKey *once = NULL;
        SlotDevice *device = waiting->device;
        uint8_t secret[SLOT_KEY_SIZE];
        int r;

        if (key->size > sizeof(device->bytes))
                return -EBADMSG;
        r = agree_key_new(&once);
        if (r >= 0)
                r = agree(once, point, secret);
        if (r >= 0)
                r = secret_new_from(&waiting->touched, secret, sizeof(secret));
        explicit_bzero(secret, sizeof(secret));
        if (r < 0)
                return r;
        agree_public(once, device->tpm2.point);
        memcpy(device->bytes, key->data, key->size);
        device->tpm2.key = device->bytes;
        device->tpm2.key_size = key->size;
        return 0;
}

static int made(Waiting *waiting, sd_bus_error *error)
{
        static const uint8_t no_auth[TPM_AUTH_SIZE];
        _cleanup_(byte_writer_done) ByteWriter key = BYTE_WRITER_NULL, question = BYTE_WRITER_NULL;
        const SlotTpm2 *tpm2 = &waiting->device->tpm2;
        uint8_t point[2 * TPM_COORDINATE_MAX];
        ByteReader fields;
        size_t size;
        int r;

        if (waiting->tpm_problem != 0)
                return tpm_failed(waiting, error);
        fields = BYTE_READER(waiting->tpm_fields->data, waiting->tpm_fields->size);
        /* A PIN's value is not kept. */
        r = tpm_read_made(&fields, tpm2->pin ? no_auth : waiting->device->bytes, &key, point, &size);
        if (r >= 0 && size != SLOT_POINT_SIZE)
                r = -EBADMSG;
        if (r >= 0)
                r = agree_with(waiting, point, &key);
        if (r >= 0)
                r = slot_tpm_question(tpm2, waiting->options.pin, &question, &waiting->blind);
        if (r == -EBADMSG || r == -EINVAL)
                return odd_answer(error);
        return r < 0 ? r : waiting_tpm(waiting, TPM_EXCHANGE_BOUND, &question, agreed);
}

static int make(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        const Options *options = &waiting->options;
        SlotDevice *device = waiting->device;
        int r = 0;

        if (options->pin && options->pin->size == 0)
                return store1_invalid(error, "an empty PIN protects nothing");
        device->tpm2.pin = options->pin != NULL;
        device->tpm2.pcrs = options->pcrs;
        random_bytes(device->tpm2.salt, sizeof(device->tpm2.salt));
        if (options->pin)
                r = slot_tpm_auth(&device->tpm2, options->pin, device->bytes);
        else
                random_bytes(device->bytes, TPM_AUTH_SIZE);
        if (r < 0)
                return r;
        byte_writer_u8(&fields, options->pin ? TPM_PIN : 0);
        byte_writer_u32(&fields, options->pcrs);
        byte_writer_raw(&fields, device->bytes, TPM_AUTH_SIZE);
        return waiting_tpm(waiting, TPM_MAKE_BOUND, &fields, made);
}

/* ---- rekey ---- */

static int computed(Waiting *waiting, sd_bus_error *error)
{
        Options *options = &waiting->options;
        ByteReader fields;
        int r;

        if (waiting->tpm_problem != 0)
                return tpm_failed(waiting, error);
        if (options->n_secrets == OPTIONS_SECRETS_MAX)
                return store1_invalid(error, "too many secrets");
        fields = BYTE_READER(waiting->tpm_fields->data, waiting->tpm_fields->size);
        r = slot_tpm_answer(waiting->blind, &fields, &options->secrets[options->n_secrets]);
        if (r < 0)
                return r == -ENOMEM ? r : odd_answer(error);
        options->n_secrets++;
        return waiting->after(waiting, error);
}

static int compute(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(byte_writer_done) ByteWriter question = BYTE_WRITER_NULL;
        SlotTpm2 tpm2;
        int r;

        waiting->blind = blind_free(waiting->blind);
        if (!slot_tpm2(waiting->slots.slots[waiting->at], &tpm2))
                return daemon_error(waiting->daemon, error, VAULT_E_UNSUPPORTED);
        r = slot_tpm_question(&tpm2, waiting->options.pin, &question, &waiting->blind);
        if (r == -EBADMSG)
                return daemon_error(waiting->daemon, error, VAULT_E_DAMAGED);
        return r < 0 ? r : waiting_tpm(waiting, TPM_EXCHANGE_BOUND, &question, computed);
}

int waiting_tpm_slot(Waiting *waiting, WaitingNext next, sd_bus_error *error)
{
        const Slot *slot = waiting->slots.slots[waiting->at];
        _cleanup_free_ char *label = NULL, *message = NULL;
        SlotTpm2 tpm2;

        waiting->after = next;
        if (!slot_tpm2(slot, &tpm2) || !tpm2.pin)
                return compute(waiting, error);
        label = presentable(slot_label(slot));
        if (!label || asprintf(&message, "Enter the PIN of the key slot '%s'.", label) < 0) {
                message = NULL;
                return -ENOMEM;
        }
        return waiting_ask(waiting, ASK_SECRET, waiting->slots_of ? "restore" : "rekey",
                           waiting->slots_of ? "Restore a backup" : "New keys", message, NULL, &waiting->options.pin, compute);
}

/* ---- AddSlot ---- */

int store1_add_tpm(Waiting *waiting, sd_bus_error *error)
{
        waiting->device = calloc(1, sizeof(*waiting->device));
        if (!waiting->device)
                return -ENOMEM;
        if (waiting->options.pin || !waiting->options.with_pin)
                return make(waiting, error);
        return waiting_ask(waiting, ASK_NEW_SECRET, "add-slot", "PIN of a new slot",
                           "Choose the PIN that the TPM will want before it opens your Keyfob vault.", NULL,
                           &waiting->options.pin, make);
}
