/*
 * Where a process's person is
 *
 * A fingerprint reader is at this machine. Whoever came in over the network can't touch it, and whoever sits here
 * should not be asked for another's sake. Three things tell: the process's session, as logind has it; for a process
 * that is in none (a service of the user's), whether all of the user's sessions are remote; and, where there is no
 * logind, what remote logins leave behind, in the environment or among the ancestors. None of it stops somebody who
 * wants to look local; that is said in THREATS.md.
 */
#include "helper/where.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <systemd/sd-login.h>

#include "common/ancestors.h"
#include "helper/process.h"
#include "helper/sessions.h"

static const char *const remote_variables[] = {"SSH_CONNECTION", "SSH_CLIENT"};

/* 1, 0, or a negative errno: logind doesn't know it. */
static int session_is_remote(pid_t pid)
{
        _cleanup_free_ char *session = NULL;
        int r;

        r = sd_pid_get_session(pid, &session);
        return r < 0 ? r : sd_session_is_remote(session);
}

/* Our own processes only, as everywhere. */
static bool environment_is_remote(uint32_t pid)
{
        _cleanup_(secret_freep) Secret *environment = NULL;
        _cleanup_close_ int process = process_open(pid);

        if (process < 0 || process_read(process, "environ", PROCESS_ENVIRONMENT_MAX, &environment) < 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(remote_variables); i++)
                if (process_getenv(environment, remote_variables[i]))
                        return true;
        return false;
}

int where_is_remote(uint32_t pid)
{
        int r, remote;

        remote = ancestors_are_remote(pid);
        if (remote != 0)
                return remote;
        if (environment_is_remote(pid))
                return 1;
        r = session_is_remote((pid_t)pid);
        if (r >= 0)
                return r > 0;
        return sessions_are_remote(getuid());
}

void where(uint32_t id, uint32_t pid, ByteWriter *reply)
{
        int r = pid > 0 ? where_is_remote(pid) : -ESRCH;

        if (r < 0) {
                reply_failed(reply, id, strerror(-r));
                return;
        }
        reply_begin(reply, id, HELPER_OK);
        byte_writer_u8(reply, (uint8_t)(r > 0));
}
