/*
 * Constraints that a client lays on a key that it adds (OpenSSH's PROTOCOL.agent)
 */
#pragma once

#include "sshagent/wire.h"

typedef struct Constraints {
        bool has_lifetime, confirm, has_provider;
        uint32_t lifetime;     /* seconds */
        Span destinations;     /* empty: none */
        size_t n_destinations;
        Span provider;         /* sk-provider@openssh.com */
} Constraints;

/* All that is left in the reader. 0, -EINVAL when anything is not understood: the key must not be taken then. */
int constraints_read(ByteReader *reader, Constraints *ret);
