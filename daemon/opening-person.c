/*
 * Asking the person
 *
 * One question has three tries. Openings that only want a scope unlocked share one question; whoever is first asks,
 * and the others take over when that one goes away unanswered. What is asked by an agent of the asking connection, on its
 * terminal, is seen by nobody else, and nobody else waits for it.
 */
#include "daemon/opening-internal.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/present.h"

/* ---- followers ---- */

static bool shares_prompter(const Opening *a, const Opening *b)
{
        const Daemon *daemon = a->openings->daemon;
        const Caller *caller = a->observer.caller, *other = b->observer.caller;

        return caller == other || (!ask_has_own_agent(daemon, caller) && !ask_has_own_agent(daemon, other));
}

static bool shares_question(const Opening *a, const Opening *b)
{
        return a != b && a->unlock && b->unlock && a->collection == b->collection && !a->has_slot && !b->has_slot &&
               shares_prompter(a, b);
}

/* Those that wait for the answer to the same question get the same answer. */
void opening_end_shared(Opening *opening, int result)
{
        for (Opening *other = opening->openings->list; other; other = other->next)
                if (other->state == STATE_FOLLOWING && shares_question(opening, other))
                        opening_end(other, result, NULL);
        opening_end(opening, result, NULL);
}

/* ---- the question ---- */

static void on_answer(void *userdata, const AskAnswer *answer)
{
        Opening *opening = userdata;

        opening->ask = NULL;
        switch (answer->outcome) {
        case ASK_ALLOWED:
                if (answer->secret && answer->secret->size == 0 && opening->may_touch) {
                        secret_free(answer->secret);
                        opening_touch(opening);
                        break;
                }
                secret_free(opening->secret);
                opening->secret = answer->secret;
                opening->typo = secret_typo(opening->secret);
                opening->way = WAY_PERSON;
                opening->state = STATE_TURN;
                openings_wake(opening->openings);
                break;
        case ASK_DENIED:
                opening_end_shared(opening, OPENING_CANCELLED);
                break;
        case ASK_NO_PROMPTER:
        case ASK_FAILED:
                opening_end(opening, OPENING_NO_PROMPTER, NULL);
                break;
        }
}

/* What was wrong with the last answer. That it is right but for a symbol can be said of a code only. */
static const char *problem_of(const Opening *opening, char text[64])
{
        if (opening->tries == 0)
                return NULL;
        if (opening->typo == 0)
                return "That password is wrong.";
        (void)snprintf(text, 64, "Group %u of that recovery code is mistyped.", opening->typo);
        return text;
}

void opening_ask_person(Opening *opening)
{
        Daemon *daemon = opening->openings->daemon;
        _cleanup_free_ char *label = NULL, *text = NULL, *with_key = NULL;
        const char *message;
        const VaultCollection *collection = NULL;
        char problem[64];
        int r;

        if (daemon->vault && opening->collection != 0)
                collection = vault_collection_get(daemon->vault, opening->collection);
        if (collection && !opening->message) {
                label = presentable(collection->label);
                if (!label || asprintf(&text, "Enter the password of the collection “%s”.", label) < 0) {
                        text = NULL;
                        opening_end(opening, -ENOMEM, NULL);
                        return;
                }
        }

        message = opening->message ?: text ?: OPENING_QUESTION;
        if (opening->may_touch && asprintf(&with_key, "%s Or enter nothing, and touch a security key.", message) < 0) {
                with_key = NULL;
                opening_end(opening, -ENOMEM, NULL);
                return;
        }
        opening->state = STATE_WORKING;
        opening->way = WAY_PERSON;
        r = ask_start(daemon,
                      &(AskRequest){
                              .kind = ASK_SECRET,
                              .purpose = opening->purpose,
                              .title = opening->unlock ? "Unlock Keyfob" : "Keyfob",
                              .message = with_key ?: message,
                              .error = problem_of(opening, problem),
                              .retries = TRIES_MAX - opening->tries,
                              .caller = opening->observer.caller,
                              .about = opening->about,
                      },
                      on_answer, opening, &opening->ask);
        if (r < 0)
                opening_end(opening, r, NULL);
}

static bool is_with_person(const Opening *opening)
{
        return (opening->way == WAY_PERSON || opening->way == WAY_TOUCH || opening->way == WAY_PIN) &&
               (opening->state == STATE_WORKING || opening->state == STATE_TURN || opening->state == STATE_ENDED);
}

void opening_turn_to_person(Opening *opening)
{
        _cleanup_(slot_list_done) SlotList slots = {0}, keys = {0};
        bool pin = false;
        int r;

        r = opening->openings->daemon->vault ? opening_load_slots(opening, SLOTS_TYPED, &slots) : VAULT_E_NO_VAULT;
        if (r == 0)
                r = opening_load_keys(opening, &keys);
        if (r == 0 && slots.n == 0 && keys.n == 0) {
                r = opening_load_pin(opening);
                pin = r == 0;
                r = r == VAULT_E_NOT_FOUND ? OPENING_NO_SLOT : r;
        }
        if (r == 0 && !opening->interactive)
                r = VAULT_E_LOCKED;
        if (r != 0) {
                opening_end(opening, r, NULL);
                return;
        }

        for (Opening *other = opening->openings->list; other; other = other->next) {
                if (shares_question(opening, other) && is_with_person(other)) {
                        opening->state = STATE_FOLLOWING;
                        return;
                }
        }
        opening->may_touch = keys.n > 0;
        if (pin)
                opening_ask_pin(opening, NULL);
        else if (opening->may_touch && (opening->touch || slots.n == 0))
                opening_touch(opening);
        else
                opening_ask_person(opening);
}
