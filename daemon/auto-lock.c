/*
 * Locking by itself
 *
 * What would open the vault again goes with its keys: questions that stand before somebody who has left, passwords that were
 * typed and are being tried, root keys that wait for an answer. Whoever waits for them is told that it was cancelled, and
 * may ask again. The machine is let to sleep when no worker has a key in its hands any more, which takes as long as the KDF.
 *
 * After that nothing opens by itself, not even what needs nobody: the next program that wants a secret has it opened.
 */
#include "daemon/auto-lock.h"

#include <errno.h>

#include "daemon/job.h"
#include "daemon/lock.h"
#include "daemon/log.h"
#include "daemon/logind.h"
#include "daemon/opening.h"
#include "daemon/secret-service.h"
#include "daemon/settings.h"
#include "daemon/store1-internal.h"

#define DRAIN_USEC (UINT64_C(10) * 1000) /* between looks at the workers */

struct AutoLock {
        Daemon *daemon;
        Logind *logind;
        sd_event_source *idle, *drain;
        bool waits; /* idle is set */
};

static void lock_by_itself(AutoLock *lock, const char *why)
{
        Daemon *daemon = lock->daemon;

        openings_cancel_all(daemon);
        if (!lock_is_open(daemon)) {
                waiting_end_with_keys(daemon);
                secret_prompts_end_with_keys(daemon);
                return;
        }
        log_line(LOG_NOTICE, "the vault was locked: %s", why);
        lock_everything(daemon);
}

/* ---- idle ---- */

static uint64_t span(const AutoLock *lock)
{
        return (uint64_t)lock->daemon->settings->idle * 1000000;
}

/* Looks when the last use that is known of is long enough ago. While nothing is open nothing is waited for. */
static int on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
        AutoLock *lock = userdata;
        const Daemon *daemon = lock->daemon;
        uint64_t now = 0, next = UINT64_MAX;

        (void)sd_event_now(daemon->event, CLOCK_BOOTTIME, &now);
        if (lock_is_open(daemon)) {
                if (vault_used(daemon->vault) + span(lock) <= now)
                        lock_by_itself(lock, "no secret was used for the time that idle= says");
                else
                        next = vault_used(daemon->vault) + span(lock);
        }
        lock->waits = next != UINT64_MAX;
        return sd_event_source_set_time(source, next);
}

/* The loop is about to sleep. Who unlocks the vault uses it, so the time begins here. */
static int on_prepare(sd_event_source *source, void *userdata)
{
        AutoLock *lock = userdata;

        if (!lock->waits && lock_is_open(lock->daemon))
                lock->waits = sd_event_source_set_time_relative(source, span(lock)) >= 0;
        return 0;
}

static int begin_idle(AutoLock *lock)
{
        int r;

        r = sd_event_add_time(lock->daemon->event, &lock->idle, CLOCK_BOOTTIME, UINT64_MAX, /* accuracy= */ 100000, on_idle,
                              lock);
        if (r >= 0)
                r = sd_event_source_set_enabled(lock->idle, SD_EVENT_ON);
        return r < 0 ? r : sd_event_source_set_prepare(lock->idle, on_prepare);
}

/* ---- screen and sleep ---- */

static void on_screen_locked(void *userdata)
{
        AutoLock *lock = userdata;

        if (lock->daemon->settings->screen)
                lock_by_itself(lock, "the screen is locked");
}

static bool busy(const Daemon *daemon)
{
        return openings_any(daemon) || jobs_busy(daemon->jobs) || jobs_busy(daemon->signers) ||
               jobs_busy(daemon->makers) || jobs_busy(daemon->strangers);
}

static int on_drain(sd_event_source *source, uint64_t usec, void *userdata)
{
        AutoLock *lock = userdata;

        if (busy(lock->daemon)) {
                /* What was begun since is not to open anything either. */
                lock_by_itself(lock, "the machine is about to sleep");
                (void)sd_event_source_set_time_relative(source, DRAIN_USEC);
                return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
        logind_let_sleep(lock->logind);
        return 0;
}

static void on_sleep(void *userdata, bool about_to)
{
        AutoLock *lock = userdata;

        if (!lock->daemon->settings->sleep)
                return;
        if (!about_to) {
                (void)sd_event_source_set_enabled(lock->drain, SD_EVENT_OFF);
                return;
        }
        lock_by_itself(lock, "the machine is about to sleep");
        (void)sd_event_source_set_time_relative(lock->drain, 0);
        (void)sd_event_source_set_enabled(lock->drain, SD_EVENT_ONESHOT);
}

/* ---- life ---- */

int auto_lock_new(Daemon *daemon, AutoLock **ret)
{
        static const LogindEvents events = {.locked = on_screen_locked, .sleep = on_sleep};
        _cleanup_(auto_lock_freep) AutoLock *lock = calloc(1, sizeof(*lock));
        const Settings *settings = daemon->settings;
        int r = 0;

        if (!lock)
                return -ENOMEM;
        lock->daemon = daemon;
        if (settings->idle > 0)
                r = begin_idle(lock);
        if (r >= 0)
                r = sd_event_add_time_relative(daemon->event, &lock->drain, CLOCK_MONOTONIC, 0, 1000, on_drain, lock);
        if (r >= 0)
                r = sd_event_source_set_enabled(lock->drain, SD_EVENT_OFF);
        if (r >= 0 && (settings->screen || settings->sleep))
                r = logind_new(daemon->event, &events, settings->sleep, lock, &lock->logind);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(lock);
        return 0;
}

AutoLock *auto_lock_free(AutoLock *lock)
{
        if (!lock)
                return NULL;
        logind_free(lock->logind);
        sd_event_source_disable_unref(lock->idle);
        sd_event_source_disable_unref(lock->drain);
        free(lock);
        return NULL;
}
