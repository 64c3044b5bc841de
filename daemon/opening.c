/*
 * Getting a root key
 *
 * An opening goes through its ways in the order of what they cost a person: slots that open by themselves, key files,
 * then a question with three tries. Every step ends in the loop: one source walks over the openings and does what is
 * due, so no callback runs inside a call. This file has their life and that walk; the ways themselves are in
 * opening-try.c and opening-person.c, and what is done with a root in opening-use.c.
 */
#include "daemon/opening-internal.h"
#include "daemon/slot-tpm.h"

#include <errno.h>
#include <string.h>

#define OPENINGS_MAX 1024U

void openings_wake(Openings *openings)
{
        (void)sd_event_source_set_enabled(openings->pump, SD_EVENT_ONESHOT);
}

bool opening_scope_is_open(const Daemon *daemon, uint32_t scope)
{
        const VaultCollection *c = NULL;

        if (!daemon->vault)
                return false;
        if (scope != 0) {
                c = vault_collection_get(daemon->vault, scope);
                return c && !c->locked;
        }
        if (!vault_is_unlocked(daemon->vault))
                return false;
        /* One may have been locked by itself; one that is locked and yet known to be bad has a key that won't open. */
        while ((c = vault_collection_next(daemon->vault, c)))
                if (c->locked && !c->own_slots && !c->tampered)
                        return false;
        return true;
}

/* ---- life of an opening ---- */

static void stop_work(Opening *opening)
{
        opening->job = job_cancel(opening->job);
        opening->reading = helper_call_cancel(opening->reading);
        opening->ask = ask_cancel(opening->ask);
        opening->touching = slot_key_cancel(opening->touching);
        opening->tpm = tpm_call_cancel(opening->tpm);
        openings_wake(opening->openings);
}

static Opening *opening_free(Opening *opening)
{
        if (!opening)
                return NULL;
        stop_work(opening);
        for (Opening **p = &opening->openings->list; *p; p = &(*p)->next) {
                if (*p == opening) {
                        *p = opening->next;
                        opening->openings->n--;
                        break;
                }
        }
        caller_detach(&opening->observer);
        slot_list_done(&opening->keys);
        slot_list_done(&opening->devices);
        slot_list_done(&opening->tpms);
        slot_free(opening->tpm_slot);
        blind_free(opening->blind);
        slot_free(opening->key);
        secret_free(opening->secret);
        root_free(opening->root);
        free(opening->purpose);
        free(opening->message);
        ask_about_done(&opening->about);
        free(opening);
        return NULL;
}
DEFINE_CLEANUP(Opening *, opening_free)

/* Decides the outcome; the loop tells it. */
void opening_end(Opening *opening, int result, Root *root)
{
        if (opening->state == STATE_ENDED) {
                root_free(root);
                return;
        }
        stop_work(opening);
        opening->state = STATE_ENDED;
        opening->result = result;
        opening->root = root;
}

static void on_caller_gone(CallerResource *resource)
{
        opening_end((Opening *)resource, OPENING_CANCELLED, NULL);
}

/* ---- the walk ---- */

static void begin(Opening *opening)
{
        Daemon *daemon = opening->openings->daemon;
        SlotList none = {0};
        int r;

        if (!daemon->vault) {
                opening_end(opening, daemon->vault_state != 0 ? daemon->vault_state : VAULT_E_NO_VAULT, NULL);
                return;
        }
        if (opening->unlock && opening_scope_is_open(daemon, opening->collection)) {
                opening_end(opening, 0, NULL);
                return;
        }
        /* Given for a slot whose secret is a PIN, that is what it is. */
        if (opening->secret && opening->has_slot && opening_load_pin(opening) == 0) {
                opening->given = true;
                opening_use_pin(opening, TAKE_PTR(opening->secret));
                return;
        }
        if (opening->secret) {
                opening->way = WAY_SECRET;
                opening_queue_secret(opening);
                return;
        }
        if (opening->by_person) {
                opening_turn_to_person(opening);
                return;
        }

        r = opening_load_slots(opening, SLOT_KIND_BIT(SLOT_CREDENTIAL), &opening->keys);
        if (r == 0)
                r = opening_load_tpm(opening);
        if (r == 0)
                r = opening_load_slots(opening, SLOT_KIND_BIT(SLOT_NONE), &none);
        if (r != 0) {
                opening_end(opening, r, NULL);
        } else if (none.n > 0) {
                opening->way = WAY_NONE;
                opening_try(opening, &none, NULL);
        } else {
                slot_list_done(&none);
                opening_next_key(opening);
        }
}

static bool tell_ended(Openings *openings)
{
        for (Opening *opening = openings->list; opening; opening = opening->next) {
                OpeningDone done = opening->done;
                void *userdata = opening->userdata;
                int result = opening->result;
                Root *root;

                if (opening->state != STATE_ENDED)
                        continue;
                root = TAKE_PTR(opening->root);
                opening_free(opening);
                done(userdata, result, root);
                return true;
        }
        return false;
}

static int on_pump(sd_event_source *source, void *userdata)
{
        Openings *openings = userdata;

        while (tell_ended(openings))
                ;
        for (Opening *opening = openings->list; opening; opening = opening->next) {
                switch (opening->state) {
                case STATE_START:
                        begin(opening);
                        break;
                case STATE_KEYS:
                        opening_next_key(opening);
                        break;
                case STATE_FOLLOWING:
                        if (opening_scope_is_open(openings->daemon, opening->collection))
                                opening_end(opening, 0, NULL);
                        else
                                opening_turn_to_person(opening);
                        break;
                case STATE_WORKING:
                case STATE_TURN:
                case STATE_ENDED:
                        break;
                }
        }
        openings_give_turn(openings);
        return 0;
}

/* ---- from outside ---- */

int opening_start(Daemon *daemon, const OpeningRequest *request, OpeningDone done, void *userdata, Opening **ret)
{
        Openings *openings = daemon->openings;
        _cleanup_(opening_freep) Opening *opening = NULL;
        Opening **last;
        int r;

        if (openings->n >= OPENINGS_MAX)
                return -ENOBUFS;
        opening = calloc(1, sizeof(*opening));
        if (!opening)
                return -ENOMEM;
        opening->openings = openings;
        opening->done = done;
        opening->userdata = userdata;
        opening->pid = request->caller ? caller_pid(request->caller) : 0;
        opening->collection = request->collection;
        opening->interactive = request->interactive;
        opening->by_person = request->by_person;
        opening->touch = request->touch;
        opening->unlock = request->unlock;
        if (request->slot) {
                opening->has_slot = true;
                memcpy(opening->slot, request->slot, SLOT_ID_SIZE);
        }
        opening->purpose = strdup(request->purpose ? request->purpose : "unlock");
        if (!opening->purpose)
                return -ENOMEM;
        if (request->message) {
                opening->message = strdup(request->message);
                if (!opening->message)
                        return -ENOMEM;
        }
        r = ask_about_copy(&opening->about, &request->about);
        if (r >= 0 && request->secret)
                r = secret_new_from(&opening->secret, request->secret->data, request->secret->size);
        if (r >= 0 && request->caller)
                r = caller_attach(request->caller, &opening->observer, CALLER_OBSERVER, on_caller_gone);
        if (r < 0)
                return r;

        for (last = &openings->list; *last;)
                last = &(*last)->next;
        *last = opening;
        openings->n++;
        openings_wake(openings);
        *ret = TAKE_PTR(opening);
        return 0;
}

Opening *opening_cancel(Opening *opening)
{
        return opening_free(opening);
}

static void cancel(Opening *opening)
{
        opening_end(opening, OPENING_CANCELLED, NULL);
        /* One that had ended well has not told yet. */
        opening->result = OPENING_CANCELLED;
        opening->root = root_free(opening->root);
        opening->secret = secret_free(opening->secret);
}

void openings_cancel_all(Daemon *daemon)
{
        for (Opening *opening = daemon->openings->list; opening; opening = opening->next)
                cancel(opening);
}

/* Something that was given or typed, or what it has opened. What opens by itself does so for the next who asks, too. */
static bool has_key(const Opening *opening)
{
        bool by_itself = opening->way == WAY_NONE || opening->way == WAY_KEY || opening->way == WAY_TPM;

        return opening->secret || (!by_itself && (opening->job || opening->tpm || opening->root));
}

void openings_end_with_keys(Daemon *daemon)
{
        for (Opening *opening = daemon->openings->list; opening; opening = opening->next) {
                if (!has_key(opening))
                        continue;
                opening_end_shared(opening, OPENING_CANCELLED);
                cancel(opening);
        }
}

bool openings_any(const Daemon *daemon)
{
        return daemon->openings->list;
}

int opening_error(Daemon *daemon, sd_bus_error *error, int result)
{
        const Openings *openings = daemon->openings;

        if (result == OPENING_DEVICE)
                return sd_bus_error_set(error, openings->problem_name ?: KEYFOB_ERROR_IO, openings->problem);
        if (result == OPENING_WAIT)
                return sd_bus_error_setf(error, KEYFOB_ERROR_LIMITS, "too many wrong passwords: try again in %u s",
                                         openings_delay(openings));
        return daemon_error(daemon, error, result);
}

int openings_new(Daemon *daemon, Openings **ret)
{
        _cleanup_(openings_freep) Openings *openings = calloc(1, sizeof(*openings));
        int r;

        if (!openings)
                return -ENOMEM;
        openings->daemon = daemon;
        r = sd_event_add_defer(daemon->event, &openings->pump, on_pump, openings);
        if (r >= 0)
                r = sd_event_source_set_enabled(openings->pump, SD_EVENT_OFF);
        if (r >= 0)
                r = openings_try_init(openings);
        if (r >= 0)
                r = openings_use_init(openings);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(openings);
        return 0;
}

Openings *openings_free(Openings *openings)
{
        if (!openings)
                return NULL;
        while (openings->list)
                opening_free(openings->list);
        openings_use_done(openings);
        sd_event_source_disable_unref(openings->pump);
        openings_try_done(openings);
        free(openings);
        return NULL;
}
