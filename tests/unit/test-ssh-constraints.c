/* Constraints of keys: lifetimes, confirmations, what is not understood */
#include "tests/unit/ssh-agent-fixture.h"

/* Adds a key with these bytes behind it. */
static uint8_t add_with(Fixture *f, SshClient *client, const void *bytes, size_t size)
{
        _cleanup_(byte_writer_done) ByteWriter constraints = BYTE_WRITER_NULL;

        byte_writer_raw(&constraints, bytes, size);
        return call_add(f, client, "ed25519", &constraints);
}

#define ADD(text) add_with(f, client, text, sizeof(text) - 1)

TEST(a_lifetime_ends)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        SshKeyInfo info;

        CHECK_EQ(ssh_agent_deadline(f->a), UINT64_MAX);
        CHECK_EQ(ADD("\1\0\0\0\2"), SSH_AGENT_SUCCESS);
        CHECK_EQ(ssh_agent_deadline(f->a), f->now + 2000);
        CHECK_EQ(ssh_agent_key_next(f->a, 0, &info), 0);
        CHECK_EQ(info.lifetime_left, 2);
        f->now += 1999;
        ssh_agent_tick(f->a);
        CHECK_EQ(call_list(f, client), 1);
        f->changed = 0;
        f->now += 1;
        ssh_agent_tick(f->a);
        CHECK_EQ(f->changed, 1);
        CHECK_EQ(ssh_agent_deadline(f->a), UINT64_MAX);
        CHECK_EQ(call_list(f, client), 0);

        /* a request that comes before the tick does not find it either */
        CHECK_EQ(ADD("\1\0\0\0\2"), SSH_AGENT_SUCCESS);
        f->now += 5000;
        CHECK_EQ(call_sign(f, client, vector("ed25519.pub"), text_span("x"), 0), SSH_AGENT_FAILURE);
        CHECK_EQ(ADD("\1\0\0\0\0"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_list(f, client), 0);
        CHECK_EQ(ADD("\1\xff\xff\xff\xff"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_list(f, client), 1);
        /* without one it stays */
        CHECK_EQ(call_add_plain(f, client, "ed25519"), SSH_AGENT_SUCCESS);
        f->now += UINT64_C(0x100000000) * 1000;
        CHECK_EQ(call_list(f, client), 1);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(a_use_is_confirmed)
{
        static const struct {
                SshAnswer answer;
                uint8_t reply;
        } cases[] = {{SSH_YES, SSH_AGENT_SIGN_RESPONSE}, {SSH_NO, SSH_AGENT_FAILURE}, {SSH_NOBODY, SSH_AGENT_FAILURE}};
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        Span key = vector("ed25519.pub");

        CHECK_EQ(ADD("\2"), SSH_AGENT_SUCCESS);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                f->answers[SSH_ASK_CONFIRM] = cases[i].answer;
                CHECK_EQ(call_sign(f, client, key, text_span("x"), 0), cases[i].reply);
                CHECK_EQ(f->asked[SSH_ASK_CONFIRM], i + 1);
                CHECK(strcmp(f->last.comment, "ed25519 vector") == 0 && strcmp(f->last.purpose, "sign something unknown") == 0);

                f->answers[SSH_ASK_CONFIRM] = LATER;
                CHECK_EQ(call_sign(f, client, key, text_span("x"), 0), 0);
                ssh_client_answer(client, SSH_LATER); /* no answer */
                CHECK_EQ(take(f, client), 0);
                ssh_client_answer(client, cases[i].answer);
                CHECK_EQ(take(f, client), cases[i].reply);
                ssh_client_answer(client, SSH_YES);
                CHECK_EQ(take(f, client), 0);
                f->asked[SSH_ASK_CONFIRM]--;
        }
        f->ops.ask = NULL;
        CHECK_EQ(call_sign(f, client, key, text_span("x"), 0), SSH_AGENT_FAILURE);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(what_it_is_for_is_told)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        Span key = vector("ed25519.pub");
        static const struct {
                const char *namespace, *purpose;
        } files[] = {{"git", "sign a git commit or tag"}, {"file", "sign a file"}, {"else\33", "sign data"}};
        _cleanup_(byte_writer_done) ByteWriter certificate = BYTE_WRITER_NULL;

        CHECK_EQ(ADD("\2"), SSH_AGENT_SUCCESS);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_(byte_writer_done) ByteWriter data = signed_file(files[i].namespace);

                CHECK_EQ(call_sign(f, client, key, writer_span(&data), 0), SSH_AGENT_SIGN_RESPONSE);
                CHECK(strcmp(f->last.purpose, files[i].purpose) == 0);
                CHECK(strncmp(f->last.user, files[i].namespace, 3) == 0 && !strchr(f->last.user, 27));
        }
        CHECK_EQ(call_login(f, client, key, "ssh-ed25519", "session", "root", NULL), SSH_AGENT_SIGN_RESPONSE);
        CHECK(strcmp(f->last.purpose, "log in") == 0 && strcmp(f->last.user, "root") == 0);
        CHECK(f->last.host[0] == 0 && f->last.host_key[0] == 0 && f->last.via[0] == 0);
        wire_put_text(&certificate, "ssh-ed25519-cert-v01@openssh.com");
        CHECK_EQ(call_sign(f, client, key, writer_span(&certificate), 0), SSH_AGENT_SIGN_RESPONSE);
        CHECK(strcmp(f->last.purpose, "sign a certificate") == 0);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(what_is_not_understood_is_refused)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);

        CHECK_EQ(ADD("\3\0\0\0\1"), SSH_AGENT_FAILURE); /* how often: nobody counts */
        CHECK_EQ(ADD("\4"), SSH_AGENT_FAILURE);
        CHECK_EQ(ADD("\0"), SSH_AGENT_FAILURE);
        CHECK_EQ(ADD("\1\0\0\1"), SSH_AGENT_FAILURE);
        CHECK_EQ(ADD("\2\2"), SSH_AGENT_FAILURE);
        CHECK_EQ(ADD("\1\0\0\0\1\1\0\0\0\1"), SSH_AGENT_FAILURE);
        CHECK_EQ(ADD("\xff"), SSH_AGENT_FAILURE);
        CHECK_EQ(ADD("\xff\0\0\0\1x\0\0\0\0"), SSH_AGENT_FAILURE);
        CHECK_EQ(ADD("\xff\0\0\0\x1e" "associated-certs-v00@openssh.com\0\0\0\0"), SSH_AGENT_FAILURE);
        /* a provider of security keys is of no use for another key */
        CHECK_EQ(ADD("\xff\0\0\0\x17sk-provider@openssh.com\0\0\0\10internal"), SSH_AGENT_FAILURE);
        CHECK_EQ(call_list(f, client), 0);
        CHECK_EQ(ADD("\2\1\0\0\0\1"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_list(f, client), 1);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(comments)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        Span add = vector("ed25519.add");
        size_t before = add.size - 4 - strlen("ed25519 vector");

        for (size_t n = SSH_COMMENT_MAX - 1; n <= SSH_COMMENT_MAX + 1; n++) {
                ByteWriter it = BYTE_WRITER_NULL;
                _cleanup_free_ char *text = calloc(1, n + 1);
                SshKeyInfo info;

                CHECK(text);
                memset(text, n == SSH_COMMENT_MAX ? '\a' : 'c', n);
                byte_writer_raw(&it, add.data, before);
                wire_put_text(&it, text);
                CHECK_EQ(call(f, client, &it), n <= SSH_COMMENT_MAX ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
                CHECK_EQ(ssh_agent_key_next(f->a, 0, &info), 0);
                CHECK(strchr("c?", info.comment[0]) && strlen(info.comment) <= SSH_COMMENT_MAX);
        }
        for (size_t cut = 0; cut < add.size; cut++) {
                ByteWriter it = BYTE_WRITER_NULL;

                byte_writer_raw(&it, add.data, cut > 0 ? cut : 1);
                CHECK_EQ(call(f, client, &it), SSH_AGENT_FAILURE);
        }
        ssh_client_free(client);
        fixture_free(f);
}

TEST_MAIN
