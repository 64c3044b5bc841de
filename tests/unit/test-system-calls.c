/* A filter of system calls can be made for each machine that libseccomp knows and Debian has, not only for this one. */
#include "daemon/system-calls.h"

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "tests/unit/test.h"

scmp_filter_ctx __wrap_seccomp_init(uint32_t action);
scmp_filter_ctx __real_seccomp_init(uint32_t action);
int __wrap_seccomp_load(scmp_filter_ctx filter);

static const char *machine;
static char text[256 * 1024];

/* The filter is for that machine: libseccomp translates what is named by this one's numbers. */
scmp_filter_ctx __wrap_seccomp_init(uint32_t action)
{
        scmp_filter_ctx filter = __real_seccomp_init(action);
        uint32_t other = seccomp_arch_resolve_name(machine);

        CHECK(filter && other != 0);
        if (other == seccomp_arch_native())
                return filter;
        CHECK_EQ(seccomp_arch_remove(filter, seccomp_arch_native()), 0);
        CHECK_EQ(seccomp_arch_add(filter, other), 0);
        return filter;
}

/* Is read, and binds nobody. */
int __wrap_seccomp_load(scmp_filter_ctx filter)
{
        FILE *file = tmpfile();
        size_t n;

        CHECK(file);
        CHECK_EQ(seccomp_export_pfc(filter, fileno(file)), 0);
        rewind(file);
        n = fread(text, 1, sizeof(text) - 1, file);
        text[n] = 0;
        (void)fclose(file);
        return 0;
}

/* Which machines have a call of their own for each of what sockets do. */
static const struct {
        const char *name;
        bool own_socket;
} machines[] = {{"x86_64", true}, {"aarch64", true}, {"arm", true},     {"mipsel64", true}, {"riscv64", true},
                {"x86", false},   {"mipsel", false}, {"ppc64le", false}, {"s390x", false}};

TEST(each_machine_has_a_filter)
{
        for (size_t i = 0; i < ELEMENTSOF(machines); i++) {
                int r;

                machine = machines[i].name;
                text[0] = 0;
                r = system_calls_restrict();
                if (r < 0)
                        (void)fprintf(stderr, "%s: %s\n", machine, strerror(-r));
                CHECK_EQ(r, 0);
                CHECK(strstr(text, "\"futex\"") && strstr(text, "\"clone\"") && strstr(text, "\"openat\""));
                CHECK(!strstr(text, "\"execve\"") && !strstr(text, "\"ptrace\"") && !strstr(text, "\"bind\""));
                if (machines[i].own_socket)
                        CHECK(strstr(text, "ERRNO(97)")); /* of other families: no such one */
        }
}

TEST_MAIN
