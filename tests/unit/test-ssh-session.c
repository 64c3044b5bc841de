/* Sessions and destinations: who may use a key from where, as in OpenSSH */
#include "tests/unit/ssh-agent-fixture.h"

#define KEY "ed25519"

typedef struct Net {
        Fixture *f;
        SshClient *client;
        Host a, b, c;
        Span key;
} Net;

static Net net_new(void)
{
        Net net = {.f = fixture_new(), .a = host_new(), .b = host_new(), .c = host_new(), .key = vector(KEY ".pub")};

        net.client = client_new(net.f);
        return net;
}

static void net_free(Net *net)
{
        ssh_client_free(net->client);
        fixture_free(net->f);
}

static void reconnect(Net *net)
{
        ssh_client_free(net->client);
        net->client = client_new(net->f);
}

TEST(a_connection_is_bound_by_a_hosts_signature)
{
        _cleanup_(net_free) Net net = net_new();
        Host liar = net.a;
        Fixture *f = net.f;

        liar.key = net.b.key;
        CHECK_EQ(call_bind(f, net.client, &liar, "s1", false), SSH_AGENT_EXTENSION_FAILURE);
        CHECK_EQ(call_bind(f, net.client, &net.a, "", false), SSH_AGENT_EXTENSION_FAILURE);
        CHECK_EQ(call_bind(f, net.client, &net.a, "s1", true), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_bind(f, net.client, &net.a, "s1", true), SSH_AGENT_SUCCESS); /* the same again */
        CHECK_EQ(call_bind(f, net.client, &net.b, "s1", true), SSH_AGENT_EXTENSION_FAILURE);
        CHECK_EQ(call_bind(f, net.client, &net.a, "s2", true), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_bind(f, net.client, &net.b, "s3", false), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_bind(f, net.client, &net.b, "s4", false), SSH_AGENT_EXTENSION_FAILURE); /* nothing goes on from there */
        CHECK_EQ(call_bind(f, net.client, &net.b, "s3", false), SSH_AGENT_EXTENSION_FAILURE);
}

TEST(no_more_sessions_than_openssh_has)
{
        _cleanup_(net_free) Net net = net_new();
        char id[SSH_SESSION_ID_MAX + 2] = {0};

        for (unsigned i = 0; i <= SSH_SESSIONS_MAX; i++) {
                (void)snprintf(id, sizeof(id), "session %u", i);
                CHECK_EQ(call_bind(net.f, net.client, &net.a, id, true),
                         i < SSH_SESSIONS_MAX ? SSH_AGENT_SUCCESS : SSH_AGENT_EXTENSION_FAILURE);
        }
        reconnect(&net);
        memset(id, 'x', SSH_SESSION_ID_MAX + 1);
        CHECK_EQ(call_bind(net.f, net.client, &net.a, id, true), SSH_AGENT_EXTENSION_FAILURE);
        id[SSH_SESSION_ID_MAX] = 0;
        CHECK_EQ(call_bind(net.f, net.client, &net.a, id, true), SSH_AGENT_SUCCESS);
}

/* Binds with a host that has a certificate: vector NAME. */
static uint8_t bind_certified(Net *net, const char *name, bool forwarded, bool damage)
{
        ByteWriter it = message(SSH_AGENTC_EXTENSION);
        _cleanup_(byte_writer_done) ByteWriter secret = BYTE_WRITER_NULL, signature = BYTE_WRITER_NULL, certificate = BYTE_WRITER_NULL;
        _cleanup_free_ uint8_t *bytes = NULL;
        char file[64];
        ByteReader reader;
        size_t size;
        Span add, blob;
        Blob plain;

        (void)snprintf(file, sizeof(file), "%s.add", name);
        add = vector(file);
        (void)snprintf(file, sizeof(file), "%s.pub", name);
        blob = vector(file);
        byte_writer_raw(&certificate, blob.data, blob.size);
        if (damage)
                certificate.data[certificate.size - 1] ^= 1;
        reader = BYTE_READER(add.data + 1, add.size - 1);
        CHECK_EQ(private_read(&reader, &bytes, &size, &secret), 0);
        CHECK_EQ(blob_read((Span){bytes, size}, &plain), 0);
        CHECK_EQ(private_sign(&plain, writer_span(&secret), 0, text_span("certified"), &signature), 0);
        wire_put_text(&it, "session-bind@openssh.com");
        wire_put_string(&it, certificate.data, certificate.size);
        wire_put_text(&it, "certified");
        wire_put_string(&it, signature.data, signature.size);
        byte_writer_u8(&it, forwarded);
        return call(net->f, net->client, &it);
}

TEST(a_hosts_certificate_speaks_for_it_for_a_time)
{
        static const struct {
                const char *host, *authority, *name;
                uint64_t wall;
                bool as_authority, permitted;
        } cases[] = {
                {"host-ca", "ca.pub", "host.example", 2000000000, true, true},
                {"host-ca", "ca.pub", "any.example.org", 2000000000, true, true},
                {"host-ca-rsa", "ca-rsa.pub", "host.example", 2000000000, true, true},
                {"host-ca", "ca-rsa.pub", "host.example", 2000000000, true, false},  /* another's */
                {"host-ca", "ca.pub", "else.example", 2000000000, true, false},      /* another name */
                {"host-ca", "ca.pub", "host.example", 2000000000, false, false},     /* a key of a host's, not an authority's */
                {"host-ca", "ca.pub", "host.example", 1000000000, true, false},      /* not yet */
                {"host-ca", "ca.pub", "host.example", 3000000000, true, false},      /* not any more */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(net_free) Net net = net_new();
                _cleanup_(byte_writer_done) ByteWriter list = BYTE_WRITER_NULL, constraints = BYTE_WRITER_NULL;

                net.f->wall = cases[i].wall;
                put_destination(&list, NULL, (Span){0}, NULL, cases[i].name, vector(cases[i].authority), cases[i].as_authority);
                put_restriction(&constraints, &list);
                CHECK_EQ(call_add(net.f, net.client, KEY, &constraints), SSH_AGENT_SUCCESS);
                CHECK_EQ(bind_certified(&net, cases[i].host, false, /* damage= */ true), SSH_AGENT_EXTENSION_FAILURE);
                reconnect(&net);
                CHECK_EQ(bind_certified(&net, cases[i].host, false, /* damage= */ false), SSH_AGENT_SUCCESS);
                CHECK_EQ(lists(net.f, net.client, net.key), cases[i].permitted);
                CHECK_EQ(call_login(net.f, net.client, net.key, "ssh-ed25519", "certified", "me", NULL),
                         cases[i].permitted ? SSH_AGENT_SIGN_RESPONSE : SSH_AGENT_FAILURE);
        }
}

/* A key for a, and for "git" at b by way of a. */
static void add_restricted(Net *net, bool confirm)
{
        _cleanup_(byte_writer_done) ByteWriter list = BYTE_WRITER_NULL, constraints = BYTE_WRITER_NULL;

        put_destination(&list, NULL, (Span){0}, NULL, "a.example", host_blob(&net->a), false);
        put_destination(&list, "a.example", host_blob(&net->a), "g?t*", "b.example", host_blob(&net->b), false);
        put_restriction(&constraints, &list);
        if (confirm)
                byte_writer_u8(&constraints, 2);
        CHECK_EQ(call_add(net->f, net->client, KEY, &constraints), SSH_AGENT_SUCCESS);
}

typedef struct Way {
        const char *way;       /* hosts; a capital letter: forwarded to */
        const char *session;   /* of the login; the last is named by its host's letter */
        const char *user;
        bool listed, signs;
} Way;

TEST(hop_by_hop)
{
        static const Way ways[] = {
                {"", "a", "me", true, false},     /* a local program sees it; it is for no session */
                {"a", "a", "me", true, true},
                {"a", "b", "me", true, false},    /* another session */
                {"b", "b", "git", false, false},  /* not from here */
                {"c", "c", "me", false, false},
                {"A", "A", "me", true, false},    /* visible behind a, but no login is going on */
                {"Ab", "b", "git", true, true},
                {"Ab", "b", "goat", true, false},
                {"Ab", "b", "got-2", true, true},
                {"Ab", "b", "", true, false},
                {"Ac", "c", "git", false, false},
                {"AB", "B", "git", false, false}, /* allowed to b, but nowhere behind it */
                {"Ba", "a", "me", false, false},
                {"ABa", "a", "me", false, false},
                {"Aa", "a", "me", false, false},  /* from a back to a was not said */
        };

        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                _cleanup_(net_free) Net net = net_new();
                const Host *hosts[] = {&net.a, &net.b, &net.c};
                const Host *last = NULL;

                add_restricted(&net, /* confirm= */ false);
                for (const char *p = ways[i].way; *p; p++) {
                        last = hosts[(*p | 32) - 'a'];
                        CHECK_EQ(call_bind(net.f, net.client, last, (char[]){*p, 0}, *p < 'a'), SSH_AGENT_SUCCESS);
                }
                CHECK_EQ(lists(net.f, net.client, net.key), ways[i].listed);
                for (unsigned bound = 0; bound < 2; bound++)
                        /* behind another host, what is signed says itself which host it is for */
                        CHECK_EQ(call_login(net.f, net.client, net.key, "ssh-ed25519", ways[i].session, ways[i].user,
                                            bound ? last : NULL),
                                 ways[i].signs && (bound || strlen(ways[i].way) < 2) ? SSH_AGENT_SIGN_RESPONSE
                                                                                     : SSH_AGENT_FAILURE);
                /* another host than the one that the session is bound to; what is no login */
                CHECK_EQ(call_login(net.f, net.client, net.key, "ssh-ed25519", ways[i].session, ways[i].user, &net.c),
                         ways[i].signs && last == &net.c ? SSH_AGENT_SIGN_RESPONSE : SSH_AGENT_FAILURE);
                CHECK_EQ(call_sign(net.f, net.client, net.key, text_span("x"), 0), SSH_AGENT_FAILURE);
                /* what is not seen is not removed, nor replaced */
                CHECK_EQ(call_add_plain(net.f, net.client, KEY), ways[i].listed ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
                if (!ways[i].listed)
                        CHECK_EQ(call_remove(net.f, net.client, net.key), SSH_AGENT_FAILURE);
        }
}

TEST(a_failed_binding_is_not_a_local_program)
{
        _cleanup_(net_free) Net net = net_new();
        Host liar = net.a;

        liar.key = net.b.key;
        add_restricted(&net, /* confirm= */ false);
        CHECK(lists(net.f, net.client, net.key));
        CHECK_EQ(call_bind(net.f, net.client, &liar, "s", false), SSH_AGENT_EXTENSION_FAILURE);
        CHECK(!lists(net.f, net.client, net.key));
}

TEST(a_question_names_hosts_that_are_sure)
{
        _cleanup_(net_free) Net net = net_new();
        Fixture *f = net.f;
        char a[SSH_FINGERPRINT_SIZE], b[SSH_FINGERPRINT_SIZE];
        _cleanup_(byte_writer_done) ByteWriter confirm = BYTE_WRITER_NULL;

        blob_fingerprint(host_blob(&net.a), a);
        blob_fingerprint(host_blob(&net.b), b);
        add_restricted(&net, /* confirm= */ true);
        CHECK_EQ(call_bind(f, net.client, &net.a, "A", true), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_bind(f, net.client, &net.b, "b", false), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_login(f, net.client, net.key, "ssh-ed25519", "b", "git", &net.b), SSH_AGENT_SIGN_RESPONSE);
        CHECK(strcmp(f->last.host, "b.example") == 0 && strcmp(f->last.host_key, b) == 0);
        CHECK(strcmp(f->last.via, "a.example") == 0 && strcmp(f->last.user, "git") == 0);

        /* without constraints there are no names, but fingerprints */
        reconnect(&net);
        byte_writer_u8(&confirm, 2);
        CHECK_EQ(call_add(f, net.client, KEY, &confirm), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_bind(f, net.client, &net.a, "A", true), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_login(f, net.client, net.key, "ssh-ed25519", "A", "me", NULL), SSH_AGENT_SIGN_RESPONSE);
        CHECK(f->last.host[0] == 0 && f->last.host_key[0] == 0 && strcmp(f->last.via, a) == 0);
        CHECK_EQ(call_bind(f, net.client, &net.b, "b", false), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_login(f, net.client, net.key, "ssh-ed25519", "b", "me", NULL), SSH_AGENT_SIGN_RESPONSE);
        CHECK(f->last.host[0] == 0 && strcmp(f->last.host_key, b) == 0 && strcmp(f->last.via, a) == 0);
        /* a session that it is not bound to */
        CHECK_EQ(call_login(f, net.client, net.key, "ssh-ed25519", "else", "me", NULL), SSH_AGENT_SIGN_RESPONSE);
        CHECK(f->last.host_key[0] == 0 && strcmp(f->last.via, a) == 0);
        CHECK_EQ(call_login(f, net.client, net.key, "ssh-ed25519", "b", "me", &net.a), SSH_AGENT_SIGN_RESPONSE);
        CHECK(f->last.host_key[0] == 0);
}

TEST(logins_are_exactly_that)
{
        Span key = vector("ed25519.pub"), other = vector("p256.pub");
        Host host = host_new();
        Blob blob;

        CHECK_EQ(blob_read(key, &blob), 0);
        for (unsigned bound = 0; bound < 2; bound++) {
                _cleanup_(byte_writer_done) ByteWriter data = login("s", "me", key, "ssh-ed25519", bound ? &host : NULL);
                _cleanup_(byte_writer_done) ByteWriter wrong_key = login("s", "me", other, "ssh-ed25519", bound ? &host : NULL);
                _cleanup_(byte_writer_done) ByteWriter wrong_name = login("s", "me", key, "rsa-sha2-256", bound ? &host : NULL);
                _cleanup_(byte_writer_done) ByteWriter no_session = login("", "me", key, "ssh-ed25519", bound ? &host : NULL);
                Subject subject = subject_read(writer_span(&data), &blob);

                CHECK_EQ(subject.kind, SUBJECT_LOGIN);
                CHECK(span_is(subject.user, "me") && span_is(subject.session, "s"));
                CHECK_EQ(subject.host_key.size > 0, bound);
                CHECK_EQ(subject_read(writer_span(&wrong_key), &blob).kind, SUBJECT_UNKNOWN);
                CHECK_EQ(subject_read(writer_span(&wrong_name), &blob).kind, SUBJECT_UNKNOWN);
                CHECK_EQ(subject_read(writer_span(&no_session), &blob).kind, SUBJECT_UNKNOWN);
                for (size_t cut = 0; cut < data.size; cut++)
                        CHECK(subject_read((Span){data.data, cut}, &blob).kind == SUBJECT_UNKNOWN);
                byte_writer_u8(&data, 0);
                CHECK_EQ(subject_read(writer_span(&data), &blob).kind, SUBJECT_UNKNOWN);
        }
        for (unsigned i = 0; i < 2; i++) {
                static const char *const algorithms[2][2] = {
                        {"rsa-sha2-256", "rsa-sha2-512"},
                        {"rsa-sha2-256-cert-v01@openssh.com", "rsa-sha2-512-cert-v01@openssh.com"},
                };
                Span rsa = vector("rsa.pub");

                if (i == 1) {
                        Span add = vector("rsa-cert.add");
                        ByteReader reader = BYTE_READER(add.data + 1, add.size - 1);

                        (void)wire_string(&reader);
                        rsa = wire_string(&reader);
                }
                CHECK_EQ(blob_read(rsa, &blob), 0);
                for (unsigned k = 0; k < 4; k++) {
                        _cleanup_(byte_writer_done) ByteWriter data = login("s", "me", rsa, algorithms[k / 2][k % 2], NULL);

                        CHECK_EQ(subject_read(writer_span(&data), &blob).kind, k / 2 == i ? SUBJECT_LOGIN : SUBJECT_UNKNOWN);
                }
        }
}

TEST(lists_of_destinations_that_are_none)
{
        Host host = host_new();
        Span key = host_blob(&host), none = {0};
        static const struct {
                bool from_name, from_key, to_name, to_key, valid;
        } cases[] = {
                {false, false, true, true, true}, {true, true, true, true, true},     {true, false, true, true, false},
                {false, true, true, true, false}, {false, false, false, true, false}, {false, false, true, false, false},
        };
        size_t n;

        CHECK(destinations_check(none, &n) < 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(byte_writer_done) ByteWriter list = BYTE_WRITER_NULL;

                put_destination(&list, cases[i].from_name ? "from" : NULL, cases[i].from_key ? key : none, "user",
                                cases[i].to_name ? "to" : NULL, cases[i].to_key ? key : none, false);
                CHECK_EQ(destinations_check(writer_span(&list), &n) == 0, cases[i].valid);
                for (size_t cut = 0; cut < list.size; cut++)
                        CHECK(destinations_check((Span){list.data, cut}, &n) < 0);
        }
        for (unsigned many = SSH_DESTINATIONS_MAX; many <= SSH_DESTINATIONS_MAX + 1; many++) {
                _cleanup_(byte_writer_done) ByteWriter list = BYTE_WRITER_NULL;

                for (unsigned i = 0; i < many; i++)
                        put_destination(&list, NULL, none, NULL, "to", key, false);
                CHECK_EQ(destinations_check(writer_span(&list), &n) == 0, many == SSH_DESTINATIONS_MAX);
                CHECK_EQ(n, SSH_DESTINATIONS_MAX);
        }
}

/* ssh-add names all keys of a host, also those that no host can prove here. */
TEST(keys_of_the_past_lead_nowhere)
{
        for (unsigned i = 0; i < 3; i++) {
                static const char *const types[] = {"ssh-dss", "ssh-dss", "ssh-nothing"};
                _cleanup_(net_free) Net net = net_new();
                _cleanup_(byte_writer_done) ByteWriter old = BYTE_WRITER_NULL, list = BYTE_WRITER_NULL, constraints = BYTE_WRITER_NULL;

                wire_put_text(&old, types[i]);
                for (unsigned k = 0; k < 4; k++)
                        wire_put_text(&old, "1");
                put_destination(&list, NULL, (Span){0}, NULL, "a.example", writer_span(&old), false);
                if (i == 1)
                        put_destination(&list, NULL, (Span){0}, NULL, "a.example", host_blob(&net.a), false);
                put_restriction(&constraints, &list);
                CHECK_EQ(call_add(net.f, net.client, KEY, &constraints), i < 2 ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
                CHECK_EQ(call_bind(net.f, net.client, &net.a, "a", false), SSH_AGENT_SUCCESS);
                CHECK_EQ(lists(net.f, net.client, net.key), i == 1);
        }
}

TEST(patterns)
{
        static const struct {
                const char *pattern, *text;
                bool matches;
        } cases[] = {
                {"", "", true},        {"", "a", false},       {"*", "", true},         {"*", "abc", true},
                {"a*", "abc", true},   {"a*", "b", false},     {"*c", "abc", true},     {"*c", "abd", false},
                {"?", "", false},      {"?", "a", true},       {"a?c", "abc", true},    {"*b*", "abc", true},
                {"*a*b", "aXbXb", true}, {"*a*b", "aXbX", false}, {"**", "x", true},    {"abc", "ab", false},
                {"ab", "abc", false},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                CHECK_EQ(pattern_matches(text_span(cases[i].pattern), text_span(cases[i].text)), cases[i].matches);
}

TEST_MAIN
