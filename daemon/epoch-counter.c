/*
 * The epoch's counter in the TPM
 *
 * The word comes first, durably, with the number that the counter goes to; then the counter goes there. So when the vault was unlocked
 * and the TPM is asked, the counter is where the word says, or one below when something ended in between, and is then moved. Where it
 * is farther, word and vault were put back together. Where it is not at all, or there is one and the word has none, that is said as well;
 * the owner decides.
 *
 * One that has been made counts from when it was first moved. Until then a word without it fits, because whatever ended between
 * making it and writing that down must not look like an old copy.
 *
 * Nothing waits for the TPM: it is asked when unlocking has been answered, and what it has to do when the vault is locked it does
 * afterwards. A TPM that can't be asked changes nothing of the word's number, so what was not looked at is looked at later.
 *
 * The counter wears out the TPM's memory. It moves when the word does, which is hourly and with slots, keys and collections, and this at
 * most 24 times a day in the long run, 48 times on any one; each time it and its note are written once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/epoch-internal.h"
#include "daemon/log.h"
#include "daemon/present.h"
#include "daemon/settings.h"

#define MOVE_EVERY 3600U /* seconds, in the long run */
#define MOVES_MAX  24U   /* that may follow each other at once */

_Static_assert(TPM_TAG_SIZE == VAULT_EPOCH_SECRET_SIZE && TPM_AUTH_SIZE == VAULT_EPOCH_SECRET_SIZE &&
                       TPM_PARENT_MAX == VAULT_EPOCH_TPM_MAX,
               "the vault keeps what the TPM has");

struct EpochWait {
        Epoch *epoch;
        EpochDone done;
        void *userdata;
        EpochWait *next;
};

/* ---- how often ---- */

/* Until when moves that were made count; a time that can't be is of a clock that was set back since. */
static uint64_t spent(const VaultEpochCounter *word, uint64_t now)
{
        return word->spent < now || word->spent - now > (uint64_t)MOVES_MAX * MOVE_EVERY ? now : word->spent;
}

static bool can_move(const Epoch *epoch, uint64_t now)
{
        const VaultEpochCounter *word = &epoch->word;

        return word->handle != 0 && epoch->known && !epoch->call && epoch->told.count == word->count &&
               word->count < UINT64_MAX - 1 && spent(word, now) - now <= (uint64_t)(MOVES_MAX - 1) * MOVE_EVERY;
}

bool epoch_counter_wants(const Epoch *epoch, uint64_t now)
{
        return epoch->word.behind && can_move(epoch, now);
}

VaultEpochCounter epoch_counter_next(const Epoch *epoch, uint64_t now)
{
        VaultEpochCounter word = epoch->word;

        if (can_move(epoch, now)) {
                word.count++;
                word.behind = false;
                word.spent = spent(&word, now) + MOVE_EVERY;
        } else
                word.behind = word.handle != 0;
        return word;
}

/* ---- who waits ---- */

static void wake(Epoch *epoch)
{
        while (epoch->waits) {
                EpochWait *wait = epoch->waits;
                EpochDone done = wait->done;
                void *userdata = wait->userdata;

                epoch->waits = wait->next;
                free(wait);
                done(userdata);
        }
}

int epoch_wait(Daemon *daemon, EpochDone done, void *userdata, EpochWait **ret)
{
        EpochWait *wait = malloc(sizeof(*wait));

        if (!wait)
                return -ENOMEM;
        *wait = (EpochWait){.epoch = daemon->epoch, .done = done, .userdata = userdata, .next = daemon->epoch->waits};
        daemon->epoch->waits = wait;
        *ret = wait;
        return 0;
}

EpochWait *epoch_wait_cancel(EpochWait *wait)
{
        if (!wait)
                return NULL;
        for (EpochWait **p = &wait->epoch->waits; *p; p = &(*p)->next)
                if (*p == wait) {
                        *p = wait->next;
                        break;
                }
        free(wait);
        return NULL;
}

/* ---- asking ---- */

static void on_told(void *userdata, const TpmAnswer *answer);

static void set_problem(Epoch *epoch, EpochCounterState state, const char *why)
{
        epoch->counter = state;
        epoch->problem[0] = 0;
        (void)strncat(epoch->problem, why, sizeof(epoch->problem) - 1);
        present_in_line(epoch->problem); /* it may have been cut inside a character */
}

/* Where the word knows of one it is missed, and where it doesn't there is none. */
static void can_t_ask(Epoch *epoch, const char *why)
{
        bool said = strncmp(epoch->problem, why, sizeof(epoch->problem) - 1) == 0;

        epoch->known = epoch->accepting = false;
        set_problem(epoch, epoch->word.handle ? EPOCH_COUNTER_UNREACHABLE : EPOCH_COUNTER_NONE, why);
        if (epoch->word.handle && !said)
                log_line(LOG_WARNING,
                         "the TPM counts the states of the vault and can't be asked, so an old copy that was put back with what "
                         "was kept of it would not be noticed: %s",
                         why);
}

static void append_fields(const Epoch *epoch, const uint8_t auth[TPM_AUTH_SIZE], ByteWriter *fields)
{
        const VaultEpochCounter *word = &epoch->word;
        bool remove = epoch->operation == TPM_COUNTER_REMOVE;

        byte_writer_raw(fields, remove ? word->stale_tag : epoch->tag, TPM_TAG_SIZE);
        if (!remove)
                byte_writer_raw(fields, auth, TPM_AUTH_SIZE);
        if (epoch->operation != TPM_COUNTER_MAKE)
                byte_writer_u32(fields, remove ? word->stale : word->handle);
        if (epoch->operation == TPM_COUNTER_MOVE)
                byte_writer_u64(fields, word->count);
        if (epoch->operation == TPM_COUNTER_MAKE || epoch->operation == TPM_COUNTER_MOVE)
                byte_writer_u64(fields, (uint64_t)time(NULL));
}

static void start(Daemon *daemon, TpmOperation operation)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        Epoch *epoch = daemon->epoch;
        uint8_t auth[TPM_AUTH_SIZE] = {0};
        int r;

        epoch->operation = operation;
        r = vault_epoch_secrets(daemon->vault, (uint32_t)getuid(), epoch->tag, auth);
        if (r == 0 && !daemon->settings->tpm_epoch) {
                can_t_ask(epoch, "it is turned off by [tpm] epoch in keyfobd.conf");
                return;
        }
        if (r == 0) {
                append_fields(epoch, auth, &fields);
                r = tpm_call(daemon, operation, &fields, on_told, daemon, &epoch->call);
        }
        explicit_bzero(auth, sizeof(auth));
        if (r != 0)
                can_t_ask(epoch, vault_strerror(r));
}

/* What is to be done next, if anything; who waits has waited for that. */
static void step(Daemon *daemon)
{
        Epoch *epoch = daemon->epoch;

        if (!epoch->call && epoch->known && epoch->told.count + 1 == epoch->word.count)
                start(daemon, TPM_COUNTER_MOVE);
        else if (!epoch->call && epoch->known && epoch->word.stale != 0 && !epoch->tried)
                start(daemon, TPM_COUNTER_REMOVE);
        if (!epoch->call)
                wake(epoch);
}

void epoch_counter_kept(Daemon *daemon, const VaultEpochCounter *word)
{
        daemon->epoch->word = *word;
        step(daemon);
}

/* ---- what it says ---- */

/* From now on the word goes by what there is. */
static void adopt(Epoch *epoch)
{
        VaultEpochCounter *word = &epoch->word;

        word->handle = epoch->told.handle;
        word->count = epoch->told.count;
        word->behind = true;
        if (epoch->told.tpm_size > 0) {
                word->tpm_size = epoch->told.tpm_size;
                memcpy(word->tpm, epoch->told.tpm, epoch->told.tpm_size);
        }
}

static void forget_counter(VaultEpochCounter *word)
{
        word->handle = 0;
        word->count = 0;
        word->behind = false;
        word->tpm_size = 0;
}

static void set_right(Epoch *epoch)
{
        epoch->known = true;
        epoch->accepting = false;
        epoch->verdict = (VaultEpoch){0};
        set_problem(epoch, EPOCH_COUNTER_CURRENT, "");
}

static void set_wrong(Epoch *epoch, EpochCounterState state, VaultEpochState verdict, uint64_t recorded, const char *why)
{
        epoch->known = false;
        epoch->verdict = (VaultEpoch){.state = verdict, .recorded = recorded};
        set_problem(epoch, state, why);
}

static const char *why_gone(const Epoch *epoch)
{
        const VaultEpochCounter *word = &epoch->word;
        const EpochTold *told = &epoch->told;

        if (told->tpm_size == 0 || word->tpm_size == 0)
                return "the TPM does not have the counter of the vault any more: it was removed, or the TPM was cleared or "
                       "is another";
        if (told->tpm_size == word->tpm_size && memcmp(told->tpm, word->tpm, word->tpm_size) == 0)
                return "the counter of the vault was removed from the TPM";
        return "the TPM is another than the one that counted the states of the vault, or it was cleared since";
}

static void judge(Daemon *daemon)
{
        Epoch *epoch = daemon->epoch;
        const EpochTold *told = &epoch->told;
        bool bad = epoch_is_bad(daemon);

        if (told->handle != 0 && (epoch->accepting || (epoch->word.handle == 0 && told->fresh && !bad))) {
                adopt(epoch);
                set_right(epoch);
        } else if (told->handle == 0 && (epoch->accepting || (epoch->word.handle == 0 && !bad))) {
                forget_counter(&epoch->word);
                start(daemon, TPM_COUNTER_MAKE);
        } else if (told->handle == 0 && epoch->word.handle == 0)
                set_problem(epoch, EPOCH_COUNTER_NONE, "");
        else if (told->handle == 0)
                set_wrong(epoch, EPOCH_COUNTER_GONE, VAULT_EPOCH_FOREIGN, epoch->state.recorded, why_gone(epoch));
        else if (epoch->word.handle == 0)
                set_wrong(epoch, EPOCH_COUNTER_UNKNOWN, VAULT_EPOCH_FOREIGN, told->seconds,
                          "the TPM has counted states of the vault, and what was kept of that is gone, or is older");
        else if (told->count > epoch->word.count)
                set_wrong(epoch, EPOCH_COUNTER_AHEAD, VAULT_EPOCH_OLD, told->noted > epoch->word.count ? told->seconds : 0,
                          "the TPM has counted more states of the vault than what was kept beside it: that is an old one, and the "
                          "vault may be, too");
        else if (told->count + 1 < epoch->word.count)
                set_wrong(epoch, EPOCH_COUNTER_BEHIND, VAULT_EPOCH_FOREIGN, epoch->state.recorded,
                          "the TPM has counted fewer states of the vault than what was kept beside it: its memory was put back");
        else
                set_right(epoch);
}

static int read_told(ByteReader *fields, EpochTold *ret)
{
        EpochTold told = {0};
        const uint8_t *tpm;

        told.handle = byte_reader_u32(fields);
        told.count = byte_reader_u64(fields);
        told.fresh = byte_reader_u8(fields) == 1;
        told.noted = byte_reader_u64(fields);
        told.seconds = byte_reader_u64(fields);
        tpm = byte_reader_blob(fields, TPM_PARENT_MAX, &told.tpm_size);
        if (tpm)
                memcpy(told.tpm, tpm, told.tpm_size);
        if (!byte_reader_done(fields) || told.count >= UINT64_MAX - 1 ||
            (told.handle != 0 &&
             (told.handle < TPM_COUNTER_FIRST || told.handle > TPM_COUNTER_LAST || told.handle % 2 != 0)))
                return -EBADMSG;
        *ret = told;
        return 0;
}

static void failed(Epoch *epoch, TpmProblem problem, const char *why)
{
        if (epoch->operation == TPM_COUNTER_REMOVE) {
                epoch->tried = true;
                return;
        }
        /* A machine without is nothing to speak of. */
        if (epoch->word.handle == 0 && (problem == TPM_PROBLEM_NONE_HERE || problem == TPM_PROBLEM_NOT_BUILT))
                why = "";
        can_t_ask(epoch, why);
}

/* What is under way moves or removes what it was meant to; nobody waits for the rest. */
static void leave(Epoch *epoch)
{
        if (epoch->call && (epoch->operation == TPM_COUNTER_MOVE || epoch->operation == TPM_COUNTER_REMOVE))
                epoch->n_left++;
        else
                (void)tpm_call_cancel(epoch->call);
        epoch->call = NULL;
        epoch->known = epoch->accepting = epoch->tried = false;
        epoch->told = (EpochTold){0};
}

static void on_told(void *userdata, const TpmAnswer *answer)
{
        Daemon *daemon = userdata;
        Epoch *epoch = daemon->epoch;

        if (epoch->n_left > 0) {
                epoch->n_left--;
                return;
        }
        epoch->call = NULL;
        if (!daemon->vault || !vault_is_unlocked(daemon->vault)) { /* replaced, and what took its place did not open */
                leave(epoch);
                wake(epoch);
                return;
        }
        if (answer->problem == TPM_PROBLEM_FOREIGN && epoch->operation != TPM_COUNTER_REMOVE) {
                epoch->told = (EpochTold){0}; /* what is there is not the vault's */
                judge(daemon);
        } else if (answer->problem != 0)
                failed(epoch, answer->problem, answer->why);
        else if (epoch->operation == TPM_COUNTER_REMOVE)
                epoch->word.stale = 0; /* as the next word will have it */
        else if (read_told(answer->fields, &epoch->told) < 0)
                failed(epoch, TPM_PROBLEM_FAILED, "the TPM answered what can't be understood");
        else
                judge(daemon);
        if (epoch->known || epoch->verdict.state != VAULT_EPOCH_CLOSED)
                epoch_look_again(daemon);
        step(daemon);
}

/* ---- life ---- */

void epoch_counter_begin(Daemon *daemon, const VaultEpochCounter *word)
{
        Epoch *epoch = daemon->epoch;
        VaultEpochCounter copy = *word;

        leave(epoch);
        epoch->word = copy;
        epoch->counter = EPOCH_COUNTER_ASKED;
        start(daemon, TPM_COUNTER_READ);
}

void epoch_counter_accept(Epoch *epoch)
{
        epoch->verdict = (VaultEpoch){0};
        switch (epoch->counter) {
        case EPOCH_COUNTER_ASKED:
                epoch->accepting = true;
                break;
        case EPOCH_COUNTER_AHEAD:
        case EPOCH_COUNTER_BEHIND:
        case EPOCH_COUNTER_UNKNOWN:
                adopt(epoch);
                set_right(epoch);
                break;
        case EPOCH_COUNTER_GONE:
        case EPOCH_COUNTER_UNREACHABLE:
                forget_counter(&epoch->word);
                set_problem(epoch, EPOCH_COUNTER_NONE, "");
                break;
        default:
                break;
        }
}

void epoch_counter_accepted(Daemon *daemon)
{
        Epoch *epoch = daemon->epoch;

        if (epoch->counter != EPOCH_COUNTER_NONE)
                return;
        epoch_counter_begin(daemon, &epoch->word);
        epoch->accepting = epoch->counter == EPOCH_COUNTER_ASKED;
}

void epoch_counter_rekeyed(Daemon *daemon)
{
        Epoch *epoch = daemon->epoch;

        leave(epoch);
        if (epoch->word.handle != 0) {
                epoch->word.stale = epoch->word.handle;
                memcpy(epoch->word.stale_tag, epoch->tag, TPM_TAG_SIZE);
        }
        forget_counter(&epoch->word);
        set_problem(epoch, EPOCH_COUNTER_NONE, "");
}

void epoch_counter_closed(Daemon *daemon)
{
        Epoch *epoch = daemon->epoch;

        leave(epoch);
        epoch->word = (VaultEpochCounter){0};
        if (epoch->verdict.state == VAULT_EPOCH_CLOSED)
                set_problem(epoch, EPOCH_COUNTER_NONE, "");
        wake(epoch);
}

/* ---- what is told ---- */

bool epoch_settle(Daemon *daemon)
{
        Epoch *epoch = daemon->epoch;

        if (!epoch || !daemon->vault || !vault_is_unlocked(daemon->vault))
                return false;
        if (epoch->counter == EPOCH_COUNTER_UNREACHABLE && !epoch->call)
                epoch_counter_begin(daemon, &epoch->word);
        return epoch->call;
}

void epoch_counter_fields(const Daemon *daemon, ByteWriter *ret)
{
        const Epoch *epoch = daemon->epoch;

        if (!epoch || epoch->word.handle == 0)
                return;
        byte_writer_raw(ret, epoch->tag, TPM_TAG_SIZE);
        byte_writer_u32(ret, epoch->word.handle);
}

EpochCounterFacts epoch_counter(const Daemon *daemon)
{
        static const char *const names[_EPOCH_COUNTER_MAX] = {
                [EPOCH_COUNTER_NONE] = "none",           [EPOCH_COUNTER_ASKED] = "checking",
                [EPOCH_COUNTER_CURRENT] = "current",     [EPOCH_COUNTER_UNREACHABLE] = "unreachable",
                [EPOCH_COUNTER_AHEAD] = "ahead",         [EPOCH_COUNTER_BEHIND] = "behind",
                [EPOCH_COUNTER_GONE] = "gone",           [EPOCH_COUNTER_UNKNOWN] = "unknown",
        };
        const Epoch *epoch = daemon->epoch;

        if (!epoch || !daemon->vault)
                return (EpochCounterFacts){.state = names[EPOCH_COUNTER_NONE], .problem = ""};
        return (EpochCounterFacts){
                .state = names[epoch->counter],
                .problem = epoch->problem,
                .handle = epoch->word.handle,
        };
}
