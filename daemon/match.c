/*
 * Match rules
 *
 * key='value',… with the quoting of the specification: inside apostrophes everything stands for itself, outside them a
 * backslash before an apostrophe gives one. Keys that only the arguments of a message could decide are accepted
 * unread.
 */
#include "daemon/match.h"

#include <errno.h>
#include <string.h>

#include "keyfob/bus.h"

/* The value of one key, unquoted into `ret`, which is large enough for the rest of the rule. */
static int read_value(const char **at, char *ret)
{
        const char *p = *at;
        bool quoted = false;

        for (; *p && (quoted || *p != ','); p++) {
                if (*p == '\'') {
                        quoted = !quoted;
                } else if (!quoted && p[0] == '\\' && p[1] == '\'') {
                        *ret++ = '\'';
                        p++;
                } else {
                        *ret++ = *p;
                }
        }
        if (quoted)
                return -EINVAL;
        *ret = 0;
        *at = *p == ',' ? p + 1 : p;
        return 0;
}

static int set_string(char **field, const char *value)
{
        if (*field)
                return -EINVAL; /* twice the same key */
        *field = strdup(value);
        return *field ? 0 : -ENOMEM;
}

static int set_key(MatchRule *rule, const char *key, size_t n, const char *value)
{
        static const char *const unread[] = {"destination", "eavesdrop"};

        if (n == 4 && memcmp(key, "type", n) == 0) {
                static const char *const types[] = {"signal", "method_call", "method_return", "error"};

                for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                        if (strcmp(value, types[i]) == 0) {
                                rule->signals = i == 0;
                                return 0;
                        }
                }
                return -EINVAL;
        }
        if (n == 6 && memcmp(key, "sender", n) == 0)
                return set_string(&rule->sender, value);
        if (n == 9 && memcmp(key, "interface", n) == 0)
                return set_string(&rule->interface, value);
        if (n == 6 && memcmp(key, "member", n) == 0)
                return set_string(&rule->member, value);
        if (n == 4 && memcmp(key, "path", n) == 0)
                return rule->path_namespace ? -EINVAL : set_string(&rule->path, value);
        if (n == 14 && memcmp(key, "path_namespace", n) == 0)
                return rule->path ? -EINVAL : set_string(&rule->path_namespace, value);
        for (size_t i = 0; i < ELEMENTSOF(unread); i++)
                if (strlen(unread[i]) == n && memcmp(key, unread[i], n) == 0)
                        return 0;
        return n > 3 && memcmp(key, "arg", 3) == 0 && key[3] >= '0' && key[3] <= '9' ? 0 : -EINVAL;
}

int match_rule_parse(const char *text, MatchRule **ret)
{
        _cleanup_(match_rule_freep) MatchRule *rule = NULL;
        char value[MATCH_RULE_MAX + 1];
        const char *p = text;
        int r;

        if (strlen(text) > MATCH_RULE_MAX)
                return -E2BIG;

        rule = calloc(1, sizeof(*rule));
        if (!rule)
                return -ENOMEM;
        rule->signals = true;
        rule->text = strdup(text);
        if (!rule->text)
                return -ENOMEM;

        while (*p) {
                const char *key, *end;

                p += strspn(p, " \t");
                if (!*p)
                        break;
                key = p;
                p += strcspn(p, "=,' \t");
                end = p;
                p += strspn(p, " \t");
                if (*p != '=' || end == key)
                        return -EINVAL;
                p++;
                r = read_value(&p, value);
                if (r < 0)
                        return r;
                r = set_key(rule, key, (size_t)(end - key), value);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(rule);
        return 0;
}

MatchRule *match_rule_free(MatchRule *rule)
{
        if (!rule)
                return NULL;
        free(rule->text);
        free(rule->sender);
        free(rule->interface);
        free(rule->member);
        free(rule->path);
        free(rule->path_namespace);
        free(rule);
        return NULL;
}

static bool is_below(const char *path, const char *prefix)
{
        size_t n = strlen(prefix);

        if (strcmp(prefix, "/") == 0)
                return true;
        return strncmp(path, prefix, n) == 0 && (path[n] == 0 || path[n] == '/');
}

/* The names a client may know us by. The bus's own name sends other signals (NameAcquired), which need no rule. */
static bool is_our_name(const char *name)
{
        return name[0] == ':' || strcmp(name, SECRETS_BUS_NAME) == 0 || strcmp(name, KEYFOB_BUS_NAME) == 0;
}

bool match_rule_matches(const MatchRule *rule, const MatchSignal *signal)
{
        return rule->signals && (!rule->sender || is_our_name(rule->sender)) &&
               (!rule->interface || strcmp(rule->interface, signal->interface) == 0) &&
               (!rule->member || strcmp(rule->member, signal->member) == 0) &&
               (!rule->path || strcmp(rule->path, signal->path) == 0) &&
               (!rule->path_namespace || is_below(signal->path, rule->path_namespace));
}
