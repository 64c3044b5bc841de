/*
 * Epoch
 *
 * What the word says and what the TPM says are put together here: the vault is as old as the worse of them makes it. Until the TPM has
 * answered it is as old as the word makes it, and words go on being written; that hides nothing from the TPM, because the number in them
 * stays what it was.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/places.h"
#include "daemon/batch.h"
#include "daemon/epoch-internal.h"
#include "daemon/log.h"

#define HOUR 3600U

/* ---- comparing and keeping ---- */

static bool is_bad(VaultEpochState state)
{
        return state == VAULT_EPOCH_OLD || state == VAULT_EPOCH_FOREIGN;
}

static void keep(Daemon *daemon, const char *name, const Secret *previous)
{
        Epoch *epoch = daemon->epoch;
        _cleanup_(secret_freep) Secret *word = NULL;
        uint64_t now = (uint64_t)time(NULL);
        VaultEpochCounter counter = epoch_counter_next(epoch, now);
        int r;

        r = vault_epoch_make(daemon->vault, previous ? previous->data : NULL, previous ? previous->size : 0, now, &counter,
                             &word);
        if (r == 0)
                r = epoch_file_write(epoch, name, word);
        if (r != 0) {
                log_line(LOG_WARNING, "what the vault has come to could not be kept in %s: %s", epoch->path,
                         vault_strerror(r));
                return;
        }
        epoch->state = (VaultEpoch){.state = VAULT_EPOCH_CURRENT, .recorded = now, .found = vault_modified(daemon->vault)};
        epoch_counter_kept(daemon, &counter);
}

static void date(uint64_t seconds, char ret[32])
{
        time_t when = (time_t)seconds;
        struct tm tm;

        if (seconds == 0 || !localtime_r(&when, &tm) || strftime(ret, 32, "%Y-%m-%d %H:%M", &tm) == 0)
                (void)snprintf(ret, 32, "an unknown time");
}

static void say(const Epoch *epoch)
{
        const VaultEpoch *state = &epoch->state;
        char recorded[32], found[32];

        date(state->recorded, recorded);
        date(state->found, found);
        if (state->state == VAULT_EPOCH_OLD)
                log_line(LOG_ERR,
                         "an OLD COPY of the vault was put back: it was last changed %s, and had come farther by %s; "
                         "run keyfob check",
                         found, recorded);
        else
                log_line(LOG_ERR,
                         "the vault (last changed %s) does not go with what was kept of it: an old copy may have been "
                         "put back; run keyfob check",
                         found);
        if (is_bad(epoch->verdict.state))
                log_line(LOG_ERR, "%s", epoch->problem);
}

/* Whether an hour is over since, by a clock that may have been set back. */
static bool is_due(uint64_t since)
{
        uint64_t now = (uint64_t)time(NULL);

        return now < since || now - since >= HOUR;
}

typedef enum Why {
        OPENED,  /* it has just been */
        CHANGED, /* it may have been */
} Why;

/* What the TPM said counts until it says something else, and what was noticed does not end by an old copy's coming as far as
 * the one that it took the place of: the owner decides. */
static void add_verdict(Epoch *epoch)
{
        const VaultEpoch *worse = is_bad(epoch->noticed.state) ? &epoch->noticed : &epoch->verdict;

        if (is_bad(epoch->state.state) || !is_bad(worse->state))
                return;
        epoch->state.state = worse->state;
        epoch->state.recorded = worse->recorded;
}

static void look(Daemon *daemon, Why why, bool accept)
{
        Epoch *epoch = daemon->epoch;
        _cleanup_(secret_freep) Secret *kept = NULL;
        uint64_t now = (uint64_t)time(NULL);
        VaultEpoch state, before;
        char name[EPOCH_NAME_SIZE];
        int r;

        if (!epoch || !epoch->path || !daemon->vault || !vault_is_unlocked(daemon->vault))
                return;
        if (epoch->forgotten && why == CHANGED && !accept)
                return;
        epoch->forgotten = false;
        epoch->structure = vault_structure(daemon->vault);
        epoch->since = now; /* whatever comes of it: not again with every commit */
        epoch_file_name(daemon->vault, name);
        r = epoch_file_read(epoch, name, &kept);
        if (r < 0) {
                log_line(LOG_WARNING, "%s/%s can't be read: %s", epoch->path, name, strerror(-r));
                return;
        }
        r = vault_epoch_compare(daemon->vault, kept ? kept->data : NULL, kept ? kept->size : 0, &state);
        if (r != 0)
                return;
        before = epoch->state;
        epoch->state = state;
        if (accept)
                epoch->noticed = (VaultEpoch){0};
        else if (is_bad(state.state))
                epoch->noticed = state;
        if (why == OPENED)
                epoch_counter_begin(daemon, &state.counter);
        add_verdict(epoch);
        if (accept) {
                epoch_counter_accept(epoch);
                keep(daemon, name, NULL);
                epoch_counter_accepted(daemon);
        } else if (is_bad(epoch->state.state)) {
                if (before.state != epoch->state.state)
                        say(epoch);
        } else if (state.state == VAULT_EPOCH_NONE || (state.moved && (state.structure || is_due(state.recorded))) ||
                   epoch_counter_wants(epoch, now))
                keep(daemon, name, kept);
        if (!is_due(epoch->state.recorded))
                epoch->since = epoch->state.recorded;
        if (before.state != epoch->state.state)
                (void)batch_invalidated(daemon, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "Epoch", NULL);
}

void epoch_unlocked(Daemon *daemon)
{
        Epoch *epoch = daemon->epoch;
        bool accepted = epoch && epoch->accepted;

        if (!epoch || !daemon->vault || !vault_is_unlocked(daemon->vault))
                return;
        epoch->accepted = false;
        look(daemon, epoch->open && !accepted ? CHANGED : OPENED, accepted);
        epoch->open = true;
}

void epoch_look_again(Daemon *daemon)
{
        batch_flush(daemon); /* or it could not be compared */
        look(daemon, CHANGED, /* accept= */ false);
}

bool epoch_is_due(const Daemon *daemon)
{
        const Epoch *epoch = daemon->epoch;

        return epoch && daemon->vault && epoch->state.state != VAULT_EPOCH_CLOSED && vault_is_unlocked(daemon->vault) &&
               epoch->structure != vault_structure(daemon->vault);
}

void epoch_idle(Daemon *daemon)
{
        const Epoch *epoch = daemon->epoch;

        /* Usually there is nothing to do, and no file to be read to know that. */
        if (!epoch || !daemon->vault || epoch->state.state == VAULT_EPOCH_CLOSED ||
            (!epoch_is_due(daemon) && !is_due(epoch->since)))
                return;
        (void)epoch_settle(daemon);
        look(daemon, CHANGED, /* accept= */ false);
}

void epoch_rekeyed(Daemon *daemon)
{
        if (!daemon->epoch)
                return;
        epoch_counter_rekeyed(daemon);
        if (!is_bad(daemon->epoch->state.state))
                look(daemon, CHANGED, /* accept= */ true);
}

void epoch_accept(Daemon *daemon)
{
        if (!daemon->epoch)
                return;
        if (!daemon->vault || !vault_is_unlocked(daemon->vault))
                daemon->epoch->accepted = true;
        else
                look(daemon, CHANGED, /* accept= */ true);
}

void epoch_closed(Daemon *daemon)
{
        if (!daemon->epoch)
                return;
        daemon->epoch->open = daemon->epoch->forgotten = false;
        epoch_counter_closed(daemon);
        if (!is_bad(daemon->epoch->state.state))
                daemon->epoch->state = (VaultEpoch){0}; /* else what was found stays said until it is looked at again */
}

int epoch_forget(Daemon *daemon)
{
        Epoch *epoch = daemon->epoch;
        char name[EPOCH_NAME_SIZE];
        int r;

        if (!epoch || !epoch->path)
                return 0;
        epoch_file_name(daemon->vault, name);
        r = epoch_file_remove(epoch, name);
        if (r < 0)
                return r;
        epoch_counter_closed(daemon);
        epoch->forgotten = true;
        epoch->state = (VaultEpoch){0};
        (void)batch_invalidated(daemon, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "Epoch", NULL);
        return 0;
}

/* ---- what is told ---- */

VaultEpoch epoch_state(const Daemon *daemon)
{
        return daemon->epoch && daemon->vault ? daemon->epoch->state : (VaultEpoch){0};
}

const char *epoch_state_name(VaultEpochState state)
{
        static const char *const names[] = {
                [VAULT_EPOCH_CLOSED] = "closed", [VAULT_EPOCH_NONE] = "new", [VAULT_EPOCH_CURRENT] = "current",
                [VAULT_EPOCH_OLD] = "old",       [VAULT_EPOCH_FOREIGN] = "foreign",
        };

        return names[state];
}

bool epoch_is_bad(const Daemon *daemon)
{
        return is_bad(epoch_state(daemon).state);
}

/* ---- life ---- */

const char *epoch_directory(const Epoch *epoch)
{
        return epoch->path;
}

int epoch_new(Daemon *daemon, Epoch **ret)
{
        _cleanup_(epoch_freep) Epoch *epoch = calloc(1, sizeof(*epoch));
        _cleanup_free_ char *path = NULL;
        int r;

        if (!epoch)
                return -ENOMEM;
        epoch->directory = -1;
        r = places_state_dir(&path);
        if (r == -ENOMEM)
                return r;
        if (r >= 0) {
                r = places_open_private_dir(path);
                if (r >= 0) {
                        epoch->directory = r;
                        epoch->path = TAKE_PTR(path);
                }
        }
        if (r < 0)
                log_line(LOG_WARNING, "%s can't be used, so an old copy of the vault would not be noticed: %s",
                         path ?: "$XDG_STATE_HOME/keyfob", strerror(-r));
        *ret = TAKE_PTR(epoch);
        return 0;
}

Epoch *epoch_free(Epoch *epoch)
{
        if (!epoch)
                return NULL;
        closep(&epoch->directory);
        free(epoch->path);
        free(epoch);
        return NULL;
}
