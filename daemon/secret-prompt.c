/*
 * Prompt: org.freedesktop.Secret.Prompt, what a person has to agree to first
 *
 * A prompt is a promise: nothing is asked before Prompt(), Completed is said exactly once after it, and then the
 * object is gone. It belongs to the caller that caused it. Clients wait for Completed without a limit but for Prompt()
 * only as long as any call, so that call is answered when a question is likely to stand in front of someone: at the
 * end, or after a moment. What fails within that moment (nobody to ask, above all) fails the call by name, and is
 * Completed as dismissed as well for clients that look only there.
 */
#include "daemon/ask.h"
#include "daemon/opening.h"
#include "daemon/secret-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PROMPTS       SECRETS_PATH "/prompt"
#define PATIENCE_USEC UINT64_C(500000) /* how long Prompt() is held */
#define SHOWN_MAX     120U             /* bytes of a name from outside that a question shows */

typedef enum PromptKind {
        PROMPT_UNLOCK,
        PROMPT_CREATE,
        PROMPT_DELETE,
} PromptKind;

struct SecretPrompt {
        CallerResource resource; /* first: gone() gets it */
        Secrets *secrets;
        SecretPrompt *previous, *next;
        PromptKind kind;
        char path[64];

        char **objects; /* PROMPT_UNLOCK: as the client gave them; PROMPT_DELETE: one */
        size_t n_objects;
        char *label, *alias; /* PROMPT_CREATE */

        bool started;
        sd_bus_message *call; /* Prompt(), not answered yet */
        sd_event_source *timer;
        char *message;
        Opening *opening;
        Ask *ask;
        int64_t scope; /* PROMPT_UNLOCK: the one being opened; -1: none yet */
};

static void strings_free(char **strings, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(strings[i]);
        free(strings);
}

static SecretPrompt *prompt_free(SecretPrompt *prompt)
{
        if (!prompt)
                return NULL;
        caller_detach(&prompt->resource);
        opening_cancel(prompt->opening);
        ask_cancel(prompt->ask);
        if (prompt->secrets) {
                if (prompt->previous)
                        prompt->previous->next = prompt->next;
                else
                        prompt->secrets->prompts = prompt->next;
                if (prompt->next)
                        prompt->next->previous = prompt->previous;
        }
        sd_event_source_disable_unref(prompt->timer);
        sd_bus_message_unref(prompt->call);
        strings_free(prompt->objects, prompt->n_objects);
        free(prompt->label);
        free(prompt->alias);
        free(prompt->message);
        free(prompt);
        return NULL;
}
DEFINE_CLEANUP(SecretPrompt *, prompt_free)

static void prompt_gone(CallerResource *resource)
{
        prompt_free((SecretPrompt *)resource);
}

void secret_prompts_done(Secrets *secrets)
{
        while (secrets->prompts)
                prompt_free(secrets->prompts);
}

/* ---- making one ---- */

/* Some clients ask for prompts that they never show. The oldest of those makes room. */
static void forget_oldest(Caller *caller)
{
        SecretPrompt *oldest = NULL;

        for (CallerResource *c = caller_resources(caller, CALLER_PROMPT); c; c = c->next) {
                SecretPrompt *prompt = (SecretPrompt *)c;

                /* Paths are numbered, so a shorter or smaller one is older. */
                if (!prompt->started && (!oldest || strverscmp(prompt->path, oldest->path) < 0))
                        oldest = prompt;
        }
        prompt_free(oldest);
}

/* Takes over the prompt, also when it fails. */
static int prompt_add(Daemon *daemon, sd_bus_message *message, SecretPrompt *new, const char **ret_path,
                      sd_bus_error *error)
{
        _cleanup_(prompt_freep) SecretPrompt *prompt = new;
        Secrets *secrets = daemon->secrets;
        Caller *caller;
        int r;

        prompt->scope = -1;
        r = caller_of(daemon, message, &caller);
        if (r < 0)
                return r;
        r = caller_attach(caller, &prompt->resource, CALLER_PROMPT, prompt_gone);
        if (r == -ENOBUFS) {
                forget_oldest(caller);
                r = caller_attach(caller, &prompt->resource, CALLER_PROMPT, prompt_gone);
        }
        if (r == -ENOBUFS)
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "at most %u prompts for one client",
                                         CALLER_PROMPTS_MAX);
        if (r < 0)
                return r;

        snprintf(prompt->path, sizeof(prompt->path), PROMPTS "/p%" PRIu64, ++secrets->last_prompt);
        prompt->secrets = secrets;
        prompt->next = secrets->prompts;
        if (prompt->next)
                prompt->next->previous = prompt;
        secrets->prompts = prompt;
        *ret_path = prompt->path;
        prompt = NULL;
        return 0;
}

int secret_prompt_unlock(Daemon *daemon, sd_bus_message *message, const char *const *paths, size_t n,
                         const char **ret_path, sd_bus_error *error)
{
        _cleanup_(prompt_freep) SecretPrompt *prompt = calloc(1, sizeof(*prompt));

        if (!prompt)
                return -ENOMEM;
        prompt->kind = PROMPT_UNLOCK;
        prompt->objects = calloc(n, sizeof(*prompt->objects));
        if (!prompt->objects)
                return -ENOMEM;
        for (; prompt->n_objects < n; prompt->n_objects++) {
                prompt->objects[prompt->n_objects] = strdup(paths[prompt->n_objects]);
                if (!prompt->objects[prompt->n_objects])
                        return -ENOMEM;
        }
        return prompt_add(daemon, message, TAKE_PTR(prompt), ret_path, error);
}

int secret_prompt_create(Daemon *daemon, sd_bus_message *message, const char *label, const char *alias,
                         const char **ret_path, sd_bus_error *error)
{
        _cleanup_(prompt_freep) SecretPrompt *prompt = calloc(1, sizeof(*prompt));

        if (!prompt)
                return -ENOMEM;
        prompt->kind = PROMPT_CREATE;
        prompt->label = strdup(label);
        prompt->alias = strdup(alias);
        if (!prompt->label || !prompt->alias)
                return -ENOMEM;
        return prompt_add(daemon, message, TAKE_PTR(prompt), ret_path, error);
}

int secret_prompt_delete(Daemon *daemon, sd_bus_message *message, const char *path, const char **ret_path,
                         sd_bus_error *error)
{
        _cleanup_(prompt_freep) SecretPrompt *prompt = calloc(1, sizeof(*prompt));

        if (!prompt)
                return -ENOMEM;
        prompt->kind = PROMPT_DELETE;
        prompt->objects = calloc(1, sizeof(*prompt->objects));
        if (!prompt->objects)
                return -ENOMEM;
        prompt->objects[0] = strdup(path);
        if (!prompt->objects[0])
                return -ENOMEM;
        prompt->n_objects = 1;
        return prompt_add(daemon, message, TAKE_PTR(prompt), ret_path, error);
}

/* ---- what is asked ---- */

/* A name from outside as part of a question: bounded, one line, and unable to reorder or imitate the text around it.
 */
static char *presentable(const char *text)
{
        size_t n = strlen(text), end = n;
        char *copy;

        if (n > SHOWN_MAX)
                for (end = SHOWN_MAX; end > 0 && ((uint8_t)text[end] & 0xc0) == 0x80; end--)
                        ;
        if (asprintf(&copy, "%.*s%s", (int)end, text, end < n ? "…" : "") < 0)
                return NULL;
        for (uint8_t *p = (uint8_t *)copy; *p; p++) {
                bool control = *p < 0x20 || *p == 0x7f || *p == '"';

                if (control)
                        *p = *p == '"' ? '\'' : ' ';
                else if (p[0] == 0xc2 && p[1] < 0xa0) /* U+0080 to U+009F */
                        memset(p, ' ', 2);
                else if (p[0] == 0xe2 &&
                         ((p[1] == 0x80 && ((p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae))) ||
                          (p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf)))
                        memset(p, ' ', 3); /* zero width, line separators, direction marks */
        }
        return copy;
}

/* 0, or -ENOMEM. `label` may be NULL. */
static int set_message(SecretPrompt *prompt, const char *format_wish, const char *label)
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
                     known ? "\"" : "", format_wish, label ? " \"" : "", what, label ? "\"" : "") < 0) {
                prompt->message = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* ---- the end ---- */

typedef struct Completion {
        const SecretPrompt *prompt;
        bool dismissed;
        const char *created; /* PROMPT_CREATE */
} Completion;

static bool is_open(Daemon *daemon, const char *path)
{
        const VaultCollection *c;
        CollectionRef collection;

        if (!secret_path_any(daemon, path, &collection))
                return false;
        c = vault_collection_get(collection.vault, collection.no);
        return c && !c->locked;
}

static int append_completion(sd_bus_message *signal, void *userdata)
{
        const Completion *completion = userdata;
        const SecretPrompt *prompt = completion->prompt;
        int r;

        r = sd_bus_message_append(signal, "b", (int)completion->dismissed);
        if (r < 0)
                return r;
        switch (prompt->kind) {
        case PROMPT_CREATE:
                return sd_bus_message_append(signal, "v", "o", completion->dismissed ? "/" : completion->created);
        case PROMPT_DELETE:
                return sd_bus_message_append(signal, "v", "s", "");
        case PROMPT_UNLOCK:
                break;
        }
        r = sd_bus_message_open_container(signal, 'v', "ao");
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'a', "o");
        for (size_t i = 0; r >= 0 && !completion->dismissed && i < prompt->n_objects; i++)
                if (is_open(prompt->secrets->daemon, prompt->objects[i]))
                        r = sd_bus_message_append(signal, "o", prompt->objects[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(signal);
        return r < 0 ? r : sd_bus_message_close_container(signal);
}

/* Answers Prompt() if it is still waiting, says Completed, and the prompt is no more. `result`: as opening_error(). */
static void prompt_end(SecretPrompt *prompt, int result, const char *created)
{
        Daemon *daemon = prompt->secrets->daemon;
        Completion completion = {.prompt = prompt, .dismissed = result != 0, .created = created};

        if (prompt->call && result != 0 && result != OPENING_CANCELLED) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                (void)opening_error(daemon, &error, result);
                (void)batch_reply_error(daemon, prompt->call, &error);
        } else if (prompt->call)
                (void)batch_reply_return(daemon, prompt->call, NULL);
        (void)batch_signal_with(daemon, prompt->path, SECRETS_PROMPT, "Completed", append_completion, &completion);
        prompt_free(prompt);
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
                any = is_open(prompt->secrets->daemon, prompt->objects[i]);
        prompt_end(prompt, any ? 0 : result != 0 ? result : VAULT_E_NOT_FOUND, NULL);
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
        r = set_message(prompt, only ? "wants to open the collection" : "wants to open your secrets",
                        only ? only->label : NULL);
        if (r < 0)
                return r;

        OpeningRequest request = {
                .caller = prompt->resource.caller,
                .collection = scope,
                .interactive = true,
                /* With the vault open and one collection locked by hand, "someone else opened it" would not help. */
                .unlock = scope != 0 || !vault_is_unlocked(daemon->vault),
                .purpose = "unlock",
                .message = prompt->message,
        };
        r = opening_start(daemon, &request, unlock_opened, prompt, &prompt->opening);
        return r < 0 ? r : 1;
}

/* ---- create ---- */

/* Both or nothing: a collection without the alias it was made for would be made again. */
static int create(Daemon *daemon, const SecretPrompt *prompt, const Root *root, CollectionRef *ret)
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

        prompt->opening = NULL;
        if (result == 0)
                result = create(daemon, prompt, root, &collection);
        if (result == 0) {
                secret_collection_path(daemon, collection, path);
                secret_notify_collection_created(daemon, collection);
        }
        prompt_end(prompt, result, path);
}

static int create_start(SecretPrompt *prompt)
{
        int r;

        r = set_message(prompt, "wants to make the collection", prompt->label);
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

static int delete (Daemon *daemon, const char *path)
{
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
        r = vault_collection_delete(collection.vault, collection.no);
        if (r == 0)
                secret_notify_collection_deleted(daemon, collection, name);
        return r;
}

static void delete_answered(void *userdata, AskOutcome outcome, Secret *secret)
{
        SecretPrompt *prompt = userdata;
        int result = -EIO;

        secret_free(secret);
        prompt->ask = NULL;
        switch (outcome) {
        case ASK_ALLOWED:
                result = delete (prompt->secrets->daemon, prompt->objects[0]);
                break;
        case ASK_DENIED:
                result = OPENING_CANCELLED;
                break;
        case ASK_NO_PROMPTER:
                result = OPENING_NO_PROMPTER;
                break;
        case ASK_FAILED:
                break;
        }
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
        r = set_message(prompt, "wants to delete, with all its items, the collection", c->label);
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

/* ---- org.freedesktop.Secret.Prompt ---- */

static int shown(sd_event_source *source, uint64_t usec, void *userdata)
{
        SecretPrompt *prompt = userdata;

        (void)batch_reply_return(prompt->secrets->daemon, prompt->call, NULL);
        prompt->call = sd_bus_message_unref(prompt->call);
        return 0;
}

static int owned(const SecretPrompt *prompt, sd_bus_message *message, sd_bus_error *error)
{
        if (caller_is(prompt->resource.caller, message))
                return 0;
        return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "this prompt belongs to another client");
}

/* The window id names a window of the client's to stand before. What asks chooses its own place. */
static int method_prompt(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        SecretPrompt *prompt = userdata;
        int r;

        r = owned(prompt, message, error);
        if (r < 0)
                return r;
        if (prompt->started)
                return sd_bus_error_set(error, SD_BUS_ERROR_FAILED, "this prompt is being shown already");
        r = sd_event_add_time_relative(prompt->secrets->daemon->event, &prompt->timer, CLOCK_MONOTONIC, PATIENCE_USEC,
                                       /* accuracy= */ 0, shown, prompt);
        if (r < 0)
                return r;
        prompt->started = true;
        prompt->call = sd_bus_message_ref(message);

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
        }
        return 1;
}

static int method_dismiss(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        SecretPrompt *prompt = userdata;
        Daemon *daemon = prompt->secrets->daemon;
        int r;

        r = owned(prompt, message, error);
        if (r < 0)
                return r;
        r = batch_reply_return(daemon, message, NULL);
        prompt_end(prompt, OPENING_CANCELLED, NULL);
        return r;
}

static int find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                sd_bus_error *error)
{
        Daemon *daemon = userdata;

        for (SecretPrompt *prompt = daemon->secrets->prompts; prompt; prompt = prompt->next)
                if (strcmp(prompt->path, path) == 0) {
                        *ret_found = prompt;
                        return 1;
                }
        return 0;
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Prompt", SD_BUS_ARGS("s", window_id), SD_BUS_NO_RESULT, method_prompt,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Dismiss", NULL, NULL, method_dismiss, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Completed", SD_BUS_ARGS("b", dismissed, "v", result), 0),
        SD_BUS_VTABLE_END,
};

int secret_prompt_attach(Daemon *daemon, sd_bus *bus)
{
        return sd_bus_add_fallback_vtable(bus, NULL, PROMPTS, SECRETS_PROMPT, vtable, find, daemon);
}
