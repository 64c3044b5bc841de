/*
 * Store1: a backup, while everything goes on
 *
 * The vault is copied in the loop's free moments (copying.c), to a file without a name beside it; so is what happens in the meantime.
 * Then another thread has it: the copy is checked, with the keys that are open, written to the descriptor that the caller
 * passed, synced, and read again. So a slow disk or a network at the other end holds up nobody but the caller, and the
 * daemon needs no right to any file but its own. Nobody is asked for anything: a backup is as sealed as the vault.
 */
#include "daemon/store1-internal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "daemon/copying.h"
#include "daemon/log.h"

/* What the thread works on. */
typedef struct BackupJob {
        Waiting *waiting; /* of the loop's side only */
        int from, to;
        Vault *copy;

        int written;  /* negative errno: the descriptor could not be written */
        int verified; /* of vault_verify() */
        VaultReport report;
        uint64_t size;
} BackupJob;

struct BackupWork {
        Waiting *waiting;
        Copying *copying;
        BackupJob *job; /* until it is started */
        uint64_t began, modified, items;
        uint32_t collections;
        bool passkeys; /* they are open, so they were checked */
};

static void write_job_free(void *data)
{
        BackupJob *job = data;

        (void)vault_free(job->copy);
        closep(&job->from);
        closep(&job->to);
        free(job);
}

BackupWork *backup_work_free(BackupWork *work)
{
        if (!work)
                return NULL;
        (void)copying_free(work->copying);
        if (work->job)
                write_job_free(work->job);
        free(work);
        return NULL;
}

/* ---- what the thread does ---- */

static void write_job_run(void *data)
{
        BackupJob *job = data;

        job->verified = vault_verify(job->copy, &job->report);
        job->copy = vault_free(job->copy);
        job->written = vault_copy_file(job->from, job->to, VAULT_COPY_MAX, &job->size);
        if (job->written == 0)
                job->written = vault_same_files(job->from, job->to);
}

/* ---- the answer ---- */

/* What was open in it was checked, and is in order. */
static bool is_sound(const BackupJob *job)
{
        return job->verified == 0 && job->report.damaged == 0 && job->report.collections_tampered == 0 &&
               job->report.index_missing == 0 && job->report.index_extra == 0;
}

static int backup_written(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        BackupWork *work = waiting->backup;
        const BackupJob *job = waiting->backup_result;
        Daemon *daemon = waiting->daemon;
        int r;

        if (job->written < 0) {
                sd_bus_error_setf(error, KEYFOB_ERROR_IO, "the backup could not be written: %s",
                                  strerror(-job->written));
                return job->written;
        }
        if (job->verified < 0)
                return daemon_error(daemon, error, job->verified);
        /* From now on it can be said of passkeys that they are in a backup. */
        if (work->passkeys && is_sound(job) && daemon->vault && batch_begin(daemon) == 0) {
                const uint64_t began = htole64(work->began);

                r = vault_note_put(daemon->vault, BACKUP_NOTE, &began, sizeof(began));
                if (r != 0)
                        log_line(LOG_WARNING, "that there is a backup could not be noted: %s", vault_strerror(r));
        }
        r = sd_bus_message_new_method_return(waiting->call, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "a{sv}", 10, "size", "t", job->size, "items", "t", work->items,
                                          "collections", "u", work->collections, "modified", "t", work->modified,
                                          "checked", "t", job->report.records, "damaged", "t", job->report.damaged,
                                          "tampered", "t", job->report.collections_tampered, "locked", "t",
                                          job->report.collections_locked, "pages", "b", (int)(job->verified == 0),
                                          "sound", "b", (int)is_sound(job));
        return r < 0 ? r : waiting_finish_reply(waiting, reply);
}

static void write_job_done(void *data)
{
        BackupJob *job = data;
        Waiting *waiting = job->waiting;

        waiting->job = NULL;
        waiting->backup_result = job;
        waiting_step_done(waiting);
}

/* ---- the copy ---- */

static int write_copy(BackupWork *work, sd_bus_error *error)
{
        Waiting *waiting = work->waiting;
        Daemon *daemon = waiting->daemon;
        BackupJob *job = work->job;
        int r;

        r = copying_take(work->copying, &job->from, &job->copy);
        if (r != 0)
                return daemon_error(daemon, error, r);
        work->copying = copying_free(work->copying);
        work->passkeys = vault_class_is_open(daemon->vault, VAULT_CLASS_PASSKEYS);
        work->items = vault_items_total(job->copy);
        work->modified = vault_modified(job->copy);
        for (const VaultCollection *c = NULL; (c = vault_collection_next(job->copy, c));)
                work->collections++;
        waiting->next = backup_written;
        work->job = NULL;
        r = job_start(daemon->copiers, write_job_run, write_job_done, write_job_free, job, &waiting->job);
        if (r < 0)
                write_job_free(job);
        return r;
}

static void copied(void *userdata, int result)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        BackupWork *work = userdata;
        Waiting *waiting = work->waiting;

        waiting_settle(waiting, result != 0 ? copying_error(waiting->daemon, &error, result) : write_copy(work, &error), &error);
}

/* ---- the call ---- */

/* An empty file that may be written, and read again; and not a pipe that nobody reads. */
static int check_target(int fd, sd_bus_error *error)
{
        struct stat st;
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return store1_invalid(error, "a backup is written to a regular file");
        if ((flags & O_ACCMODE) != O_RDWR || (flags & O_APPEND))
                return store1_invalid(error, "the file of a backup must be open for reading and writing");
        if (st.st_size != 0)
                return store1_invalid(error, "the file of a backup must be empty");
        return 0;
}

static int start(Waiting *waiting, int target, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        BackupWork *work;
        int r;

        waiting->backup = work = calloc(1, sizeof(*work));
        if (!work)
                return -ENOMEM;
        work->waiting = waiting;
        work->began = (uint64_t)time(NULL);
        work->job = calloc(1, sizeof(*work->job));
        if (!work->job)
                return -ENOMEM;
        *work->job = (BackupJob){.waiting = waiting, .from = -1, .to = fcntl(target, F_DUPFD_CLOEXEC, 3)};
        if (work->job->to < 0)
                return -errno;
        r = copying_new(daemon, copied, work, &work->copying);
        return r != 0 ? copying_error(daemon, error, r) : 0;
}

int store1_backup(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        int target, r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "h", &target);
        if (r >= 0)
                r = check_target(target, error);
        if (r >= 0)
                r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        return waiting_started(waiting, start(waiting, target, error));
}
