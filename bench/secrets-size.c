/*
 * What grows with the vault, or should not: bulk answers, the start of the daemon, unlocking
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench-secrets.h"
#include "bench/samples.h"
#include "keyfob/bus.h"

/* ---- bulk ---- */

static char **all_paths(const Provider *p, int n)
{
        sd_bus_message *m = provider_method(p, p->bus, SECRETS_PATH, SECRETS_SERVICE, "SearchItems"), *reply;
        char **paths = calloc((size_t)n + 1, sizeof(*paths)), *path;

        sd_bus_message_append(m, "a{ss}", 1, "application", "bench");
        reply = provider_call(p, p->bus, m);
        sd_bus_message_enter_container(reply, 'a', "o");
        for (int i = 0; i < n; i++) {
                if (sd_bus_message_read(reply, "o", &path) <= 0)
                        die("there are not so many items", -ENOENT);
                paths[i] = strdup(path);
        }
        sd_bus_message_unref(reply);
        return paths;
}

int bulk(int argc, char **argv)
{
        Provider p = {0};
        Samples search = {0}, secrets = {0};
        int n = atoi(argv[0]), rounds = atoi(argv[1]);
        char **paths = NULL;

        if (n < 1 || rounds < 1)
                return 2;
        provider_parse(&p, argv[2]);
        provider_open(&p);
        for (int round = 0; round < rounds; round++) {
                sd_bus_message *m, *reply;
                double begin = now_us();
                int found = 0;

                free(paths);
                paths = all_paths(&p, n);
                samples_add(&search, now_us() - begin);
                begin = now_us();
                m = provider_method(&p, p.bus, SECRETS_PATH, SECRETS_SERVICE, "GetSecrets");
                sd_bus_message_open_container(m, 'a', "o");
                for (int i = 0; i < n; i++)
                        sd_bus_message_append(m, "o", paths[i]);
                sd_bus_message_close_container(m);
                sd_bus_message_append(m, "o", p.session.path);
                reply = provider_call(&p, p.bus, m);
                samples_add(&secrets, now_us() - begin);
                sd_bus_message_enter_container(reply, 'a', "{o(oayays)}");
                while (sd_bus_message_skip(reply, "{o(oayays)}") > 0)
                        found++;
                if (found != n)
                        die("secrets are missing", -ENODATA);
                sd_bus_message_unref(reply);
        }
        printf("{\"items\": %d, ", n);
        samples_print("search_all", &search);
        printf(", ");
        samples_print("get_secrets", &secrets);
        printf("}\n");
        return 0;
}

/* ---- start ---- */

static bool answers(const char *socket_path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        char text[128];
        bool yes = false;
        sd_bus *bus;
        int fd;

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        yes = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
        (void)close(fd);
        if (!yes)
                return false;
        (void)snprintf(text, sizeof(text), "unix:path=%s", socket_path);
        if (sd_bus_new(&bus) < 0)
                die("a connection", -ENOMEM);
        yes = sd_bus_set_address(bus, text) >= 0 && sd_bus_start(bus) >= 0 &&
              sd_bus_call_method(bus, NULL, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "Status", NULL, NULL, NULL) >= 0;
        sd_bus_flush_close_unref(bus);
        return yes;
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *name, *before, *now;

        if (sd_bus_message_read(m, "sss", &name, &before, &now) >= 0 && strcmp(name, SECRETS_BUS_NAME) == 0 && *now)
                *(double *)userdata = now_us();
        return 0;
}

int start(int argc, char **argv)
{
        Provider p = {.name = "start", .address = argv[2], .on_bus = true};
        Samples answer = {0}, named = {0};
        int rounds = atoi(argv[0]);
        sd_bus *bus = provider_connect(&p);
        double owned = 0;

        if (sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                "NameOwnerChanged", on_owner, &owned) < 0)
                die("a match", -EIO);
        for (int round = 0; round < 2 * rounds; round++) {
                double begin = now_us();
                pid_t child = fork();

                owned = 0;
                if (child < 0)
                        die("fork", -errno);
                if (child == 0) {
                        int null = open("/dev/null", O_RDWR);

                        (void)dup2(null, STDERR_FILENO);
                        execv(argv[3], argv + 3);
                        _exit(127);
                }
                /* In turns: looking at the one must not cost the other anything. */
                if (round % 2) {
                        while (!answers(argv[1]))
                                (void)usleep(200);
                        samples_add(&answer, now_us() - begin);
                }
                while (owned == 0)
                        if (sd_bus_process(bus, NULL) == 0)
                                (void)sd_bus_wait(bus, UINT64_MAX);
                if (round % 2 == 0)
                        samples_add(&named, owned - begin);
                (void)kill(child, SIGTERM);
                (void)waitpid(child, NULL, 0);
        }
        printf("{");
        samples_print("first_answer", &answer);
        printf(", ");
        samples_print("bus_name", &named);
        printf("}\n");
        return 0;
}

/* ---- unlocking ---- */

int unlock(int argc, char **argv)
{
        Provider p = {0};
        Samples unlocked = {0};
        int rounds = atoi(argv[0]);

        provider_parse(&p, argv[1]);
        p.bus = provider_connect(&p);
        for (int round = 0; round < rounds; round++) {
                sd_bus_message *m = provider_method(&p, p.bus, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "Lock");
                double begin;

                sd_bus_message_append(m, "ao", 0);
                sd_bus_message_unref(provider_call(&p, p.bus, m));
                begin = now_us();
                m = provider_method(&p, p.bus, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "Unlock");
                sd_bus_message_append(m, "a{sv}", 0);
                sd_bus_message_unref(provider_call(&p, p.bus, m));
                samples_add(&unlocked, now_us() - begin);
        }
        printf("{");
        samples_print("unlock", &unlocked);
        printf("}\n");
        return 0;
}
