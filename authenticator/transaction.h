/*
 * What host.c needs of a transaction's life
 */
#pragma once

#include "authenticator/internal.h"

/* Withdraws the host's question, if one is out. */
void question_withdraw(AuthenticatorHost *host);
/* Withdraws what the transaction waits for: its question, not U2F's, or an external key. */
void transaction_withdraw(AuthenticatorHost *host);
/* The answer has come: goes on. The results of authenticator_answer(). */
int transaction_resume(Transaction *t, AuthenticatorAnswer answer, AuthenticatorReply *ret);
/* The same with an external key's result. */
int transaction_resume_work(Transaction *t, const AuthenticatorKeyResult *result, AuthenticatorReply *ret);
/* Ends it with this status. Returns 0. */
int transaction_end(Transaction *t, int status, AuthenticatorReply *ret);
/* Wipes and frees. NULL is allowed. Returns NULL. */
Transaction *transaction_free(Transaction *t);
