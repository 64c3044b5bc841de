/*
 * The daemon's parts, made and unmade
 *
 * The order is what keeps keys safe: the socket is bound, which ends a second daemon before it does anything; the
 * helper is started while there is no key and nothing is restricted; then the process closes itself to tracers, lets
 * callers in, opens the vault and locks itself in. On the way out the doors go first, so that whoever holds something
 * is told while every part is still there, and the vault last.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/places.h"
#include "common/secret.h"
#include "crypto/arena.h"
#include "daemon/access-policy.h"
#include "daemon/ask.h"
#include "daemon/auto-lock.h"
#include "daemon/batch.h"
#include "daemon/caller.h"
#include "daemon/ctap.h"
#include "daemon/door.h"
#include "daemon/epoch.h"
#include "daemon/helper-link.h"
#include "daemon/identity.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/opening.h"
#include "daemon/sandbox.h"
#include "daemon/secret-service.h"
#include "daemon/settings.h"
#include "daemon/ssh.h"
#include "daemon/tpm.h"
#include "daemon/traces.h"
#include "daemon/unlock-door.h"

#define VAULT_NAME "vault.db"

int daemon_open_vault(Daemon *daemon)
{
        int before = daemon->vault_state, r;
        pid_t holder = 0;

        if (daemon->batch)
                batch_flush(daemon);
        access_forget(daemon);
        daemon->vault = vault_free(daemon->vault);
        ctap_forget(daemon->ctap);
        r = vault_open(daemon->vault_path, &daemon->vault, &holder);
        ssh_door_reload(daemon->ssh);
        daemon->vault_state = r;
        daemon->vault_holder = r == VAULT_E_BUSY ? holder : 0;

        if (r == before)
                return r; /* known, and said */
        if (r == VAULT_E_BUSY && holder > 0)
                log_line(LOG_ERR, "process %d has the vault open", holder);
        else if (r == VAULT_E_NO_VAULT)
                log_line(LOG_NOTICE, "no vault yet: run keyfob init");
        else if (r != 0)
                log_line(LOG_ERR, "the vault could not be opened: %s", vault_strerror(r));
        return r;
}

void daemon_close_vault(Daemon *daemon)
{
        batch_flush(daemon);
        daemon->vault = vault_free(daemon->vault);
        daemon->vault_state = VAULT_E_NO_VAULT;
        daemon->slot_changes++;
        daemon->key_changes++;
        daemon->vault_changes++;
}

bool daemon_find_vault(Daemon *daemon)
{
        if (!daemon->vault && daemon_open_vault(daemon) == 0 && daemon->vault)
                opening_automatic(daemon);
        return daemon->vault;
}

static int directory_of(const char *path, char **ret)
{
        const char *slash = strrchr(path, '/');

        if (!slash)
                *ret = strdup(".");
        else
                *ret = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
        return *ret ? 0 : -ENOMEM;
}

/* The directory is made now, while it can be: what init makes later must lie within what the sandbox leaves open. */
static int choose_vault(Daemon *daemon, const char *given)
{
        _cleanup_free_ char *directory = NULL;
        int r, fd;

        if (given) {
                daemon->vault_path = realpath(given, NULL);
                if (!daemon->vault_path)
                        daemon->vault_path = strdup(given);
                if (!daemon->vault_path)
                        return -ENOMEM;
        } else {
                r = places_data_dir(&directory);
                if (r < 0)
                        return r;
                if (asprintf(&daemon->vault_path, "%s/" VAULT_NAME, directory) < 0) {
                        daemon->vault_path = NULL;
                        return -ENOMEM;
                }
                free(TAKE_PTR(directory));
        }

        r = directory_of(daemon->vault_path, &directory);
        if (r < 0)
                return r;
        /* A directory that the person chose is made, but never changed. */
        if (given && access(directory, F_OK) == 0)
                return 0;
        fd = places_open_private_dir(directory);
        if (fd < 0) {
                log_line(LOG_WARNING, "%s can't be used: %s", directory, strerror(-fd));
                return 0;
        }
        (void)close(fd);
        return 0;
}

static void close_to_others(void)
{
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                log_line(LOG_WARNING, "the process could not be made undumpable: %m");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                log_line(LOG_WARNING, "privileges could not be given up: %m");
}

static int lock_in(const Daemon *daemon)
{
        _cleanup_free_ char *vault = NULL, *sockets = NULL;
        int r;

        r = directory_of(daemon->vault_path, &vault);
        if (r >= 0)
                r = directory_of(doors_socket_path(daemon), &sockets);
        if (r < 0)
                return r;
        sandbox_enter((const char *const[]){vault, sockets, epoch_directory(daemon->epoch), NULL});
        return 0;
}

static unsigned n_processors(void)
{
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        return n < 1 ? 1 : n > (long)JOBS_WORKERS_MAX ? JOBS_WORKERS_MAX : (unsigned)n;
}

int daemon_new(const DaemonOptions *options, Daemon **ret, pid_t *ret_pid)
{
        _cleanup_(daemon_freep) Daemon *daemon = calloc(1, sizeof(*daemon));
        int r;

        if (!daemon)
                return -ENOMEM;
        r = sd_event_new(&daemon->event);
        if (r >= 0)
                r = traces_new(daemon->event, &daemon->traces);
        if (r >= 0)
                r = settings_load(&daemon->settings);
        if (r < 0)
                return r;

        r = doors_new(daemon, &daemon->doors, ret_pid);
        if (r < 0)
                return r;

        r = arena_init();
        if (r < 0)
                return r;
        if (r > 0)
                log_line(LOG_WARNING, "keys can't be locked in memory and may be swapped: raise the memlock limit");

        r = helper_link_new(daemon, &daemon->helper);
        if (r >= 0)
                r = tpm_new(daemon, &daemon->tpm);
        if (r < 0)
                return r;
        close_to_others();

        r = callers_new(daemon, &daemon->callers);
        if (r >= 0)
                r = identities_new(daemon, &daemon->identities);
        if (r >= 0)
                r = access_log_new(daemon, &daemon->access);
        if (r >= 0)
                r = access_policy_new(daemon, &daemon->policy);
        if (r >= 0)
                r = batch_new(daemon, &daemon->batch);
        if (r >= 0)
                r = jobs_new(daemon, /* workers= */ 1, &daemon->jobs);
        if (r >= 0)
                r = jobs_new(daemon, n_processors(), &daemon->signers);
        if (r >= 0)
                r = jobs_new(daemon, /* workers= */ 1, &daemon->makers);
        if (r >= 0)
                r = jobs_new(daemon, /* workers= */ 1, &daemon->copiers);
        if (r >= 0)
                r = jobs_new(daemon, /* workers= */ 1, &daemon->strangers);
        if (r >= 0)
                r = asker_new(daemon, &daemon->asker);
        if (r >= 0)
                r = openings_new(daemon, &daemon->openings);
        if (r >= 0)
                r = choose_vault(daemon, options->vault_path);
        if (r >= 0)
                r = epoch_new(daemon, &daemon->epoch);
        if (r >= 0)
                r = secrets_new(daemon, &daemon->secrets);
        if (r >= 0)
                r = ctap_new(daemon, &daemon->ctap);
        if (r >= 0)
                r = ssh_door_new(daemon, &daemon->ssh);
        if (r >= 0)
                r = unlock_door_new(daemon, &daemon->unlock);
        if (r < 0)
                return r;

        r = doors_open(daemon, &(DoorsOptions){.use_bus = options->use_bus, .replace = options->replace});
        if (r >= 0)
                r = ctap_open(daemon->ctap);
        if (r >= 0)
                r = ssh_door_open(daemon->ssh);
        if (r >= 0)
                r = unlock_door_open(daemon->unlock);
        if (r < 0)
                return r;
        (void)daemon_open_vault(daemon);
        r = auto_lock_new(daemon, &daemon->auto_lock);
        if (r < 0)
                return r;
        if (options->sandbox) {
                r = lock_in(daemon);
                if (r < 0)
                        return r;
        }

        opening_automatic(daemon);
        *ret = TAKE_PTR(daemon);
        return 0;
}

Daemon *daemon_free(Daemon *daemon)
{
        if (!daemon)
                return NULL;
        if (daemon->batch) {
                batch_flush(daemon);
                access_log_settle(daemon);
                opening_write_used(daemon);
                epoch_idle(daemon);
        }
        daemon->auto_lock = auto_lock_free(daemon->auto_lock);
        callers_leave(daemon->callers);
        daemon->wiping = wipe_work_free(daemon->wiping);
        /* Before the doors, which give up the lock on the directory of their sockets. */
        daemon->unlock = unlock_door_free(daemon->unlock);
        daemon->ssh = ssh_door_free(daemon->ssh);
        daemon->ctap = ctap_free(daemon->ctap);
        daemon->doors = doors_free(daemon->doors);
        daemon->secrets = secrets_free(daemon->secrets);
        daemon->openings = openings_free(daemon->openings);
        daemon->policy = access_policy_free(daemon->policy);
        daemon->asker = asker_free(daemon->asker);
        daemon->jobs = jobs_free(daemon->jobs);
        daemon->signers = jobs_free(daemon->signers);
        daemon->makers = jobs_free(daemon->makers);
        daemon->copiers = jobs_free(daemon->copiers);
        daemon->strangers = jobs_free(daemon->strangers);
        daemon->tpm = tpm_free(daemon->tpm);
        daemon->helper = helper_link_free(daemon->helper);
        daemon->batch = batch_free(daemon->batch);
        daemon->access = access_log_free(daemon->access);
        daemon->callers = callers_free(daemon->callers);
        daemon->identities = identities_free(daemon->identities);
        daemon->vault = vault_free(daemon->vault);
        daemon->epoch = epoch_free(daemon->epoch);
        daemon->session_vault = vault_free(daemon->session_vault);
        daemon->settings = settings_free(daemon->settings);
        daemon->traces = traces_free(daemon->traces);
        sd_event_unref(daemon->event);
        free(daemon->vault_path);
        free(daemon);
        return NULL;
}
