/*
 * Access rules: which program may be given which secret
 *
 * A rule says allow, ask or deny, of a kind of program, for one item, one collection or everything. The most specific
 * one counts: what it is about comes first (an item, a collection, everything), then whom (an app, an executable, a
 * unit, all that are in a sandbox or all that are unknown, anybody); among equals the strictest. Where no rule fits, an
 * app in a sandbox is asked about and everybody else may. The rules are one record of the class *policy*
 * (docs/FORMAT.md, "The policy").
 */
#pragma once

#include "common/bytes.h"
#include "daemon/identity.h"

#define ACCESS_RULES_MAX   256U
#define ACCESS_SUBJECT_MAX 512U

typedef enum AccessVerdict {
        ACCESS_ALLOW = 1,
        ACCESS_ASK = 2,
        ACCESS_DENY = 3,
} AccessVerdict;

/* Numbers ascend with how specific they are. */
typedef enum AccessSubject {
        ACCESS_ANY = 1,
        ACCESS_SANDBOXED = 2, /* every app in a sandbox, and who may be one */
        ACCESS_UNKNOWN = 3,   /* who can't be told: no executable, no app */
        ACCESS_UNIT = 4,      /* a unit of systemd's; with * and ? as in a shell */
        ACCESS_PROGRAM = 5,   /* an executable that is in no sandbox, where paths are what the sandbox says */
        ACCESS_APP = 6,
} AccessSubject;

typedef struct AccessTarget {
        uint32_t collection; /* 0: everything */
        ItemId item;         /* 0: all of the collection */
} AccessTarget;

typedef struct AccessRule {
        AccessVerdict verdict;
        AccessSubject subject;
        char *name; /* of a unit, a program, an app; else "" */
        AccessTarget target;
} AccessRule;

typedef struct AccessRules {
        AccessRule *rules;
        size_t n;
} AccessRules;

void access_rules_done(AccessRules *rules);

/* "allow", "ask", "deny"; NULL, or 0, when there is no such one. */
const char *access_verdict_name(unsigned verdict);
AccessVerdict access_verdict_of(const char *name);

/* Whom a word means: "any", "sandboxed", "unknown", an absolute path, "flatpak:ID", "snap:NAME", else a unit ("NAME.service",
 * ".scope", ".slice"). `*ret_name` points into it. -EINVAL. */
int access_subject_parse(const char *text, AccessSubject *ret, const char **ret_name);
/* The word again. Static, or the rule's. */
const char *access_subject_text(const AccessRule *rule);

/* -EBADMSG, -ENOMEM. */
int access_rules_read(const uint8_t *data, size_t size, AccessRules *ret);
void access_rules_write(const AccessRules *rules, ByteWriter *writer);

/* The rule about the same programs and the same target, or NULL. */
const AccessRule *access_rules_find(const AccessRules *rules, const AccessRule *like);
/* A copy with this rule in the place of one about the same; with `rule->verdict` 0 without it. -ENOENT when there is none to
 * take away, -ENOBUFS, -ENOMEM. */
int access_rules_change(const AccessRules *rules, const AccessRule *rule, AccessRules *ret);
/* Whether that change may give a program a secret that it is not given now. */
bool access_rules_loosens(const AccessRules *rules, const AccessRule *rule);

/* What counts for this program and item. `*ret` is what the deciding rule is about: as far as one answer reaches. */
AccessVerdict access_rules_decide(const AccessRules *rules, const Identity *who, const AccessTarget *item,
                                  AccessTarget *ret);
