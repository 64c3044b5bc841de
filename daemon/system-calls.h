/*
 * System calls: the ones that keyfobd keeps
 *
 * A seccomp filter that answers every other call as a kernel would that does not have it.
 */
#pragma once

/* Binds all threads of the process, and those to come. -ENOSYS where this build has no libseccomp. */
int system_calls_restrict(void);
