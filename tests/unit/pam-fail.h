/*
 * Failures of what the PAM module calls
 *
 * Every function that is linked with --wrap is counted while the module runs, in its children, too; the n-th call fails as it would.
 */
#pragma once

#include <stdbool.h>

/* The n-th call from now fails (1: the next; 0: none). */
void fail_begin(unsigned n);
/* Whether it came to that, and in which function. */
const char *fail_happened(void);
/* For who counts a call that is wrapped elsewhere. */
bool fail_now(const char *name);
/* Whether a signature was found right since then, by libfido2 itself. */
bool fail_verified(void);

/* What PAM knows of passwords, where a module asks for it; NULL: nothing. Deriving keys from them is made cheap. */
extern const char *fail_old_password, *fail_new_password;

void fail_enter(void);
void fail_leave(void);
