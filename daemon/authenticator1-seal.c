/*
 * Authenticator1: the seal of the TPM on passkeys, put on and taken off
 *
 * For a seal the TPM makes a key, and the daemon one that it throws away after agreeing with it. The TPM must come to
 * the same before anything is changed: a TPM that can't open what it has sealed would take all passkeys with it.
 */
#include <errno.h>
#include <string.h>

#include "crypto/agree.h"
#include "crypto/seal.h"
#include "daemon/authenticator1-internal.h"
#include "daemon/log.h"
#include "daemon/tpm.h"

#define CLASS VAULT_CLASS_PASSKEYS

_Static_assert(sizeof(((PolicyWish *)NULL)->device) == VAULT_DEVICE_SIZE, "the wish keeps the device's secret");

static int tpm_error(const Waiting *waiting, sd_bus_error *error)
{
        sd_bus_error_set(error, KEYFOB_ERROR_UNSUPPORTED, waiting->tpm_why);
        return -EOPNOTSUPP;
}

/* The vault may have changed while the TPM was at work. */
static int changed(Waiting *waiting, int result, sd_bus_error *error)
{
        if (result != 0)
                return daemon_error(waiting->daemon, error, result);
        ctap_forget(waiting->daemon->ctap);
        ctap_changed(waiting->daemon->ctap);
        return 0;
}

/* The TPM comes to the same. */
static int agreed(Waiting *waiting, sd_bus_error *error)
{
        const PolicyWish *wish = waiting->wish;
        const uint8_t *secret;
        ByteReader fields;

        if (waiting->tpm_problem != 0)
                return tpm_error(waiting, error);
        fields = BYTE_READER(waiting->tpm_fields->data, waiting->tpm_fields->size);
        secret = ctap_seal_answer(&fields);
        if (!secret || memcmp(secret, wish->device, sizeof(wish->device)) != 0) {
                sd_bus_error_set(error, KEYFOB_ERROR_UNSUPPORTED,
                                 "the TPM does not agree with itself: nothing was sealed, see tpm2_selftest");
                return -EOPNOTSUPP;
        }
        return waiting->after(waiting, error);
}

/* Agrees with the TPM's new key. */
static int agree_with(PolicyWish *wish, const uint8_t point[64], const ByteWriter *key)
{
        _cleanup_(agree_key_freep) AgreeKey *once = NULL;
        uint8_t public_point[64];
        int r;

        r = agree_key_new(&once);
        if (r >= 0)
                r = agree(once, point, wish->device);
        if (r < 0)
                return r;
        agree_public(once, public_point);
        ctap_seal_params(&wish->params, public_point, key);
        return wish->params.failed ? -ENOMEM : 0;
}

static int key_made(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(byte_writer_done) ByteWriter key = BYTE_WRITER_NULL, question = BYTE_WRITER_NULL;
        uint8_t point[2 * TPM_COORDINATE_MAX];
        PolicyWish *wish = waiting->wish;
        ByteReader fields;
        size_t size;
        int r;

        if (waiting->tpm_problem != 0)
                return tpm_error(waiting, error);
        fields = BYTE_READER(waiting->tpm_fields->data, waiting->tpm_fields->size);
        r = tpm_read_made(&fields, wish->auth, &key, point, &size);
        if (r >= 0 && size != 64)
                r = -EBADMSG;
        if (r >= 0)
                r = agree_with(wish, point, &key);
        if (r >= 0)
                r = ctap_seal_question(wish->params.data, wish->params.size, &question);
        return r < 0 ? r : waiting_tpm(waiting, TPM_EXCHANGE, &question, agreed);
}

int authenticator1_seal_prepare(Waiting *waiting, WaitingNext next, sd_bus_error *error)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        PolicyWish *wish = waiting->wish;

        if (wish->seal != 1 || vault_class_is_sealed(waiting->daemon->vault, CLASS))
                return next(waiting, error);
        waiting->after = next;
        random_bytes(wish->auth, sizeof(wish->auth));
        byte_writer_u8(&fields, TPM_TO_EXCHANGE);
        byte_writer_u8(&fields, TPM_P256);
        byte_writer_raw(&fields, wish->auth, sizeof(wish->auth));
        return waiting_tpm(waiting, TPM_MAKE, &fields, key_made);
}

static int seal_on(Waiting *waiting, sd_bus_error *error)
{
        const PolicyWish *wish = waiting->wish;
        Daemon *daemon = waiting->daemon;
        int r;

        if (wish->params.size == 0) { /* it was sealed until a moment ago */
                sd_bus_error_set(error, KEYFOB_ERROR_BUSY, "the seal was taken off meanwhile: try again");
                return -EBUSY;
        }
        batch_flush(daemon);
        r = changed(waiting,
                    vault_class_seal(daemon->vault, waiting->root, CLASS, wish->params.data, wish->params.size,
                                     wish->device),
                    error);
        if (r < 0)
                return r;
        log_line(LOG_NOTICE, "passkeys are sealed by the TPM from now on");
        return waiting_finish(waiting, NULL);
}

static int seal_off(Waiting *waiting, sd_bus_error *error)
{
        int r;

        batch_flush(waiting->daemon);
        r = changed(waiting, vault_class_unseal(waiting->daemon->vault, waiting->root, CLASS), error);
        if (r < 0)
                return r;
        log_line(LOG_NOTICE, "passkeys are not sealed by the TPM any more");
        return waiting_finish(waiting, NULL);
}

int authenticator1_seal(Waiting *waiting, sd_bus_error *error)
{
        bool sealed = vault_class_is_sealed(waiting->daemon->vault, CLASS);

        if (waiting->wish->seal == 1 && !sealed)
                return seal_on(waiting, error);
        if (waiting->wish->seal == 0 && sealed)
                return seal_off(waiting, error);
        return waiting_finish(waiting, NULL);
}

/* The TPM has had its chance. */
static int give_up(Waiting *waiting, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        int r;

        r = store1_same_keys(waiting, error);
        if (r < 0)
                return r;
        if (ctap_seal_is_open(daemon->ctap))
                return store1_invalid(error, "passkeys can be opened: there is nothing to abandon");
        batch_flush(daemon);
        r = vault_class_abandon(daemon->vault, waiting->root, CLASS);
        if (r == 0)
                r = ctap_storage_forget_note(daemon->ctap);
        r = changed(waiting, r, error);
        if (r < 0)
                return r;
        log_line(LOG_WARNING, "passkeys that the TPM had sealed were given up, and the security key's PIN with them");
        return waiting->after(waiting, error);
}

int authenticator1_abandon(Waiting *waiting, WaitingNext next, sd_bus_error *error)
{
        int r;

        r = authenticator1_unlock_proved(waiting, error);
        if (r < 0)
                return r;
        waiting->after = next;
        return waiting_storage_tried(waiting, give_up, error);
}
