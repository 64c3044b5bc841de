/* What the owner allows with a key: questions, programs, hosts */
#include "tests/unit/ssh-agent-fixture.h"

typedef struct Owned {
        Fixture *f;
        SshClient *client;
        uint32_t id;
        Span key;
} Owned;

static Owned owned_new(const SshPolicy *policy)
{
        Owned it = {.f = fixture_new()};
        SshKeyInfo info;

        CHECK_EQ(fixture_generate(it.f->a, SSH_KEY_ED25519, 0, "made", policy, &it.id), 0);
        CHECK_EQ(ssh_agent_key_get(it.f->a, it.id, &info), 0);
        it.key = (Span){info.blob, info.blob_size};
        it.client = client_new(it.f);
        return it;
}

static void owned_free(Owned *it)
{
        ssh_client_free(it->client);
        fixture_free(it->f);
}

static uint8_t use(Owned *it)
{
        return call_sign(it->f, it->client, it->key, text_span("x"), 0);
}

TEST(questions)
{
        static const struct {
                SshPolicy policy;
                unsigned confirm, verify;
        } cases[] = {{{0}, 0, 0}, {{.confirm = true}, 1, 0}, {{.verify = true}, 0, 1}, {{.confirm = true, .verify = true}, 0, 1}};

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(owned_free) Owned it = owned_new(&cases[i].policy);

                CHECK_EQ(use(&it), SSH_AGENT_SIGN_RESPONSE);
                CHECK_EQ(it.f->asked[SSH_ASK_CONFIRM], cases[i].confirm);
                CHECK_EQ(it.f->asked[SSH_ASK_VERIFY], cases[i].verify);
                it.f->answers[SSH_ASK_CONFIRM] = it.f->answers[SSH_ASK_VERIFY] = SSH_NO;
                CHECK_EQ(use(&it), i == 0 ? SSH_AGENT_SIGN_RESPONSE : SSH_AGENT_FAILURE);
        }
}

TEST(a_confirmation_is_no_verification)
{
        _cleanup_(owned_free) Owned it = owned_new(&(SshPolicy){.confirm = true});

        it.f->answers[SSH_ASK_CONFIRM] = it.f->answers[SSH_ASK_VERIFY] = LATER;
        CHECK_EQ(use(&it), 0);
        CHECK_EQ(ssh_agent_change(it.f->a, it.id, &(SshPolicy){.verify = true}, NULL), 0); /* meanwhile */
        ssh_client_answer(it.client, SSH_YES);
        CHECK_EQ(take(it.f, it.client), 0);
        CHECK_EQ(it.f->asked[SSH_ASK_VERIFY], 1);
        CHECK_EQ(ssh_agent_change(it.f->a, it.id, &(SshPolicy){.confirm = true}, NULL), 0);
        ssh_client_answer(it.client, SSH_YES); /* the other way round it is more than enough */
        CHECK_EQ(take(it.f, it.client), SSH_AGENT_SIGN_RESPONSE);
}

TEST(what_was_agreed_to_is_one_key)
{
        _cleanup_(owned_free) Owned it = owned_new(&(SshPolicy){.confirm = true});

        it.f->answers[SSH_ASK_CONFIRM] = LATER;
        CHECK_EQ(use(&it), 0);
        CHECK_EQ(ssh_agent_remove(it.f->a, it.id), 0);
        ssh_client_answer(it.client, SSH_YES);
        CHECK_EQ(take(it.f, it.client), SSH_AGENT_FAILURE);
}

TEST(programs)
{
        char *names[] = {(char[]){"/usr/bin/ssh"}, (char[]){"/usr/bin/git"}};
        SshPolicy policy = {.programs = names, .n_programs = 2}, nobody = {.programs = names};
        static const struct {
                const char *program;
                SshAnswer answer;
                uint8_t reply;
        } cases[] = {
                {"/usr/bin/ssh", SSH_YES, SSH_AGENT_SIGN_RESPONSE}, {"/usr/bin/git", SSH_YES, SSH_AGENT_SIGN_RESPONSE},
                {"/usr/bin/sshd", SSH_YES, SSH_AGENT_FAILURE},      {"", SSH_YES, SSH_AGENT_FAILURE},
                {NULL, SSH_YES, SSH_AGENT_FAILURE},                 {NULL, SSH_NO, SSH_AGENT_FAILURE},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (unsigned later = 0; later < 2; later++) {
                        _cleanup_(owned_free) Owned it = owned_new(&policy);

                        it.f->program = cases[i].program;
                        it.f->answers[SSH_ASK_PROGRAM] = later ? LATER : cases[i].answer;
                        CHECK_EQ(use(&it), later ? 0 : cases[i].reply);
                        if (later) {
                                if (cases[i].program)
                                        CHECK_EQ(ssh_client_set_program(it.client, cases[i].program), 0);
                                ssh_client_answer(it.client, cases[i].answer);
                                CHECK_EQ(take(it.f, it.client), cases[i].reply);
                        }
                        CHECK_EQ(it.f->asked[SSH_ASK_PROGRAM], 1);
                        (void)use(&it);
                        CHECK_EQ(it.f->asked[SSH_ASK_PROGRAM], cases[i].program ? 1 : 2); /* it is known now */
                }
        for (unsigned i = 0; i < 1; i++) {
                _cleanup_(owned_free) Owned it = owned_new(&nobody);

                it.f->program = "/usr/bin/ssh";
                CHECK_EQ(use(&it), SSH_AGENT_FAILURE);
        }
}

TEST(hosts)
{
        Host a = host_new(), b = host_new();
        SshPolicyHost list[] = {{(char[]){"a.example"}, a.blob, a.size}};
        SshPolicy policy = {.confirm = true, .hosts = list, .n_hosts = 1};
        static const struct {
                const char *way, *session;
                uint8_t reply;
        } cases[] = {
                {"", "a", SSH_AGENT_FAILURE},   {"a", "a", SSH_AGENT_SIGN_RESPONSE}, {"a", "b", SSH_AGENT_FAILURE},
                {"b", "b", SSH_AGENT_FAILURE},  {"A", "A", SSH_AGENT_FAILURE},       {"Aa", "a", SSH_AGENT_FAILURE},
                {"Ba", "a", SSH_AGENT_FAILURE},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(owned_free) Owned it = owned_new(&policy);

                for (const char *p = cases[i].way; *p; p++)
                        CHECK_EQ(call_bind(it.f, it.client, (*p | 32) == 'a' ? &a : &b, (char[]){*p, 0}, *p < 'a'), SSH_AGENT_SUCCESS);
                CHECK_EQ(call_login(it.f, it.client, it.key, "ssh-ed25519", cases[i].session, "me", NULL), cases[i].reply);
                CHECK_EQ(call_login(it.f, it.client, it.key, "ssh-ed25519", cases[i].session, "me", &a), cases[i].reply);
                CHECK_EQ(call_login(it.f, it.client, it.key, "ssh-ed25519", cases[i].session, "me", &b), SSH_AGENT_FAILURE);
                CHECK_EQ(use(&it), SSH_AGENT_FAILURE); /* no login */
                if (cases[i].reply == SSH_AGENT_SIGN_RESPONSE)
                        CHECK(strcmp(it.f->last.host, "a.example") == 0);
        }
}

TEST(policies_that_are_none)
{
        Host host = host_new();
        char *relative[] = {(char[]){"ssh"}}, *broken[] = {(char[]){"/\xff"}};
        SshPolicyHost no_key[] = {{(char[]){"a"}, host.blob, host.size - 1}}, no_name[] = {{(char[]){""}, host.blob, host.size}};
        const SshPolicy policies[] = {
                {.programs = relative, .n_programs = 1},
                {.programs = broken, .n_programs = 1},
                {.hosts = no_key, .n_hosts = 1},
                {.hosts = no_name, .n_hosts = 1},
                {.hosts = no_key, .n_hosts = SSH_POLICY_MAX + 1},
        };
        _cleanup_(owned_free) Owned it = owned_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(policies); i++)
                CHECK_EQ(ssh_agent_change(it.f->a, it.id, &policies[i], NULL), SSH_E_INVALID);
}

TEST_MAIN
