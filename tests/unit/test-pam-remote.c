/* Who is not at this machine, as logind has it: of what this process is in, and of what its user is in. */
#include <errno.h>
#include <security/pam_modules.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "pam/remote.h"
#include "tests/unit/test.h"

/* What is in the way of the module's calls. */
static struct {
        const char *session; /* NULL: in none */
        int session_remote, ancestors;
        bool of_user;
        const char *sessions; /* of the user: a letter each, 'r' for one from afar, 'c' for cron's, 'm' for the service manager's */
} world;

int __wrap_pam_get_item(const pam_handle_t *pamh, int type, const void **ret);
int __wrap_ancestors_are_remote(uint32_t pid);
int __wrap_sd_pid_get_session(pid_t pid, char **ret);
int __wrap_sd_pid_get_owner_uid(pid_t pid, uid_t *ret);
int __wrap_sd_uid_get_sessions(uid_t uid, int active, char ***ret);
int __wrap_sd_session_is_remote(const char *session);
int __wrap_sd_session_get_class(const char *session, char **ret);

int __wrap_pam_get_item(const pam_handle_t *pamh, int type, const void **ret)
{
        *ret = NULL;
        return PAM_SUCCESS;
}

int __wrap_ancestors_are_remote(uint32_t pid)
{
        return world.ancestors;
}

int __wrap_sd_pid_get_session(pid_t pid, char **ret)
{
        if (!world.session)
                return -ENODATA;
        *ret = strdup(world.session);
        return *ret ? 0 : -ENOMEM;
}

int __wrap_sd_pid_get_owner_uid(pid_t pid, uid_t *ret)
{
        if (!world.of_user)
                return -ENODATA;
        *ret = 1234;
        return 0;
}

int __wrap_sd_uid_get_sessions(uid_t uid, int active, char ***ret)
{
        size_t n = world.sessions ? strlen(world.sessions) : 0;

        CHECK_EQ(uid, 1234);
        CHECK_EQ(active, 0);
        if (!world.sessions)
                return -EIO;
        *ret = calloc(n + 1, sizeof(**ret));
        CHECK(*ret);
        for (size_t i = 0; i < n; i++)
                (*ret)[i] = strndup(world.sessions + i, 1);
        return (int)n;
}

int __wrap_sd_session_is_remote(const char *session)
{
        return strcmp(session, "own") == 0 ? world.session_remote : session[0] == '?' ? -ENXIO : session[0] == 'r';
}

int __wrap_sd_session_get_class(const char *session, char **ret)
{
        if (session[0] == '?')
                return -ENXIO;
        *ret = strdup(session[0] == 'c' ? "background" : session[0] == 'm' ? "manager" : "user");
        return *ret ? 0 : -ENOMEM;
}

TEST(a_session_is_what_logind_says)
{
        world.session = "own";
        world.session_remote = 0;
        CHECK(!remote_is(NULL));
        world.session_remote = 1;
        CHECK(remote_is(NULL));
}

TEST(a_session_of_which_logind_says_nothing_is_remote)
{
        world.session = "own";
        world.session_remote = -ENXIO;
        CHECK(remote_is(NULL));
}

/* As what a user's service manager has started: tmux, for one. */
TEST(a_service_of_a_user_who_is_only_there_from_afar_is_remote)
{
        world.session = NULL;
        world.of_user = true;
        world.sessions = "rr";
        CHECK(remote_is(NULL));
        world.sessions = "rl";
        CHECK(!remote_is(NULL));
        world.sessions = "r?";
        CHECK(remote_is(NULL));
        world.sessions = NULL; /* nobody can say */
        CHECK(remote_is(NULL));
        world.sessions = "";
        CHECK(!remote_is(NULL));
}

/* Nobody sits at this machine because cron runs something there, or because systemd (since 256) counts the service manager. */
TEST(sessions_that_nobody_is_in_make_nobody_local)
{
        world.session = NULL;
        world.of_user = true;
        world.sessions = "crm";
        CHECK(remote_is(NULL));
        world.sessions = "crl";
        CHECK(!remote_is(NULL));
        world.sessions = "cm";
        CHECK(!remote_is(NULL));
}

TEST(a_service_of_the_machine_is_local)
{
        world.session = NULL;
        world.of_user = false;
        CHECK(!remote_is(NULL));
        world.ancestors = 1;
        CHECK(remote_is(NULL));
        world.ancestors = -ESRCH;
        CHECK(remote_is(NULL));
        world.ancestors = 0;
}

TEST_MAIN
