/* Keys of the ssh-agent in lists, the one a person means, and the keys that hosts are known by. */
#include "cli/cli.h"
#include "cli/hosts.h"
#include "cli/ssh-keys.h"
#include "cli/ssh.h"

#include <errno.h>
#include <sys/mman.h>

#include "tests/unit/test.h"

/* ---- keys ---- */

static const char *const some_hosts[] = {"one.example", "one.example", "two.example"};
static const char *const some_programs[] = {"/usr/bin/ssh"};

static const keyfob_ssh_key some[] = {
        {.type = "ssh-ed25519",
         .blob = (const uint8_t[]){0, 0, 0, 1, 'a'},
         .blob_size = 5,
         .comment = "laptop",
         .fingerprint = "SHA256:one",
         .bits = 256,
         .application = "",
         .stored = true,
         .policy_known = true,
         .policy_confirm = true,
         .policy_verify = true,
         .hosts = some_hosts,
         .n_hosts = 3,
         .programs = some_programs,
         .n_programs = 1},
        {.type = "ssh-rsa",
         .blob = (const uint8_t[]){0, 0, 0, 1, 'b'},
         .blob_size = 5,
         .comment = "evil\nssh-rsa AAAA",
         .fingerprint = "SHA256:two",
         .bits = 3072,
         .application = "",
         .confirm = true,
         .lifetime = 7300,
         .destinations = 1},
        {.type = "sk-ssh-ed25519-cert-v01@openssh.com",
         .blob = (const uint8_t[]){0, 0, 0, 1, 'c'},
         .blob_size = 5,
         .comment = "laptop",
         .fingerprint = "SHA256:one",
         .bits = 256,
         .application = "ssh:work",
         .sk_flags = 1,
         .certificate = true,
         .stored = true},
};

static const keyfob_ssh_keys list = {.keys = some, .n = ELEMENTSOF(some)};

/* Runs with stdout or stderr in `said`. */
static int capture(FILE *stream, int (*run)(const void *), const void *argument, char said[4096])
{
        int fd = memfd_create("said", MFD_CLOEXEC), target = fileno(stream), before = dup(target), r;
        ssize_t n;

        CHECK(fd >= 0 && before >= 0 && fflush(stream) == 0);
        CHECK(dup2(fd, target) == target);
        r = run(argument);
        CHECK(fflush(stream) == 0 && dup2(before, target) == target);
        n = pread(fd, said, 4095, 0);
        CHECK(n >= 0);
        said[n] = 0;
        close(before);
        close(fd);
        return r;
}

static const keyfob_ssh_key *found;

static int find(const void *which)
{
        return ssh_keys_find(&list, which, &found);
}

TEST(the_key_that_is_meant)
{
        const struct {
                const char *which;
                int code;
                size_t key;
        } cases[] = {
                {"SHA256:two", 0, 1},
                {"evil\nssh-rsa AAAA", 0, 1},
                {"AAAAAWE=", 0, 0},
                {"ssh-ed25519 AAAAAWE= laptop", 0, 0},
                {" ssh-ed25519  AAAAAWE=\n", 0, 0},
                {"sk-ssh-ed25519-cert-v01@openssh.com AAAAAWM=", 0, 2},
                {"SHA256:tw", EXIT_NOT_FOUND, 0},
                {"AAAAAWQ=", EXIT_NOT_FOUND, 0},
                {"", EXIT_NOT_FOUND, 0},
                {"laptop", EXIT_USAGE, 0},
                {"SHA256:one", EXIT_USAGE, 0},
        };
        char said[4096];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                found = NULL;
                CHECK_EQ(capture(stderr, find, cases[i].which, said), cases[i].code);
                CHECK(found == (cases[i].code == 0 ? &some[cases[i].key] : NULL));
                CHECK((said[0] == 0) == (cases[i].code == 0));
        }
        CHECK(strstr(said, "laptop (SHA256:one); laptop (SHA256:one, a certificate)"));
}

static int print(const void *deleted)
{
        return ssh_keys_print(&list, *(const bool *)deleted);
}

static int print_public(const void *argument)
{
        return ssh_keys_print_public(&list);
}

static int print_json(const void *argument)
{
        return ssh_keys_print_json(&list);
}

static int print_policy(const void *argument)
{
        return ssh_key_print_policy(argument);
}

TEST(tables)
{
        char said[4096];

        CHECK_EQ(capture(stdout, print, &(bool){false}, said), 0);
        CHECK(strncmp(said, "FINGERPRINT  TYPE ", 18) == 0);
        CHECK(strstr(said, "vault   laptop "));
        CHECK(strstr(said, "confirm, verify, hosts one.example two.example, programs /usr/bin/ssh\n"));
        CHECK(strstr(said, "memory  evil?ssh-rsa AAAA  confirm, 2 hours left, 1 destination\n"));
        CHECK(strstr(said, "for ssh:work\n"));
        CHECK_EQ(capture(stdout, print, &(bool){true}, said), 0);
        CHECK(strncmp(said, "N  FINGERPRINT ", 15) == 0);
}

TEST(public_lines_are_one_line_each)
{
        char said[4096];

        CHECK_EQ(capture(stdout, print_public, NULL, said), 0);
        CHECK(strcmp(said, "ssh-ed25519 AAAAAWE= laptop\n"
                           "ssh-rsa AAAAAWI= evil?ssh-rsa AAAA\n"
                           "sk-ssh-ed25519-cert-v01@openssh.com AAAAAWM= laptop\n") == 0);
}

TEST(json_and_policy)
{
        char said[4096];

        CHECK_EQ(capture(stdout, print_json, NULL, said), 0);
        CHECK(said[0] == '[');
        CHECK(strstr(said, "\"lifetime\": 7300"));
        CHECK(strstr(said, "\"evil\\nssh-rsa AAAA\""));
        CHECK_EQ(capture(stdout, print_policy, &some[0], said), 0);
        CHECK(strstr(said, "hosts            one.example two.example\n"));
        CHECK_EQ(capture(stdout, print_policy, &some[2], said), 0);
        CHECK(strstr(said, "hosts            any\nprograms         any\n"));
}

/* ---- hosts ---- */

TEST(keys_that_were_found)
{
        static const char text[] = "# Host a.example found: line 1 \n"
                                   "a.example,10.0.0.1 ssh-ed25519 AAAAAWE= comment\n"
                                   "# Host a.example found: line 2 \n"
                                   "|1|c2FsdA==|aGFzaA== ssh-rsa AAAAAWI=\n"
                                   "a.example ssh-ed25519 AAAAAWE=\r\n"
                                   "@revoked a.example ssh-rsa AAAAAWM=\n"
                                   "@cert-authority *.example ssh-rsa AAAAAWQ=\n"
                                   "a.example ssh-rsa\n"
                                   "a.example ssh-rsa not*base64\n"
                                   "\n";
        _cleanup_(hosts_done) Hosts hosts = HOSTS_NULL;
        bool authority = false;

        CHECK_EQ(hosts_add_found(&hosts, "a", text, &authority), 0);
        CHECK_EQ(hosts.n, 2);
        CHECK(authority);
        CHECK(strcmp(hosts.hosts[0].name, "a") == 0 && hosts.hosts[0].key_size == 5);
        CHECK(memcmp(hosts.hosts[1].key, "\0\0\0\1b", 5) == 0);
        /* the same key of another host is another entry */
        CHECK_EQ(hosts_add_found(&hosts, "b", text, &authority), 0);
        CHECK_EQ(hosts.n, 4);
}

TEST(where_ssh_looks)
{
        static const char plain[] = "user me\nhostname a.example\nport 22\n"
                                    "globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2\n"
                                    "userknownhostsfile /home/me/.ssh/known_hosts none\n";
        _cleanup_(host_places_done) HostPlaces places = {0}, port = {0}, alias = {0}, never = {0};

        CHECK_EQ(host_places_read(plain, &places), 0);
        CHECK(strcmp(places.name, "a.example") == 0);
        CHECK_EQ(places.n_files, 3);
        CHECK(strcmp(places.files[2], "/home/me/.ssh/known_hosts") == 0);
        CHECK_EQ(host_places_read("hostname a.example\nport 2222\n", &port), 0);
        CHECK(strcmp(port.name, "[a.example]:2222") == 0);
        CHECK_EQ(host_places_read("hostname 10.0.0.1\nport 2222\nhostkeyalias b.example\n", &alias), 0);
        CHECK(strcmp(alias.name, "b.example") == 0);
        CHECK_EQ(host_places_read("port 22\n", &never), -ENOENT);
        CHECK_EQ(host_places_read("", &never), -ENOENT);
}

/* ---- programs ---- */

static int read_programs(const void *text)
{
        _cleanup_(programs_done) Programs programs = PROGRAMS_NULL;
        int r = programs_read(text, &programs);

        if (r == 0)
                for (size_t i = 0; i < programs.n; i++)
                        CHECK(programs.paths[i][0] == '/');
        return r == 0 ? -(int)programs.n : r;
}

TEST(programs_are_paths)
{
        char said[4096];

        CHECK_EQ(capture(stderr, read_programs, "sh,/bin/ls", said), -2);
        CHECK_EQ(capture(stderr, read_programs, "any", said), 0);
        CHECK_EQ(capture(stderr, read_programs, "sh,no-such-program-here", said), EXIT_NOT_FOUND);
        CHECK_EQ(capture(stderr, read_programs, "/tmp", said), EXIT_NOT_FOUND);
        CHECK_EQ(capture(stderr, read_programs, ",", said), EXIT_USAGE);
}

TEST_MAIN
