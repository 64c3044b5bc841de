/*
 * Store1: a backup in the place of the vault
 *
 * Nothing is believed of the file that is passed. It is copied first, to one without a name that nobody else can change,
 * and everything is done with that: it is opened as a vault, somebody proves by one of its slots that they can open it,
 * every record and sum in it is verified, and the person is shown what it holds beside what is there. Only then is the
 * vault closed and the copy put in its place (store/replace.c). What was there is kept.
 *
 * Calls that wait meanwhile were about the vault that goes: they end (Waiting.vault_changes).
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "daemon/access-policy.h"
#include "daemon/epoch.h"
#include "daemon/log.h"
#include "daemon/present.h"

#define TRIES 3

typedef enum Stage {
        STAGE_READ,   /* copies the file, opens it as a vault */
        STAGE_OPEN,   /* tries secrets on its slots */
        STAGE_VERIFY, /* unlocks and verifies it */
} Stage;

/* What a thread works on, and takes along. */
typedef struct RestoreJob {
        Waiting *waiting;
        Stage stage;
        int from, to; /* `to` is where the copy is */
        Vault *copy;
        SlotList slots;
        Secret *secrets[OPTIONS_SECRETS_MAX];
        size_t n_secrets;
        Root *root;
        VaultReport report;
        int result;
} RestoreJob;

struct RestoreWork {
        int from; /* what was passed, until it is read */
        int fd;   /* the copy */
        Vault *copy;
        VaultReport report;
        size_t tried; /* of options.secrets */
        size_t keys;  /* slots whose key file was looked for */
        bool touched;
};

static void restore_job_free(void *data)
{
        RestoreJob *job = data;

        (void)vault_free(job->copy);
        closep(&job->from);
        closep(&job->to);
        slot_list_done(&job->slots);
        for (size_t i = 0; i < job->n_secrets; i++)
                secret_free(job->secrets[i]);
        root_free(job->root);
        free(job);
}

RestoreWork *restore_work_free(RestoreWork *work)
{
        if (!work)
                return NULL;
        (void)vault_free(work->copy);
        closep(&work->from);
        closep(&work->fd);
        free(work);
        return NULL;
}

/* ---- what threads do ---- */

/* Of the vault: who can open a collection of it has not proved that the backup is theirs. */
static int try_slots(RestoreJob *job)
{
        int result = VAULT_E_WRONG_SECRET;

        for (size_t i = 0; i < job->slots.n; i++) {
                const Slot *slot = job->slots.slots[i];
                size_t n = slot_collection(slot) != 0 ? 0 : slot_kind(slot) == SLOT_NONE ? 1 : job->n_secrets;

                for (size_t k = 0; k < n; k++) {
                        int r = slot_open(slot, slot_kind(slot) == SLOT_NONE ? NULL : job->secrets[k], &job->root);

                        if (r <= 0)
                                return r;
                        if (r == VAULT_E_DAMAGED)
                                result = r;
                }
        }
        return result;
}

static void restore_job_run(void *data)
{
        RestoreJob *job = data;
        uint64_t size;

        switch (job->stage) {
        case STAGE_READ:
                job->result = vault_copy_look(job->from);
                if (job->result == 0)
                        job->result = vault_copy_file(job->from, job->to, VAULT_COPY_MAX, &size);
                if (job->result == 0)
                        job->result = vault_open_copy(job->to, &job->copy);
                if (job->result == -EFBIG)
                        job->result = VAULT_E_LIMIT;
                break;
        case STAGE_OPEN:
                job->result = try_slots(job);
                break;
        case STAGE_VERIFY:
                job->result = vault_unlock(job->copy, job->root, 0);
                if (job->result == 0)
                        job->result = vault_verify(job->copy, &job->report);
                break;
        }
}

static void restore_job_done(void *data)
{
        RestoreJob *job = data;
        Waiting *waiting = job->waiting;
        RestoreWork *work = waiting->restore;

        waiting->job = NULL;
        waiting->proof = job->result;
        if (job->to >= 0)
                work->fd = TAKE_FD(job->to);
        if (job->copy)
                work->copy = TAKE_PTR(job->copy);
        if (job->root) {
                root_free(waiting->root);
                waiting->root = TAKE_PTR(job->root);
        }
        work->report = job->report;
        waiting_step_done(waiting);
}

static int start_job(Waiting *waiting, Stage stage, Jobs *jobs, WaitingNext next)
{
        RestoreWork *work = waiting->restore;
        Options *options = &waiting->options;
        RestoreJob *job = calloc(1, sizeof(*job));
        int r = 0;

        if (!job)
                return -ENOMEM;
        *job = (RestoreJob){.waiting = waiting, .stage = stage, .from = -1, .to = -1};
        if (stage == STAGE_READ) {
                job->from = TAKE_FD(work->from);
                r = vault_private_file(waiting->daemon->vault_path, &job->to);
        } else if (stage == STAGE_OPEN) {
                r = vault_slots(work->copy, &job->slots);
                for (; r == 0 && work->tried < options->n_secrets; work->tried++)
                        job->secrets[job->n_secrets++] = TAKE_PTR(options->secrets[work->tried]);
        } else {
                job->copy = TAKE_PTR(work->copy);
                job->to = TAKE_FD(work->fd);
                job->root = TAKE_PTR(waiting->root);
        }
        waiting->next = next;
        if (r == 0)
                r = job_start(jobs, restore_job_run, restore_job_done, restore_job_free, job, &waiting->job);
        if (r != 0)
                restore_job_free(job);
        return r;
}

/* ---- the last step ---- */

static void forget_old(Daemon *daemon)
{
        Vault *vault = daemon->vault;

        if (!vault)
                return;
        access_before_lock(daemon);
        vault_lock(vault, 0);
        for (const VaultCollection *c = NULL; (c = vault_collection_next(vault, c));)
                secret_notify_collection_deleted(daemon, (CollectionRef){vault, c->no}, c->name);
}

static void announce_new(Daemon *daemon)
{
        if (!daemon->vault)
                return;
        for (const VaultCollection *c = NULL; (c = vault_collection_next(daemon->vault, c));)
                secret_notify_collection_created(daemon, (CollectionRef){daemon->vault, c->no});
        (void)batch_signal(daemon, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "LockChanged", "ob", "/", 1);
}

static int restore_replace(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *kept = NULL, *shown = NULL;
        Daemon *daemon = waiting->daemon;
        RestoreWork *work = waiting->restore;
        uint64_t items = vault_items_total(work->copy), modified = vault_modified(work->copy);
        int r, opened;

        batch_flush(daemon);
        opening_write_used(daemon);
        forget_old(daemon);
        work->copy = vault_free(work->copy);
        daemon_close_vault(daemon);
        r = vault_replace(daemon->vault_path, work->fd, &kept);
        /* Whatever has become of it, there is a vault again. */
        opened = daemon_open_vault(daemon);
        announce_new(daemon);
        waiting->vault_changes = daemon->vault_changes;
        if (r == 0)
                r = opened;
        if (r != 0)
                return daemon_error(daemon, error, r);
        log_line(LOG_NOTICE, "a backup took the vault's place%s%s", kept ? "; what was there is now " : "",
                 kept ?: "");

        epoch_accept(daemon);
        r = opening_unlock(daemon, waiting->root);
        if (r != 0)
                log_line(LOG_WARNING, "the vault could not be unlocked: %s", vault_strerror(r));
        shown = present_path(kept ?: "");
        r = shown ? sd_bus_message_new_method_return(waiting->call, &reply) : -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_append(reply, "a{sv}", 7, "items", "t", items, "modified", "t", modified, "kept",
                                          "s", shown, "checked", "t", work->report.records, "damaged", "t",
                                          work->report.damaged, "tampered", "t", work->report.collections_tampered,
                                          "locked", "t", work->report.collections_locked);
        return r < 0 ? r : waiting_finish_reply(waiting, reply);
}

/* ---- showing, and asking ---- */

static int describe(const Vault *vault, char **ret)
{
        uint64_t seconds = vault_modified(vault);
        time_t modified = (time_t)seconds;
        unsigned collections = 0;
        char date[32] = "never";
        struct tm tm;

        if (seconds > 0 && localtime_r(&modified, &tm))
                (void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &tm);
        for (const VaultCollection *c = NULL; (c = vault_collection_next(vault, c));)
                collections++;
        if (asprintf(ret, "%llu items in %u collections, last changed %s",
                     (unsigned long long)vault_items_total(vault), collections, date) >= 0)
                return 0;
        *ret = NULL;
        return -ENOMEM;
}

static int restore_confirm(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_free_ char *there = NULL, *new = NULL, *message = NULL;
        Daemon *daemon = waiting->daemon;
        RestoreWork *work = waiting->restore;
        const VaultReport *report = &work->report;
        uint64_t bad = report->damaged + report->collections_tampered;
        char damage[128] = "";
        int r;

        if (waiting->proof != 0)
                return daemon_error(daemon, error, waiting->proof);
        if (bad > 0 && !waiting->options.accept) {
                sd_bus_error_setf(error, KEYFOB_ERROR_DAMAGED,
                                  "the backup is damaged (%llu records, %llu collections of %llu records in all), and "
                                  "nothing was changed: give --accept to take it as it is",
                                  (unsigned long long)report->damaged, (unsigned long long)report->collections_tampered,
                                  (unsigned long long)report->records);
                return -EBADMSG;
        }
        /* Nothing is there that could be replaced. */
        if (waiting->options.confirmed || (!daemon->vault && daemon->vault_state == VAULT_E_NO_VAULT))
                return restore_replace(waiting, error);

        if (bad > 0)
                (void)snprintf(damage, sizeof(damage), ", DAMAGED (%llu records)",
                               (unsigned long long)report->damaged);
        r = describe(work->copy, &new);
        if (r == 0 && daemon->vault)
                r = describe(daemon->vault, &there);
        if (r < 0)
                return r;
        if (asprintf(&message,
                     "Put the backup in the place of the vault?\n\nVault: %s\nBackup: %s%s\n\nThe vault that is there "
                     "is kept in snapshots/.",
                     there ?: "can't be opened", new, damage) < 0) {
                message = NULL;
                return -ENOMEM;
        }
        return waiting_ask(waiting, ASK_CONFIRM, "restore", "Restore a backup", message, NULL, NULL, restore_replace);
}

static int restore_opened(Waiting *waiting, sd_bus_error *error)
{
        return start_job(waiting, STAGE_VERIFY, waiting->daemon->copiers, restore_confirm);
}

/* ---- opening it ---- */

static int restore_try(Waiting *waiting, sd_bus_error *error);

static int restore_typed(Waiting *waiting, sd_bus_error *error)
{
        Options *options = &waiting->options;

        options->secrets[options->n_secrets++] = TAKE_PTR(options->new);
        return restore_try(waiting, error);
}

static bool find_kind(Waiting *waiting, uint32_t kinds, size_t *ret)
{
        for (size_t i = 0; i < waiting->slots.n; i++)
                if (SLOT_KIND_BIT(slot_kind(waiting->slots.slots[i])) & kinds) {
                        *ret = i;
                        return true;
                }
        return false;
}

/* No secret that there is opens it: the next way to get one. */
static int restore_ask(Waiting *waiting, sd_bus_error *error)
{
        RestoreWork *work = waiting->restore;
        Options *options = &waiting->options;
        bool typed;

        if (options->secret)
                return daemon_error(waiting->daemon, error, VAULT_E_WRONG_SECRET);
        for (; work->keys < waiting->slots.n; work->keys++) {
                const char *path = slot_path(waiting->slots.slots[work->keys]);

                if (!path || options->n_secrets == OPTIONS_SECRETS_MAX)
                        continue;
                work->keys++;
                return waiting_read_key(waiting, path, restore_try);
        }
        if (options->no_interactive)
                return opening_error(waiting->daemon, error, OPENING_NO_PROMPTER);
        typed = find_kind(waiting, SLOTS_TYPED, &waiting->at);
        if ((!typed || options->touch) && !work->touched) {
                work->touched = true;
                if (find_kind(waiting, SLOT_KIND_BIT(SLOT_FIDO2), &waiting->at))
                        return waiting_touch_slot(waiting, restore_try);
                if (find_kind(waiting, SLOT_KIND_BIT(SLOT_TPM2), &waiting->at))
                        return waiting_tpm_slot(waiting, restore_try, error);
        }
        if (!typed)
                return opening_error(waiting->daemon, error, OPENING_NO_SLOT);
        if (waiting->tries == TRIES || options->n_secrets == OPTIONS_SECRETS_MAX)
                return daemon_error(waiting->daemon, error, VAULT_E_WRONG_SECRET);
        return waiting_ask(waiting, ASK_SECRET, "restore", "Restore a backup", "Enter the password of the backup.",
                           waiting->tries++ > 0 ? "That is wrong." : NULL, &options->new, restore_typed);
}

static int restore_tried(Waiting *waiting, sd_bus_error *error)
{
        if (waiting->proof == 0)
                return restore_opened(waiting, error);
        if (waiting->proof == VAULT_E_WRONG_SECRET)
                return restore_ask(waiting, error);
        return daemon_error(waiting->daemon, error, waiting->proof);
}

static int restore_try(Waiting *waiting, sd_bus_error *error)
{
        return start_job(waiting, STAGE_OPEN, waiting->daemon->strangers, restore_tried);
}

/* Slots of collections are no way to the vault. */
static int restore_slots(Waiting *waiting)
{
        SlotList *slots = &waiting->slots;
        size_t n = 0;
        int r;

        r = vault_slots(waiting->restore->copy, slots);
        for (size_t i = 0; r == 0 && i < slots->n; i++) {
                if (slot_collection(slots->slots[i]) == 0)
                        slots->slots[n++] = slots->slots[i];
                else
                        slot_free(slots->slots[i]);
        }
        if (r == 0)
                slots->n = n;
        return r;
}

static int restore_read(Waiting *waiting, sd_bus_error *error)
{
        int r = waiting->proof;

        if (r == VAULT_E_DAMAGED || r == VAULT_E_UNSAFE) {
                sd_bus_error_set(error, KEYFOB_ERROR_DAMAGED,
                                 "that file is no backup of a vault, or is damaged: nothing was changed");
                return -EBADMSG;
        }
        if (r == VAULT_E_TOO_NEW) {
                sd_bus_error_set(error, KEYFOB_ERROR_UNSUPPORTED,
                                 "the backup was made by a later version: upgrade keyfob");
                return -EOPNOTSUPP;
        }
        if (r == 0)
                r = restore_slots(waiting);
        if (r != 0)
                return daemon_error(waiting->daemon, error, r);
        waiting->slots_of = waiting->restore->copy;
        return restore_try(waiting, error);
}

/* ---- the call ---- */

static int start(Waiting *waiting, int source)
{
        Options *options = &waiting->options;
        RestoreWork *work;
        int r;

        waiting->restore = work = calloc(1, sizeof(*work));
        if (!work)
                return -ENOMEM;
        work->fd = -1;
        work->from = fcntl(source, F_DUPFD_CLOEXEC, 3);
        if (work->from < 0)
                return -errno;
        if (options->secret) {
                r = secret_new_from(&options->secrets[options->n_secrets], options->secret->data,
                                    options->secret->size);
                if (r < 0)
                        return r;
                options->n_secrets++;
        }
        return start_job(waiting, STAGE_READ, waiting->daemon->copiers, restore_read);
}

int store1_restore(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"secret", "touch", "confirmed", "accept", "interactive", NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        struct stat st;
        int source, r;

        (void)daemon_find_vault(daemon);
        /* What can't be opened can be replaced, but not what is another's. */
        if (!daemon->vault && daemon->vault_state != VAULT_E_NO_VAULT && daemon->vault_state != VAULT_E_DAMAGED &&
            daemon->vault_state != VAULT_E_TOO_NEW)
                return daemon_error(daemon, error, daemon->vault_state);
        r = sd_bus_message_read(m, "h", &source);
        if (r < 0)
                return r;
        if (fstat(source, &st) < 0 || !S_ISREG(st.st_mode) || (fcntl(source, F_GETFL) & O_ACCMODE) == O_WRONLY)
                return store1_invalid(error, "a backup is a regular file that can be read");
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = start(waiting, source);
        if (r > 0)
                r = daemon_error(daemon, error, r);
        return waiting_started(waiting, r);
}
