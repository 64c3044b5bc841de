/* Stored keys: records, hints, storage that is locked or fails, what the owner does */
#include <errno.h>

#include "tests/unit/ssh-agent-fixture.h"

static uint32_t first(Fixture *f)
{
        SshKeyInfo info;

        CHECK_EQ(ssh_agent_key_next(f->a, 0, &info), 0);
        return info.id;
}

static SshKeyInfo get(Fixture *f, uint32_t id)
{
        SshKeyInfo info;

        CHECK_EQ(ssh_agent_key_get(f->a, id, &info), 0);
        return info;
}

TEST(made_keys_outlast_the_agent)
{
        for (SshKeyKind kind = SSH_KEY_ED25519; kind <= SSH_KEY_RSA; kind++) {
                Fixture *f = fixture_new();
                SshClient *client;
                SshKeyInfo info;
                uint32_t id;
                Span blob;

                CHECK_EQ(fixture_generate(f->a, kind, kind == SSH_KEY_RSA ? 2048 : 0, "made", NULL, &id), 0);
                CHECK_EQ(f->changed, 1);
                fixture_restart(f);
                client = client_new(f);
                info = get(f, first(f));
                CHECK(info.kind == kind && info.stored && info.number == 1 && strcmp(info.comment, "made") == 0);
                CHECK(info.policy && !info.policy->confirm && !info.policy->programs && info.lifetime_left == 0);
                blob = (Span){info.blob, info.blob_size};
                CHECK_EQ(call_sign(f, client, blob, text_span("x"), 2), SSH_AGENT_SIGN_RESPONSE);
                CHECK(reply_verifies(f, blob, text_span("x")));
                ssh_client_free(client);
                fixture_free(f);
        }
}

TEST(what_is_not_made)
{
        Fixture *f = fixture_new();
        char comment[SSH_COMMENT_MAX + 2];
        SshPolicy many = {.n_programs = SSH_POLICY_MAX + 1, .programs = &(char *){NULL}};
        uint32_t id;

        memset(comment, 'x', sizeof(comment) - 1);
        comment[sizeof(comment) - 1] = 0;
        CHECK_EQ(fixture_generate(f->a, 0, 0, "", NULL, &id), SSH_E_INVALID);
        CHECK_EQ(fixture_generate(f->a, SSH_KEY_SK_ECDSA, 0, "", NULL, &id), SSH_E_INVALID);
        CHECK_EQ(fixture_generate(f->a, SSH_KEY_RSA, 1016, "", NULL, &id), SSH_E_INVALID);
        CHECK_EQ(fixture_generate(f->a, SSH_KEY_RSA, 1025, "", NULL, &id), SSH_E_INVALID);
        CHECK_EQ(fixture_generate(f->a, SSH_KEY_ED25519, 0, comment, NULL, &id), SSH_E_INVALID);
        CHECK_EQ(fixture_generate(f->a, SSH_KEY_ED25519, 0, "", &many, &id), SSH_E_INVALID);
        f->open = false;
        CHECK_EQ(fixture_generate(f->a, SSH_KEY_ED25519, 0, "", NULL, &id), SSH_E_LOCKED);
        f->open = true;
        f->fail_at = 1;
        f->fail_code = SSH_E_FULL;
        CHECK_EQ(fixture_generate(f->a, SSH_KEY_ED25519, 0, "", NULL, &id), SSH_E_FULL);
        CHECK_EQ(ssh_agent_key_get(f->a, 1, &(SshKeyInfo){0}), SSH_E_NOT_FOUND);
        CHECK_EQ(f->changed, 0);
        fixture_free(f);
}

TEST(storage_is_opened_for_a_signature)
{
        static const struct {
                SshAnswer answer;
                uint8_t reply;
        } cases[] = {{SSH_YES, SSH_AGENT_SIGN_RESPONSE}, {SSH_NO, SSH_AGENT_FAILURE}, {SSH_NOBODY, SSH_AGENT_FAILURE}};
        Fixture *f = fixture_new();
        SshClient *client;
        uint32_t id;
        Span blob;

        CHECK_EQ(fixture_generate(f->a, SSH_KEY_ED25519, 0, "made", NULL, &id), 0);
        fixture_restart(f);
        client = client_new(f);
        blob = (Span){get(f, 1).blob, get(f, 1).blob_size};
        for (unsigned later = 0; later < 2; later++)
                for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                        f->open = false;
                        ssh_agent_forget(f->a, false);
                        CHECK(!get(f, 1).policy);
                        CHECK_EQ(call_list(f, client), 1);
                        f->answers[SSH_ASK_STORAGE] = later ? LATER : cases[i].answer;
                        if (later) {
                                CHECK_EQ(call_sign(f, client, blob, text_span("x"), 0), 0);
                                f->open = cases[i].answer == SSH_YES;
                                ssh_client_answer(client, cases[i].answer);
                                CHECK_EQ(take(f, client), cases[i].reply);
                        } else {
                                CHECK_EQ(call_sign(f, client, blob, text_span("x"), 0), cases[i].reply);
                        }
                        CHECK(f->last.kind == SSH_ASK_STORAGE && strcmp(f->last.comment, "made") == 0);
                }
        /* a yes that opens nothing */
        f->open = false;
        f->answers[SSH_ASK_STORAGE] = LATER;
        CHECK_EQ(call_sign(f, client, blob, text_span("x"), 0), 0);
        ssh_client_answer(client, SSH_YES);
        CHECK_EQ(take(f, client), SSH_AGENT_FAILURE);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(nothing_stays_of_what_was_read)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        uint32_t id;
        Span blob;

        CHECK_EQ(fixture_generate(f->a, SSH_KEY_ECDSA_P256, 0, "made", NULL, &id), 0);
        CHECK_EQ(call_add_plain(f, client, "ed25519"), SSH_AGENT_SUCCESS);
        blob = (Span){get(f, id).blob, get(f, id).blob_size};
        CHECK_EQ(call_sign(f, client, blob, text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
        CHECK_EQ(call_sign(f, client, vector("ed25519.pub"), text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
        CHECK(f->a->ready[0].signer && f->a->ready[1].signer);
        ssh_agent_forget(f->a, false);
        CHECK(!f->a->ready[0].signer && f->a->ready[1].signer);
        CHECK_EQ(call_list(f, client), 2);
        ssh_agent_forget(f->a, true);
        CHECK_EQ(call_list(f, client), 1);
        CHECK_EQ(call_sign(f, client, vector("ed25519.pub"), text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
        ssh_client_free(client);
        fixture_free(f);
}

/* Whoever can write hints, but not records, gets nothing signed. */
TEST(a_hint_is_not_believed)
{
        Fixture *f = fixture_new();
        SshClient *client;
        _cleanup_(byte_writer_done) ByteWriter hint = BYTE_WRITER_NULL;
        Span key = vector("ed25519.pub");
        uint32_t id;

        CHECK_EQ(fixture_generate(f->a, SSH_KEY_ED25519, 0, "made", NULL, &id), 0);
        ssh_agent_forget(f->a, true);
        client = client_new(f);
        byte_writer_u8(&hint, 1);
        byte_writer_blob(&hint, key.data, key.size);
        byte_writer_string(&hint, "shown");
        byte_writer_u8(&hint, 0);
        byte_writer_u64(&hint, 0);
        byte_writer_u32(&hint, 0);
        byte_writer_u8(&hint, 0);
        for (size_t cut = 0; cut < hint.size; cut++)
                CHECK_EQ(ssh_agent_stored(f->a, 1, hint.data, cut), SSH_E_INVALID);
        CHECK_EQ(ssh_agent_stored(f->a, 1, hint.data, SSH_HINT_MAX + 1), SSH_E_INVALID);
        CHECK_EQ(ssh_agent_stored(f->a, 1, hint.data, hint.size), 0);
        CHECK_EQ(ssh_agent_stored(f->a, 2, hint.data, hint.size), SSH_E_EXISTS);
        CHECK(lists(f, client, key));
        CHECK_EQ(call_sign(f, client, key, text_span("x"), 0), SSH_AGENT_FAILURE);
        CHECK(!get(f, first(f)).policy);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(any_byte_of_a_record)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        char *programs[] = {(char[]){"/usr/bin/ssh"}};
        Host host = host_new();
        SshPolicyHost hosts[] = {{(char[]){"host"}, host.blob, host.size}};
        SshPolicy policy = {.programs = programs, .n_programs = 1, .hosts = hosts, .n_hosts = 1};
        Record *record = &f->records[0];
        uint32_t id;
        Span blob;

        f->ops.wall = NULL; /* nothing dies of a changed end of life */
        CHECK_EQ(fixture_generate(f->a, SSH_KEY_ED25519, 0, "made", &policy, &id), 0);
        blob = (Span){get(f, id).blob, get(f, id).blob_size};
        for (size_t i = 0; i < record->size; i++) {
                for (unsigned bit = 0; bit < 8; bit++) {
                        record->data[i] ^= (uint8_t)(1 << bit);
                        ssh_agent_forget(f->a, false);
                        CHECK_EQ(call_sign(f, client, blob, text_span("x"), 0), SSH_AGENT_FAILURE); /* whatever it means */
                        record->data[i] ^= (uint8_t)(1 << bit);
                }
                record->size -= i + 1;
                ssh_agent_forget(f->a, false);
                CHECK_EQ(call_sign(f, client, blob, text_span("x"), 0), SSH_AGENT_FAILURE);
                CHECK(!get(f, id).policy);
                record->size += i + 1;
        }
        ssh_agent_forget(f->a, false);
        CHECK(get(f, id).policy->n_hosts == 1);

        /* a private half that is not the public one's would give itself away */
        CHECK_EQ(ssh_agent_change(f->a, id, &(SshPolicy){0}, NULL), 0);
        CHECK_EQ(call_sign(f, client, blob, text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
        record->data[1 + 4 + blob.size + 4] ^= 1;
        ssh_agent_forget(f->a, false);
        CHECK_EQ(call_sign(f, client, blob, text_span("x"), 0), SSH_AGENT_FAILURE);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(clients_keys_are_stored_when_the_owner_says_so)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        Host host = host_new();
        _cleanup_(byte_writer_done) ByteWriter lifetime = BYTE_WRITER_NULL, confirm = BYTE_WRITER_NULL;

        byte_writer_u8(&lifetime, 1);
        wire_put_u32(&lifetime, 60);
        byte_writer_u8(&confirm, 2);
        f->keeps = true;
        CHECK_EQ(call_add(f, client, "p256", &lifetime), SSH_AGENT_SUCCESS); /* it is to go */
        CHECK(!get(f, 1).stored);
        CHECK_EQ(call_add(f, client, "rsa", &confirm), SSH_AGENT_SUCCESS);
        CHECK(get(f, 2).stored && get(f, 2).confirm);
        CHECK_EQ(ssh_agent_change(f->a, 2, &(SshPolicy){.verify = true}, NULL), 0);
        CHECK_EQ(call_add_plain(f, client, "rsa"), SSH_AGENT_SUCCESS); /* the policy stays */
        CHECK(get(f, 2).stored && !get(f, 2).confirm && get(f, 2).policy->verify && get(f, 2).number == 1);
        CHECK(!f->records[1].data);

        /* storage is asked for, and may be refused */
        f->open = false;
        CHECK_EQ(call_add_plain(f, client, "p521"), SSH_AGENT_FAILURE);
        CHECK_EQ(f->asked[SSH_ASK_STORAGE], 1);
        f->answers[SSH_ASK_STORAGE] = LATER;
        CHECK_EQ(call_add_plain(f, client, "p521"), 0);
        f->open = true;
        ssh_client_answer(client, SSH_YES);
        CHECK_EQ(take(f, client), SSH_AGENT_SUCCESS);
        CHECK(get(f, 3).stored);
        f->fail_at = 1;
        CHECK_EQ(call_add_plain(f, client, "p384"), SSH_AGENT_FAILURE);
        CHECK_EQ(call_list(f, client), 3);

        /* another machine stores and changes nothing */
        CHECK_EQ(call_bind(f, client, &host, "s", true), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_add_plain(f, client, "p384"), SSH_AGENT_SUCCESS);
        CHECK(!get(f, 4).stored);
        CHECK_EQ(call_add(f, client, "rsa", &confirm), SSH_AGENT_FAILURE);
        CHECK_EQ(call_remove(f, client, vector("rsa.pub")), SSH_AGENT_FAILURE);
        CHECK_EQ(call_remove(f, client, vector("p384.pub")), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_simple(f, client, SSH_AGENTC_REMOVE_ALL_IDENTITIES), SSH_AGENT_FAILURE);
        CHECK_EQ(call_list(f, client), 2);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(stored_keys_are_removed_with_their_records)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        uint32_t id;

        f->keeps = true;
        CHECK_EQ(call_add_plain(f, client, "ed25519"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_add_plain(f, client, "p256"), SSH_AGENT_SUCCESS);
        f->keeps = false;
        CHECK_EQ(call_add_plain(f, client, "p384"), SSH_AGENT_SUCCESS);
        f->open = false;
        CHECK_EQ(call_remove(f, client, vector("ed25519.pub")), SSH_AGENT_FAILURE);
        f->answers[SSH_ASK_STORAGE] = SSH_YES;
        f->fail_at = 1;
        CHECK_EQ(call_remove(f, client, vector("ed25519.pub")), SSH_AGENT_FAILURE);
        CHECK_EQ(call_list(f, client), 3);
        CHECK_EQ(call_remove(f, client, vector("ed25519.pub")), SSH_AGENT_SUCCESS);
        CHECK(!f->records[0].data && f->records[1].data);

        /* all: keys in memory go, whatever becomes of the others */
        f->open = false;
        f->answers[SSH_ASK_STORAGE] = LATER;
        CHECK_EQ(call_simple(f, client, SSH_AGENTC_REMOVE_ALL_IDENTITIES), 0);
        ssh_client_answer(client, SSH_NO);
        CHECK_EQ(take(f, client), SSH_AGENT_FAILURE);
        CHECK(call_list(f, client) == 1 && lists(f, client, vector("p256.pub")));
        f->open = true;
        f->fail_at = 1;
        CHECK_EQ(call_simple(f, client, SSH_AGENTC_REMOVE_ALL_IDENTITIES), SSH_AGENT_FAILURE);
        CHECK_EQ(call_simple(f, client, SSH_AGENTC_REMOVE_ALL_IDENTITIES), SSH_AGENT_SUCCESS);
        CHECK(!f->records[1].data);

        CHECK_EQ(fixture_generate(f->a, SSH_KEY_ED25519, 0, "made", NULL, &id), 0);
        f->open = false;
        CHECK_EQ(ssh_agent_remove(f->a, id), SSH_E_LOCKED);
        f->open = true;
        CHECK_EQ(ssh_agent_remove(f->a, id), 0);
        CHECK_EQ(ssh_agent_remove(f->a, id), SSH_E_NOT_FOUND);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(a_key_in_memory_is_kept_with_its_constraints)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        Host host = host_new();
        _cleanup_(byte_writer_done) ByteWriter list = BYTE_WRITER_NULL, constraints = BYTE_WRITER_NULL;
        Span key = vector("ed25519.pub");

        byte_writer_u8(&constraints, 1);
        wire_put_u32(&constraints, 100);
        byte_writer_u8(&constraints, 2);
        put_destination(&list, NULL, (Span){0}, NULL, "host", host_blob(&host), false);
        put_restriction(&constraints, &list);
        CHECK_EQ(call_add(f, client, "ed25519", &constraints), SSH_AGENT_SUCCESS);
        CHECK_EQ(ssh_agent_keep(f->a, 7), SSH_E_NOT_FOUND);
        f->open = false;
        CHECK_EQ(ssh_agent_keep(f->a, 1), SSH_E_LOCKED);
        f->open = true;
        f->fail_at = 1;
        CHECK_EQ(ssh_agent_keep(f->a, 1), SSH_E_DAMAGED);
        CHECK(!get(f, 1).stored);
        f->now += 40500;
        f->wall += 40;
        CHECK_EQ(ssh_agent_keep(f->a, 1), 0);
        CHECK_EQ(ssh_agent_keep(f->a, 1), SSH_E_EXISTS);
        CHECK(get(f, 1).stored && get(f, 1).lifetime_left == 60);
        ssh_client_free(client);

        fixture_restart(f);
        client = client_new(f);
        CHECK(get(f, 1).stored && get(f, 1).confirm && get(f, 1).n_destinations == 1 && get(f, 1).lifetime_left == 60);
        CHECK_EQ(call_login(f, client, key, "ssh-ed25519", "s", "me", NULL), SSH_AGENT_FAILURE);
        CHECK_EQ(call_bind(f, client, &host, "s", false), SSH_AGENT_SUCCESS);
        /* while it is locked, a hint is enough to show it and to ask */
        ssh_agent_forget(f->a, false);
        f->open = false;
        f->answers[SSH_ASK_STORAGE] = SSH_YES;
        CHECK(lists(f, client, key));
        CHECK_EQ(call_login(f, client, key, "ssh-ed25519", "s", "me", NULL), SSH_AGENT_SIGN_RESPONSE);
        CHECK(f->asked[SSH_ASK_CONFIRM] == 1 && strcmp(f->last.host, "host") == 0);

        /* its life ends, even while storage is locked; its record goes later */
        f->open = false;
        f->now += 60000;
        ssh_agent_tick(f->a);
        CHECK_EQ(call_list(f, client), 0);
        CHECK_EQ(call_login(f, client, key, "ssh-ed25519", "s", "me", NULL), SSH_AGENT_FAILURE);
        CHECK_EQ(ssh_agent_key_next(f->a, 0, &(SshKeyInfo){0}), SSH_E_NOT_FOUND);
        CHECK(f->records[0].data);
        f->open = true;
        f->now = ssh_agent_deadline(f->a);
        ssh_agent_tick(f->a);
        CHECK(!f->records[0].data);
        CHECK_EQ(ssh_agent_deadline(f->a), UINT64_MAX);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(hidden_from_other_machines_until_it_is_known_where_it_may_go)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        Host host = host_new();
        _cleanup_(byte_writer_done) ByteWriter list = BYTE_WRITER_NULL, constraints = BYTE_WRITER_NULL;

        put_destination(&list, NULL, (Span){0}, NULL, "host", host_blob(&host), false);
        put_destination(&list, "host", host_blob(&host), NULL, "host", host_blob(&host), false);
        put_restriction(&constraints, &list);
        CHECK_EQ(call_add(f, client, "ed25519", &constraints), SSH_AGENT_SUCCESS);
        CHECK_EQ(ssh_agent_keep(f->a, 1), 0);
        CHECK_EQ(call_bind(f, client, &host, "s", true), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_list(f, client), 1);
        f->open = false;
        ssh_agent_forget(f->a, false);
        CHECK_EQ(call_list(f, client), 0);
        /* opened again, by whoever it was */
        f->open = true;
        CHECK_EQ(call_list(f, client), 1);
        ssh_client_free(client);
        fixture_restart(f);
        client = client_new(f);
        CHECK_EQ(call_bind(f, client, &host, "s", true), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_list(f, client), 1);
        /* a record that can't be read says nothing */
        ssh_agent_forget(f->a, false);
        f->fail_at = 1;
        CHECK_EQ(call_list(f, client), 0);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(a_hint_is_not_enough_to_change_a_key)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        Host host = host_new(), other = host_new();
        _cleanup_(byte_writer_done) ByteWriter list = BYTE_WRITER_NULL, constraints = BYTE_WRITER_NULL;

        put_destination(&list, NULL, (Span){0}, NULL, "host", host_blob(&host), false);
        put_restriction(&constraints, &list);
        CHECK_EQ(call_add(f, client, "ed25519", &constraints), SSH_AGENT_SUCCESS);
        CHECK_EQ(ssh_agent_keep(f->a, 1), 0);
        CHECK_EQ(call_bind(f, client, &other, "s", false), SSH_AGENT_SUCCESS);
        f->answers[SSH_ASK_STORAGE] = SSH_YES;
        for (unsigned i = 0; i < 2; i++) {
                f->open = false;
                ssh_agent_forget(f->a, false);
                CHECK_EQ(call_list(f, client), 1); /* it is shown … */
                CHECK_EQ(i ? call_add_plain(f, client, "ed25519") : call_remove(f, client, vector("ed25519.pub")),
                         SSH_AGENT_FAILURE);
                CHECK_EQ(call_list(f, client), 0); /* … until it is known where it may go */
        }
        ssh_client_free(client);
        fixture_free(f);
}

TEST(the_owner_changes_stored_keys)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        char *programs[] = {(char[]){"/usr/bin/ssh"}};
        SshPolicy policy = {.confirm = true, .programs = programs, .n_programs = 1};
        char comment[SSH_COMMENT_MAX + 2];
        uint32_t id;

        CHECK_EQ(fixture_generate(f->a, SSH_KEY_ED25519, 0, "made", NULL, &id), 0);
        CHECK_EQ(call_add_plain(f, client, "p256"), SSH_AGENT_SUCCESS);
        CHECK_EQ(ssh_agent_change(f->a, id, NULL, "renamed\n"), 0);
        CHECK_EQ(ssh_agent_change(f->a, id, &policy, NULL), 0);
        CHECK_EQ(ssh_agent_change(f->a, id + 1, &policy, NULL), SSH_E_INVALID); /* not stored */
        CHECK_EQ(ssh_agent_change(f->a, id + 1, NULL, "x"), SSH_E_INVALID);
        CHECK_EQ(ssh_agent_change(f->a, 99, NULL, "x"), SSH_E_NOT_FOUND);
        memset(comment, 'x', sizeof(comment));
        comment[sizeof(comment) - 1] = 0;
        CHECK_EQ(ssh_agent_change(f->a, id, NULL, comment), SSH_E_INVALID);
        for (unsigned at = 1; at <= 2; at++) {
                f->fail_at = at;
                CHECK_EQ(ssh_agent_change(f->a, id, NULL, "else"), SSH_E_DAMAGED);
                f->fail_at = at;
                CHECK_EQ(ssh_agent_change(f->a, id, &(SshPolicy){0}, NULL), SSH_E_DAMAGED);
        }
        /* both or neither */
        for (unsigned at = 1; at <= 2; at++) {
                f->fail_at = at;
                CHECK_EQ(ssh_agent_change(f->a, id, &(SshPolicy){0}, "else"), SSH_E_DAMAGED);
        }
        CHECK_EQ(ssh_agent_change(f->a, id, &(SshPolicy){0}, comment), SSH_E_INVALID);
        f->fail_at = 3; /* there is one record to write */
        CHECK_EQ(ssh_agent_change(f->a, id, &policy, "renamed\n"), 0);
        f->fail_at = 0;
        f->open = false;
        CHECK_EQ(ssh_agent_change(f->a, id, NULL, "else"), SSH_E_LOCKED);
        f->open = true;
        for (unsigned round = 0; round < 2; round++) {
                CHECK(strcmp(get(f, id).comment, "renamed?") == 0);
                CHECK(get(f, id).policy->confirm && get(f, id).policy->n_programs == 1);
                ssh_client_free(client);
                fixture_restart(f);
                client = client_new(f);
                id = first(f);
        }
        ssh_client_free(client);
        fixture_free(f);
}

TEST(a_lifetime_laid_on_a_stored_key_ends_it)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        _cleanup_(byte_writer_done) ByteWriter lifetime = BYTE_WRITER_NULL;

        byte_writer_u8(&lifetime, 1);
        wire_put_u32(&lifetime, 60);
        f->keeps = true;
        CHECK_EQ(call_add_plain(f, client, "p256"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_add(f, client, "p256", &lifetime), SSH_AGENT_SUCCESS);
        CHECK(get(f, 1).stored && get(f, 1).lifetime_left == 60);
        ssh_client_free(client);
        f->now += 30000;
        f->wall += 30;
        fixture_restart(f);
        client = client_new(f);
        CHECK_EQ(get(f, 1).lifetime_left, 30);
        f->now += 30000;
        ssh_agent_tick(f->a);
        CHECK(!f->records[0].data);
        /* without the time of day there are no such records */
        CHECK_EQ(call_add_plain(f, client, "p256"), SSH_AGENT_SUCCESS);
        f->ops.wall = NULL;
        CHECK_EQ(call_add(f, client, "p256", &lifetime), SSH_AGENT_FAILURE);
        CHECK_EQ(call_add(f, client, "rsa", &lifetime), SSH_AGENT_SUCCESS);
        CHECK_EQ(ssh_agent_keep(f->a, get(f, 3).id), SSH_E_INVALID);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(a_client_whose_binding_failed_changes_nothing_stored)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);

        f->keeps = true;
        CHECK_EQ(call_add_plain(f, client, "p256"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_text(f, client, SSH_AGENTC_EXTENSION, "session-bind@openssh.com"), SSH_AGENT_EXTENSION_FAILURE);
        CHECK_EQ(call_remove(f, client, vector("p256.pub")), SSH_AGENT_FAILURE);
        CHECK_EQ(call_add_plain(f, client, "p256"), SSH_AGENT_FAILURE);
        ssh_client_free(client);
        fixture_free(f);
}

TEST(every_call_of_storage_may_fail)
{
        static const int codes[] = {SSH_E_LOCKED, SSH_E_DAMAGED, SSH_E_FULL, SSH_E_NOT_FOUND, -EIO, -ENOMEM};

        for (size_t c = 0; c < ELEMENTSOF(codes); c++)
                for (unsigned at = 1; at < 12; at++) {
                        Fixture *f = fixture_new();
                        SshClient *client = client_new(f);
                        uint32_t id;
                        SshKeyInfo info;

                        f->keeps = true;
                        f->fail_code = (unsigned)codes[c];
                        f->fail_at = at;
                        (void)fixture_generate(f->a, SSH_KEY_ED25519, 0, "made", NULL, &id);
                        (void)call_add_plain(f, client, "ed25519");
                        (void)call_add_plain(f, client, "rsa");
                        (void)call_add_plain(f, client, "rsa");
                        (void)call_sign(f, client, vector("rsa.pub"), text_span("x"), 2);
                        (void)call_sign(f, client, vector("ed25519.pub"), text_span("x"), 2);
                        ssh_agent_forget(f->a, false);
                        (void)call_sign(f, client, vector("ed25519.pub"), text_span("x"), 2);
                        (void)ssh_agent_key_next(f->a, 0, &info);
                        (void)call_remove(f, client, vector("ed25519.pub"));
                        (void)call_simple(f, client, SSH_AGENTC_REMOVE_ALL_IDENTITIES);
                        ssh_client_free(client);
                        fixture_free(f);
                }
}

TEST(no_storage_at_all)
{
        Fixture *f = fixture_new();
        SshClient *client = client_new(f);
        uint32_t id;

        f->ops = (SshAgentOps){.now = f->ops.now};
        CHECK_EQ(call_add_plain(f, client, "ed25519"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_add_plain(f, client, "rsa"), SSH_AGENT_SUCCESS);
        CHECK_EQ(call_sign(f, client, vector("ed25519.pub"), text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
        CHECK_EQ(call_sign(f, client, vector("rsa.pub"), text_span("x"), 0), SSH_AGENT_SIGN_RESPONSE);
        CHECK_EQ(fixture_generate(f->a, SSH_KEY_ED25519, 0, "", NULL, &id), SSH_E_LOCKED);
        CHECK_EQ(ssh_agent_keep(f->a, 1), SSH_E_LOCKED);
        CHECK_EQ(call_simple(f, client, SSH_AGENTC_REMOVE_ALL_IDENTITIES), SSH_AGENT_SUCCESS);
        ssh_client_free(client);
        fixture_free(f);
}

TEST_MAIN
