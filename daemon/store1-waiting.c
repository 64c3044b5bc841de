/*
 * Method calls that wait
 *
 * Opening a slot takes half a second, a person takes longer. Such a method is a row of steps (open, ask, prepare),
 * each of which ends on the event loop and starts the next. The call is held until the last one; when its caller
 * leaves, the step under way is taken back, question and all, and nothing has happened.
 */
#include "daemon/ctap-internal.h"
#include "daemon/epoch.h"
#include "daemon/store1-internal.h"

#include "crypto/blind.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* The slow half of making a slot, on the worker thread. It owns all it works on, so it may outlive its waiting. */
typedef struct DraftJob {
        Waiting *waiting; /* looked at by done() only, which does not run once the waiting is gone */
        Slot *again;
        bool prove; /* find the secret that opens `again` first */
        SlotKind kind;
        char *label, *path;
        SlotDevice *device;
        uint32_t kdf_memory, kdf_passes, kdf_ms;
        Secret *secrets[OPTIONS_SECRETS_MAX];
        size_t n_secrets;

        int result;
        Root *root;
        SlotDraft *draft;
} DraftJob;

static void waiting_gone(CallerResource *resource)
{
        waiting_free((Waiting *)resource);
}

_Static_assert(offsetof(Waiting, resource) == 0, "the resource comes first");

int waiting_new(Daemon *daemon, sd_bus_message *call, const char *const *allowed, sd_bus_error *error, Waiting **ret)
{
        _cleanup_(waiting_freep) Waiting *waiting = NULL;
        Caller *caller;
        int r;

        waiting = calloc(1, sizeof(*waiting));
        if (!waiting)
                return -ENOMEM;
        waiting->daemon = daemon;
        waiting->call = sd_bus_message_ref(call);
        waiting->slot_changes = daemon->slot_changes;
        waiting->key_changes = daemon->key_changes;
        waiting->vault_changes = daemon->vault_changes;

        r = allowed ? options_read(call, allowed, &waiting->options, error) : 0;
        if (r < 0)
                return r;
        r = caller_of(daemon, call, &caller);
        if (r < 0)
                return r;
        r = caller_attach(caller, &waiting->resource, CALLER_WAIT, waiting_gone);
        if (r == -ENOBUFS) {
                sd_bus_error_set(error, KEYFOB_ERROR_LIMITS, "too many unanswered calls: wait for some to end");
                return -ENOBUFS;
        }
        if (r < 0)
                return r;

        waiting->later = daemon->waitings;
        if (waiting->later)
                waiting->later->previous = waiting;
        daemon->waitings = waiting;
        *ret = TAKE_PTR(waiting);
        return 0;
}

Waiting *waiting_free(Waiting *waiting)
{
        if (!waiting)
                return NULL;

        if (waiting->previous)
                waiting->previous->later = waiting->later;
        else if (waiting->daemon->waitings == waiting)
                waiting->daemon->waitings = waiting->later;
        if (waiting->later)
                waiting->later->previous = waiting->previous;
        caller_detach(&waiting->resource);
        opening_cancel(waiting->opening);
        ask_cancel(waiting->ask);
        job_cancel(waiting->job);
        helper_call_cancel(waiting->reading);
        tpm_call_cancel(waiting->tpm);
        finger_work_free(waiting->finger);
        backup_work_free(waiting->backup);
        check_work_free(waiting->check);
        list_work_free(waiting->list);
        log_work_free(waiting->log);
        restore_work_free(waiting->restore);
        wipe_work_leave(waiting->wipe);
        slot_key_cancel(waiting->touching);
        secret_free(waiting->touched);
        blind_free(waiting->blind);
        if (waiting->device)
                explicit_bzero(waiting->device, sizeof(*waiting->device)); /* what a PIN makes may be in it */
        free(waiting->device);
        ctap_seal_wait_cancel(waiting->sealed);
        epoch_wait_cancel(waiting->counter);
        policy_wish_free(waiting->wish);
        ssh_wish_free(waiting->ssh);
        free(waiting->tpm_why);
        secret_free(waiting->tpm_fields);
        root_free(waiting->root);
        slot_draft_free(waiting->draft);
        for (size_t i = 0; i < waiting->n_drafts; i++)
                slot_draft_free(waiting->drafts[i]);
        slot_list_done(&waiting->slots);
        options_done(&waiting->options);
        free(waiting->id);
        free(waiting->text);
        sd_bus_message_unref(waiting->call);
        free(waiting);
        return NULL;
}

void waiting_settle(Waiting *waiting, int r, const sd_bus_error *error)
{
        _cleanup_(sd_bus_error_free) sd_bus_error other = SD_BUS_ERROR_NULL;

        if (r >= 0)
                return;
        if (!sd_bus_error_is_set(error)) {
                (void)daemon_error(waiting->daemon, &other, r);
                error = &other;
        }
        (void)batch_reply_error(waiting->daemon, waiting->call, error);
        waiting_free(waiting);
}

/* Runs the next step; a failure becomes the call's answer. */
void waiting_step_done(Waiting *waiting)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        /* It was about a vault that is not there any more. */
        if (waiting->vault_changes != waiting->daemon->vault_changes)
                r = sd_bus_error_set(&error, KEYFOB_ERROR_BUSY, "the vault was replaced meanwhile: try again");
        else
                r = waiting->next(waiting, &error);
        waiting_settle(waiting, r, &error);
}

static void waiting_fail(Waiting *waiting, int (*describe)(Daemon *, sd_bus_error *, int), int result)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void)describe(waiting->daemon, &error, result);
        (void)batch_reply_error(waiting->daemon, waiting->call, &error);
        waiting_free(waiting);
}

void waiting_end_with_keys(Daemon *daemon)
{
        for (Waiting *waiting = daemon->waitings, *later; waiting; waiting = later) {
                later = waiting->later;
                if (waiting->root || waiting->draft || waiting->n_drafts > 0 || waiting->job)
                        waiting_fail(waiting, opening_error, OPENING_CANCELLED);
        }
}

/* What is open need not be unlocked, so the remedy is another one. */
static int fresh_error(Daemon *daemon, sd_bus_error *error, int result)
{
        if (result != OPENING_NO_PROMPTER)
                return opening_error(daemon, error, result);
        sd_bus_error_set(error, KEYFOB_ERROR_NO_PROMPTER,
                         "a password is needed for this, and there is nobody to ask: run it in a terminal, or "
                         "give --password-file");
        return -ENOKEY;
}

static int confirm_error(Daemon *daemon, sd_bus_error *error, int result)
{
        sd_bus_error_set(error, KEYFOB_ERROR_NO_PROMPTER,
                         "somebody must agree to this, and there is nobody to ask: run it in a terminal, or keyfob "
                         "prompt-agent");
        return -ENOKEY;
}

/* A secret that was given, and is a recovery code but for a symbol. */
static unsigned find_typo(const Waiting *waiting)
{
        const Options *options = &waiting->options;
        const Secret *given = options->auth ?: options->old ?: options->secret;

        return given ? secret_typo(given) : 0;
}

static void opening_done(void *userdata, int result, Root *root)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Waiting *waiting = userdata;
        unsigned typo;

        waiting->opening = NULL;
        if (waiting->otherwise && (result == VAULT_E_WRONG_SECRET || result == VAULT_E_LOCKED || result == OPENING_NO_SLOT)) {
                waiting->next = TAKE_PTR(waiting->otherwise);
                waiting_step_done(waiting);
                return;
        }
        waiting->otherwise = NULL;
        typo = result == VAULT_E_WRONG_SECRET ? find_typo(waiting) : 0;
        if (typo > 0) {
                sd_bus_error_setf(&error, KEYFOB_ERROR_WRONG_SECRET, "group %u of the recovery code is mistyped",
                                  typo);
                waiting_settle(waiting, -EACCES, &error);
                return;
        }
        if (result != 0) {
                waiting_fail(waiting, waiting->fresh ? fresh_error : opening_error, result);
                return;
        }
        root_free(waiting->root);
        waiting->root = root;
        waiting_step_done(waiting);
}

int waiting_open(Waiting *waiting, uint32_t collection, const Secret *secret, const uint8_t *slot, bool unlock,
                 const char *purpose, const char *message, WaitingNext next)
{
        waiting->next = next;
        waiting->fresh = !unlock;
        return opening_start(waiting->daemon,
                             &(OpeningRequest){
                                     .caller = waiting->resource.caller,
                                     .collection = collection,
                                     .secret = secret,
                                     .slot = slot,
                                     .interactive = !waiting->options.no_interactive,
                                     .unlock = unlock,
                                     .touch = waiting->options.touch,
                                     .purpose = purpose,
                                     .message = message,
                             },
                             opening_done, waiting, &waiting->opening);
}

static int unlock_done(Waiting *waiting, sd_bus_error *error)
{
        int r;

        if (waiting->root) {
                r = opening_unlock(waiting->daemon, waiting->root);
                waiting->root = root_free(waiting->root);
                if (r != 0)
                        return daemon_error(waiting->daemon, error, r);
        }
        return waiting->then(waiting, error);
}

int waiting_unlock(Waiting *waiting, const char *message, WaitingNext next, sd_bus_error *error)
{
        if (vault_is_unlocked(waiting->daemon->vault))
                return next(waiting, error);
        waiting->then = next;
        return waiting_open(waiting, /* collection= */ 0, /* secret= */ NULL, /* slot= */ NULL, /* unlock= */ true,
                            "unlock", message, unlock_done);
}

static void ask_done(void *userdata, const AskAnswer *answer)
{
        Waiting *waiting = userdata;

        waiting->ask = NULL;
        switch (answer->outcome) {
        case ASK_ALLOWED:
                if (waiting->ask_target) {
                        secret_free(*waiting->ask_target);
                        *waiting->ask_target = answer->secret;
                } else
                        secret_free(answer->secret);
                waiting_step_done(waiting);
                break;
        case ASK_DENIED:
                waiting_fail(waiting, opening_error, OPENING_CANCELLED);
                break;
        case ASK_NO_PROMPTER:
        case ASK_FAILED:
                waiting_fail(waiting, waiting->confirms ? confirm_error : fresh_error, OPENING_NO_PROMPTER);
                break;
        }
}

int waiting_ask(Waiting *waiting, AskKind kind, const char *purpose, const char *title, const char *message,
                const char *problem, Secret **ret_secret, WaitingNext next)
{
        waiting->next = next;
        waiting->ask_target = ret_secret;
        waiting->confirms = kind == ASK_CONFIRM;
        return ask_start(waiting->daemon,
                         &(AskRequest){
                                 .kind = kind,
                                 .purpose = purpose,
                                 .title = title,
                                 .message = message,
                                 .error = problem,
                                 .retries = -1,
                                 .caller = waiting->resource.caller,
                         },
                         ask_done, waiting, &waiting->ask);
}

static void key_read(void *userdata, HelperResult result, ByteReader *fields)
{
        Waiting *waiting = userdata;
        Options *options = &waiting->options;
        const uint8_t *content;
        size_t size;

        waiting->reading = NULL;
        if (result == HELPER_OK && options->n_secrets < OPTIONS_SECRETS_MAX) {
                content = byte_reader_blob(fields, HELPER_KEY_MAX, &size);
                if (content && secret_new_from(&options->secrets[options->n_secrets], content, size) == 0)
                        options->n_secrets++;
        }
        waiting_step_done(waiting);
}

int waiting_read_key(Waiting *waiting, const char *path, WaitingNext next)
{
        ByteWriter fields = BYTE_WRITER_NULL;
        int r;

        waiting->next = next;
        byte_writer_string(&fields, path);
        r = fields.failed
                    ? -ENOMEM
                    : helper_call(waiting->daemon, HELPER_READ_KEY, &fields, key_read, waiting, &waiting->reading);
        byte_writer_done(&fields);
        return r;
}

static void tpm_done(void *userdata, const TpmAnswer *answer)
{
        Waiting *waiting = userdata;

        waiting->tpm = NULL;
        waiting->tpm_problem = answer->problem;
        free(waiting->tpm_why);
        waiting->tpm_why = strdup(answer->problem ? answer->why : "");
        waiting->tpm_fields = secret_free(waiting->tpm_fields);
        if (!waiting->tpm_why ||
            (answer->problem == 0 &&
             secret_new_from(&waiting->tpm_fields, answer->fields->data, answer->fields->size) < 0))
                waiting_fail(waiting, daemon_error, -ENOMEM);
        else
                waiting_step_done(waiting);
}

int waiting_tpm(Waiting *waiting, TpmOperation operation, const ByteWriter *fields, WaitingNext next)
{
        waiting->next = next;
        return tpm_call(waiting->daemon, operation, fields, tpm_done, waiting, &waiting->tpm);
}

static void storage_open(void *userdata, int result)
{
        Waiting *waiting = userdata;

        waiting->sealed = NULL;
        if (result == 0)
                waiting_step_done(waiting);
        else
                waiting_fail(waiting, daemon_error, result);
}

static void storage_tried(void *userdata, int result)
{
        Waiting *waiting = userdata;

        waiting->sealed = NULL;
        waiting_step_done(waiting);
}

int waiting_storage_tried(Waiting *waiting, WaitingNext next, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        int r = VAULT_E_DEVICE;

        if (!ctap_seal_is_open(daemon->ctap))
                r = ctap_seal_wait(daemon->ctap, storage_tried, waiting, &waiting->sealed);
        waiting->next = next;
        return r == VAULT_E_DEVICE ? next(waiting, error) : daemon_error(daemon, error, r);
}

int waiting_storage(Waiting *waiting, WaitingNext next, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;

        if (ctap_seal_is_open(daemon->ctap))
                return next(waiting, error);
        waiting->next = next;
        return daemon_error(daemon, error, ctap_seal_wait(daemon->ctap, storage_open, waiting, &waiting->sealed));
}

static void draft_job_run(void *data)
{
        DraftJob *job = data;
        SlotRequest request = {
                .kind = job->kind,
                .label = job->label,
                .path = job->path,
                .secret = job->n_secrets > 0 ? job->secrets[0] : NULL,
                .kdf_memory_kib = job->kdf_memory,
                .kdf_passes = job->kdf_passes,
                .kdf_ms = job->kdf_ms,
                .fido2 = job->device && job->kind == SLOT_FIDO2 ? &job->device->fido2 : NULL,
                .tpm2 = job->device && job->kind == SLOT_TPM2 ? &job->device->tpm2 : NULL,
        };

        if (job->prove) {
                size_t n = job->kind == SLOT_NONE ? 1 : job->n_secrets;

                job->result = VAULT_E_WRONG_SECRET;
                for (size_t i = 0; i < n && job->result == VAULT_E_WRONG_SECRET; i++) {
                        request.secret = job->kind == SLOT_NONE ? NULL : job->secrets[i];
                        job->result = slot_open(job->again, request.secret, &job->root);
                }
                if (job->result != 0)
                        return;
        }
        job->result = job->again ? slot_prepare_again(job->again, &request, &job->draft)
                                 : slot_prepare(&request, &job->draft);
}

static void draft_job_done(void *data)
{
        DraftJob *job = data;
        Waiting *waiting = job->waiting;

        waiting->job = NULL;
        waiting->proof = job->result;
        if (job->prove && job->again && waiting->at < waiting->slots.n && !waiting->slots.slots[waiting->at])
                waiting->slots.slots[waiting->at] = TAKE_PTR(job->again);
        if (job->root && !waiting->root)
                waiting->root = TAKE_PTR(job->root);
        if (job->result == 0) {
                slot_draft_free(waiting->draft);
                waiting->draft = TAKE_PTR(job->draft);
        } else if (!(job->prove && job->result == VAULT_E_WRONG_SECRET)) {
                waiting_fail(waiting, daemon_error, job->result);
                return;
        }
        waiting_step_done(waiting);
}

static void draft_job_free(void *data)
{
        DraftJob *job = data;

        slot_free(job->again);
        root_free(job->root);
        slot_draft_free(job->draft);
        for (size_t i = 0; i < job->n_secrets; i++)
                secret_free(job->secrets[i]);
        free(job->label);
        free(job->path);
        free(job->device);
        free(job);
}

static void draft_job_freep(DraftJob **job)
{
        if (*job)
                draft_job_free(*job);
}

static int draft_job_new(Waiting *waiting, const Secret *const *secrets, size_t n_secrets, DraftJob **ret)
{
        _cleanup_(draft_job_freep) DraftJob *job = calloc(1, sizeof(*job));
        const Options *options = &waiting->options;
        int r;

        if (!job)
                return -ENOMEM;
        job->waiting = waiting;
        job->kdf_memory = options->kdf_memory;
        job->kdf_passes = options->kdf_passes;
        job->kdf_ms = options->kdf_ms;
        if (options->label && !(job->label = strdup(options->label)))
                return -ENOMEM;
        if (options->path && !(job->path = strdup(options->path)))
                return -ENOMEM;
        for (size_t i = 0; i < n_secrets && i < OPTIONS_SECRETS_MAX; i++) {
                r = secret_new_from(&job->secrets[i], secrets[i]->data, secrets[i]->size);
                if (r < 0)
                        return r;
                job->n_secrets++;
        }
        *ret = TAKE_PTR(job);
        return 0;
}

/* Takes the job over. */
static int draft_job_start(Waiting *waiting, DraftJob *job, WaitingNext next)
{
        int r;

        waiting->next = next;
        r = job_start(waiting->daemon->jobs, draft_job_run, draft_job_done, draft_job_free, job, &waiting->job);
        if (r < 0)
                draft_job_free(job);
        return r;
}

int waiting_prepare(Waiting *waiting, SlotKind kind, const Secret *secret, WaitingNext next)
{
        DraftJob *job;
        int r;

        r = draft_job_new(waiting, &secret, secret ? 1 : 0, &job);
        if (r < 0)
                return r;
        job->kind = kind;
        job->device = TAKE_PTR(waiting->device);
        return draft_job_start(waiting, job, next);
}

int waiting_prepare_again(Waiting *waiting, Slot **slot, const Secret *secret, WaitingNext next)
{
        DraftJob *job;
        int r;

        r = draft_job_new(waiting, &secret, secret ? 1 : 0, &job);
        if (r < 0)
                return r;
        job->again = TAKE_PTR(*slot);
        job->kind = slot_kind(job->again);
        return draft_job_start(waiting, job, next);
}

int waiting_prove(Waiting *waiting, WaitingNext next)
{
        DraftJob *job;
        int r;

        r = draft_job_new(waiting, (const Secret *const *)waiting->options.secrets, waiting->options.n_secrets, &job);
        if (r < 0)
                return r;
        job->prove = true;
        job->again = TAKE_PTR(waiting->slots.slots[waiting->at]);
        job->kind = slot_kind(job->again);
        return draft_job_start(waiting, job, next);
}

int waiting_finish_large(Waiting *waiting, sd_bus_message *reply, size_t size)
{
        (void)batch_reply_large(waiting->daemon, waiting->call, reply, size);
        waiting_free(waiting);
        return 0;
}

int waiting_finish_reply(Waiting *waiting, sd_bus_message *reply)
{
        return waiting_finish_large(waiting, reply, /* size= */ 0);
}

int waiting_finish(Waiting *waiting, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        va_list ap;
        int r;

        r = sd_bus_message_new_method_return(waiting->call, &reply);
        if (r >= 0 && types) {
                va_start(ap, types);
                r = sd_bus_message_appendv(reply, types, ap);
                va_end(ap);
        }
        if (r < 0)
                return r;
        return waiting_finish_reply(waiting, reply);
}

int waiting_started(Waiting *waiting, int r)
{
        if (r >= 0)
                return 1;
        waiting_free(waiting);
        return r;
}
