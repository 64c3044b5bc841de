/*
 * Prompt: org.freedesktop.Secret.Prompt, what a person has to agree to first
 *
 * A prompt is a promise: nothing is asked before Prompt(), Completed is said exactly once after it, and then the
 * object is gone. It belongs to the caller that caused it. Clients wait for Completed without a limit but for Prompt()
 * only as long as any call, so that call is answered when a question is likely to stand in front of someone: at the
 * end, or after a moment. What fails within that moment (nobody to ask, above all) fails the call by name, and is
 * Completed as dismissed as well for clients that look only there.
 */
#include "daemon/secret-prompt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PROMPTS       SECRETS_PATH "/prompt"
#define PATIENCE_USEC UINT64_C(500000)           /* how long Prompt() is held */
#define OBJECTS_MAX   ((size_t)32 * 1024 * 1024) /* bytes of object paths, if a caller has several prompts */

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
        prompt_change_free(prompt->change);
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

void secret_prompts_end_with_keys(Daemon *daemon)
{
        for (SecretPrompt *prompt = daemon->secrets->prompts, *next; prompt; prompt = next) {
                next = prompt->next;
                if (prompt->change)
                        prompt_end(prompt, OPENING_CANCELLED, NULL);
        }
}

void secret_prompts_done(Secrets *secrets)
{
        while (secrets->prompts)
                prompt_free(secrets->prompts);
}

/* ---- making one ---- */

/* Some clients ask for prompts that they never show. The oldest of those makes room. */
static bool forget_oldest(Caller *caller)
{
        SecretPrompt *oldest = NULL;

        for (CallerResource *c = caller_resources(caller, CALLER_PROMPT); c; c = c->next) {
                SecretPrompt *prompt = (SecretPrompt *)c;

                /* Paths are numbered, so a shorter or smaller one is older. */
                if (!prompt->started && (!oldest || strverscmp(prompt->path, oldest->path) < 0))
                        oldest = prompt;
        }
        prompt_free(oldest);
        return oldest;
}

/* A list of objects may be as long as a message; many prompts with such lists are more than there is memory. */
static bool make_room(Caller *caller, size_t size)
{
        for (;;) {
                CallerResource *first = caller_resources(caller, CALLER_PROMPT);
                size_t total = size;

                for (CallerResource *c = first; c; c = c->next)
                        total += ((SecretPrompt *)c)->size;
                if (total <= OBJECTS_MAX || !first)
                        return true;
                if (!forget_oldest(caller))
                        return false;
        }
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
        r = make_room(caller, prompt->size) ? caller_attach(caller, &prompt->resource, CALLER_PROMPT, prompt_gone)
                                            : -ENOBUFS;
        if (r == -ENOBUFS && forget_oldest(caller))
                r = caller_attach(caller, &prompt->resource, CALLER_PROMPT, prompt_gone);
        if (r == -ENOBUFS)
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                         "at most %u prompts, and lists of %zu MiB, for one client",
                                         CALLER_PROMPTS_MAX, OBJECTS_MAX >> 20);
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
                prompt->size += sizeof(*prompt->objects) + strlen(paths[prompt->n_objects]) + 24;
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

static int prompt_about(Daemon *daemon, PromptKind kind, sd_bus_message *message, const char *path,
                        const char **ret_path, sd_bus_error *error)
{
        _cleanup_(prompt_freep) SecretPrompt *prompt = calloc(1, sizeof(*prompt));

        if (!prompt)
                return -ENOMEM;
        prompt->kind = kind;
        prompt->objects = calloc(1, sizeof(*prompt->objects));
        if (!prompt->objects)
                return -ENOMEM;
        prompt->objects[0] = strdup(path);
        if (!prompt->objects[0])
                return -ENOMEM;
        prompt->n_objects = 1;
        return prompt_add(daemon, message, TAKE_PTR(prompt), ret_path, error);
}

int secret_prompt_delete(Daemon *daemon, sd_bus_message *message, const char *path, const char **ret_path,
                         sd_bus_error *error)
{
        return prompt_about(daemon, PROMPT_DELETE, message, path, ret_path, error);
}

int secret_prompt_change(Daemon *daemon, sd_bus_message *message, const char *path, const char **ret_path,
                         sd_bus_error *error)
{
        return prompt_about(daemon, PROMPT_CHANGE, message, path, ret_path, error);
}

/* ---- the end ---- */

typedef struct Completion {
        const SecretPrompt *prompt;
        bool dismissed;
        const char *created; /* PROMPT_CREATE */
} Completion;

bool prompt_object_is_open(const SecretPrompt *prompt, size_t i)
{
        const VaultCollection *c;
        CollectionRef collection;

        if (!secret_path_any(prompt->secrets->daemon, prompt->objects[i], &collection))
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
        case PROMPT_CHANGE:
                return sd_bus_message_append(signal, "v", "s", "");
        case PROMPT_UNLOCK:
                break;
        }
        r = sd_bus_message_open_container(signal, 'v', "ao");
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'a', "o");
        for (size_t i = 0; r >= 0 && !completion->dismissed && i < prompt->n_objects; i++)
                if (prompt_object_is_open(prompt, i))
                        r = sd_bus_message_append(signal, "o", prompt->objects[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(signal);
        return r < 0 ? r : sd_bus_message_close_container(signal);
}

void prompt_end(SecretPrompt *prompt, int result, const char *created)
{
        Daemon *daemon = prompt->secrets->daemon;
        Completion completion = {.prompt = prompt, .dismissed = result != 0, .created = created};

        /* Clients wait for Completed without a limit: it must not be lost with the writes of others. */
        batch_flush(daemon);
        if (prompt->call && result != 0 && result != OPENING_CANCELLED) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                (void)opening_error(daemon, &error, result);
                (void)batch_reply_error(daemon, prompt->call, &error);
        } else if (prompt->call)
                (void)batch_reply_return(daemon, prompt->call, NULL);
        (void)batch_signal_with(daemon, prompt->path, SECRETS_PROMPT, "Completed", append_completion, &completion);
        prompt_free(prompt);
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
        prompt_act(prompt);
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
        batch_flush(daemon);
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
