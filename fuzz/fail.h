/*
 * Failures on order
 *
 * Functions that may fail (memory, the arena, cryptography) are wrapped by the linker; between fail_enter() and fail_leave()
 * the n-th call to any of them fails, once. Outside, where the fixture and the target itself run, nothing does. Which
 * functions these are is said in fuzz/meson.build, too.
 */
#pragma once

#include <stdbool.h>

/* The n-th call from now (1: the next) fails; 0: none. Forgets what happened before. */
void fail_at(unsigned n);
/* Whether it has come to that since fail_at(). */
bool fail_happened(void);

/* Whether a failure is still to come. */
bool fail_ordered(void);

void fail_enter(void);
void fail_leave(void);
/* For what the target does in between: whether failures were allowed, and back. */
bool fail_pause(void);
void fail_resume(bool inside);
/* For a wrapper elsewhere: it is called, and whether it is to fail. */
bool fail_now(void);

/* Whether cryptography is done by stand-ins (standin.h). Not to be changed while there are keys. */
void fail_stand_in(bool on);
