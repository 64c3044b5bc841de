/*
 * Remote
 *
 * A finger or a touch at this machine says nothing about somebody who is not here, but whoever sits here may give it without a
 * thought. Three things tell: the host that the service names, what let this process in, and the session that logind has it in.
 * Some services name this machine, or a display of it, when nobody came from elsewhere.
 */
#include "pam/remote.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "common/ancestors.h"
#include "common/cleanup.h"
#include "helper/sessions.h"

static const char *const local_hosts[] = {"", "localhost", "localhost.localdomain", "127.0.0.1", "::1"};

static bool is_this_machine(const char *host)
{
        char name[HOST_NAME_MAX + 1] = {0};

        for (size_t i = 0; i < ELEMENTSOF(local_hosts); i++)
                if (strcmp(host, local_hosts[i]) == 0)
                        return true;
        if (host[0] == ':' && isdigit((unsigned char)host[1]))
                return true;
        return gethostname(name, sizeof(name) - 1) == 0 && name[0] && strcasecmp(host, name) == 0;
}

/* What a user's service manager has started (tmux, it may be) is in no session, but is the user's. */
static bool session_is_remote(void)
{
        _cleanup_free_ char *session = NULL;
        uid_t uid;

        if (sd_pid_get_session(0, &session) >= 0)
                return sd_session_is_remote(session) != 0;
        return sd_pid_get_owner_uid(0, &uid) >= 0 && sessions_are_remote(uid);
}

bool remote_is(pam_handle_t *pamh)
{
        const void *host = NULL;

        if (pam_get_item(pamh, PAM_RHOST, &host) != PAM_SUCCESS)
                return true;
        if (host && !is_this_machine(host))
                return true;
        return ancestors_are_remote((uint32_t)getpid()) != 0 || session_is_remote();
}
