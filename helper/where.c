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
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <systemd/sd-login.h>

#include "helper/process.h"

#define ANCESTORS_MAX 64U
#define STAT_MAX      4096U

static const char *const remote_programs[] = {"sshd", "sshd-session", "dropbear", "mosh-server"};

static const char *const remote_variables[] = {"SSH_CONNECTION", "SSH_CLIENT"};

/* 1, 0, or a negative errno: logind doesn't know it. */
static int session_is_remote(pid_t pid)
{
        _cleanup_free_ char *session = NULL;
        int r;

        r = sd_pid_get_session(pid, &session);
        return r < 0 ? r : sd_session_is_remote(session);
}

/* 1 when the user has sessions and all of them are remote. */
static int user_is_remote(uid_t uid)
{
        char **sessions = NULL;
        int n, remote = 0;

        n = sd_uid_get_sessions(uid, /* require_active= */ 0, &sessions);
        for (int i = 0; i < n; i++) {
                remote += sd_session_is_remote(sessions[i]) > 0;
                free(sessions[i]);
        }
        free(sessions);
        return n > 0 && remote == n;
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

/* Name and parent of any process: "12 (name) S 1 …"; a name may have anything in it but is the last thing in brackets. */
static int read_stat(uint32_t pid, char ret_name[STAT_MAX], uint32_t *ret_parent)
{
        char path[32], text[STAT_MAX], *name, *end;
        FILE *file;
        size_t n;

        (void)snprintf(path, sizeof(path), "/proc/%u/stat", pid);
        file = fopen(path, "re");
        if (!file)
                return -errno;
        n = fread(text, 1, sizeof(text) - 1, file);
        (void)fclose(file);
        text[n] = 0;
        name = strchr(text, '(');
        end = strrchr(text, ')');
        if (!name || !end || sscanf(end + 1, " %*c %u", ret_parent) != 1)
                return -EBADMSG;
        *end = 0;
        (void)strcpy(ret_name, name + 1);
        return 0;
}

/* Whether it, or what it descends from, let somebody in from afar. */
static int descends_from_remote(uint32_t pid)
{
        char name[STAT_MAX];
        int r;

        for (unsigned i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
                r = read_stat(pid, name, &pid);
                if (r < 0)
                        return i == 0 ? r : 0;
                for (size_t k = 0; k < ELEMENTSOF(remote_programs); k++)
                        if (strcmp(name, remote_programs[k]) == 0)
                                return 1;
        }
        return 0;
}

int where_is_remote(uint32_t pid)
{
        int r, remote;

        remote = descends_from_remote(pid);
        if (remote != 0)
                return remote;
        if (environment_is_remote(pid))
                return 1;
        r = session_is_remote((pid_t)pid);
        if (r >= 0)
                return r > 0;
        return user_is_remote(getuid());
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
