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

#include "daemon/log.h"

#define STEP_PAGES    64U
#define STEP_USEC     (UINT64_C(20) * 1000) /* a loop that is never idle does a step as often as this */
#define STEP_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 30)

struct WipeWork {
        Daemon *daemon;
        Waiting *waiting; /* NULL: its caller left */
        VaultWipe *wipe;
        sd_event_source *idle, *timer;
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
        sd_event_source_disable_unref(work->idle);
        sd_event_source_disable_unref(work->timer);
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
        if (r == -ECANCELED) {
                sd_bus_error_set(&error, KEYFOB_ERROR_BUSY, "the vault was replaced meanwhile: try again");
                r = -EBUSY;
        } else if (r != 0)
                r = daemon_error(daemon, &error, r);
        else
                r = waiting_finish(waiting, "tu", n, copies);
        waiting_settle(waiting, r, &error);
}

static void step(WipeWork *work)
{
        Daemon *daemon = work->daemon;
        bool done = false;
        int r;

        batch_flush(daemon);
        r = vault_wipe_step(work->wipe, STEP_PAGES, &done);
        batch_wrote(daemon);
        if (r != 0 || done) {
                end(work, r);
                return;
        }
        (void)sd_event_source_set_enabled(work->idle, SD_EVENT_ONESHOT);
        (void)sd_event_source_set_time_relative(work->timer, STEP_USEC);
        (void)sd_event_source_set_enabled(work->timer, SD_EVENT_ONESHOT);
}

static int on_idle(sd_event_source *source, void *userdata)
{
        step(userdata);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        step(userdata);
        return 0;
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
        batch_flush(daemon);
        r = vault_wipe_new(daemon->vault, waiting->number, &work->wipe);
        if (r == -EBUSY)
                sd_bus_error_set(error, KEYFOB_ERROR_BUSY, "a backup is being made: try again when it is done");
        else if (r > 0)
                r = daemon_error(daemon, error, r);
        if (r == 0)
                r = sd_event_add_defer(daemon->event, &work->idle, on_idle, work);
        if (r >= 0)
                r = sd_event_source_set_priority(work->idle, STEP_PRIORITY);
        if (r >= 0)
                r = sd_event_add_time_relative(daemon->event, &work->timer, CLOCK_MONOTONIC, STEP_USEC, 0, on_timer, work);
        if (r < 0) {
                (void)wipe_work_free(work);
                return r;
        }
        return 0;
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
