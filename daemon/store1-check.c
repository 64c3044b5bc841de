/*
 * Store1: is every record what was stored?
 *
 * To open them all takes seconds in a large vault. So a copy is made in the loop's free moments (copying.c), and another thread opens
 * what is in it, with the keys that are open. What it finds is as true of the vault as it was when the copy was done. A backup and a
 * wipe come first: the check waits for them, and begins its copy anew when one of them is asked for. Where no copy can be made (on
 * a full disk), the vault itself is gone through, at once; and so it is when what is found is to be accepted, which is one
 * transaction.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/copying.h"
#include "daemon/epoch.h"
#include "daemon/ssh.h"

#define CHECK_OBJECTS_MAX 1000U
#define AGAIN_USEC        (UINT64_C(100) * 1000)

typedef struct Damaged {
        ItemId ids[CHECK_OBJECTS_MAX];
        size_t n;
        ItemId records[CHECK_OBJECTS_MAX]; /* of classes */
        size_t n_records;
} Damaged;

/* What the thread works on. */
typedef struct CheckJob {
        Waiting *waiting; /* of the loop's side only */
        int fd;
        Vault *copy;

        int result;
        VaultReport report;
        Damaged damaged;
} CheckJob;

struct CheckWork {
        Waiting *waiting;
        Copying *copying;
        sd_event_source *again; /* while others come first */
};

CheckWork *check_work_free(CheckWork *work)
{
        if (!work)
                return NULL;
        (void)copying_free(work->copying);
        sd_event_source_disable_unref(work->again);
        free(work);
        return NULL;
}

static CheckJob *check_job_free(CheckJob *job)
{
        if (!job)
                return NULL;
        (void)vault_free(job->copy);
        closep(&job->fd);
        free(job);
        return NULL;
}
DEFINE_CLEANUP(CheckJob *, check_job_free)

static CheckJob *check_job_new(Waiting *waiting)
{
        CheckJob *job = calloc(1, sizeof(*job));

        if (job) {
                job->waiting = waiting;
                job->fd = -1;
        }
        return job;
}

/* ---- what is said of it ---- */

static void damaged_found(void *userdata, ItemId id)
{
        Damaged *damaged = userdata;

        if (VAULT_ID_CLASS(id) != 0) {
                if (damaged->n_records < CHECK_OBJECTS_MAX)
                        damaged->records[damaged->n_records++] = id;
        } else if (damaged->n < CHECK_OBJECTS_MAX)
                damaged->ids[damaged->n++] = id;
}

/* What a damaged item was called, by an older value of it that can still be read; "" when there is none. */
static int append_name(Daemon *daemon, sd_bus_message *m, ItemId id)
{
        _cleanup_(trash_list_done) TrashList list = {0};

        (void)vault_history(daemon->vault, id, &list);
        return sd_bus_message_append(m, "s", list.n > 0 ? list.entries[0].item->label : "");
}

static int append_record(Daemon *daemon, sd_bus_message *m, ItemId id)
{
        static const char *const names[_VAULT_CLASS_MAX] = {
                [VAULT_CLASS_PASSKEYS] = "passkeys", [VAULT_CLASS_SSH] = "ssh",       [VAULT_CLASS_OTP] = "otp",
                [VAULT_CLASS_LOG] = "log",           [VAULT_CLASS_POLICY] = "policy",
        };
        unsigned class = VAULT_ID_CLASS(id);
        char text[64];

        (void)snprintf(text, sizeof(text), "%s %llu", class < _VAULT_CLASS_MAX ? names[class] : "unknown",
                       (unsigned long long)ITEM_ID_NUMBER(id));
        return sd_bus_message_append(m, "s", text);
}

static int append_path(Daemon *daemon, sd_bus_message *m, ItemId id)
{
        char path[SECRETS_PATH_MAX];

        return sd_bus_message_append(m, "o", secret_item_path(daemon, (ItemRef){daemon->vault, id}, path));
}

/* An entry with an array, an element for each id. */
static int append_each(Daemon *daemon, sd_bus_message *m, const char *key, const char *type,
                       int (*append)(Daemon *daemon, sd_bus_message *m, ItemId id), const ItemId *ids, size_t n)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', type);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', type + 1);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append(daemon, m, ids[i]);
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int make_reply(Daemon *daemon, sd_bus_message *call, const CheckJob *job, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const VaultEpoch epoch = epoch_state(daemon);
        const VaultReport *report = &job->report;
        const Damaged *damaged = &job->damaged;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "epoch", "s", epoch_state_name(epoch.state), "recorded",
                                          "t", epoch.recorded, "found", "t", epoch.found);
        if (r >= 0)
                r = store1_append_counter(daemon, reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "records", "t", report->records, "damaged",
                                          "t", report->damaged, "index_missing", "t", report->index_missing,
                                          "index_extra", "t", report->index_extra, "tampered", "t",
                                          report->collections_tampered, "locked", "t", report->collections_locked);
        if (r >= 0)
                r = append_each(daemon, reply, "objects", "ao", append_path, damaged->ids, damaged->n);
        if (r >= 0)
                r = append_each(daemon, reply, "names", "as", append_name, damaged->ids, damaged->n);
        if (r >= 0)
                r = append_each(daemon, reply, "others", "as", append_record, damaged->records, damaged->n_records);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                *ret = TAKE_PTR(reply);
        return r;
}

/* ---- in the vault itself ---- */

static int check_in_place(Daemon *daemon, sd_bus_message *call, bool accept, sd_bus_message **ret, sd_bus_error *error)
{
        _cleanup_(check_job_freep) CheckJob *job = check_job_new(NULL);
        int r;

        if (!job)
                return -ENOMEM;
        batch_flush(daemon);
        r = vault_check(daemon->vault, accept, damaged_found, &job->damaged, &job->report);
        if (r != 0)
                return daemon_error(daemon, error, r);
        if (accept) {
                for (const VaultCollection *c = NULL; (c = vault_collection_next(daemon->vault, c));)
                        secret_notify_collection_changed(daemon, (CollectionRef){daemon->vault, c->no});
                ssh_door_reload(daemon->ssh);
                epoch_accept(daemon);
        }
        return make_reply(daemon, call, job, ret);
}

/* ---- in a copy, by another thread ---- */

static void check_job_run(void *data)
{
        CheckJob *job = data;

        job->result = vault_verify_records(job->copy, damaged_found, &job->damaged, &job->report);
        job->copy = vault_free(job->copy);
}

static void check_job_done(void *data)
{
        CheckJob *job = data;
        Waiting *waiting = job->waiting;

        waiting->job = NULL;
        waiting->check_result = job;
        waiting_step_done(waiting);
}

static void check_job_drop(void *data)
{
        (void)check_job_free(data);
}

/* The vault has not met these yet. */
static void note_damaged(Vault *vault, const Damaged *damaged)
{
        for (size_t i = 0; i < damaged->n; i++) {
                _cleanup_(item_freep) Item *item = NULL;

                (void)vault_item_get(vault, damaged->ids[i], /* with_value= */ false, &item);
        }
}

static int checked(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Daemon *daemon = waiting->daemon;
        const CheckJob *job = waiting->check_result;
        int r;

        if (job->result != 0)
                return daemon_error(daemon, error, job->result);
        note_damaged(daemon->vault, &job->damaged);
        r = make_reply(daemon, waiting->call, job, &reply);
        return r < 0 ? r : waiting_finish_reply(waiting, reply);
}

static int check_copy(Waiting *waiting, sd_bus_error *error)
{
        CheckWork *work = waiting->check;
        _cleanup_(check_job_freep) CheckJob *job = check_job_new(waiting);
        int r;

        if (!job)
                return -ENOMEM;
        r = copying_take(work->copying, &job->fd, &job->copy);
        if (r != 0)
                return daemon_error(waiting->daemon, error, r);
        work->copying = copying_free(work->copying);
        waiting->next = checked;
        r = job_start(waiting->daemon->copiers, check_job_run, check_job_done, check_job_drop, job, &waiting->job);
        if (r >= 0)
                (void)TAKE_PTR(job);
        return r;
}

static int without_copy(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = check_in_place(waiting->daemon, waiting->call, /* accept= */ false, &reply, error);
        return r < 0 ? r : waiting_finish_reply(waiting, reply);
}

static int copy_vault(Waiting *waiting, sd_bus_error *error);

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
        waiting_step_done(((CheckWork *)userdata)->waiting);
        return 0;
}

static int try_again(CheckWork *work)
{
        Waiting *waiting = work->waiting;

        work->copying = copying_free(work->copying);
        work->again = sd_event_source_disable_unref(work->again);
        waiting->next = copy_vault;
        return sd_event_add_time_relative(waiting->daemon->event, &work->again, CLOCK_MONOTONIC, AGAIN_USEC, 0, on_again, work);
}

static int copied_or(CheckWork *work, int result, sd_bus_error *error)
{
        Waiting *waiting = work->waiting;

        if (result == -ECANCELED)
                return copying_error(waiting->daemon, error, result);
        if (result == -EBUSY)
                return try_again(work);
        return result == 0 ? check_copy(waiting, error) : without_copy(waiting, error);
}

static void copied(void *userdata, int result)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CheckWork *work = userdata;
        Waiting *waiting = work->waiting;

        waiting_settle(waiting, copied_or(work, result, &error), &error);
}

static int copy_vault(Waiting *waiting, sd_bus_error *error)
{
        CheckWork *work = waiting->check;
        int r;

        r = copying_new_patient(waiting->daemon, copied, work, &work->copying);
        return r == 0 ? 0 : copied_or(work, r, error);
}

static int begin(Waiting *waiting, sd_bus_error *error)
{
        waiting->check = calloc(1, sizeof(*waiting->check));
        if (!waiting->check)
                return -ENOMEM;
        waiting->check->waiting = waiting;
        return copy_vault(waiting, error);
}

static int accept_all(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = check_in_place(waiting->daemon, waiting->call, /* accept= */ true, &reply, error);
        return r < 0 ? r : waiting_finish_reply(waiting, reply);
}

static int settled(Waiting *waiting, sd_bus_error *error)
{
        return waiting->options.accept ? accept_all(waiting, error) : begin(waiting, error);
}

int store1_check(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;
        Waiting *waiting;
        int accept, r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "b", &accept);
        if (r < 0)
                return r;
        r = accept ? store1_not_for_apps(daemon, m, store1_check, "can't take the vault as it is", error) : 0;
        if (r != 0)
                return r;
        r = waiting_new(daemon, m, /* allowed= */ NULL, error, &waiting);
        if (r < 0)
                return r;
        waiting->options.accept = accept;
        /* Whether the vault is an old copy is part of the answer, and the TPM may still be at that. */
        batch_flush(daemon);
        epoch_idle(daemon);
        return waiting_started(waiting, waiting_epoch(waiting, settled, error));
}
