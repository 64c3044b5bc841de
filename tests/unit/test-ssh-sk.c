/* Security keys of the ssh-agent */
#include <errno.h>

#include "crypto/sha.h"
#include "tests/unit/ssh-agent-fixture.h"

typedef struct Sk {
        Fixture *f;
        SshClient *client;
        SignKey key;
        SshKeyKind kind;
        Span blob;
} Sk;

static Sk sk_new(SshKeyKind kind, const char *application, uint8_t flags)
{
        Sk sk = {.f = fixture_new(), .kind = kind};
        ByteWriter it;

        sk.client = client_new(sk.f);
        CHECK_EQ(sign_generate(blob_sign_kind(kind), &sk.key), 0);
        sk.blob = sk_blob(kind, &sk.key, application);
        it = message_sk(kind, &sk.key, application, flags);
        CHECK_EQ(call(sk.f, sk.client, &it), SSH_AGENT_SUCCESS);
        return sk;
}

static void sk_free(Sk *sk)
{
        ssh_client_free(sk->client);
        fixture_free(sk->f);
}

/* What a device answers. */
static SshSkResult result_of(const Sk *sk, const char *application, uint8_t flags, uint32_t counter)
{
        SshSkResult result = {.answer = SSH_YES, .flags = flags, .counter = counter};
        uint8_t bytes[69], signature[SIGN_SIGNATURE_MAX];

        sha256(application, strlen(application), bytes);
        bytes[32] = flags;
        for (unsigned i = 0; i < 4; i++)
                bytes[33 + i] = (uint8_t)(counter >> (24 - 8 * i));
        memcpy(bytes + 37, sk->f->sk_hash, 32);
        CHECK_EQ(sign(&sk->key, bytes, sizeof(bytes), signature, &result.signature_size), 0);
        CHECK(result.signature_size <= sizeof(result.signature));
        memcpy(result.signature, signature, result.signature_size);
        return result;
}

TEST(a_device_signs)
{
        static const SshKeyKind kinds[] = {SSH_KEY_SK_ECDSA, SSH_KEY_SK_ED25519};
        uint8_t hash[32];

        sha256("data", 4, hash);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                for (uint8_t flags = 0; flags < 8; flags += (uint8_t)(flags == 1 ? 3 : 1)) {
                        _cleanup_(sk_free) Sk sk = sk_new(kinds[i], "ssh:", flags);
                        SshSkResult result;
                        SshKeyInfo info;

                        CHECK_EQ(ssh_agent_key_next(sk.f->a, 0, &info), 0);
                        CHECK(strcmp(info.application, "ssh:") == 0 && info.sk_flags == flags && info.bits == 256);
                        CHECK_EQ(call_sign(sk.f, sk.client, sk.blob, text_span("data"), 0), 0);
                        CHECK_EQ(sk.f->sks, 1);
                        CHECK(memcmp(sk.f->sk_hash, hash, 32) == 0);
                        CHECK(sk.f->sk_handle_size == 14 && memcmp(sk.f->sk_handle, "the key handle", 14) == 0);
                        CHECK(strcmp(sk.f->sk_application, "ssh:") == 0);
                        CHECK_EQ(sk.f->sk_presence, (flags & 1) != 0);
                        CHECK_EQ(sk.f->sk_verification, (flags & 4) != 0);
                        CHECK(strcmp(sk.f->last.purpose, "sign something unknown") == 0);
                        result = result_of(&sk, "ssh:", flags, 258);
                        ssh_client_sk_done(sk.client, &(SshSkResult){.answer = SSH_LATER});
                        CHECK_EQ(take(sk.f, sk.client), 0);
                        ssh_client_sk_done(sk.client, &result);
                        CHECK_EQ(take(sk.f, sk.client), SSH_AGENT_SIGN_RESPONSE);
                        CHECK(reply_verifies(sk.f, sk.blob, text_span("data")));
                        ssh_client_sk_done(sk.client, &result);
                        CHECK_EQ(take(sk.f, sk.client), 0);
                }
}

TEST(what_a_device_must_not_answer)
{
        _cleanup_(sk_free) Sk sk = sk_new(SSH_KEY_SK_ECDSA, "ssh:", 5);
        static const SshAnswer answers[] = {SSH_NO, SSH_NOBODY};
        SshSkResult good, bad;

        for (unsigned i = 0; i < 7; i++) {
                CHECK_EQ(call_sign(sk.f, sk.client, sk.blob, text_span("data"), 0), 0);
                good = bad = result_of(&sk, "ssh:", 5, 1);
                if (i < 2)
                        bad.answer = answers[i];
                else if (i < 4)
                        bad.flags = i == 2 ? 1 : 4;
                else if (i == 4)
                        bad.signature_size = sizeof(bad.signature) + 1;
                else if (i == 5)
                        bad.signature_size--;
                else
                        memset(bad.signature, 0, sizeof(bad.signature));
                ssh_client_sk_done(sk.client, &bad);
                CHECK_EQ(take(sk.f, sk.client), SSH_AGENT_FAILURE);
        }
        CHECK_EQ(call_sign(sk.f, sk.client, sk.blob, text_span("data"), 0), 0);
        good = result_of(&sk, "ssh:", 0x85, 1);
        ssh_client_sk_done(sk.client, &good);
        CHECK_EQ(take(sk.f, sk.client), SSH_AGENT_SIGN_RESPONSE);
        sk.f->sk = SSH_NO;
        CHECK_EQ(call_sign(sk.f, sk.client, sk.blob, text_span("data"), 0), SSH_AGENT_FAILURE);
        sk.f->sk = -EIO;
        CHECK_EQ(call_sign(sk.f, sk.client, sk.blob, text_span("data"), 0), SSH_AGENT_FAILURE);
        sk.f->ops.sk_sign = NULL;
        CHECK_EQ(call_sign(sk.f, sk.client, sk.blob, text_span("data"), 0), SSH_AGENT_FAILURE);
        CHECK_EQ(sk.f->withdrawn, 0);
}

TEST(keys_of_the_web_sign_only_for_ssh)
{
        _cleanup_(sk_free) Sk sk = sk_new(SSH_KEY_SK_ED25519, "https://example.org", 1);
        _cleanup_(byte_writer_done) ByteWriter file = signed_file("file");

        sk.f->sk = SSH_NO;
        CHECK_EQ(call_sign(sk.f, sk.client, sk.blob, text_span("data"), 0), SSH_AGENT_FAILURE);
        CHECK_EQ(sk.f->sks, 0);
        CHECK_EQ(call_sign(sk.f, sk.client, sk.blob, writer_span(&file), 0), SSH_AGENT_FAILURE);
        CHECK_EQ(sk.f->sks, 1);
        CHECK_EQ(call_login(sk.f, sk.client, sk.blob, "sk-ssh-ed25519@openssh.com", "s", "me", NULL), SSH_AGENT_FAILURE);
        CHECK_EQ(sk.f->sks, 2);
}

TEST(no_library_is_loaded)
{
        static const struct {
                const char *provider;
                uint8_t reply;
        } cases[] = {
                {"internal", SSH_AGENT_SUCCESS},
                {"libsk-keyfob.so", SSH_AGENT_SUCCESS},
                {"/usr/lib/x86_64-linux-gnu/keyfob/libsk-keyfob.so", SSH_AGENT_SUCCESS},
                {"/tmp/evil-libsk-keyfob.so", SSH_AGENT_FAILURE},
                {"/usr/lib/libsk-libfido2.so", SSH_AGENT_FAILURE},
                {"", SSH_AGENT_FAILURE},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(sk_free) Sk sk = sk_new(SSH_KEY_SK_ECDSA, "ssh:", 1);

                for (unsigned twice = 0; twice < 2; twice++) {
                        ByteWriter it = message_sk(sk.kind, &sk.key, "ssh:", 1);

                        for (unsigned k = 0; k <= twice; k++) {
                                byte_writer_u8(&it, 255);
                                wire_put_text(&it, "sk-provider@openssh.com");
                                wire_put_text(&it, cases[i].provider);
                        }
                        CHECK_EQ(call(sk.f, sk.client, &it), twice ? SSH_AGENT_FAILURE : cases[i].reply);
                }
                for (unsigned type = 20; type <= 26; type++)
                        if (type < 22 || type == 26)
                                CHECK_EQ(call_text(sk.f, sk.client, (uint8_t)type, "/usr/lib/opensc-pkcs11.so"), SSH_AGENT_FAILURE);
        }
}

TEST(a_confirmation_comes_before_the_touch)
{
        _cleanup_(sk_free) Sk sk = sk_new(SSH_KEY_SK_ECDSA, "ssh:", 1);
        ByteWriter it = message_sk(sk.kind, &sk.key, "ssh:", 1);
        SshSkResult result;

        byte_writer_u8(&it, 2);
        CHECK_EQ(call(sk.f, sk.client, &it), SSH_AGENT_SUCCESS);
        sk.f->answers[SSH_ASK_CONFIRM] = LATER;
        CHECK_EQ(call_sign(sk.f, sk.client, sk.blob, text_span("data"), 0), 0);
        CHECK_EQ(sk.f->sks, 0);
        ssh_client_answer(sk.client, SSH_YES);
        CHECK_EQ(sk.f->sks, 1);
        result = result_of(&sk, "ssh:", 1, 1);
        ssh_client_sk_done(sk.client, &result);
        CHECK_EQ(take(sk.f, sk.client), SSH_AGENT_SIGN_RESPONSE);
        CHECK_EQ(sk.f->asked[SSH_ASK_CONFIRM], 1);

        /* and a client may leave at the touch */
        sk.f->answers[SSH_ASK_CONFIRM] = SSH_YES;
        CHECK_EQ(call_sign(sk.f, sk.client, sk.blob, text_span("data"), 0), 0);
        ssh_client_free(sk.client);
        CHECK_EQ(sk.f->withdrawn, 1);
        sk.client = client_new(sk.f);
}

TEST(the_owner_stores_security_keys)
{
        static const SshKeyKind kinds[] = {SSH_KEY_SK_ECDSA, SSH_KEY_SK_ED25519};

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                Fixture *f = fixture_new();
                SshClient *client;
                uint8_t public[65] = {4};
                size_t skip = kinds[i] == SSH_KEY_SK_ECDSA, size = skip + (skip ? 64 : 32);
                SshKeyInfo info;
                SignKey key;
                uint32_t id;

                CHECK_EQ(sign_generate(blob_sign_kind(kinds[i]), &key), 0);
                memcpy(public + skip, key.public_key, size - skip);
                CHECK_EQ(ssh_agent_add_sk(f->a, kinds[i], public, size - 1, "ssh:", 5, public, 3, "c", NULL, &id), SSH_E_INVALID);
                CHECK_EQ(ssh_agent_add_sk(f->a, SSH_KEY_ED25519, public, size, "ssh:", 5, public, 3, "c", NULL, &id), SSH_E_INVALID);
                CHECK_EQ(ssh_agent_add_sk(f->a, kinds[i], public, size, "ssh:", 5, public, 3, "c", NULL, &id), 0);
                CHECK_EQ(ssh_agent_add_sk(f->a, kinds[i], public, size, "ssh:", 5, public, 3, "c", NULL, &id), SSH_E_EXISTS);
                fixture_restart(f);
                client = client_new(f);
                f->open = false;
                CHECK_EQ(ssh_agent_key_next(f->a, 0, &info), 0);
                CHECK(info.stored && info.sk_flags == 5 && !info.policy && strcmp(info.application, "ssh:") == 0);
                f->open = true;
                f->sk = LATER;
                CHECK_EQ(call_sign(f, client, sk_blob(kinds[i], &key, "ssh:"), text_span("x"), 0), 0);
                CHECK(f->sk_verification && f->sk_presence && f->sk_handle_size == 3);
                ssh_client_free(client);
                fixture_free(f);
        }
}

/* What the owner was told stays while he works on it, whatever becomes of the key. */
TEST(a_key_goes_while_its_device_signs)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        Host host = host_new();
        SshPolicyHost hosts[] = {{(char[]){"host"}, host.blob, host.size}};
        SshPolicy policy = {.hosts = hosts, .n_hosts = 1};
        const SshQuestion *question;
        SignKey key;
        uint32_t id;

        CHECK_EQ(sign_generate(SIGN_ED25519, &key), 0);
        CHECK_EQ(ssh_agent_add_sk(f->a, SSH_KEY_SK_ED25519, key.public_key, 32, "ssh:", 1, key.public_key, 32, "stored", &policy, &id), 0);
        CHECK_EQ(call_bind(f, client, &host, "s", false), SSH_AGENT_SUCCESS);
        ssh_agent_forget(f->a, false);
        CHECK_EQ(call_login(f, client, sk_blob(SSH_KEY_SK_ED25519, &key, "ssh:"), "sk-ssh-ed25519@openssh.com", "s", "me", &host), 0);
        CHECK_EQ(f->sks, 1);
        CHECK_EQ(ssh_agent_remove(f->a, id), 0);
        question = client->request.sk.question;
        CHECK(strcmp(question->key->comment, "stored") == 0 && strcmp(question->key->application, "ssh:") == 0);
        CHECK(strcmp(question->host, "host") == 0 && question->key->blob_size > 0 && !question->key->policy);
        ssh_client_sk_done(client, &(SshSkResult){.answer = SSH_YES, .flags = 1, .signature_size = 64});
        CHECK_EQ(take(f, client), SSH_AGENT_FAILURE);
        ssh_client_free(client);
        fixture_free(f);
}

TEST_MAIN
