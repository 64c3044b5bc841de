/*
 * Subcommands that a token permits: what credentialManagement and bioEnrollment share
 */
#pragma once

#include "authenticator/internal.h"

typedef struct Subcommand {
        uint64_t number;
        const cbor_item_t *params;         /* a map, or NULL */
        const cbor_item_t *protocol, *mac; /* pinUvAuthProtocol, pinUvAuthParam; looked at when they are needed */
} Subcommand;

/* Who shows what: the host's token, or the persistent one (then `token` is NULL). */
typedef struct Shown {
        uint64_t protocol;
        PinToken *token;
} Shown;

/* Decodes four members of a request, of which `first` is the key of the first: subCommand, subCommandParams, pinUvAuthProtocol,
 * pinUvAuthParam. */
int subcommand_read(const cbor_item_t *body, int64_t first, Subcommand *ret);

/*
 * Checks pinUvAuthParam over prefix ‖ subCommandParams, and the permission. Who only reads may show the persistent token as well
 * (`read_only`). `preview`: the command is a prototype, whose clients know no permissions: a token of the time before there were any
 * does (it is the only one that has mc and ga and no RP). CTAP_OK, MISSING_PARAMETER, INVALID_PARAMETER, PIN_AUTH_INVALID.
 */
int subcommand_permit(Transaction *t, const Subcommand *subcommand, const uint8_t *prefix, size_t prefix_size,
                      uint8_t permission, bool read_only, bool preview, Shown *ret);
