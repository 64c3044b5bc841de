/*
 * What the files about PINs, tokens and user verification share
 */
#pragma once

#include <string.h>

#include "authenticator/internal.h"

#define PIN_PADDED_SIZE  64U /* a new PIN on the wire, filled up with zeros */
#define PIN_HASH_SIZE    16U /* left half of SHA-256 of a PIN */
#define PERMISSIONS_ALL  (PERMISSION_MC | PERMISSION_GA | PERMISSION_CM | PERMISSION_BE | PERMISSION_LBW | \
                          PERMISSION_ACFG | PERMISSION_PCMR)

static inline void shared_secret_donep(SharedSecret *secret)
{
        explicit_bzero(secret, sizeof(*secret));
}

/* CTAP_OK, or INVALID_PARAMETER for a PIN/UV protocol that there isn't. */
int protocol_check(uint64_t protocol);

/* One change of the state that needs nothing else, committed. */
int state_update(Authenticator *a, void (*update)(State *state));
/* The persistent token goes when its PIN does (section 6.5.5.6). */
void state_end_persistent_token(State *state);

/* Whether a PIN may be tried now. CTAP_OK, PIN_NOT_SET, PIN_BLOCKED, PIN_AUTH_BLOCKED. */
int pin_usable(const Authenticator *a);

/* What is kept of a PIN, and compared; `ret` is to be wiped. */
void pin_hash(const void *pin, size_t size, uint8_t ret[PIN_HASH_SIZE]);
/* Whether these bytes could be a PIN by any policy. */
bool pin_possible(const uint8_t *pin, size_t size);

/* How often built-in verification may fail still: none when the PIN is blocked (section 6.5.3.1). */
unsigned uv_retries_left(const AuthenticatorHost *host);

/*
 * What a pinUvAuthParam of a command with subcommands is made over: a prefix and the subCommandParams as the client sent them
 * (`params` NULL: none were sent; then only the prefix). Only canonical CBOR gets this far, so that encoding what was decoded gives
 * the same bytes. *ret is to be freed.
 */
int params_message(const uint8_t *prefix, size_t prefix_size, const cbor_item_t *params, uint8_t **ret, size_t *ret_size);
