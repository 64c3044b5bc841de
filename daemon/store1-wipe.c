/*
 * Store1: having it gone, while everything goes on
 *
 * A wipe can't be undone, so it wants a slot of the vault opened afresh. Then it is done in the loop's free moments, in steps that take
 * a few milliseconds (store/wipe.c), and answered when nothing is left in any file. Once begun it is carried through, whether its caller
 * stays or not: half of it would be of no use to anybody. There is one at a time, and none beside a backup.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <string.h>

#include "daemon/copying.h"
#include "daemon/log.h"
#include "daemon/slices.h"

#define STEP_PAGES 64U

struct WipeWork {
        Daemon *daemon;
        Waiting *waiting; /* NULL: its caller left */
        VaultWipe *wipe;
        Slices *slices;
};

WipeWork *wipe_work_free(WipeWork *work)
{
        if (!work)
                return NULL;
        if (work->waiting)
                work->waiting->wipe = NULL;
        if (work->daemon->wiping == work)
                work->daemon->wiping = NULL;
        (void)vault_wipe_free(work->wipe);
        (void)slices_free(work->slices);
        free(work);
        return NULL;
}

WipeWork *wipe_work_leave(WipeWork *work)
{
        if (work)
                work->waiting = NULL;
        return NULL;
}

static void end(WipeWork *work, int r)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Daemon *daemon = work->daemon;
        Waiting *waiting = work->waiting;
        unsigned copies;
        uint64_t n = vault_wipe_count(work->wipe, &copies);

        (void)wipe_work_free(work);
        if (r != 0)
                log_line(LOG_ERR, "wiping failed: %s", r == -ECANCELED ? "the vault was replaced meanwhile" : vault_strerror(r));
        if (!waiting)
                return;
        if (r != 0)
                r = copying_error(daemon, &error, r);
        else
                r = waiting_finish(waiting, "tu", n, copies);
        waiting_settle(waiting, r, &error);
}

static void step(void *userdata)
{
        WipeWork *work = userdata;
        Daemon *daemon = work->daemon;
        bool done = false;
        int r;

        batch_flush(daemon);
        r = vault_wipe_step(work->wipe, STEP_PAGES, &done);
        batch_wrote(daemon);
        if (r == 0 && !done)
                slices_again(work->slices);
        else
                end(work, r);
}

static int begin(Waiting *waiting, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        WipeWork *work;
        int r;

        r = store1_same_keys(waiting, error);
        if (r < 0)
                return r;
        /* It is of no more use here, and locking ends who holds one. */
        waiting->root = root_free(waiting->root);
        if (daemon->wiping) {
                sd_bus_error_set(error, KEYFOB_ERROR_BUSY, "the vault is being wiped already: try again when it is done");
                return -EBUSY;
        }
        work = calloc(1, sizeof(*work));
        if (!work)
                return -ENOMEM;
        *work = (WipeWork){.daemon = daemon, .waiting = waiting};
        daemon->wiping = waiting->wipe = work;
        copying_make_way(daemon);
        batch_flush(daemon);
        r = vault_wipe_new(daemon->vault, waiting->number, &work->wipe);
        if (r == 0)
                r = slices_new(daemon->event, step, work, &work->slices);
        if (r == 0)
                return 0;
        (void)wipe_work_free(work);
        return copying_error(daemon, error, r);
}

int store1_wipe(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"auth", "touch", "interactive", NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        const char *path;
        ItemRef ref = {0};
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "o", &path);
        if (r < 0)
                return r;
        if (strcmp(path, "/") != 0 && (!secret_path_item(daemon, path, &ref) || ref.vault != daemon->vault))
                return daemon_error(daemon, error, VAULT_E_NOT_FOUND);
        if (!vault_is_unlocked(daemon->vault))
                return daemon_error(daemon, error, VAULT_E_LOCKED);
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        waiting->number = ref.id;
        r = waiting_open(waiting, 0, waiting->options.auth, NULL, /* unlock= */ false, "wipe",
                         ref.id ? "Enter the password of your Keyfob vault, to wipe the old values of an item for good."
                                : "Enter the password of your Keyfob vault, to wipe for good all that was deleted or "
                                  "replaced.",
                         begin);
        return waiting_started(waiting, r);
}
