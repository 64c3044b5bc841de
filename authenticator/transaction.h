/*
 * What host.c needs of a transaction's life
 */
#pragma once

#include "authenticator/internal.h"

/* Withdraws the host's question, if one is out. */
void transaction_withdraw(AuthenticatorHost *host);
/* The answer has come: goes on. The results of authenticator_answer(). */
int transaction_resume(Transaction *t, AuthenticatorAnswer answer, AuthenticatorReply *ret);
/* Ends it with this status. Returns 0. */
int transaction_end(Transaction *t, int status, AuthenticatorReply *ret);
/* Wipes and frees. NULL is allowed. Returns NULL. */
Transaction *transaction_free(Transaction *t);
