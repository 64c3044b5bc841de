/*
 * Trying secrets on slots
 *
 * A KDF runs for long, so every try is a job, and works on copies of the slots. Secrets that somebody gave are tried
 * one at a time, and after a few wrong ones in a row each further try waits longer: guessing over the bus costs more
 * than a KDF run. All this is counted here in memory and for everybody together: a count in a file could be set back by
 * who guesses, and one for each client begins anew with each connection. Who leaves in the middle is counted as well: how long the
 * next try takes to begin tells that his was right. So that a program that guesses does not keep out
 * the person who knows, the process with the fewest wrong ones has the next turn, and while there is a wait each
 * process has one secret in the line, which is short; more are refused. What opens by itself waits for nobody; key
 * files are read by the helper, for the daemon itself cannot see them.
 */
#include "daemon/opening-internal.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/recovery-code.h"
#include "daemon/log.h"

#define WRONG_FREE  3U  /* wrong secrets in a row before delays begin */
#define DELAY_MAX   30U /* seconds */
#define WAITING_MAX 4U  /* secrets in the line while there is a delay */

/* What a job works on; slots are copies, so it touches no vault. */
typedef struct Try {
        Opening *opening;   /* until it is cancelled */
        Openings *openings; /* NULL: these have gone */
        pid_t pid;
        SlotList slots;
        Secret *secret;
        Root *root;
        int result;
} Try;

/* ---- a try ---- */

static void try_run(void *data)
{
        Try *try = data;

        try->result = VAULT_E_UNSUPPORTED;
        for (size_t i = 0; i < try->slots.n; i++) {
                int r = slot_open(try->slots.slots[i], try->secret, &try->root);

                if (r <= 0) {
                        try->result = r;
                        return;
                }
                /* That a secret does not fit one slot says nothing about the others; that it fits none is the answer.
                 */
                if (try->result != VAULT_E_WRONG_SECRET && try->result != VAULT_E_DAMAGED)
                        try->result = r;
                else if (r == VAULT_E_DAMAGED)
                        try->result = r;
        }
}

static unsigned wrong_of(const Openings *openings, pid_t pid)
{
        for (size_t i = 0; i < GUESSERS_MAX; i++)
                if (openings->guessers[i].wrong > 0 && openings->guessers[i].pid == pid)
                        return openings->guessers[i].wrong;
        return 0;
}

/* Where there are too many, the one with the fewest is forgotten. */
static void blame(Openings *openings, pid_t pid)
{
        Guesser *least = &openings->guessers[0];

        for (size_t i = 0; i < GUESSERS_MAX; i++) {
                Guesser *guesser = &openings->guessers[i];

                if (guesser->wrong > 0 && guesser->pid == pid) {
                        guesser->wrong++;
                        return;
                }
                if (guesser->wrong < least->wrong)
                        least = guesser;
        }
        *least = (Guesser){.pid = pid, .wrong = 1};
}

static void forgive(Openings *openings)
{
        openings->wrong = 0;
        openings->not_before = 0;
        memset(openings->guessers, 0, sizeof(openings->guessers));
}

static void count_wrong(Openings *openings, pid_t pid)
{
        unsigned over, seconds = 1;

        blame(openings, pid);
        openings->wrong++;
        if (openings->wrong < WRONG_FREE)
                return;
        for (over = openings->wrong - WRONG_FREE; over > 0 && seconds < DELAY_MAX; over--)
                seconds *= 2;
        if (seconds > DELAY_MAX)
                seconds = DELAY_MAX;
        openings->not_before = clock_usec() + (uint64_t)seconds * 1000000;
        if (openings->wrong == WRONG_FREE)
                log_line(LOG_WARNING, "%u wrong secrets in a row: further tries are slowed down", openings->wrong);
}

/* False: it had none. */
static bool end_turn(const Try *try)
{
        if (!try->openings || try->openings->trying != try)
                return false;
        try->openings->trying = NULL;
        if (try->result == VAULT_E_WRONG_SECRET)
                count_wrong(try->openings, try->pid);
        openings_wake(try->openings);
        return true;
}

/* On the loop, when the job is over, or before it has begun. */
static void try_free(void *data)
{
        Try *try = data;

        (void)end_turn(try);
        slot_list_done(&try->slots);
        secret_free(try->secret);
        root_free(try->root);
        free(try);
}

static void try_done(void *data)
{
        Try *try = data;
        Opening *opening = try->opening;
        Openings *openings = opening->openings;

        opening->job = NULL;
        if (end_turn(try) && try->result == 0)
                forgive(openings);
        if (try->result == 0) {
                opening_end(opening, 0, TAKE_PTR(try->root));
                return;
        }

        switch (opening->way) {
        case WAY_NONE:
        case WAY_KEY:
        case WAY_TPM:
                log_line(LOG_NOTICE, "a slot that opens by itself did not: %s",
                         try->result != VAULT_E_WRONG_SECRET ? vault_strerror(try->result)
                         : opening->way == WAY_TPM           ? "the TPM's answer does not fit"
                                                             : "the key file has another key");
                opening->state = STATE_KEYS;
                openings_wake(openings);
                break;
        case WAY_SECRET:
                opening_end(opening, try->result, NULL);
                break;
        case WAY_TOUCH:
        case WAY_PIN:
                if (try->result == VAULT_E_WRONG_SECRET)
                        opening_fail(opening, KEYFOB_ERROR_WRONG_SECRET,
                                     opening->way == WAY_PIN ? "the TPM's answer does not fit: the slot is damaged"
                                                             : "the security key's answer does not fit: it was reset "
                                                               "since, or its slot is damaged");
                else
                        opening_end_shared(opening, try->result);
                break;
        case WAY_PERSON:
                if (try->result != VAULT_E_WRONG_SECRET || ++opening->tries >= TRIES_MAX)
                        opening_end_shared(opening, try->result);
                else
                        opening_ask_person(opening);
                break;
        }
}

/* Takes the list and the secret over. */
void opening_try(Opening *opening, SlotList *slots, Secret *secret)
{
        Openings *openings = opening->openings;
        bool in_turn = opening->state == STATE_TURN;
        Try *try = calloc(1, sizeof(*try));
        int r;

        if (!try) {
                secret_free(secret);
                slot_list_done(slots);
                opening_end(opening, -ENOMEM, NULL);
                return;
        }
        *try = (Try){.opening = opening,
                     .openings = openings,
                     .pid = opening->pid,
                     .slots = *slots,
                     .secret = secret,
                     .result = -ECANCELED};
        *slots = (SlotList){0};
        opening->state = STATE_WORKING;
        r = job_start(openings->daemon->jobs, try_run, try_done, try_free, try, &opening->job);
        if (r < 0) {
                try_free(try);
                opening_end(opening, r, NULL);
        } else if (in_turn) {
                openings->trying = try;
        }
}

/* ---- slots ---- */

static bool in_scope(const Opening *opening, const Slot *slot)
{
        return slot_collection(slot) == opening->collection &&
               (!opening->has_slot || memcmp(slot_id(slot), opening->slot, SLOT_ID_SIZE) == 0);
}

/* Slots of the scope and of these kinds; first those that cost nothing to try. */
int opening_load_slots(Opening *opening, uint32_t kinds, SlotList *ret)
{
        SlotList list = {0};
        size_t n = 0;
        int r;

        r = vault_slots(opening->openings->daemon->vault, &list);
        if (r != 0)
                return r;
        for (size_t i = 0; i < list.n; i++) {
                Slot *slot = list.slots[i];

                if (!in_scope(opening, slot) || !(SLOT_KIND_BIT(slot_kind(slot)) & kinds)) {
                        slot_free(slot);
                        continue;
                }
                list.slots[n++] = slot;
                if (slot_kind(slot) == SLOT_CREDENTIAL || slot_kind(slot) == SLOT_RECOVERY) {
                        list.slots[n - 1] = list.slots[0];
                        list.slots[0] = slot;
                }
        }
        list.n = n;
        *ret = list;
        return 0;
}

unsigned secret_typo(const Secret *secret)
{
        uint8_t code[RECOVERY_KEY_SIZE];
        unsigned group = 0;
        RecoveryResult result = recovery_code_read(secret->data, secret->size, code, &group);

        explicit_bzero(code, sizeof(code));
        return result == RECOVERY_TYPO ? group : 0;
}

/* ---- turns ---- */

unsigned openings_delay(const Openings *openings)
{
        uint64_t now = clock_usec();

        return now < openings->not_before ? (unsigned)((openings->not_before - now + 999999) / 1000000) : 1;
}

void opening_queue_secret(Opening *opening)
{
        const Openings *openings = opening->openings;
        unsigned waiting = 0, own = 0;

        for (const Opening *other = openings->list; other; other = other->next) {
                if (other->state != STATE_TURN || other->way != WAY_SECRET)
                        continue;
                waiting++;
                own += other->pid == opening->pid;
        }
        if (openings->wrong >= WRONG_FREE && (own > 0 || waiting >= WAITING_MAX))
                opening_end(opening, OPENING_WAIT, NULL);
        else
                opening->state = STATE_TURN;
}

/* Of those that wait, whose process has been wrong least often; of these, who came first. */
static Opening *next_in_line(const Openings *openings)
{
        Opening *first = NULL;

        for (Opening *opening = openings->list; opening; opening = opening->next)
                if (opening->state == STATE_TURN &&
                    (!first || wrong_of(openings, opening->pid) < wrong_of(openings, first->pid)))
                        first = opening;
        return first;
}

/* One secret at a time, not before the delay is over. */
void openings_give_turn(Openings *openings)
{
        uint64_t now = clock_usec();
        Opening *opening = openings->trying ? NULL : next_in_line(openings);
        SlotList slots = {0};
        uint32_t kinds;
        int r;

        if (!opening)
                return;
        if (now < openings->not_before) {
                (void)sd_event_source_set_time_relative(openings->turn, openings->not_before - now);
                (void)sd_event_source_set_enabled(openings->turn, SD_EVENT_ONESHOT);
                return;
        }

        kinds = opening->way == WAY_PERSON ? SLOTS_TYPED : SLOTS_TYPED | SLOT_KIND_BIT(SLOT_CREDENTIAL);
        r = opening->openings->daemon->vault ? opening_load_slots(opening, kinds, &slots) : VAULT_E_NO_VAULT;
        if (r == 0 && slots.n == 0)
                r = OPENING_NO_SLOT;
        if (r != 0) {
                slot_list_done(&slots);
                opening_end(opening, r, NULL);
                return;
        }
        opening_try(opening, &slots, TAKE_PTR(opening->secret));
}

static int on_turn(sd_event_source *source, uint64_t usec, void *userdata)
{
        openings_wake(userdata);
        return 0;
}

int openings_try_init(Openings *openings)
{
        return sd_event_add_time_relative(openings->daemon->event, &openings->turn, CLOCK_MONOTONIC, 0, 1000, on_turn,
                                          openings);
}

void openings_try_done(Openings *openings)
{
        openings->turn = sd_event_source_disable_unref(openings->turn);
        if (openings->trying)
                openings->trying->openings = NULL;
}

/* ---- key files ---- */

static void on_key(void *userdata, HelperResult result, ByteReader *fields)
{
        Opening *opening = userdata;
        SlotList slots = {0};
        Secret *secret = NULL;
        const uint8_t *bytes;
        size_t size = 0;

        opening->reading = NULL;
        bytes = result == HELPER_OK ? byte_reader_blob(fields, HELPER_KEY_MAX, &size) : NULL;
        if (result != HELPER_OK || fields->failed || secret_new_from(&secret, bytes, size) < 0 ||
            !(slots.slots = calloc(1, sizeof(Slot *)))) {
                secret_free(secret);
                opening->key = slot_free(opening->key);
                opening->state = STATE_KEYS;
                openings_wake(opening->openings);
                return;
        }
        slots.slots[0] = TAKE_PTR(opening->key);
        slots.n = 1;
        opening->way = WAY_KEY;
        opening_try(opening, &slots, secret);
}

void opening_next_key(Opening *opening)
{
        while (opening->keys.n > 0) {
                ByteWriter fields = BYTE_WRITER_NULL;
                const char *path;
                int r;

                slot_free(opening->key);
                opening->key = opening->keys.slots[--opening->keys.n];
                path = slot_path(opening->key);
                if (!path)
                        continue;
                byte_writer_string(&fields, path);
                r = helper_call(opening->openings->daemon, HELPER_READ_KEY, &fields, on_key, opening,
                                &opening->reading);
                byte_writer_done(&fields);
                if (r < 0)
                        continue;
                opening->state = STATE_WORKING;
                return;
        }
        if (!opening_next_tpm(opening))
                opening_turn_to_person(opening);
}
