/*
 * Failures of what the PAM module calls
 *
 * Every function that is linked with --wrap is counted while the module runs, in its children, too; the n-th call fails as it would.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>

/* The n-th call from now fails (1: the next; 0: none). */
void fail_begin(unsigned n);
/* Instead, the program and its children are gone at the n-th call, which is not made any more, as if the power were; counted from
 * the first call of this function on. */
void fail_by_power_loss(unsigned n, const char *from);
/* Whether it came to that, and in which function. */
const char *fail_happened(void);
/* For who counts a call that is wrapped elsewhere. */
bool fail_now(const char *name);
/* Whether a signature was found right since then, by libfido2 itself. */
bool fail_verified(void);

/* How many descriptors are open: as many after a call of the module's as before. */
unsigned fail_descriptors(void);

/* What PAM knows of passwords, where a module asks for it; NULL: nothing. Deriving keys from them is made cheap, unless it is to
 * be real. */
extern const char *fail_old_password, *fail_new_password;
extern bool fail_derives;

void fail_enter(void);
void fail_leave(void);

/* Around what is not the module's, wherever it is called from. */
bool fail_pause(void);
void fail_resume(bool was);

/* A function that can fail. What happens inside of one is not the module's. */
#define FAIL_WRAP(type, name, parameters, arguments, failure, number)                                                  \
        type __real_##name parameters;                                                                                 \
        type __wrap_##name parameters;                                                                                 \
        type __wrap_##name parameters                                                                                  \
        {                                                                                                              \
                type result;                                                                                           \
                bool was;                                                                                              \
                                                                                                                       \
                if (fail_now(#name)) {                                                                                 \
                        errno = number;                                                                                \
                        return failure;                                                                                \
                }                                                                                                      \
                was = fail_pause();                                                                                    \
                result = __real_##name arguments;                                                                      \
                fail_resume(was);                                                                                      \
                return result;                                                                                         \
        }
