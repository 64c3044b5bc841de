/* Failures of what the PAM module calls to talk to a daemon of the user's, and to fprintd. With pam-fail.h. */
#pragma once

/* In the environment: the socket of fprintd's virtual reader, for a finger as soon as one is wanted. */
#define FAIL_READER "KEYFOB_TEST_READER"

/* Before each fail_begin(). */
void fail_bus_begin(void);
