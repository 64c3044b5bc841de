/* Connections: messages in pieces, requests that wait, clients that leave */
#include <errno.h>

#include "tests/unit/ssh-agent-fixture.h"

static ByteWriter frame(uint8_t type)
{
        ByteWriter it = BYTE_WRITER_NULL;

        wire_put_u32(&it, 1);
        byte_writer_u8(&it, type);
        return it;
}

TEST(a_message_byte_by_byte)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter it = frame(SSH_AGENTC_REQUEST_IDENTITIES);

        for (unsigned round = 0; round < 3; round++)
                for (size_t i = 0; i < it.size; i++) {
                        CHECK(ssh_client_wants(client));
                        CHECK_EQ(ssh_client_receive(client, it.data + i, 1), 0);
                        CHECK_EQ(take(f, client), i == it.size - 1 ? SSH_AGENT_IDENTITIES_ANSWER : 0);
                }
        ssh_client_free(client);
        fixture_free(f);
}

TEST(what_is_no_message_ends_the_connection)
{
        static const struct {
                uint8_t head[4];
                int result;
        } cases[] = {{{0, 0, 0, 0}, -EBADMSG}, {{0, 4, 0, 0}, 0}, {{0, 4, 0, 1}, -EBADMSG}, {{255, 255, 255, 255}, -EBADMSG}};

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Fixture *f = fixture_new();
                SshClient *client = client_new(f);

                CHECK_EQ(ssh_client_receive(client, cases[i].head, 3), 0);
                CHECK_EQ(ssh_client_receive(client, cases[i].head + 3, 1), cases[i].result);
                CHECK_EQ(ssh_client_wants(client), cases[i].result == 0);
                ssh_client_free(client);
                fixture_free(f);
        }
}

TEST(what_is_no_message_ends_the_connection_when_what_came_before_it_is_answered)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter confirm = BYTE_WRITER_NULL;
        size_t size;

        byte_writer_u8(&confirm, 2);
        f->answers[SSH_ASK_CONFIRM] = LATER;
        CHECK_EQ(call_add(f, client, "ed25519", &confirm), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_sign(f, client, vector("ed25519.pub"), text_span("x"), 0), 0);
        CHECK_EQ(ssh_client_receive(client, (uint8_t[]){0, 0, 0, 0}, 4), 0);
        ssh_client_answer(client, SSH_YES);
        CHECK(ssh_client_output(client, &size));
        CHECK_EQ(ssh_client_sent(client, size - 1), 0);
        CHECK_EQ(ssh_client_sent(client, 1), -EBADMSG);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(several_at_once_are_answered_in_order)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter all = BYTE_WRITER_NULL;

        for (unsigned i = 0; i < 100; i++) {
                wire_put_u32(&all, 1);
                byte_writer_u8(&all, i % 2 ? SSH_AGENTC_REQUEST_IDENTITIES : 200);
        }
        CHECK_EQ(ssh_client_receive(client, all.data, all.size), 0);
        for (unsigned i = 0; i < 100; i++)
                CHECK_EQ(take(f, client), i % 2 ? SSH_AGENT_IDENTITIES_ANSWER : SSH_AGENT_FAILURE);
        CHECK_EQ(take(f, client), 0);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(nothing_is_wanted_while_one_waits_and_the_next_is_there)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f), *other = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter confirm = BYTE_WRITER_NULL, list = frame(SSH_AGENTC_REQUEST_IDENTITIES);
        Span key = vector("ed25519.pub");

        byte_writer_u8(&confirm, 2);
        f->answers[SSH_ASK_CONFIRM] = LATER;
        CHECK_EQ(call_add(f, client, "ed25519", &confirm), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_sign(f, client, key, text_span("x"), 0), 0);
        CHECK(!ssh_client_wants(client));
        CHECK_EQ(ssh_client_receive(client, list.data, list.size), 0); /* all the same */
        CHECK_EQ(call_list(f, other), 1);                              /* others go on */
        ssh_client_answer(client, SSH_YES);
        CHECK_EQ(take(f, client), SSH_AGENT_SIGN_RESPONSE);
        CHECK_EQ(take(f, client), SSH_AGENT_IDENTITIES_ANSWER);
        CHECK(ssh_client_wants(client));
        ssh_client_free(client);
        ssh_client_free(other);
        fixture_free(f);
}

TEST(what_nobody_reads_is_not_made)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter list = frame(SSH_AGENTC_REQUEST_IDENTITIES);
        size_t size, sent = 0, answered = 0;

        CHECK_EQ(call_add_plain(f, client, "rsa"), SSH_AGENT_SUCCESS);
        for (; ssh_client_wants(client); sent++)
                CHECK_EQ(ssh_client_receive(client, list.data, list.size), 0);
        (void)ssh_client_output(client, &size);
        CHECK(size >= OUTPUT_MAX && size < OUTPUT_MAX + 1024);
        for (size_t i = 0; i < 4 * SSH_MESSAGE_MAX; i++) {
                int r = ssh_client_receive(client, list.data, list.size);

                CHECK(r == 0 || r == -ENOBUFS);
                if (r != 0)
                        break;
                sent++;
        }
        CHECK_EQ(ssh_client_receive(client, list.data, list.size), -ENOBUFS);
        while (take(f, client) == SSH_AGENT_IDENTITIES_ANSWER)
                answered++;
        CHECK_EQ(answered, sent);
        CHECK(ssh_client_wants(client));
        ssh_client_free(client);
        fixture_free(f);
}

TEST(a_reader_who_never_reads_to_the_end)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter list = frame(SSH_AGENTC_REQUEST_IDENTITIES);
        size_t size, all = 0;

        CHECK_EQ(call_add_plain(f, client, "rsa"), SSH_AGENT_SUCCESS);
        for (unsigned i = 0; i < 20000; i++) {
                CHECK(ssh_client_wants(client));
                CHECK_EQ(ssh_client_receive(client, list.data, list.size), 0);
                (void)ssh_client_output(client, &size);
                ssh_client_sent(client, size - 1);
                all += size - 1;
        }
        CHECK(all > 20 * OUTPUT_MAX && client->out.capacity < 4 * OUTPUT_MAX);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(many_small_messages_in_pieces)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter all = BYTE_WRITER_NULL;
        size_t at = 0, answered = 0, n = 50000;

        for (size_t i = 0; i < n; i++) {
                wire_put_u32(&all, 1);
                byte_writer_u8(&all, 200);
        }
        while (at < all.size) {
                size_t piece = all.size - at < SSH_CHUNK_MAX - 3 ? all.size - at : SSH_CHUNK_MAX - 3;

                if (ssh_client_wants(client)) {
                        CHECK_EQ(ssh_client_receive(client, all.data + at, piece), 0);
                        at += piece;
                }
                for (; take(f, client) == SSH_AGENT_FAILURE; answered++)
                        ;
        }
        CHECK_EQ(answered, n);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(a_longest_message_and_a_longest_list)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        ByteWriter it = message(SSH_AGENTC_SIGN_REQUEST);
        Span key = vector("ed25519.pub");
        uint8_t *data;
        size_t size = SSH_MESSAGE_MAX - 1 - 4 - key.size - 4 - 4;

        CHECK_EQ(call_add_plain(f, client, "ed25519"), SSH_AGENT_SUCCESS);
        wire_put_string(&it, key.data, key.size);
        wire_put_u32(&it, (uint32_t)size);
        data = byte_writer_reserve(&it, size);
        memset(data, 'x', size);
        wire_put_u32(&it, 0);
        CHECK_EQ(it.size, SSH_MESSAGE_MAX);
        CHECK_EQ(call(f, client, &it), SSH_AGENT_SIGN_RESPONSE);
        for (unsigned i = 0; i < 4000; i++) {
                SignKey public = {.kind = SIGN_ED25519};

                memcpy(public.public_key, &i, sizeof(i));
                it = message_sk(SSH_KEY_SK_ED25519, &public, "ssh:", 1);
                CHECK_EQ(call(f, client, &it), SSH_AGENT_SUCCESS);
        }
        CHECK(call_list(f, client) > 2000); /* what does not fit is left out */
        for (unsigned i = 4000; i < SSH_KEYS_MAX + 10; i++) {
                SignKey public = {.kind = SIGN_ED25519};

                memcpy(public.public_key, &i, sizeof(i));
                it = message_sk(SSH_KEY_SK_ED25519, &public, "ssh:", 1);
                CHECK_EQ(call(f, client, &it), i + 1 < SSH_KEYS_MAX ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
        }
        ssh_client_free(client);
        fixture_free(f);
}

TEST(many_large_keys_are_too_much)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter list = BYTE_WRITER_NULL, constraints = BYTE_WRITER_NULL;
        Host host = host_new();
        unsigned n = 0;

        for (unsigned i = 0; i < SSH_DESTINATIONS_MAX; i++)
                put_destination(&list, NULL, (Span){0}, NULL, "a name that is long enough to count, and then a little longer still",
                                host_blob(&host), false);
        put_restriction(&constraints, &list);
        for (uint8_t reply = SSH_AGENT_SUCCESS; reply == SSH_AGENT_SUCCESS; n++) {
                SignKey public = {.kind = SIGN_ED25519};
                ByteWriter it;

                memcpy(public.public_key, &n, sizeof(n));
                it = message_sk(SSH_KEY_SK_ED25519, &public, "ssh:", 1);
                byte_writer_raw(&it, constraints.data, constraints.size);
                reply = call(f, client, &it);
        }
        CHECK(n > 50 && n < SSH_KEYS_BYTES_MAX / list.size + 2);
        CHECK_EQ(call_simple(f, client, SSH_AGENTC_REMOVE_ALL_IDENTITIES), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_add(f, client, "p256", &constraints), SSH_AGENT_SUCCESS);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(work_is_done_elsewhere)
{
        static const char *const names[] = {"p384", "p521", "rsa"};
        Fixture *f = fixture_new();
        SshClient *client = client_new(f), *other = client_new(f);

        f->slow = true;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char file[32];
                SshWork *work;

                (void)snprintf(file, sizeof(file), "%s.pub", names[i]);
                CHECK_EQ(call_add_plain(f, client, names[i]), SSH_AGENT_SUCCESS);
                CHECK_EQ(call_sign(f, client, vector(file), text_span("x"), 2), 0);
                work = f->work;
                CHECK_EQ(call_sign(f, other, vector(file), text_span("y"), 2), 0); /* two at a time */
                ssh_work_run(f->work);
                ssh_client_worked(client, f->work); /* not his */
                CHECK_EQ(take(f, client), 0);
                ssh_client_worked(other, f->work);
                CHECK_EQ(take(f, other), SSH_AGENT_SIGN_RESPONSE);
                CHECK(reply_verifies(f, vector(file), text_span("y")));
                ssh_work_run(work);
                ssh_client_answer(client, SSH_YES); /* nothing was asked */
                CHECK_EQ(take(f, client), 0);
                ssh_client_worked(client, work);
                CHECK_EQ(take(f, client), SSH_AGENT_SIGN_RESPONSE);
                CHECK(reply_verifies(f, vector(file), text_span("x")));
        }
        /* not run at all */
        CHECK_EQ(call_sign(f, client, vector("rsa.pub"), text_span("x"), 2), 0);
        ssh_client_worked(client, f->work);
        CHECK_EQ(take(f, client), SSH_AGENT_FAILURE);
        /* the key goes meanwhile */
        CHECK_EQ(call_sign(f, client, vector("rsa.pub"), text_span("x"), 2), 0);
        CHECK_EQ(call_remove(f, other, vector("rsa.pub")), SSH_AGENT_SUCCESS);
        ssh_work_run(f->work);
        ssh_client_worked(client, f->work);
        CHECK_EQ(take(f, client), SSH_AGENT_FAILURE);
        CHECK_EQ(f->withdrawn, 0);
        ssh_client_free(client);
        ssh_client_free(other);
        fixture_free(f);
}

TEST(clients_leave_at_any_time)
{
        Fixture *f = fixture_new();
        SshClient *client, *owner = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter confirm = BYTE_WRITER_NULL;

        byte_writer_u8(&confirm, 2);
        f->slow = true;
        f->answers[SSH_ASK_CONFIRM] = LATER;
        f->sk = LATER;
        CHECK_EQ(call_add(f, owner, "ed25519", &confirm), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_add_plain(f, owner, "p521"), SSH_AGENT_SUCCESS);

        client = client_new(f); /* a question */
        CHECK_EQ(call_sign(f, client, vector("ed25519.pub"), text_span("x"), 0), 0);
        ssh_client_free(client);
        CHECK_EQ(f->withdrawn, 1);

        client = client_new(f); /* work, which goes on without him */
        CHECK_EQ(call_sign(f, client, vector("p521.pub"), text_span("x"), 0), 0);
        ssh_client_free(client);
        CHECK_EQ(f->withdrawn, 2);
        ssh_work_run(f->work);
        ssh_work_free(f->work);

        client = client_new(f); /* half a message */
        CHECK_EQ(ssh_client_receive(client, "\0\0", 2), 0);
        ssh_client_free(client);
        CHECK_EQ(call_text(f, owner, SSH_AGENTC_LOCK, "p"), SSH_AGENT_SUCCESS);
        client = client_new(f); /* a delay */
        CHECK_EQ(call_text(f, client, SSH_AGENTC_UNLOCK, "q"), 0);
        CHECK(!ssh_client_free(client));
        CHECK_EQ(f->withdrawn, 2);
        CHECK_EQ(ssh_agent_deadline(f->a), UINT64_MAX);
        CHECK(!ssh_client_free(NULL));
        CHECK(!ssh_work_free(NULL));
        CHECK(!ssh_agent_free(NULL));
        ssh_client_free(owner);
        fixture_free(f);
}

TEST(many_clients)
{
        Fixture *f = fixture_new();
        SshClient *clients[100];

        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                clients[i] = client_new(f);
        CHECK_EQ(call_add_plain(f, clients[0], "p256"), SSH_AGENT_SUCCESS);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                CHECK_EQ(call_sign(f, clients[i], vector("p256.pub"), text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                ssh_client_free(clients[i * 37 % ELEMENTSOF(clients)]);
        fixture_free(f);
}

TEST_MAIN
