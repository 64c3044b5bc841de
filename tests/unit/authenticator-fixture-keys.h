/* What authenticator-fixture.c needs of its keys, and what a test that does the work itself needs. */
#pragma once

#include "tests/unit/authenticator-fixture.h"

/* Sets the operations, when the fixture has such keys. */
void fixture_keys_start(Fixture *f, AuthenticatorOps *ops);
/* No order may be left. */
void fixture_keys_stop(Fixture *f);
/* Whether there is an order of the host; and what becomes of it. What the result points to is the fixture's. */
bool fixture_key_works(Fixture *f, const AuthenticatorHost *host);
AuthenticatorKeyResult fixture_key_work(Fixture *f, const AuthenticatorHost *host);
/* Does the work of the fixture's host, and tells. Results of authenticator_key_answer(). */
int fixture_key_answer(Fixture *f, AuthenticatorReply *ret);
