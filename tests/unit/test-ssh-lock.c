/* Locking the ssh-agent with a passphrase */
#include "tests/unit/ssh-agent-fixture.h"

TEST(a_locked_agent_has_no_keys)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f), *other = client_new(f);
        Span key = vector("ed25519.pub");
        Host host = host_new();

        CHECK_EQ(call_text(f, client, SSH_AGENTC_UNLOCK, "secret"), SSH_AGENT_FAILURE); /* it is not */
        CHECK_EQ(call_text(f, client, SSH_AGENTC_LOCK, ""), SSH_AGENT_FAILURE);
        CHECK_EQ(call_add_plain(f, client, "ed25519"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_sign(f, client, key, text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
        CHECK_EQ(call_text(f, client, SSH_AGENTC_LOCK, "secret"), SSH_AGENT_SUCCESS);
        CHECK(ssh_agent_is_locked(f->a));
        CHECK(!f->a->ready[0].signer);

        CHECK_EQ(call_list(f, other), 0);
        CHECK_EQ(call_sign(f, other, key, text_span("x"), 0), SSH_AGENT_FAILURE);
        CHECK_EQ(call_add_plain(f, other, "p256"), SSH_AGENT_FAILURE);
        CHECK_EQ(call_remove(f, other, key), SSH_AGENT_FAILURE);
        CHECK_EQ(call_simple(f, other, SSH_AGENTC_REMOVE_ALL_IDENTITIES), SSH_AGENT_FAILURE);
        CHECK_EQ(call_text(f, other, SSH_AGENTC_LOCK, "secret"), SSH_AGENT_FAILURE);
        CHECK_EQ(call_text(f, other, SSH_AGENTC_EXTENSION, "query"), SSH_AGENT_FAILURE);
        CHECK_EQ(call_text(f, other, SSH_AGENTC_EXTENSION, "session-bind@openssh.com"), SSH_AGENT_FAILURE);
        CHECK_EQ(call_bind(f, other, &host, "s", true), SSH_AGENT_SUCCESS); /* a client does that once */

        CHECK_EQ(call_text(f, other, SSH_AGENTC_UNLOCK, "secret"), SSH_AGENT_SUCCESS);
        CHECK(!ssh_agent_is_locked(f->a));
        CHECK_EQ(call_list(f, client), 1);
        CHECK_EQ(call_sign(f, client, key, text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
        ssh_client_free(client);
        ssh_client_free(other);
        fixture_free(f);
}

TEST(guesses_take_longer_and_longer)
{
        static const unsigned delays[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
        Fixture *f = fixture_new();
        SshClient *client = client_new(f), *other = client_new(f);

        CHECK_EQ(call_text(f, client, SSH_AGENTC_LOCK, "secret"), SSH_AGENT_SUCCESS);
        for (size_t i = 0; i < ELEMENTSOF(delays); i++) {
                CHECK_EQ(call_text(f, client, SSH_AGENTC_UNLOCK, "guess"), 0);
                CHECK_EQ(ssh_agent_deadline(f->a), f->now + delays[i]);
                f->now += delays[i] - 1;
                ssh_agent_tick(f->a);
                CHECK_EQ(take(f, client), 0);
                CHECK_EQ(call_list(f, other), 0); /* nobody else waits */
                f->now += 1;
                ssh_agent_tick(f->a);
                CHECK_EQ(take(f, client), SSH_AGENT_FAILURE);
                CHECK_EQ(ssh_agent_deadline(f->a), UINT64_MAX);
        }
        CHECK_EQ(call_text(f, client, SSH_AGENTC_UNLOCK, "secret"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_text(f, client, SSH_AGENTC_LOCK, "else"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_text(f, client, SSH_AGENTC_UNLOCK, "secret"), 0);
        CHECK_EQ(ssh_agent_deadline(f->a), f->now + delays[0]); /* begun anew */
        ssh_client_free(client);
        ssh_client_free(other);
        fixture_free(f);
}

TEST(many_connections_guess_no_faster)
{
        Fixture *f = fixture_new();
        SshClient *clients[8], *owner = client_new(f);
        unsigned judged = 0;

        CHECK_EQ(call_text(f, owner, SSH_AGENTC_LOCK, "secret"), SSH_AGENT_SUCCESS);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                clients[i] = client_new(f);
                CHECK_EQ(call_text(f, clients[i], SSH_AGENTC_UNLOCK, "guess"), 0);
        }
        CHECK_EQ(call_text(f, owner, SSH_AGENTC_UNLOCK, "secret"), 0);
        f->now += 100;
        ssh_agent_tick(f->a);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                judged += take(f, clients[i]) == SSH_AGENT_FAILURE;
        CHECK_EQ(judged, 1);
        for (unsigned i = 0; i < 20; i++) {
                f->now += 10000;
                ssh_agent_tick(f->a);
        }
        CHECK_EQ(take(f, owner), SSH_AGENT_SUCCESS);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                ssh_client_free(clients[i]);
        ssh_client_free(owner);
        fixture_free(f);
}

TEST(a_lock_stops_what_was_going_on)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f), *other = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter confirm = BYTE_WRITER_NULL;

        f->slow = true;
        f->answers[SSH_ASK_CONFIRM] = LATER;
        byte_writer_u8(&confirm, 2);
        CHECK_EQ(call_add(f, client, "ed25519", &confirm), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_add_plain(f, client, "p384"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_sign(f, client, vector("ed25519.pub"), text_span("x"), 0), 0);
        CHECK_EQ(call_text(f, other, SSH_AGENTC_LOCK, "secret"), SSH_AGENT_SUCCESS);
        ssh_client_answer(client, SSH_YES);
        CHECK_EQ(take(f, client), SSH_AGENT_FAILURE);
        CHECK_EQ(call_text(f, other, SSH_AGENTC_UNLOCK, "secret"), SSH_AGENT_SUCCESS);

        CHECK_EQ(call_sign(f, client, vector("p384.pub"), text_span("x"), 0), 0);
        CHECK_EQ(call_text(f, other, SSH_AGENTC_LOCK, "secret"), SSH_AGENT_SUCCESS);
        ssh_work_run(f->work);
        ssh_client_worked(client, f->work);
        CHECK_EQ(take(f, client), SSH_AGENT_FAILURE);
        ssh_client_free(client);
        ssh_client_free(other);
        fixture_free(f);
}

TEST_MAIN
