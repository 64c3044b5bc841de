/* Whether a process's person is at this machine. */
#include "helper/where.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

/* What is said of a process whose parent has this name. */
static int with_parent(const char *name)
{
        int status;
        pid_t parent = fork();

        CHECK(parent >= 0);
        if (parent == 0) {
                pid_t child;

                (void)prctl(PR_SET_NAME, name);
                child = fork();
                if (child == 0) {
                        int r = where_is_remote((uint32_t)getpid());

                        _exit(r < 0 ? 100 : r);
                }
                _exit(waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 101);
        }
        CHECK_EQ(waitpid(parent, &status, 0), parent);
        CHECK(WIFEXITED(status));
        return WEXITSTATUS(status);
}

TEST(below_a_program_that_lets_people_in_from_afar)
{
        CHECK_EQ(with_parent("sshd"), 1);
        CHECK_EQ(with_parent("sshd-session"), 1);
        CHECK_EQ(with_parent("mosh-server"), 1);
}

TEST(a_name_is_compared_whole)
{
        /* The test itself may be run from afar: then everything is. */
        int here = where_is_remote((uint32_t)getpid());

        CHECK_EQ(with_parent("sshd-keygen"), here);
        CHECK_EQ(with_parent("a) S 1 (sshd"), here);
        CHECK_EQ(with_parent("no-sshd"), here);
}

TEST(who_is_not_there_is_nowhere)
{
        pid_t pid = fork();

        if (pid == 0)
                _exit(0);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
        CHECK(where_is_remote((uint32_t)pid) < 0);
}

static uint8_t result_of(uint32_t pid)
{
        ByteWriter reply = BYTE_WRITER_NULL;
        uint8_t result;

        where(7, pid, &reply);
        CHECK(!reply.failed && reply.size >= 5);
        result = reply.data[4];
        byte_writer_done(&reply);
        return result;
}

TEST(no_pid_is_a_failure)
{
        CHECK_EQ(result_of(0), HELPER_FAILED);
        CHECK_EQ(result_of((uint32_t)getpid()), HELPER_OK);
}

TEST_MAIN
