/*
 * Ssh1: what a call wants
 *
 * One table knows each option's type; a method names those it accepts, and anything else is refused, so that a misspelt
 * option never passes for its default. What is given of a policy is told apart from what is not.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "daemon/ssh1-internal.h"

#define TEXT_MAX 8192U

static int read_text(sd_bus_message *m, char **ret)
{
        const char *text;
        int r;

        r = sd_bus_message_read(m, "s", &text);
        if (r < 0)
                return r;
        if (strlen(text) > TEXT_MAX)
                return -EFBIG;
        free(*ret);
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

/* What is in a list that is not full yet. */
static int read_program(sd_bus_message *m, SshPolicy *policy)
{
        int r;

        r = read_text(m, &policy->programs[policy->n_programs]);
        if (r >= 0)
                policy->n_programs++;
        return r;
}

static int read_host(sd_bus_message *m, SshPolicy *policy)
{
        SshPolicyHost *host = &policy->hosts[policy->n_hosts++];
        const void *key;
        size_t size;
        int r;

        r = sd_bus_message_enter_container(m, 'r', "say");
        if (r >= 0)
                r = read_text(m, &host->name);
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &key, &size);
        if (r < 0)
                return r;
        if (size == 0 || size > SSH_MESSAGE_MAX)
                return -EFBIG;
        host->key = malloc(size);
        if (!host->key)
                return -ENOMEM;
        memcpy(host->key, key, size);
        host->key_size = size;
        return sd_bus_message_exit_container(m);
}

static int read_list(sd_bus_message *m, const char *type, SshPolicy *policy, const size_t *n,
                     int (*read)(sd_bus_message *m, SshPolicy *policy))
{
        int r;

        r = sd_bus_message_enter_container(m, 'a', type);
        while (r >= 0 && (r = sd_bus_message_at_end(m, /* complete= */ 0)) == 0)
                r = *n == SSH_POLICY_MAX ? -EFBIG : read(m, policy);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Empty lists mean that all may: to the agent that is no list. */
static int read_programs(sd_bus_message *m, SshPolicy *policy)
{
        int r;

        if (policy->programs)
                return -EEXIST;
        policy->programs = calloc(SSH_POLICY_MAX, sizeof(*policy->programs));
        if (!policy->programs)
                return -ENOMEM;
        r = read_list(m, "s", policy, &policy->n_programs, read_program);
        if (policy->n_programs == 0)
                free(TAKE_PTR(policy->programs));
        return r;
}

static int read_hosts(sd_bus_message *m, SshPolicy *policy)
{
        int r;

        if (policy->hosts)
                return -EEXIST;
        policy->hosts = calloc(SSH_POLICY_MAX, sizeof(*policy->hosts));
        if (!policy->hosts)
                return -ENOMEM;
        r = read_list(m, "(say)", policy, &policy->n_hosts, read_host);
        if (policy->n_hosts == 0)
                free(TAKE_PTR(policy->hosts));
        return r;
}

/* ---- the table ---- */

#define NOTHING SIZE_MAX

static const struct {
        const char *name, *type;
        size_t place; /* in the wish */
        size_t given; /* the bool there that says so, or NOTHING */
} members[] = {
        {"application", "s", offsetof(SshWish, application), NOTHING},
        {"bits", "u", offsetof(SshWish, bits), NOTHING},
        {"comment", "s", offsetof(SshWish, comment), NOTHING},
        {"confirm", "b", offsetof(SshWish, policy.confirm), offsetof(SshWish, sets_confirm)},
        {"device", "s", offsetof(SshWish, device), NOTHING},
        {"hosts", "a(say)", offsetof(SshWish, policy), offsetof(SshWish, sets_hosts)},
        {"no-touch-required", "b", offsetof(SshWish, no_touch_required), NOTHING},
        {"pin", "ay", offsetof(SshWish, pin), NOTHING},
        {"programs", "as", offsetof(SshWish, policy), offsetof(SshWish, sets_programs)},
        {"resident", "b", offsetof(SshWish, resident), NOTHING},
        {"type", "s", offsetof(SshWish, type), NOTHING},
        {"user", "s", offsetof(SshWish, user), NOTHING},
        {"verify", "b", offsetof(SshWish, policy.verify), offsetof(SshWish, sets_verify)},
        {"verify-required", "b", offsetof(SshWish, verify_required), NOTHING},
};

static int read_flag(sd_bus_message *m, bool *ret)
{
        int value, r;

        r = sd_bus_message_read(m, "b", &value);
        if (r >= 0)
                *ret = value;
        return r;
}

static int read_member(sd_bus_message *m, size_t i, SshWish *wish)
{
        void *place = (uint8_t *)wish + members[i].place;

        if (members[i].given != NOTHING)
                *((bool *)wish + members[i].given) = true;
        switch (members[i].type[0]) {
        case 's':
                return read_text(m, place);
        case 'u':
                return sd_bus_message_read(m, "u", (uint32_t *)place);
        case 'b':
                return read_flag(m, place);
        default:
                break;
        }
        if (strcmp(members[i].type, "as") == 0)
                return read_programs(m, place);
        if (strcmp(members[i].type, "a(say)") == 0)
                return read_hosts(m, place);
        *(Secret **)place = secret_free(*(Secret **)place);
        return message_read_secret(m, KEY_PIN_MAX, place);
}

static bool is_allowed(const char *name, const char *const *allowed)
{
        for (; *allowed; allowed++)
                if (strcmp(*allowed, name) == 0)
                        return true;
        return false;
}

/* One that every method knows. 0 when it is none of these. */
static int read_common(sd_bus_message *m, const char *name, const char *contents, const char *const *allowed,
                       Options *options)
{
        bool flag = false;
        int r;

        if (strcmp(name, "interactive") == 0 && strcmp(contents, "b") == 0) {
                r = read_flag(m, &flag);
                options->no_interactive = !flag;
                return r < 0 ? r : 1;
        }
        if (strcmp(name, "deleted") == 0 && strcmp(contents, "b") == 0 && is_allowed(name, allowed)) {
                r = read_flag(m, &options->deleted);
                return r < 0 ? r : 1;
        }
        if (strcmp(name, "auth") == 0 && strcmp(contents, "ay") == 0 && is_allowed(name, allowed)) {
                options->auth = secret_free(options->auth);
                r = message_read_secret(m, SLOT_SECRET_MAX, &options->auth);
                return r < 0 ? r : 1;
        }
        return 0;
}

static int read_one(sd_bus_message *m, const char *name, const char *contents, const char *const *allowed,
                    Options *options, SshWish *wish, sd_bus_error *error)
{
        size_t i = 0;
        int r;

        r = read_common(m, name, contents, allowed, options);
        if (r != 0)
                return r;
        while (i < ELEMENTSOF(members) && strcmp(members[i].name, name) != 0)
                i++;
        if (i == ELEMENTSOF(members) || !is_allowed(name, allowed))
                return store1_invalid(error, "unknown option '%.64s'", name);
        if (strcmp(contents, members[i].type) != 0)
                return store1_invalid(error, "option '%s' has type %.16s, not %s", name, contents, members[i].type);
        return read_member(m, i, wish);
}

int ssh1_read_wish(sd_bus_message *m, const char *const *allowed, Options *options, SshWish *wish, sd_bus_error *error)
{
        const char *name, *contents;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = sd_bus_message_peek_type(m, NULL, &contents);
                if (r >= 0)
                        r = sd_bus_message_enter_container(m, 'v', contents);
                if (r >= 0)
                        r = read_one(m, name, contents, allowed, options, wish, error);
                if (r == -EFBIG)
                        return store1_invalid(error, "option '%s' is too long", name);
                if (r == -EEXIST)
                        return store1_invalid(error, "option '%s' is given twice", name);
                for (int i = 0; i < 2 && r >= 0; i++)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}
