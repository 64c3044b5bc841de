/*
 * Destinations: restrict-destination-v00@openssh.com (OpenSSH's PROTOCOL.agent)
 *
 * A constraint allows one hop, from a host (or from here) to a host, each known by its keys. Every hop of a connection must be
 * allowed by some constraint. They are kept as they came on the wire.
 */
#pragma once

#include "sshagent/session.h"

/* Whether it is a list of constraints, and of how many. 0, -EINVAL. */
int destinations_check(Span list, size_t *ret_n);

/* What the names of allowed hosts are; empty when not known. */
typedef struct DestinationNames {
        Span via, last; /* the last host that it is forwarded through; where the way ends */
} DestinationNames;

/* Whether a key so constrained may be used by a connection that is bound to `sessions`: to be listed, or, with a user, to log
 * in there. `wall` is for certificates. `ret` may be NULL. */
bool destinations_permit(Span list, const Sessions *sessions, const Span *user, uint64_t wall, DestinationNames *ret);

/* `*` is any text, `?` any character. */
bool pattern_matches(Span pattern, Span text);
