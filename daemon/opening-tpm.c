/*
 * Opening by the TPM
 *
 * Slots without a PIN open by themselves, like key files: one after the other, and what fails is passed over, since
 * the person can still be asked. One with a PIN is asked for when it is named, or when nothing else is there; wrong
 * PINs are counted by the TPM, for all programs of this machine, so nothing that was not meant as this PIN is ever
 * sent.
 */
#include "daemon/opening-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/present.h"
#include "daemon/slot-tpm.h"

static void on_exchanged(void *userdata, const TpmAnswer *answer);

static int exchange(Opening *opening, const Secret *pin)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        SlotTpm2 tpm2;
        int r;

        opening->blind = blind_free(opening->blind);
        if (!slot_tpm2(opening->tpm_slot, &tpm2))
                return VAULT_E_UNSUPPORTED;
        r = slot_tpm_question(&tpm2, pin, &fields, &opening->blind);
        if (r < 0)
                return r == -EBADMSG ? VAULT_E_DAMAGED : r;
        opening->state = STATE_WORKING;
        return tpm_call(opening->openings->daemon, TPM_EXCHANGE_BOUND, &fields, on_exchanged, opening, &opening->tpm);
}

/* ---- by itself ---- */

/* Slots with a PIN, or without. */
static int load(Opening *opening, bool pin, SlotList *ret)
{
        SlotTpm2 tpm2;
        size_t n = 0;
        int r;

        r = opening_load_slots(opening, SLOT_KIND_BIT(SLOT_TPM2), ret);
        if (r != 0)
                return r;
        for (size_t i = 0; i < ret->n; i++) {
                if (slot_tpm2(ret->slots[i], &tpm2) && tpm2.pin == pin)
                        ret->slots[n++] = ret->slots[i];
                else
                        slot_free(ret->slots[i]);
        }
        ret->n = n;
        return 0;
}

int opening_load_tpm(Opening *opening)
{
        return load(opening, /* pin= */ false, &opening->tpms);
}

bool opening_next_tpm(Opening *opening)
{
        while (opening->tpms.n > 0) {
                slot_free(opening->tpm_slot);
                opening->tpm_slot = opening->tpms.slots[--opening->tpms.n];
                opening->way = WAY_TPM;
                if (exchange(opening, NULL) == 0)
                        return true;
        }
        return false;
}

/* ---- with a PIN ---- */

int opening_load_pin(Opening *opening)
{
        SlotList slots = {0};
        int r;

        r = load(opening, /* pin= */ true, &slots);
        if (r != 0)
                return r;
        opening->tpm_slot = slot_free(opening->tpm_slot); /* may be one without a PIN, which has failed */
        if (slots.n > 0) {
                opening->tpm_slot = TAKE_PTR(slots.slots[0]);
                slots.slots[0] = slots.slots[--slots.n];
        }
        slot_list_done(&slots);
        return opening->tpm_slot ? 0 : VAULT_E_NOT_FOUND;
}

void opening_use_pin(Opening *opening, Secret *pin)
{
        int r;

        opening->way = WAY_PIN;
        r = pin->size > 0 ? exchange(opening, pin) : VAULT_E_WRONG_SECRET;
        secret_free(pin);
        if (r != 0)
                opening_end(opening, r, NULL);
}

static void on_pin(void *userdata, const AskAnswer *answer)
{
        Opening *opening = userdata;

        opening->ask = NULL;
        if (answer->outcome == ASK_ALLOWED)
                opening_use_pin(opening, answer->secret);
        else if (answer->outcome == ASK_DENIED)
                opening_end_shared(opening, OPENING_CANCELLED);
        else
                opening_end(opening, OPENING_NO_PROMPTER, NULL);
}

void opening_ask_pin(Opening *opening, const char *problem)
{
        _cleanup_free_ char *label = presentable(slot_label(opening->tpm_slot)), *message = NULL;
        int r;

        if (!label ||
            asprintf(&message, "Enter the PIN of the key slot “%s”, which this machine's TPM checks.", label) < 0) {
                message = NULL;
                opening_end(opening, -ENOMEM, NULL);
                return;
        }
        opening->state = STATE_WORKING;
        opening->way = WAY_PIN;
        r = ask_start(opening->openings->daemon,
                      &(AskRequest){
                              .kind = ASK_SECRET,
                              .purpose = opening->purpose,
                              .title = opening->unlock ? "Unlock Keyfob" : "Keyfob",
                              .message = message,
                              .error = problem,
                              .retries = -1,
                              .caller = opening->observer.caller,
                              .about = opening->about,
                      },
                      on_pin, opening, &opening->ask);
        if (r < 0)
                opening_end(opening, r, NULL);
}

/* ---- what it answers ---- */

static void failed(Opening *opening, const TpmAnswer *answer)
{
        if (opening->way == WAY_TPM) {
                opening->state = STATE_KEYS;
                openings_wake(opening->openings);
        } else if (answer->problem == TPM_PROBLEM_WRONG_PIN && !opening->given && ++opening->tries < TRIES_MAX)
                opening_ask_pin(opening, answer->why);
        else
                opening_fail(opening, slot_tpm_error_name(answer->problem), answer->why);
}

static void on_exchanged(void *userdata, const TpmAnswer *answer)
{
        Opening *opening = userdata;
        Secret *secret = NULL;
        SlotList slots = {0};
        int r;

        opening->tpm = NULL;
        if (answer->problem != 0) {
                failed(opening, answer);
                return;
        }
        r = slot_tpm_answer(opening->blind, answer->fields, &secret);
        if (r == 0) {
                slots.slots = calloc(1, sizeof(Slot *));
                r = slots.slots ? 0 : -ENOMEM;
        }
        if (r != 0) {
                secret_free(secret);
                failed(opening, &(TpmAnswer){.problem = TPM_PROBLEM_FAILED,
                                             .why = "the TPM answered what can't be understood"});
                return;
        }
        slots.slots[slots.n++] = TAKE_PTR(opening->tpm_slot);
        opening_try(opening, &slots, secret);
}
