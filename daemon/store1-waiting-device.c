/*
 * Calls that wait for a security key, or for the TPM that counts the epoch
 *
 * A step like others: the call is held while the key blinks, and when its caller leaves the key stops. What the key
 * does not do ends the call with why.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <string.h>

#include "daemon/epoch.h"
#include "daemon/keys1-internal.h"

static int take_answer(Waiting *waiting, const SlotKeyAnswer *answer)
{
        uint8_t *id = malloc(answer->credential_size);

        secret_free(waiting->touched);
        waiting->touched = answer->secret;
        if (!id)
                return -ENOMEM;
        memcpy(id, answer->credential, answer->credential_size);
        free(waiting->id);
        waiting->id = id;
        waiting->id_size = answer->credential_size;
        return 0;
}

static void on_touched(void *userdata, const SlotKeyAnswer *answer)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Waiting *waiting = userdata;
        int r;

        waiting->touching = NULL;
        if (answer->result != KEY_TALK_DONE) {
                r = sd_bus_error_set(&error, keys1_error_name(answer->error), answer->why);
                waiting_settle(waiting, r < 0 ? r : -EIO, &error);
                return;
        }
        r = take_answer(waiting, answer);
        if (r < 0)
                waiting_settle(waiting, r, &error);
        else
                waiting_step_done(waiting);
}

int waiting_touch(Waiting *waiting, const SlotKeyRequest *request, WaitingNext next)
{
        SlotKeyRequest with_caller = *request;

        with_caller.caller = waiting->resource.caller;
        waiting->next = next;
        return slot_key_start(waiting->daemon, &with_caller, on_touched, waiting, &waiting->touching);
}

static int slot_touched(Waiting *waiting, sd_bus_error *error)
{
        Options *options = &waiting->options;

        if (options->n_secrets == OPTIONS_SECRETS_MAX)
                return store1_invalid(error, "too many secrets");
        options->secrets[options->n_secrets++] = TAKE_PTR(waiting->touched);
        return waiting->after(waiting, error);
}

int waiting_touch_slot(Waiting *waiting, WaitingNext next)
{
        uint8_t salt[SLOT_SALT_SIZE];
        SlotFido2 fido2;

        if (!slot_fido2(waiting->slots.slots[waiting->at], &fido2))
                return -EINVAL;
        vault_hmac_salt(waiting->slots_of ?: waiting->daemon->vault, salt);
        waiting->after = next;
        return waiting_touch(waiting,
                             &(SlotKeyRequest){
                                     .message = waiting->slots_of ? "A backup of your Keyfob vault is restored."
                                                             : "Your Keyfob vault gets new keys.",
                                     .rp_id = fido2.rp_id,
                                     .uv = fido2.uv,
                                     .credentials = &(SlotKeyCredential){fido2.credential, fido2.credential_size},
                                     .n = 1,
                                     .salt = salt,
                             },
                             slot_touched);
}

/* ---- the epoch, which the TPM counts ---- */

static void epoch_settled(void *userdata)
{
        Waiting *waiting = userdata;

        waiting->counter = NULL;
        waiting_step_done(waiting);
}

int waiting_epoch(Waiting *waiting, WaitingNext next, sd_bus_error *error)
{
        if (!epoch_settle(waiting->daemon))
                return next(waiting, error);
        waiting->next = next;
        return epoch_wait(waiting->daemon, epoch_settled, waiting, &waiting->counter);
}
