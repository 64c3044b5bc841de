/*
 * A prompt that changes the password of a collection
 *
 * First the present password, which gives the root key, then the new one, then the slot gets its new wrap. A
 * collection without slots of its own has the vault's password. What has no password gets one.
 */
#include "daemon/secret-prompt.h"

#include <errno.h>
#include <string.h>

#include "daemon/job.h"

struct PromptChange {
        SecretPrompt *prompt;
        uint32_t key_changes, slot_changes; /* the daemon's, when it began */
        Slot *slot;                         /* of kind password, or none */
        Root *root;
        Job *job;
};

/* What the worker has: copies. */
typedef struct Work {
        SecretPrompt *prompt; /* looked at by done() only, which does not run once the prompt is gone */
        Slot *slot;           /* that gets the new password; NULL: a new slot does */
        Secret *password;
        SlotDraft *draft;
        int result;
} Work;

PromptChange *prompt_change_free(PromptChange *change)
{
        if (!change)
                return NULL;
        job_cancel(change->job);
        slot_free(change->slot);
        root_free(change->root);
        free(change);
        return NULL;
}

/* ---- the new slot ---- */

static void work_run(void *data)
{
        Work *work = data;
        SlotRequest request = {.kind = SLOT_PASSWORD, .secret = work->password};

        work->result = work->slot ? slot_prepare_again(work->slot, &request, &work->draft)
                                  : slot_prepare(&request, &work->draft);
}

static void work_free(void *data)
{
        Work *work = data;

        slot_free(work->slot);
        secret_free(work->password);
        slot_draft_free(work->draft);
        free(work);
}

static int write_slot(Daemon *daemon, const PromptChange *change, const Work *work)
{
        int r;

        if (!daemon->vault || change->key_changes != daemon->key_changes)
                return VAULT_E_NOT_FOUND;
        /* Whoever knows the password from before has no say in the one that took its place. */
        if (change->slot_changes != daemon->slot_changes)
                return OPENING_CANCELLED;
        batch_flush(daemon);
        r = vault_slot_exchange(daemon->vault, change->root, work->draft, root_slot_id(change->root));
        if (r == 0)
                daemon->slot_changes++;
        return r;
}

static void work_done(void *data)
{
        Work *work = data;
        SecretPrompt *prompt = work->prompt;

        prompt->change->job = NULL;
        if (work->result == 0)
                work->result = write_slot(prompt->secrets->daemon, prompt->change, work);
        prompt_end(prompt, work->result, NULL);
}

/* Takes the password over. */
static int work_start(SecretPrompt *prompt, Secret *password)
{
        PromptChange *change = prompt->change;
        Work *work = calloc(1, sizeof(*work));
        int r;

        if (!work) {
                secret_free(password);
                return -ENOMEM;
        }
        *work = (Work){.prompt = prompt, .password = password};
        if (slot_kind(change->slot) == SLOT_PASSWORD)
                work->slot = TAKE_PTR(change->slot);
        r = job_start(prompt->secrets->daemon->jobs, work_run, work_done, work_free, work, &change->job);
        if (r < 0)
                work_free(work);
        return r;
}

/* ---- the questions ---- */

static void new_answered(void *userdata, const AskAnswer *answer)
{
        SecretPrompt *prompt = userdata;
        int result;

        prompt->ask = NULL;
        if (answer->outcome == ASK_ALLOWED)
                result = work_start(prompt, answer->secret);
        else
                result = prompt_refusal(answer->outcome);
        if (result != 0)
                prompt_end(prompt, result, NULL);
}

static int ask_new(SecretPrompt *prompt)
{
        AskRequest request = {
                .kind = ASK_NEW_SECRET,
                .purpose = "change-password",
                .title = "New password",
                .message = prompt->message,
                .retries = -1,
                .caller = prompt->resource.caller,
        };

        return ask_start(prompt->secrets->daemon, &request, new_answered, prompt, &prompt->ask);
}

static void old_opened(void *userdata, int result, Root *root)
{
        SecretPrompt *prompt = userdata;

        prompt->opening = NULL;
        prompt->change->root = root;
        if (result == 0)
                result = ask_new(prompt);
        if (result != 0)
                prompt_end(prompt, result, NULL);
}

/* The password to change: the only one there is, or that there is none. */
static int choose_slot(Daemon *daemon, uint32_t scope, Slot **ret)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        Slot **found = NULL;
        int r;

        r = vault_slots(daemon->vault, &list);
        if (r != 0)
                return r;
        for (size_t i = 0; i < list.n; i++) {
                Slot **slot = &list.slots[i];

                if (slot_collection(*slot) != scope ||
                    (slot_kind(*slot) != SLOT_PASSWORD && slot_kind(*slot) != SLOT_NONE))
                        continue;
                /* Which of several is meant can't be said here. */
                if (found && slot_kind(*found) == SLOT_PASSWORD && slot_kind(*slot) == SLOT_PASSWORD)
                        return VAULT_E_UNSUPPORTED;
                if (!found || slot_kind(*slot) == SLOT_PASSWORD)
                        found = slot;
        }
        if (!found)
                return VAULT_E_UNSUPPORTED;
        *ret = TAKE_PTR(*found);
        return 0;
}

int prompt_change_start(SecretPrompt *prompt)
{
        Daemon *daemon = prompt->secrets->daemon;
        const VaultCollection *c = NULL;
        CollectionRef collection;
        uint32_t scope;
        int r;

        if (secret_path_collection(daemon, prompt->objects[0], &collection))
                c = vault_collection_get(collection.vault, collection.no);
        if (!c || collection.vault != daemon->vault)
                return VAULT_E_NOT_FOUND;
        scope = c->own_slots ? c->no : 0;
        r = prompt_set_message(prompt, scope ? "wants to change the password of the collection"
                                             : "wants to change the password of your Keyfob vault",
                               scope ? c->label : NULL);
        if (r < 0)
                return r;
        prompt->change = calloc(1, sizeof(*prompt->change));
        if (!prompt->change)
                return -ENOMEM;
        prompt->change->prompt = prompt;
        prompt->change->key_changes = daemon->key_changes;
        prompt->change->slot_changes = daemon->slot_changes;
        r = choose_slot(daemon, scope, &prompt->change->slot);
        if (r != 0)
                return r;

        OpeningRequest request = {
                .caller = prompt->resource.caller,
                .collection = scope,
                .slot = slot_id(prompt->change->slot),
                .interactive = true,
                .purpose = "change-password",
                .message = prompt->message,
        };
        return opening_start(daemon, &request, old_opened, prompt, &prompt->opening);
}
