/*
 * U2F's presence: a touch that waits for the client to ask again (section 7)
 *
 * A U2F request never waits. The first one starts a question and is told to come back, and the client asks again and
 * again; so the question belongs to the host (U2fLatch), not to a transaction. host.c and transaction.c call these.
 */
#pragma once

#include "authenticator/internal.h"

/* The person has answered the latch's question. */
void u2f_answer(AuthenticatorHost *host, AuthenticatorAnswer answer);
/* Takes the question away and forgets what was answered. */
void u2f_withdraw(AuthenticatorHost *host);
/* The same, when it is this channel's. */
void u2f_drop_channel(AuthenticatorHost *host, uint32_t channel);
/* Whether another channel's question is out, whose client goes on asking. */
bool u2f_asks_other(const AuthenticatorHost *host, uint32_t channel);
/* When the latch's state ends, on the clock of now(); UINT64_MAX: never. At or after it, u2f_tick(). */
uint64_t u2f_deadline(const AuthenticatorHost *host);
void u2f_tick(AuthenticatorHost *host);
