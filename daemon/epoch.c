/*
 * Epoch
 */
#include "daemon/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/hex.h"
#include "common/places.h"
#include "daemon/batch.h"
#include "daemon/log.h"

#define HOUR      3600U
#define NAME_SIZE 64U
#define VAULT_ID  16U

struct Epoch {
        char *path; /* NULL: there is no place to keep it */
        int directory;
        VaultEpoch state;
        uint32_t structure; /* as it was when that was looked at */
        uint64_t since;     /* seconds: it is looked at again an hour after this, or when the structure was changed */
        bool accepted; /* the next state that is seen is right */
};

/* ---- the file ---- */

/* One for each vault there ever was: a backup of another one is another one. */
static void file_name(const Vault *vault, char ret[NAME_SIZE])
{
        char id[2 * VAULT_ID + 1];

        hex_encode(vault_id(vault), VAULT_ID, id);
        (void)snprintf(ret, NAME_SIZE, "epoch-%s", id);
}

/* *ret NULL: there is none. */
static int read_file(const Epoch *epoch, const char *name, Secret **ret)
{
        _cleanup_close_ int fd = openat(epoch->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;

        *ret = NULL;
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
                return -EPERM;
        return secret_read(fd, VAULT_EPOCH_MAX, ret);
}

static int write_all(int fd, const Secret *content)
{
        for (size_t at = 0; at < content->size;) {
                ssize_t n = write(fd, content->data + at, content->size - at);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        at += (size_t)n;
        }
        return fsync(fd) < 0 ? -errno : 0;
}

static int write_file(const Epoch *epoch, const char *name, const Secret *content)
{
        char partial[NAME_SIZE + 8];
        _cleanup_close_ int fd = -1;
        int r;

        (void)snprintf(partial, sizeof(partial), "%s.new", name);
        (void)unlinkat(epoch->directory, partial, 0);
        fd = openat(epoch->directory, partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = write_all(fd, content);
        if (r == 0 && renameat(epoch->directory, partial, epoch->directory, name) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(epoch->directory, partial, 0);
        else if (fsync(epoch->directory) < 0)
                r = -errno;
        return r;
}

/* ---- comparing and keeping ---- */

static void keep(Daemon *daemon, const char *name, const Secret *previous)
{
        Epoch *epoch = daemon->epoch;
        _cleanup_(secret_freep) Secret *word = NULL;
        uint64_t now = (uint64_t)time(NULL);
        int r;

        r = vault_epoch_make(daemon->vault, previous ? previous->data : NULL, previous ? previous->size : 0, now, &word);
        if (r == 0)
                r = write_file(epoch, name, word);
        if (r != 0) {
                log_line(LOG_WARNING, "what the vault has come to could not be kept in %s: %s", epoch->path,
                         vault_strerror(r));
                return;
        }
        epoch->state = (VaultEpoch){.state = VAULT_EPOCH_CURRENT, .recorded = now, .found = vault_modified(daemon->vault)};
}

static void date(uint64_t seconds, char ret[32])
{
        time_t when = (time_t)seconds;
        struct tm tm;

        if (seconds == 0 || !localtime_r(&when, &tm) || strftime(ret, 32, "%Y-%m-%d %H:%M", &tm) == 0)
                (void)snprintf(ret, 32, "an unknown time");
}

static void say(const VaultEpoch *state)
{
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
}

static bool is_bad(VaultEpochState state)
{
        return state == VAULT_EPOCH_OLD || state == VAULT_EPOCH_FOREIGN;
}

/* Whether an hour is over since, by a clock that may have been set back. */
static bool is_due(uint64_t since)
{
        uint64_t now = (uint64_t)time(NULL);

        return now < since || now - since >= HOUR;
}

static void look(Daemon *daemon, bool accept)
{
        Epoch *epoch = daemon->epoch;
        _cleanup_(secret_freep) Secret *kept = NULL;
        VaultEpoch state, before;
        char name[NAME_SIZE];
        int r;

        if (!epoch || !epoch->path || !daemon->vault || !vault_is_unlocked(daemon->vault))
                return;
        epoch->structure = vault_structure(daemon->vault);
        epoch->since = (uint64_t)time(NULL); /* whatever comes of it: not again with every commit */
        file_name(daemon->vault, name);
        r = read_file(epoch, name, &kept);
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
                keep(daemon, name, NULL);
        else if (is_bad(state.state)) {
                if (before.state != state.state)
                        say(&state);
        } else if (state.state == VAULT_EPOCH_NONE || (state.moved && (state.structure || is_due(state.recorded))))
                keep(daemon, name, kept);
        if (!is_due(epoch->state.recorded))
                epoch->since = epoch->state.recorded;
        if (before.state != epoch->state.state)
                (void)batch_invalidated(daemon, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "Epoch", NULL);
}

void epoch_unlocked(Daemon *daemon)
{
        bool accepted = daemon->epoch && daemon->epoch->accepted;

        if (!daemon->epoch || !daemon->vault || !vault_is_unlocked(daemon->vault))
                return;
        daemon->epoch->accepted = false;
        look(daemon, accepted);
}

void epoch_idle(Daemon *daemon)
{
        const Epoch *epoch = daemon->epoch;

        /* Usually there is nothing to do, and no file to be read to know that. */
        if (!epoch || !daemon->vault || epoch->state.state == VAULT_EPOCH_CLOSED ||
            (epoch->structure == vault_structure(daemon->vault) && !is_due(epoch->since)))
                return;
        look(daemon, /* accept= */ false);
}

void epoch_rekeyed(Daemon *daemon)
{
        if (daemon->epoch && !is_bad(daemon->epoch->state.state))
                look(daemon, /* accept= */ true);
}

void epoch_accept(Daemon *daemon)
{
        if (!daemon->epoch)
                return;
        if (!daemon->vault || !vault_is_unlocked(daemon->vault))
                daemon->epoch->accepted = true;
        else
                look(daemon, /* accept= */ true);
}

void epoch_closed(Daemon *daemon)
{
        if (!daemon->epoch || is_bad(daemon->epoch->state.state))
                return; /* what was found stays said until it is looked at again */
        daemon->epoch->state = (VaultEpoch){0};
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
