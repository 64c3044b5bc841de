/*
 * Access rules
 *
 * There are few, so they are a list that is looked through. Paths of executables count only outside of sandboxes: in one
 * they are whatever the sandbox has mounted there.
 */
#include "daemon/access-rule.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "common/app-name.h"
#define RULES_VERSION 1U

static const char *const verdicts[] = {[ACCESS_ALLOW] = "allow", [ACCESS_ASK] = "ask", [ACCESS_DENY] = "deny"};

const char *access_verdict_name(unsigned verdict)
{
        return verdict < ELEMENTSOF(verdicts) ? verdicts[verdict] : NULL;
}

AccessVerdict access_verdict_of(const char *name)
{
        for (unsigned i = ACCESS_ALLOW; i <= ACCESS_DENY; i++)
                if (strcmp(name, verdicts[i]) == 0)
                        return (AccessVerdict)i;
        return (AccessVerdict)0;
}

void access_rules_done(AccessRules *rules)
{
        for (size_t i = 0; i < rules->n; i++)
                free(rules->rules[i].name);
        free(rules->rules);
        *rules = (AccessRules){0};
}

/* ---- whom ---- */

static const char *const words[] = {[ACCESS_ANY] = "any", [ACCESS_SANDBOXED] = "sandboxed", [ACCESS_UNKNOWN] = "unknown"};

static bool is_unit(const char *text)
{
        static const char *const ends[] = {".service", ".scope", ".slice"};
        const char *dot = strrchr(text, '.');

        for (size_t i = 0; dot && dot > text && i < ELEMENTSOF(ends); i++)
                if (strcmp(dot, ends[i]) == 0)
                        return true;
        return false;
}

static bool is_name(AccessSubject subject, const char *name)
{
        size_t n = strlen(name);

        if (n > ACCESS_SUBJECT_MAX || !utf8_valid(name, n))
                return false;
        switch (subject) {
        case ACCESS_ANY:
        case ACCESS_SANDBOXED:
        case ACCESS_UNKNOWN:
                return n == 0;
        case ACCESS_UNIT:
                return is_unit(name) && !strchr(name, '/');
        case ACCESS_PROGRAM:
                return name[0] == '/' && n > 1;
        case ACCESS_APP:
                return app_name_is(name);
        }
        return false;
}

int access_subject_parse(const char *text, AccessSubject *ret, const char **ret_name)
{
        static const AccessSubject named[] = {ACCESS_APP, ACCESS_PROGRAM, ACCESS_UNIT};

        for (unsigned i = ACCESS_ANY; i <= ACCESS_UNKNOWN; i++) {
                if (strcmp(text, words[i]) != 0)
                        continue;
                *ret = (AccessSubject)i;
                *ret_name = "";
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(named); i++) {
                if (!is_name(named[i], text))
                        continue;
                *ret = named[i];
                *ret_name = text;
                return 0;
        }
        return -EINVAL;
}

const char *access_subject_text(const AccessRule *rule)
{
        return rule->subject < ELEMENTSOF(words) ? words[rule->subject] : rule->name;
}

static bool is_about(const AccessRule *rule, const Identity *who)
{
        switch (rule->subject) {
        case ACCESS_ANY:
                return true;
        case ACCESS_SANDBOXED:
                return identity_may_be_app(who);
        case ACCESS_UNKNOWN:
                return who->confinement != HELPER_CONFINED && who->program[0] == 0;
        case ACCESS_UNIT:
                return who->unit[0] && fnmatch(rule->name, who->unit, 0) == 0;
        case ACCESS_PROGRAM:
                return who->confinement == HELPER_FREE && strcmp(rule->name, who->program) == 0;
        case ACCESS_APP:
                return who->confinement == HELPER_CONFINED && strcmp(rule->name, who->app) == 0;
        }
        return false;
}

/* ---- in the vault ---- */

static int read_rule(ByteReader *reader, AccessRule *ret)
{
        AccessRule rule = {.verdict = (AccessVerdict)byte_reader_u8(reader), .subject = (AccessSubject)byte_reader_u8(reader)};

        rule.name = byte_reader_string(reader, ACCESS_SUBJECT_MAX);
        rule.target.collection = byte_reader_u32(reader);
        rule.target.item = byte_reader_u64(reader);
        if (reader->failed || !rule.name || !access_verdict_name(rule.verdict) || !is_name(rule.subject, rule.name) ||
            (rule.target.item && ITEM_ID_COLLECTION(rule.target.item) != rule.target.collection)) {
                free(rule.name);
                return -EBADMSG;
        }
        *ret = rule;
        return 0;
}

int access_rules_read(const uint8_t *data, size_t size, AccessRules *ret)
{
        ByteReader reader = BYTE_READER(data, size);
        uint8_t version = byte_reader_u8(&reader);
        uint32_t n = byte_reader_u32(&reader);
        AccessRules rules = {0};
        int r = 0;

        if (reader.failed || version != RULES_VERSION || n > ACCESS_RULES_MAX)
                return -EBADMSG;
        rules.rules = calloc(n + 1U, sizeof(*rules.rules));
        if (!rules.rules)
                return -ENOMEM;
        while (r == 0 && rules.n < n) {
                r = read_rule(&reader, &rules.rules[rules.n]);
                rules.n += r == 0;
        }
        if (r < 0 || !byte_reader_done(&reader)) {
                access_rules_done(&rules);
                return r < 0 ? r : -EBADMSG;
        }
        *ret = rules;
        return 0;
}

void access_rules_write(const AccessRules *rules, ByteWriter *writer)
{
        byte_writer_u8(writer, RULES_VERSION);
        byte_writer_u32(writer, (uint32_t)rules->n);
        for (size_t i = 0; i < rules->n; i++) {
                const AccessRule *rule = &rules->rules[i];

                byte_writer_u8(writer, (uint8_t)rule->verdict);
                byte_writer_u8(writer, (uint8_t)rule->subject);
                byte_writer_string(writer, rule->name);
                byte_writer_u32(writer, rule->target.collection);
                byte_writer_u64(writer, rule->target.item);
        }
}

/* ---- changes ---- */

static bool is_like(const AccessRule *a, const AccessRule *b)
{
        return a->subject == b->subject && a->target.collection == b->target.collection &&
               a->target.item == b->target.item && strcmp(a->name, b->name) == 0;
}

const AccessRule *access_rules_find(const AccessRules *rules, const AccessRule *like)
{
        for (size_t i = 0; i < rules->n; i++)
                if (is_like(&rules->rules[i], like))
                        return &rules->rules[i];
        return NULL;
}

static int add(AccessRules *rules, const AccessRule *rule)
{
        char *name = strdup(rule->name);

        if (!name)
                return -ENOMEM;
        rules->rules[rules->n] = *rule;
        rules->rules[rules->n++].name = name;
        return 0;
}

int access_rules_change(const AccessRules *rules, const AccessRule *rule, AccessRules *ret)
{
        const AccessRule *old = access_rules_find(rules, rule);
        AccessRules new = {0};
        int r = 0;

        if (!old && rule->verdict == 0)
                return -ENOENT;
        if (!old && rules->n >= ACCESS_RULES_MAX)
                return -ENOBUFS;
        new.rules = calloc(rules->n + 1, sizeof(*new.rules));
        if (!new.rules)
                return -ENOMEM;
        for (size_t i = 0; i < rules->n && r == 0; i++)
                if (&rules->rules[i] != old)
                        r = add(&new, &rules->rules[i]);
                else if (rule->verdict != 0)
                        r = add(&new, rule);
        if (r == 0 && !old)
                r = add(&new, rule);
        if (r < 0) {
                access_rules_done(&new);
                return r;
        }
        *ret = new;
        return 0;
}

/* ---- which counts ---- */

static bool covers(const AccessTarget *target, const AccessTarget *item)
{
        return target->collection == 0 || (target->collection == item->collection &&
                                           (target->item == 0 || target->item == item->item));
}

static unsigned rank(const AccessRule *rule)
{
        return (rule->target.item ? 32U : rule->target.collection ? 16U : 0U) + (unsigned)rule->subject;
}

/* ---- what loosens ---- */

/* A rule to ask is stricter than nothing, but not than a denial that it stands before. */
static bool stands_before(const AccessRule *rule, const AccessRule *denial)
{
        return is_like(rule, denial) || (rank(denial) < rank(rule) && covers(&denial->target, &rule->target));
}

bool access_rules_loosens(const AccessRules *rules, const AccessRule *rule)
{
        const AccessRule *old = access_rules_find(rules, rule);

        switch ((int)rule->verdict) {
        case ACCESS_DENY:
                return false;
        case ACCESS_ALLOW:
                return true;
        case ACCESS_ASK:
                for (size_t i = 0; i < rules->n; i++)
                        if (rules->rules[i].verdict == ACCESS_DENY && stands_before(rule, &rules->rules[i]))
                                return true;
                return false;
        default:
                /* What lies behind the one that goes may be anything. */
                return old && old->verdict != ACCESS_ALLOW;
        }
}

AccessVerdict access_rules_decide(const AccessRules *rules, const Identity *who, const AccessTarget *item,
                                  AccessTarget *ret)
{
        const AccessRule *best = NULL;

        for (size_t i = 0; i < rules->n; i++) {
                const AccessRule *rule = &rules->rules[i];

                if (!covers(&rule->target, item) || !is_about(rule, who))
                        continue;
                if (!best || rank(rule) > rank(best) || (rank(rule) == rank(best) && rule->verdict > best->verdict))
                        best = rule;
        }
        *ret = best ? best->target : (AccessTarget){0};
        if (best)
                return best->verdict;
        return identity_may_be_app(who) ? ACCESS_ASK : ACCESS_ALLOW;
}
