/*
 * Speaking the Secret Service to whoever offers it
 *
 * The same calls in the same order for every provider, over one blocking connection. The floor is what a transport costs by
 * itself: a process that holds nothing and answers Ping and what a lookup asks, reached through the same broker, or by a socket of its own.
 */
#include "bench/provider.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/canned.h"
#include "keyfob/bus.h"

#define SECRET     "correct horse battery staple"
#define SECRET_MAX 256

void die(const char *what, int r)
{
        fprintf(stderr, "bench-secrets: %s: %s\n", what, strerror(-r));
        exit(1);
}

double now_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

sd_bus_message *provider_call(const Provider *p, sd_bus *bus, sd_bus_message *m)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        int r = sd_bus_call(bus, m, 0, &error, &reply);

        if (r < 0) {
                fprintf(stderr, "bench-secrets: %s: %s: %s\n", p->name, sd_bus_message_get_member(m),
                        error.message ?: strerror(-r));
                exit(1);
        }
        sd_bus_message_unref(m);
        return reply;
}

sd_bus_message *provider_method(const Provider *p, sd_bus *bus, const char *path, const char *interface,
                                const char *member)
{
        sd_bus_message *m;
        int r = sd_bus_message_new_method_call(bus, &m, p->destination, path, interface, member);

        if (r < 0)
                die(member, r);
        return m;
}

void provider_parse(Provider *p, char *spec)
{
        char *equals = strchr(spec, '='), *option;

        if (!equals)
                die("NAME=ADDRESS expected", -EINVAL);
        *equals = 0;
        p->name = spec;
        p->address = equals + 1;
        while ((option = strrchr(p->address, ','))) {
                if (strcmp(option, ",bus") == 0)
                        p->on_bus = true;
                else if (strcmp(option, ",dh") == 0)
                        p->dh = true;
                else
                        break;
                *option = 0;
        }
        p->destination = p->on_bus ? SECRETS_BUS_NAME : NULL;
}

static sd_bus *connect_to(const char *address, bool on_bus)
{
        sd_bus *bus;
        int r = sd_bus_new(&bus);

        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0 && on_bus)
                r = sd_bus_set_bus_client(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                die(address, r);
        return bus;
}

sd_bus *provider_connect(const Provider *p)
{
        return connect_to(p->address, p->on_bus);
}

/* ---- the session ---- */

/* Our half: any partner will do to learn the public value of a private one. */
static void key_pair(uint8_t private[EXCHANGE_PUBLIC_SIZE], uint8_t public[EXCHANGE_PUBLIC_SIZE])
{
        const uint8_t generator[1] = {2};
        ExchangeKey *none = NULL;
        int r;

        if (getrandom(private, EXCHANGE_PUBLIC_SIZE, 0) != EXCHANGE_PUBLIC_SIZE)
                die("getrandom", -errno);
        private[0] &= 0x7f;
        r = exchange_answer_with(private, EXCHANGE_PUBLIC_SIZE, generator, sizeof(generator), public, &none);
        if (r < 0)
                die("key pair", r);
        exchange_key_free(none);
}

void session_open(Session *ret, const Provider *p, sd_bus *bus)
{
        sd_bus_message *m = provider_method(p, bus, SECRETS_PATH, SECRETS_SERVICE, "OpenSession"), *reply;
        uint8_t private[EXCHANGE_PUBLIC_SIZE], public[EXCHANGE_PUBLIC_SIZE], ours[EXCHANGE_PUBLIC_SIZE];
        const char *path;
        const void *theirs;
        size_t size;
        int r;

        *ret = (Session){0};
        if (p->dh) {
                key_pair(private, public);
                sd_bus_message_append(m, "s", "dh-ietf1024-sha256-aes128-cbc-pkcs7");
                sd_bus_message_open_container(m, 'v', "ay");
                sd_bus_message_append_array(m, 'y', public, sizeof(public));
                sd_bus_message_close_container(m);
        } else {
                sd_bus_message_append(m, "sv", "plain", "s", "");
        }
        reply = provider_call(p, bus, m);
        if (p->dh) {
                r = sd_bus_message_enter_container(reply, 'v', "ay");
                if (r >= 0)
                        r = sd_bus_message_read_array(reply, 'y', &theirs, &size);
                if (r >= 0)
                        r = exchange_answer_with(private, sizeof(private), theirs, size, ours, &ret->key);
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        } else {
                r = sd_bus_message_skip(reply, "v");
        }
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                die("OpenSession", r);
        ret->path = strdup(path);
        sd_bus_message_unref(reply);
}

void session_done(Session *session)
{
        exchange_key_free(session->key);
        free(session->path);
}

void provider_open(Provider *p)
{
        p->bus = provider_connect(p);
        session_open(&p->session, p, p->bus);
}

/* ---- the floor ---- */

Provider provider_floor(const Provider *p)
{
        static char session[] = CANNED_SESSION;

        return (Provider){.name = "floor", .bus = p->floor, .destination = p->on_bus ? p->floor_name : NULL,
                          .session.path = session};
}

static void serve(sd_bus *bus)
{
        if (canned_attach(bus) < 0)
                _exit(1);
        for (;;) {
                int r = sd_bus_process(bus, NULL);

                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
                if (r < 0)
                        _exit(0); /* its client is gone */
        }
}

static void serve_on_bus(const char *address, const char *name, int ready)
{
        sd_bus *bus = connect_to(address, /* on_bus= */ true);

        if (sd_bus_request_name(bus, name, 0) < 0 || write(ready, "", 1) != 1)
                _exit(1);
        serve(bus);
}

static void serve_peer(int fd)
{
        sd_id128_t id;
        sd_bus *bus;

        if (sd_id128_randomize(&id) < 0 || sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fd, fd) < 0 ||
            sd_bus_set_server(bus, true, id) < 0 || sd_bus_start(bus) < 0)
                _exit(1);
        serve(bus);
}

void provider_open_floor(Provider *p)
{
        static int number;
        int pair[2], r;
        pid_t child;
        char byte;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
            asprintf(&p->floor_name, "org.keyfob.Bench%d", ++number) < 0)
                die("socketpair", -errno);
        child = fork();
        if (child < 0)
                die("fork", -errno);
        if (child == 0) {
                (void)prctl(PR_SET_PDEATHSIG, 9);
                (void)close(pair[0]);
                if (p->on_bus)
                        serve_on_bus(p->address, p->floor_name, pair[1]);
                else
                        serve_peer(pair[1]);
        }
        (void)close(pair[1]);
        if (p->on_bus) {
                if (read(pair[0], &byte, 1) != 1)
                        die("the empty service", -EIO);
                p->floor = provider_connect(p);
                return;
        }
        r = sd_bus_new(&p->floor);
        if (r >= 0)
                r = sd_bus_set_fd(p->floor, pair[0], pair[0]);
        if (r >= 0)
                r = sd_bus_start(p->floor);
        if (r < 0)
                die("the empty service", r);
}

/* ---- items ---- */

void append_query(sd_bus_message *m, const char *owner, int i)
{
        char user[32];

        snprintf(user, sizeof(user), "user-%d", i);
        sd_bus_message_append(m, "a{ss}", 3, "server", owner, "user", user, "application", "bench");
}

static void append_secret(const Session *session, const char *value, sd_bus_message *m)
{
        uint8_t iv[EXCHANGE_IV_SIZE], cipher[SECRET_MAX + 16];
        size_t size = 0;

        if (strlen(value) > SECRET_MAX)
                die("a secret is too long", -E2BIG);
        sd_bus_message_open_container(m, 'r', "oayays");
        sd_bus_message_append(m, "o", session->path);
        if (session->key) {
                if (exchange_encrypt(session->key, value, strlen(value), iv, cipher, &size) < 0)
                        die("a secret could not be encrypted", -EIO);
                sd_bus_message_append_array(m, 'y', iv, sizeof(iv));
                sd_bus_message_append_array(m, 'y', cipher, size);
        } else {
                sd_bus_message_append_array(m, 'y', NULL, 0);
                sd_bus_message_append_array(m, 'y', value, strlen(value));
        }
        sd_bus_message_append(m, "s", "text/plain");
        sd_bus_message_close_container(m);
}

sd_bus_message *provider_create(const Provider *p, sd_bus *bus, const Session *session, const char *owner,
                                int i, bool replace)
{
        sd_bus_message *m = provider_method(p, bus, SECRETS_PATH "/aliases/default", SECRETS_COLLECTION, "CreateItem");

        sd_bus_message_open_container(m, 'a', "{sv}");
        sd_bus_message_append(m, "{sv}", SECRETS_ITEM ".Label", "s", "A benchmark item");
        sd_bus_message_open_container(m, 'e', "sv");
        sd_bus_message_append(m, "s", SECRETS_ITEM ".Attributes");
        sd_bus_message_open_container(m, 'v', "a{ss}");
        append_query(m, owner, i);
        sd_bus_message_close_container(m);
        sd_bus_message_close_container(m);
        sd_bus_message_close_container(m);
        append_secret(session, p->value ?: SECRET, m);
        sd_bus_message_append(m, "b", (int)replace);
        return m;
}
