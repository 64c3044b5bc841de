/*
 * Options of org.keyfob.Store1
 *
 * Every method that may grow takes a dictionary. One table knows each option's type; a method names those it accepts,
 * and anything else is refused, so that a misspelt option never passes for its default. Byte arrays become secrets at
 * once.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "daemon/identity.h"

#define OPTION_TEXT_MAX 8192U

typedef struct OptionType {
        const char *name;
        const char *type;
        size_t offset;
        bool inverted; /* a boolean whose default is true */
} OptionType;

static const OptionType option_types[] = {
        {"abandon-sealed", "b", offsetof(Options, abandon_sealed), false},
        {"accept", "b", offsetof(Options, accept), false},
        {"alias", "s", offsetof(Options, alias), false},
        {"auth", "ay", offsetof(Options, auth), false},
        {"collection", "s", offsetof(Options, collection), false},
        {"confirmed", "b", offsetof(Options, confirmed), false},
        {"credential", "ay", offsetof(Options, credential), false},
        {"deleted", "b", offsetof(Options, deleted), false},
        {"content_type", "s", offsetof(Options, content_type), false},
        {"drop", "b", offsetof(Options, drop), false},
        {"interactive", "b", offsetof(Options, no_interactive), true},
        {"key", "s", offsetof(Options, key), false},
        {"kdf_memory", "u", offsetof(Options, kdf_memory), false},
        {"kdf_ms", "u", offsetof(Options, kdf_ms), false},
        {"kdf_passes", "u", offsetof(Options, kdf_passes), false},
        {"kind", "s", offsetof(Options, kind), false},
        {"label", "s", offsetof(Options, label), false},
        {"limit", "u", offsetof(Options, limit), false},
        {"new", "ay", offsetof(Options, new), false},
        {"old", "ay", offsetof(Options, old), false},
        {"own_password", "b", offsetof(Options, own_password), false},
        {"own_secret", "ay", offsetof(Options, own_secret), false},
        {"path", "s", offsetof(Options, path), false},
        {"pcrs", "u", offsetof(Options, pcrs), false},
        {"pin", "ay", offsetof(Options, pin), false},
        {"program", "s", offsetof(Options, program), false},
        {"rp-id", "s", offsetof(Options, rp_id), false},
        {"secret", "ay", offsetof(Options, secret), false},
        {"secrets", "aay", offsetof(Options, secrets), false},
        {"service", "s", offsetof(Options, service), false},
        {"since", "t", offsetof(Options, since), false},
        {"slot", "s", offsetof(Options, slot), false},
        {"touch", "b", offsetof(Options, touch), false},
        {"user-display-name", "s", offsetof(Options, user_display_name), false},
        {"user-name", "s", offsetof(Options, user_name), false},
        {"username", "s", offsetof(Options, username), false},
        {"uv", "b", offsetof(Options, uv), false},
        {"with-pin", "b", offsetof(Options, with_pin), false},
};

int store1_invalid(sd_bus_error *error, const char *format, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        (void)daemon_error_quote(error, KEYFOB_ERROR_INVALID, "%s", text);
        return -EINVAL;
}

int store1_need_vault(Daemon *daemon, sd_bus_error *error)
{
        return daemon_find_vault(daemon) ? 0 : daemon_error(daemon, error, daemon->vault_state);
}

int store1_not_for_apps(Daemon *daemon, sd_bus_message *m, sd_bus_message_handler_t again, const char *what,
                        sd_bus_error *error)
{
        _cleanup_(identity_unrefp) Identity *who = NULL;
        int r;

        r = identity_of(daemon, m, again, &who, error);
        if (r == 0)
                r = store1_need_vault(daemon, error);
        if (r != 0 || !identity_may_be_app(who))
                return r;
        return sd_bus_error_setf(error, KEYFOB_ERROR_NOT_ALLOWED, "an app in a sandbox (%s) %s",
                                 who->app[0] ? who->app : "its process has ended", what);
}

int store1_collection(Daemon *daemon, const char *name, CollectionRef *ret, sd_bus_error *error)
{
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        if (secret_collection_named(daemon, name ?: "default", ret))
                return 0;
        if (name)
                daemon_error_quote(error, KEYFOB_ERROR_NOT_FOUND,
                                   "there is no collection '%.64s': see keyfob collection list", name);
        else
                sd_bus_error_set(error, KEYFOB_ERROR_NOT_FOUND,
                                 "there is no default collection: choose one with keyfob collection default");
        return -ENOENT;
}

int message_read_secret(sd_bus_message *message, size_t max, Secret **ret)
{
        const void *data;
        size_t size;
        int r;

        r = sd_bus_message_read_array(message, 'y', &data, &size);
        if (r < 0)
                return r;
        if (size > max)
                return -EFBIG;
        return secret_new_from(ret, data, size);
}

static int read_text(sd_bus_message *message, char **ret)
{
        const char *text;
        char *copy;
        int r;

        r = sd_bus_message_read(message, "s", &text);
        if (r < 0)
                return r;
        if (strlen(text) > OPTION_TEXT_MAX)
                return -EFBIG;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        free(*ret);
        *ret = copy;
        return 0;
}

static int read_secrets(sd_bus_message *message, Options *options)
{
        int r;

        r = sd_bus_message_enter_container(message, 'a', "ay");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_at_end(message, 0)) == 0) {
                if (options->n_secrets == OPTIONS_SECRETS_MAX)
                        return -EFBIG;
                r = message_read_secret(message, SLOT_SECRET_MAX, &options->secrets[options->n_secrets]);
                if (r < 0)
                        return r;
                options->n_secrets++;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_value(sd_bus_message *message, const OptionType *type, Options *options)
{
        void *field = (uint8_t *)options + type->offset;
        int flag, r;

        switch (type->type[0]) {
        case 's':
                return read_text(message, field);
        case 'u':
                return sd_bus_message_read(message, "u", (uint32_t *)field);
        case 't':
                return sd_bus_message_read(message, "t", (uint64_t *)field);
        case 'b':
                r = sd_bus_message_read(message, "b", &flag);
                if (r >= 0)
                        *(bool *)field = type->inverted ? !flag : flag;
                return r;
        default:
                if (strcmp(type->type, "aay") == 0)
                        return read_secrets(message, options);
                *(Secret **)field = secret_free(*(Secret **)field);
                return message_read_secret(message, SLOT_SECRET_MAX, field);
        }
}

static const OptionType *option_find(const char *name, const char *const *allowed)
{
        for (; *allowed; allowed++)
                if (strcmp(*allowed, name) == 0)
                        break;
        if (!*allowed)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(option_types); i++)
                if (strcmp(option_types[i].name, name) == 0)
                        return &option_types[i];
        return NULL;
}

int options_read(sd_bus_message *message, const char *const *allowed, Options *ret, sd_bus_error *error)
{
        Options options = {0};
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                const OptionType *type;
                const char *name, *contents;
                char kind;

                r = sd_bus_message_read(message, "s", &name);
                if (r < 0)
                        break;
                type = option_find(name, allowed);
                if (!type) {
                        r = store1_invalid(error, "unknown option '%.64s'", name);
                        break;
                }
                r = sd_bus_message_peek_type(message, &kind, &contents);
                if (r < 0)
                        break;
                if (strcmp(contents, type->type) != 0) {
                        r = store1_invalid(error, "option '%s' has type %.16s, not %s", name, contents, type->type);
                        break;
                }
                r = sd_bus_message_enter_container(message, 'v', contents);
                if (r >= 0)
                        r = read_value(message, type, &options);
                if (r == -EFBIG) {
                        r = store1_invalid(error, "option '%s' is too long", name);
                        break;
                }
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0) {
                options_done(&options);
                return r;
        }
        *ret = options;
        return 0;
}

void options_done(Options *options)
{
        free(options->kind);
        free(options->label);
        free(options->path);
        free(options->collection);
        free(options->alias);
        free(options->content_type);
        free(options->slot);
        free(options->program);
        free(options->service);
        free(options->username);
        free(options->rp_id);
        free(options->key);
        secret_free(options->credential);
        secret_free(options->pin);
        free(options->user_name);
        free(options->user_display_name);
        secret_free(options->secret);
        secret_free(options->auth);
        secret_free(options->old);
        secret_free(options->new);
        secret_free(options->own_secret);
        for (size_t i = 0; i < options->n_secrets; i++)
                secret_free(options->secrets[i]);
        *options = (Options){0};
}
