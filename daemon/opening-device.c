/*
 * Opening by a device
 *
 * All slots of security keys are asked about in one question, since whoever has one of several keys at hand does not
 * know which slot it is. Only where slots differ in how they must be asked (the relying party, verification) is there
 * one question for each sort, those that cost a person less first. What a device answers is tried like any other
 * secret.
 */
#include "daemon/opening-internal.h"

#include <errno.h>
#include <string.h>

#include "daemon/keys1-internal.h"
#include "daemon/present.h"

void opening_fail(Opening *opening, const char *name, const char *why)
{
        Openings *openings = opening->openings;

        openings->problem_name = name;
        openings->problem[0] = 0;
        (void)strncat(openings->problem, why, sizeof(openings->problem) - 1);
        present_in_line(openings->problem); /* it may have been cut inside a character */
        opening_end_shared(opening, OPENING_DEVICE);
}

/* ---- security keys ---- */

/* Of those that are still to be tried, the next sort. */
static const Slot *next_sort(const SlotList *slots, SlotFido2 *ret)
{
        const Slot *found = NULL;
        SlotFido2 fido2;

        for (size_t i = 0; i < slots->n; i++)
                if (slot_fido2(slots->slots[i], &fido2) && (!found || (ret->uv && !fido2.uv))) {
                        found = slots->slots[i];
                        *ret = fido2;
                }
        return found;
}

static bool is_of_sort(const Slot *slot, const SlotFido2 *sort, SlotFido2 *ret)
{
        return slot_fido2(slot, ret) && ret->uv == sort->uv && strcmp(ret->rp_id, sort->rp_id) == 0;
}

static void drop_sort(SlotList *slots, const SlotFido2 *sort)
{
        SlotFido2 fido2;
        size_t n = 0;

        for (size_t i = 0; i < slots->n; i++) {
                if (is_of_sort(slots->slots[i], sort, &fido2))
                        slot_free(slots->slots[i]);
                else
                        slots->slots[n++] = slots->slots[i];
        }
        slots->n = n;
}

/* Takes the slot out that has this credential. */
static Slot *take_slot(SlotList *slots, const SlotKeyAnswer *answer)
{
        SlotFido2 fido2;

        for (size_t i = 0; i < slots->n; i++) {
                Slot *slot = slots->slots[i];

                if (!slot_fido2(slot, &fido2) || fido2.credential_size != answer->credential_size ||
                    memcmp(fido2.credential, answer->credential, answer->credential_size) != 0)
                        continue;
                slots->slots[i] = slots->slots[--slots->n];
                return slot;
        }
        return NULL;
}

static int ask_next(Opening *opening);

static void on_touched(void *userdata, const SlotKeyAnswer *answer)
{
        Opening *opening = userdata;
        SlotList slots = {0};
        SlotFido2 sort;
        int r;

        opening->touching = NULL;
        switch (answer->result) {
        case KEY_TALK_DONE:
                slots.slots = calloc(1, sizeof(Slot *));
                if (slots.slots && (slots.slots[0] = take_slot(&opening->devices, answer))) {
                        slots.n = 1;
                        opening_try(opening, &slots, answer->secret);
                        break;
                }
                secret_free(answer->secret);
                slot_list_done(&slots);
                opening_fail(opening, KEYFOB_ERROR_IO,
                             "the security key answered for a credential that nobody asked about");
                break;
        case KEY_TALK_NOT_FOUND:
                if (next_sort(&opening->devices, &sort))
                        drop_sort(&opening->devices, &sort);
                r = opening->devices.n > 0 ? ask_next(opening) : VAULT_E_NOT_FOUND;
                if (r < 0)
                        opening_end(opening, r, NULL);
                else if (r > 0)
                        opening_fail(opening, KEYFOB_ERROR_NOT_FOUND, answer->why);
                break;
        case KEY_TALK_REFUSED:
                opening_end_shared(opening, OPENING_CANCELLED);
                break;
        case KEY_TALK_FAILED:
                opening_fail(opening, keys1_error_name(answer->error), answer->why);
                break;
        }
}

static int ask_next(Opening *opening)
{
        Daemon *daemon = opening->openings->daemon;
        SlotKeyCredential credentials[KEY_HMAC_IDS_MAX];
        SlotFido2 each[KEY_HMAC_IDS_MAX], sort;
        uint8_t salt[SLOT_SALT_SIZE];
        size_t n = 0;

        if (!next_sort(&opening->devices, &sort))
                return VAULT_E_NOT_FOUND;
        for (size_t i = 0; i < opening->devices.n && n < KEY_HMAC_IDS_MAX; i++)
                if (is_of_sort(opening->devices.slots[i], &sort, &each[n])) {
                        credentials[n] = (SlotKeyCredential){each[n].credential, each[n].credential_size};
                        n++;
                }
        vault_hmac_salt(daemon->vault, salt);
        return slot_key_start(
                daemon,
                &(SlotKeyRequest){
                        .caller = opening->observer.caller,
                        .about = opening->about,
                        .message = opening->unlock
                                           ? "Your Keyfob vault is to be opened."
                                           : "Something is to be done that wants your Keyfob vault opened anew.",
                        .rp_id = sort.rp_id,
                        .uv = sort.uv,
                        .credentials = credentials,
                        .n = n,
                        .salt = salt,
                },
                on_touched, opening, &opening->touching);
}

int opening_load_keys(Opening *opening, SlotList *ret)
{
        SlotFido2 fido2;
        size_t n = 0;
        int r;

        r = opening_load_slots(opening, SLOT_KIND_BIT(SLOT_FIDO2), ret);
        if (r != 0)
                return r;
        for (size_t i = 0; i < ret->n; i++) {
                /* A touch alone says that there is somebody, not who. */
                if (slot_fido2(ret->slots[i], &fido2) && (fido2.uv || !opening->by_person))
                        ret->slots[n++] = ret->slots[i];
                else
                        slot_free(ret->slots[i]);
        }
        ret->n = n;
        return 0;
}

void opening_touch(Opening *opening)
{
        int r;

        slot_list_done(&opening->devices);
        r = opening->openings->daemon->vault ? opening_load_keys(opening, &opening->devices) : VAULT_E_NO_VAULT;
        if (r == 0 && opening->devices.n == 0)
                r = OPENING_NO_SLOT;
        if (r == 0) {
                opening->state = STATE_WORKING;
                opening->way = WAY_TOUCH;
                r = ask_next(opening);
        }
        if (r != 0)
                opening_end(opening, r, NULL);
}
