/*
 * Match: the rules by which a client says what signals it wants (D-Bus specification, "Match Rules")
 *
 * On the own socket the daemon itself stands in for the bus. Rules are matched a little loosely: what needs the
 * arguments of a signal (argN, …) is accepted and ignored, because clients filter again.
 */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"

#define MATCH_RULE_MAX 1024U /* bytes of a rule */

typedef struct MatchRule MatchRule;
struct MatchRule {
        char *text; /* as given: what RemoveMatch names */
        char *sender, *interface, *member, *path, *path_namespace;
        bool signals; /* false: a rule for calls or replies, which nobody ever gets */
        MatchRule *next;
};

typedef struct MatchSignal {
        const char *path;
        const char *interface;
        const char *member;
} MatchSignal;

/* 0, -EINVAL for a rule that is none, -E2BIG for one that is too long, -ENOMEM. */
int match_rule_parse(const char *text, MatchRule **ret);
MatchRule *match_rule_free(MatchRule *rule);
DEFINE_CLEANUP(MatchRule *, match_rule_free)

/* Whether a signal of ours fits. */
bool match_rule_matches(const MatchRule *rule, const MatchSignal *signal);
