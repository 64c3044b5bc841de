/*
 * Keys that live elsewhere: how a command waits for their work
 *
 * t->step = MADE; return external_make(t, algorithm); and when the command is called again: external_made(t, algorithm, credential).
 */
#pragma once

#include "authenticator/commands.h"

/* Whether new credentials get such keys. */
bool external_wanted(const Authenticator *a);
/* TRANSACTION_WAIT, a status, or -errno; never CTAP_OK. */
int external_make(Transaction *t, const Algorithm *algorithm);
int external_sign(Transaction *t, const Credential *credential, const void *message, size_t size);
/* What t->work says: the key and its public half go into the credential. */
int external_made(const Transaction *t, const Algorithm *algorithm, Credential *ret);
int external_signature(const Transaction *t, Signature *ret);
/* Nobody waits for the host's work any more, if it has any. */
void external_withdraw(AuthenticatorHost *host);
