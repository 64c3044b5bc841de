/*
 * Lists that a client fetches one by one (sections 6.8.3, 6.8.4)
 */
#pragma once

#include "authenticator/subcommand.h"

/*
 * Begins one on the transaction's channel, in place of any other: of all RPs that have discoverable credentials, or of the credentials of
 * one of them. Gives the first credential (of the RP) and how many there are. NO_CREDENTIALS when there is none.
 */
int enumeration_begin_rps(Transaction *t, const Shown *by, Credential *ret, size_t *ret_total);
int enumeration_begin_credentials(Transaction *t, const Shown *by, const uint8_t rp_id_hash[32], Credential *ret,
                                  size_t *ret_total);
/* The next one: NOT_ALLOWED when there is none, when it was another kind of list, when it has taken too long, or when the token that
 * permitted it has ended. */
int enumeration_next(Transaction *t, EnumerationKind kind, Credential *ret);
