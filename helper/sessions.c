/*
 * Sessions
 *
 * Of a process that is in none, as what a user's service manager has started, all that is known is whose it is. The user's sessions tell
 * where that person is: those that somebody began, and not cron's nor, since systemd 256, the service manager's own.
 */
#include "helper/sessions.h"

#include <string.h>
#include <systemd/sd-login.h>

#include "common/cleanup.h"

#define PERSON "user" /* with it begin the classes of sessions that somebody is in */

static bool is_somebodys(const char *session)
{
        _cleanup_free_ char *class = NULL;

        return sd_session_get_class(session, &class) < 0 || strncmp(class, PERSON, strlen(PERSON)) == 0;
}

bool sessions_are_remote(uid_t uid)
{
        char **sessions = NULL;
        int n, people = 0, remote = 0;

        n = sd_uid_get_sessions(uid, /* require_active= */ 0, &sessions);
        for (int i = 0; i < n; i++) {
                if (is_somebodys(sessions[i])) {
                        people++;
                        remote += sd_session_is_remote(sessions[i]) != 0;
                }
                free(sessions[i]);
        }
        free(sessions);
        return n < 0 || (people > 0 && remote == people);
}
