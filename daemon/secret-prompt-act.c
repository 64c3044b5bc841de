/*
 * What a prompt does once it is shown
 *
 * Unlock opens what is locked, scope by scope: the vault's root first, then each collection with a root of its own.
 * Create and delete need the root or the open vault, and a person's word. Nothing is remembered from when the prompt
 * was made but names: collections may have come, gone or opened since.
 */
#include "daemon/secret-prompt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/access-log.h"
#include "daemon/present.h"

/* ---- what is asked ---- */

int prompt_set_message(SecretPrompt *prompt, const char *wish, const char *label)
{
        _cleanup_free_ char *who = NULL, *what = NULL;
        const char *program = caller_program(prompt->resource.caller);
        bool known = program && *program;

        who = presentable(known ? program : "");
        what = presentable(label ? label : "");
        if (!who || !what)
                return -ENOMEM;
        free(prompt->message);
        if (asprintf(&prompt->message, "%s%s%s %s%s%s%s.", known ? "The program \"" : "A program", who,
                     known ? "\"" : "", wish, label ? " \"" : "", what, label ? "\"" : "") < 0) {
                prompt->message = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* ---- unlock ---- */

/* The scope (0: the vault's root, else a collection with its own) that is to be opened next, and what to call it. */
static bool next_scope(SecretPrompt *prompt, uint32_t *ret_scope, const VaultCollection **ret_only)
{
        Daemon *daemon = prompt->secrets->daemon;
        const VaultCollection *only = NULL;
        int64_t best = INT64_MAX;

        for (size_t i = 0; i < prompt->n_objects; i++) {
                const VaultCollection *c;
                CollectionRef collection;
                int64_t scope;

                if (!secret_path_any(daemon, prompt->objects[i], &collection))
                        continue;
                c = vault_collection_get(collection.vault, collection.no);
                if (!c || !c->locked)
                        continue;
                scope = c->own_slots ? (int64_t)c->no : 0;
                if (scope <= prompt->scope || scope > best)
                        continue;
                only = scope < best || only == c ? c : NULL;
                best = scope;
        }
        if (best == INT64_MAX)
                return false;
        *ret_scope = (uint32_t)best;
        *ret_only = only;
        return true;
}

static int unlock_step(SecretPrompt *prompt);

static void unlock_end(SecretPrompt *prompt, int result)
{
        bool any = false;

        for (size_t i = 0; i < prompt->n_objects && !any; i++)
                any = prompt_object_is_open(prompt, i);
        if (any)
                result = 0;
        else if (result == 0)
                /* Nothing was left to open, or what was opened did not open all that it should. */
                result = prompt->scope < 0 ? VAULT_E_NOT_FOUND : VAULT_E_DAMAGED;
        prompt_end(prompt, result, NULL);
}

static void unlock_opened(void *userdata, int result, Root *opened)
{
        _cleanup_(root_freep) Root *root = opened;
        SecretPrompt *prompt = userdata;

        prompt->opening = NULL;
        if (result == 0 && root)
                result = opening_unlock(prompt->secrets->daemon, root);
        if (result == 0)
                result = unlock_step(prompt);
        if (result != 1)
                unlock_end(prompt, result);
}

/* 1: something is being opened; 0: nothing is left to open; else why not. */
static int unlock_step(SecretPrompt *prompt)
{
        Daemon *daemon = prompt->secrets->daemon;
        const VaultCollection *only;
        uint32_t scope;
        int r;

        if (!next_scope(prompt, &scope, &only))
                return 0;
        prompt->scope = scope;
        r = prompt_set_message(prompt, only ? "wants to open the collection" : "wants to open your secrets",
                        only ? only->label : NULL);
        if (r < 0)
                return r;

        OpeningRequest request = {
                .caller = prompt->resource.caller,
                .collection = scope,
                .interactive = true,
                /* Unless nothing is left that could be opened: then the collection is locked all the same, and whoever
                 * waits would be told that it is done. */
                .unlock = scope != 0 || !opening_scope_is_open(daemon, scope),
                .purpose = "unlock",
                .message = prompt->message,
        };
        r = opening_start(daemon, &request, unlock_opened, prompt, &prompt->opening);
        return r < 0 ? r : 1;
}

/* ---- create ---- */

/* Both or nothing: a collection without the alias it was made for would be made again. Where somebody else has made one for that
 * alias meanwhile, it is that one. */
static int create(Daemon *daemon, const SecretPrompt *prompt, const Root *root, CollectionRef *ret, bool *ret_new)
{
        Vault *vault = daemon->vault;
        const VaultCollection *c;
        int r;

        batch_flush(daemon);
        if (!vault)
                return VAULT_E_NO_VAULT;
        if (!vault_is_unlocked(vault)) {
                r = opening_unlock(daemon, root);
                if (r != 0)
                        return r;
                batch_flush(daemon);
        }
        *ret_new = !*prompt->alias || !secret_path_alias(daemon, prompt->alias, ret);
        if (!*ret_new)
                return 0;
        r = vault_batch_begin(vault);
        if (r != 0)
                return r;
        r = vault_collection_create(vault, root, prompt->label, /* own= */ NULL, &c);
        if (r == 0 && *prompt->alias)
                r = vault_alias_set(vault, prompt->alias, c->no);
        if (r != 0) {
                vault_batch_rollback(vault);
                return r;
        }
        *ret = (CollectionRef){.vault = vault, .no = c->no};
        return vault_batch_commit(vault);
}

static void create_opened(void *userdata, int result, Root *opened)
{
        _cleanup_(root_freep) Root *root = opened;
        char path[SECRETS_PATH_MAX] = "/";
        SecretPrompt *prompt = userdata;
        Daemon *daemon = prompt->secrets->daemon;
        CollectionRef collection;
        bool new = false;

        prompt->opening = NULL;
        if (result == 0)
                result = create(daemon, prompt, root, &collection, &new);
        if (result == 0)
                secret_collection_path(daemon, collection, path);
        if (new && result == 0)
                secret_notify_collection_created(daemon, collection);
        prompt_end(prompt, result, path);
}

static int create_start(SecretPrompt *prompt)
{
        int r;

        r = prompt_set_message(prompt, "wants to make the collection", prompt->label);
        if (r < 0)
                return r;

        OpeningRequest request = {
                .caller = prompt->resource.caller,
                .interactive = true,
                .purpose = "create-collection",
                .message = prompt->message,
        };
        return opening_start(prompt->secrets->daemon, &request, create_opened, prompt, &prompt->opening);
}

/* ---- delete ---- */

static int delete (Daemon *daemon, Caller *caller, const char *path)
{
        _cleanup_(identity_unrefp) Identity *who = identity_by_now(daemon, caller);
        _cleanup_free_ char *label = NULL;
        char name[sizeof((VaultCollection){0}.name)];
        const VaultCollection *c = NULL;
        CollectionRef collection;
        int r;

        batch_flush(daemon);
        if (secret_path_collection(daemon, path, &collection))
                c = vault_collection_get(collection.vault, collection.no);
        if (!c || collection.vault != daemon->vault)
                return VAULT_E_NOT_FOUND;
        memcpy(name, c->name, sizeof(name));
        label = strdup(c->label);
        r = label ? batch_begin(daemon) : -ENOMEM;
        if (r != 0)
                return r;
        r = vault_collection_delete(collection.vault, collection.no);
        if (r == 0) {
                access_log_wrote_collection(daemon, ACCESS_COLLECTION_DELETED, who, collection, label);
                r = batch_commit(daemon);
        } else
                batch_flush(daemon);
        if (r == 0)
                secret_notify_collection_deleted(daemon, collection, name);
        return r;
}

int prompt_refusal(AskOutcome outcome)
{
        static const int results[] = {
                [ASK_DENIED] = OPENING_CANCELLED,
                [ASK_NO_PROMPTER] = OPENING_NO_PROMPTER,
                [ASK_FAILED] = OPENING_NO_PROMPTER,
        };

        return results[outcome];
}

static void delete_answered(void *userdata, const AskAnswer *answer)
{
        SecretPrompt *prompt = userdata;
        int result;

        secret_free(answer->secret);
        prompt->ask = NULL;
        if (answer->outcome == ASK_ALLOWED)
                result = delete (prompt->secrets->daemon, prompt->resource.caller, prompt->objects[0]);
        else
                result = prompt_refusal(answer->outcome);
        prompt_end(prompt, result, NULL);
}

static int delete_confirm(SecretPrompt *prompt)
{
        AskRequest request = {
                .kind = ASK_CONFIRM,
                .purpose = "delete-collection",
                .title = "Delete a collection",
                .message = prompt->message,
                .retries = -1,
                .caller = prompt->resource.caller,
        };

        return ask_start(prompt->secrets->daemon, &request, delete_answered, prompt, &prompt->ask);
}

static void delete_opened(void *userdata, int result, Root *opened)
{
        _cleanup_(root_freep) Root *root = opened;
        SecretPrompt *prompt = userdata;

        prompt->opening = NULL;
        if (result == 0 && root)
                result = opening_unlock(prompt->secrets->daemon, root);
        if (result == 0)
                result = delete_confirm(prompt);
        if (result != 0)
                prompt_end(prompt, result, NULL);
}

/* The list of collections is sealed, so the vault must be open to strike one off; the question comes after. */
static int delete_start(SecretPrompt *prompt)
{
        Daemon *daemon = prompt->secrets->daemon;
        const VaultCollection *c = NULL;
        CollectionRef collection;
        int r;

        if (secret_path_collection(daemon, prompt->objects[0], &collection))
                c = vault_collection_get(collection.vault, collection.no);
        if (!c || collection.vault != daemon->vault)
                return VAULT_E_NOT_FOUND;
        r = prompt_set_message(prompt, "wants to delete, with all its items, the collection", c->label);
        if (r < 0)
                return r;
        if (vault_is_unlocked(daemon->vault))
                return delete_confirm(prompt);

        OpeningRequest request = {
                .caller = prompt->resource.caller,
                .interactive = true,
                .unlock = true,
                .purpose = "delete-collection",
                .message = prompt->message,
        };
        return opening_start(daemon, &request, delete_opened, prompt, &prompt->opening);
}

void prompt_act(SecretPrompt *prompt)
{
        int r;

        switch (prompt->kind) {
        case PROMPT_UNLOCK:
                r = unlock_step(prompt);
                if (r != 1)
                        unlock_end(prompt, r);
                break;
        case PROMPT_CREATE:
                r = create_start(prompt);
                if (r != 0)
                        prompt_end(prompt, r, NULL);
                break;
        case PROMPT_DELETE:
                r = delete_start(prompt);
                if (r != 0)
                        prompt_end(prompt, r, NULL);
                break;
        case PROMPT_CHANGE:
                r = prompt_change_start(prompt);
                if (r != 0)
                        prompt_end(prompt, r, NULL);
                break;
        }
}
