/* What authenticator-fixture.c needs of its storage. */
#pragma once

#include "tests/unit/authenticator-fixture.h"

/* Counts down to a failure that was ordered. */
bool fixture_fails(unsigned *at);

struct FixtureStore *fixture_store_new(void);
struct FixtureStore *fixture_store_free(struct FixtureStore *store);
/* Whether a change is neither committed nor rolled back. */
bool fixture_store_changing(const struct FixtureStore *store);
/* Sets the operations of storage; their userdata is the Fixture. */
void fixture_store_ops(AuthenticatorOps *ops);
