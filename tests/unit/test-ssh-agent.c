/* The messages of an ssh-agent: what each does, and that anything else does nothing */
#include "tests/unit/ssh-agent-fixture.h"

static const char *const names[] = {"ed25519", "p256", "p384", "p521", "rsa"};

static Span public_of(const char *name)
{
        char file[64];

        (void)snprintf(file, sizeof(file), "%s.pub", name);
        return vector(file);
}

TEST(keys_are_added_listed_used_and_removed)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);

        CHECK_EQ(call_list(f, client), 0);
        for (unsigned i = 0; i < ELEMENTSOF(names); i++) {
                CHECK_EQ(call_add_plain(f, client, names[i]), SSH_AGENT_SUCCESS);
                CHECK_EQ(f->changed, i + 1);
                CHECK_EQ(call_list(f, client), i + 1);
        }
        for (unsigned i = 0; i < ELEMENTSOF(names); i++)
                for (uint32_t flags = 0; flags <= 4; flags += 2) {
                        CHECK_EQ(call_sign(f, client, public_of(names[i]), text_span("data"), flags), SSH_AGENT_SIGN_RESPONSE);
                        CHECK(reply_verifies(f, public_of(names[i]), text_span("data")));
                        CHECK(!reply_verifies(f, public_of(names[i]), text_span("else")));
                }
        CHECK_EQ(call_sign(f, client, public_of("ca"), text_span("data"), 0), SSH_AGENT_FAILURE);
        CHECK_EQ(f->works, 9);
        for (unsigned i = 0; i < ELEMENTSOF(names); i++) {
                CHECK(lists(f, client, public_of(names[i])));
                CHECK_EQ(call_remove(f, client, public_of(names[i])), SSH_AGENT_SUCCESS);
                CHECK(!lists(f, client, public_of(names[i])));
                CHECK_EQ(call_remove(f, client, public_of(names[i])), SSH_AGENT_FAILURE);
                CHECK_EQ(call_sign(f, client, public_of(names[i]), text_span("data"), 0), SSH_AGENT_FAILURE);
        }
        ssh_client_free(client);
        fixture_free(f);
}

TEST(rsa_signs_with_the_hash_that_is_wanted)
{
        static const char *const algorithms[] = {"ssh-rsa", NULL, "rsa-sha2-256", NULL, "rsa-sha2-512", NULL, "rsa-sha2-256"};
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);

        CHECK_EQ(call_add_plain(f, client, "rsa"), SSH_AGENT_SUCCESS);
        for (uint32_t flags = 0; flags <= 6; flags += 2) {
                ByteReader reader;

                CHECK_EQ(call_sign(f, client, public_of("rsa"), text_span("x"), flags), SSH_AGENT_SIGN_RESPONSE);
                reader = span_reader(writer_span(&f->reply));
                reader = span_reader(wire_string(&reader));
                CHECK(span_is(wire_string(&reader), algorithms[flags]));
        }
        ssh_client_free(client);
        fixture_free(f);
}

TEST(certificates_are_keys_of_their_own)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);

        for (unsigned i = 0; i < ELEMENTSOF(names); i++) {
                char name[64];
                SshKeyInfo info;

                (void)snprintf(name, sizeof(name), "%s-cert", names[i]);
                CHECK_EQ(call_add_plain(f, client, name), SSH_AGENT_SUCCESS);
                CHECK_EQ(ssh_agent_key_next(f->a, i, &info), 0);
                CHECK(info.certificate && strstr(info.type, "-cert-v01@openssh.com"));
                CHECK(!lists(f, client, public_of(names[i])));
                CHECK_EQ(call_sign(f, client, (Span){info.blob, info.blob_size}, text_span("x"), 4), SSH_AGENT_SIGN_RESPONSE);
                CHECK(reply_verifies(f, public_of(names[i]), text_span("x")));
                CHECK_EQ(call_sign(f, client, public_of(names[i]), text_span("x"), 0), SSH_AGENT_FAILURE);
        }
        CHECK_EQ(call_add_plain(f, client, "ed25519"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_list(f, client), 6);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(a_key_that_comes_again_keeps_its_place)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter confirm = BYTE_WRITER_NULL;
        SshKeyInfo info;

        byte_writer_u8(&confirm, 2);
        CHECK_EQ(call_add(f, client, "ed25519", &confirm), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_add_plain(f, client, "p256"), SSH_AGENT_SUCCESS);
        CHECK_EQ(ssh_agent_key_next(f->a, 0, &info), 0);
        CHECK(info.confirm && info.id == 1 && strcmp(info.comment, "ed25519 vector") == 0);
        CHECK_EQ(call_add_plain(f, client, "ed25519"), SSH_AGENT_SUCCESS);
        CHECK_EQ(ssh_agent_key_next(f->a, 0, &info), 0);
        CHECK(!info.confirm && info.id == 1);
        CHECK_EQ(call_list(f, client), 2);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(all_are_removed)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);

        CHECK_EQ(call_simple(f, client, SSH_AGENTC_REMOVE_ALL_IDENTITIES), SSH_AGENT_SUCCESS);
        for (unsigned i = 0; i < ELEMENTSOF(names); i++)
                CHECK_EQ(call_add_plain(f, client, names[i]), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_simple(f, client, SSH_AGENTC_REMOVE_ALL_IDENTITIES), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_list(f, client), 0);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(extensions)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        ByteWriter more = message(SSH_AGENTC_EXTENSION);
        ByteReader reader;

        CHECK_EQ(call_text(f, client, SSH_AGENTC_EXTENSION, "query"), SSH_AGENT_EXTENSION_RESPONSE);
        reader = span_reader(writer_span(&f->reply));
        CHECK(span_is(wire_string(&reader), "query"));
        CHECK(span_is(wire_string(&reader), "query"));
        CHECK(span_is(wire_string(&reader), "session-bind@openssh.com"));
        CHECK(byte_reader_done(&reader));

        wire_put_text(&more, "query");
        byte_writer_u8(&more, 1);
        CHECK_EQ(call(f, client, &more), SSH_AGENT_EXTENSION_FAILURE);
        CHECK_EQ(call_text(f, client, SSH_AGENTC_EXTENSION, "session-bind@openssh.com"), SSH_AGENT_EXTENSION_FAILURE);
        CHECK_EQ(call_text(f, client, SSH_AGENTC_EXTENSION, "ecdh@joyent.com"), SSH_AGENT_FAILURE);
        CHECK_EQ(call_simple(f, client, SSH_AGENTC_EXTENSION), SSH_AGENT_FAILURE);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(what_is_not_known_fails)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);

        for (unsigned type = 0; type < 256; type++) {
                uint8_t empty = call_simple(f, client, (uint8_t)type), text;

                text = call_text(f, client, (uint8_t)type, type == SSH_AGENTC_LOCK ? "" : "something");
                CHECK(empty == SSH_AGENT_FAILURE || type == SSH_AGENTC_REQUEST_IDENTITIES ||
                      type == SSH_AGENTC_REMOVE_ALL_IDENTITIES);
                CHECK_EQ(text, SSH_AGENT_FAILURE);
        }
        CHECK(!ssh_agent_is_locked(f->a));
        ssh_client_free(client);
        fixture_free(f);
}

/* Each message cut short or with a byte too many does nothing. */
TEST(messages_must_end_where_they_end)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        Span key = public_of("ed25519");
        ByteWriter whole[2] = {message(SSH_AGENTC_SIGN_REQUEST), message(SSH_AGENTC_REMOVE_IDENTITY)};

        CHECK_EQ(call_add_plain(f, client, "ed25519"), SSH_AGENT_SUCCESS);
        for (size_t i = 0; i < ELEMENTSOF(whole); i++) {
                wire_put_string(&whole[i], key.data, key.size);
                if (i == 0) {
                        wire_put_text(&whole[i], "data");
                        wire_put_u32(&whole[i], 0);
                }
                byte_writer_u8(&whole[i], 0);
                for (size_t cut = 1; cut <= whole[i].size; cut++) {
                        ByteWriter it = BYTE_WRITER_NULL;

                        if (cut == whole[i].size - 1)
                                continue;
                        byte_writer_raw(&it, whole[i].data, cut);
                        CHECK_EQ(call(f, client, &it), SSH_AGENT_FAILURE);
                }
                byte_writer_done(&whole[i]);
        }
        CHECK_EQ(call_list(f, client), 1);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(what_was_signed_before_is_ready_and_there_may_be_more_keys_than_that)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        SshKeyInfo info;
        uint32_t id;

        for (unsigned i = 0; i < 2 * READY_MAX; i++)
                CHECK_EQ(fixture_generate(f->a, i % 2 ? SSH_KEY_ED25519 : SSH_KEY_ECDSA_P256, 0, "made", NULL, &id), 0);
        for (unsigned round = 0; round < 2; round++)
                for (id = 0; ssh_agent_key_next(f->a, id, &info) == 0; id = info.id) {
                        Span blob = {info.blob, info.blob_size};

                        CHECK_EQ(call_sign(f, client, blob, text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
                        CHECK(reply_verifies(f, blob, text_span("x")));
                        CHECK_EQ(call_sign(f, client, blob, text_span("y"), 0), SSH_AGENT_SIGN_RESPONSE);
                        CHECK(reply_verifies(f, blob, text_span("y")));
                }
        CHECK_EQ(f->works, 0);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(a_full_arena_evicts_and_then_fails)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        void **last = NULL;
        unsigned good = 0;

        CHECK_EQ(call_add_plain(f, client, "ed25519"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_add_plain(f, client, "p256"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_add_plain(f, client, "rsa"), SSH_AGENT_SUCCESS);
        for (unsigned i = 0; i < 2; i++)
                CHECK_EQ(call_sign(f, client, public_of(names[i]), text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
        for (size_t size = ARENA_SIZE / 2; size >= sizeof(void *); size /= 2)
                for (void **p = arena_alloc(size); p; p = arena_alloc(size)) {
                        *p = last;
                        last = p;
                }
        CHECK_EQ(call_sign(f, client, public_of("rsa"), text_span("x"), 0), SSH_AGENT_FAILURE);
        while (last) {
                void **before = *last;

                arena_free(last);
                last = before;
                for (unsigned i = 0; i < 2; i++)
                        if (call_sign(f, client, public_of(names[i]), text_span("x"), 0) == SSH_AGENT_SIGN_RESPONSE) {
                                CHECK(reply_verifies(f, public_of(names[i]), text_span("x")));
                                good++;
                        }
        }
        CHECK(good > 0);
        CHECK_EQ(call_sign(f, client, public_of("rsa"), text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
        CHECK_EQ(call_list(f, client), 3);
        ssh_client_free(client);
        fixture_free(f);
}

TEST_MAIN
