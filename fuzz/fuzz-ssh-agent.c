/*
 * The ssh-agent: programs of frames from several clients, answers, time, locks, restarts, the owner's tools and failures
 *
 * The first byte says what all keys are like. If they want to be confirmed, each signature must follow an agreement that
 * nothing has used up. If they are for one host, whoever gets one must be bound to that host and nothing else. A locked
 * agent signs and lists nothing, storage that is closed is left alone, and a reply is always a whole one of its kind.
 */
#include <errno.h>
#include <string.h>

#include "fuzz/ssh-owner.h"

#define STEPS_MAX 200

static const SshKeyKind kinds[] = {SSH_KEY_ED25519, SSH_KEY_ECDSA_P256, SSH_KEY_SK_ECDSA, SSH_KEY_SK_ED25519};

/* ---- replies ---- */

static void check_list(const Run *run, Span body, bool last)
{
        ByteReader reader = span_reader(body);
        uint32_t n = wire_u32(&reader);
        Blob blob;

        PROMISE(!last || !ssh_agent_is_locked(run->f->a) || n == 0);
        for (uint32_t i = 0; i < n; i++) {
                Span key = wire_string(&reader), comment = wire_string(&reader);

                PROMISE(!reader.failed && blob_read(key, &blob) == 0);
                PROMISE(comment.size <= SSH_COMMENT_MAX && (comment.size == 0 || utf8_valid(comment.data, comment.size)));
        }
        PROMISE(byte_reader_done(&reader));
}

static void check_signature(Run *run, unsigned i, bool last)
{
        const Sessions *sessions = &run->clients[i]->sessions;

        PROMISE(!last || !ssh_agent_is_locked(run->f->a));
        if (run->config & CONFIRMED) {
                PROMISE(run->agreed[i] > 0);
                run->agreed[i]--;
        }
        if (run->config & RESTRICTED)
                PROMISE(sessions->n == 1 && !sessions->list[0].forwarded &&
                        span_equal(session_key(&sessions->list[0]), host_blob(&run->hosts[0])));
}

static void reconnect(Run *run, unsigned i)
{
        ssh_client_free(run->clients[i]);
        PROMISE(run->asked[i] == 0 && !run->works[i] && !run->device[i]);
        run->agreed[i] = 0;
        run->clients[i] = NULL;
        PROMISE(ssh_client_new(run->f->a, run, &run->clients[i]) == 0);
        PROMISE(ssh_client_userdata(run->clients[i]) == run);
}

/* Takes all replies. One before the last may be of before the agent was locked by what came with it. */
static void take_replies(Run *run, unsigned i)
{
        SshClient *client = run->clients[i];
        size_t size;
        const uint8_t *data = ssh_client_output(client, &size);
        int r = 0;

        while (size > 0) {
                ByteReader reader = BYTE_READER(data, size);
                Span body = wire_string(&reader);

                bool last = reader.size == 0;

                PROMISE(!reader.failed && body.size > 0 && body.size <= SSH_MESSAGE_MAX);
                switch (body.data[0]) {
                case SSH_AGENT_FAILURE:
                case SSH_AGENT_SUCCESS:
                case SSH_AGENT_EXTENSION_FAILURE:
                        PROMISE(body.size == 1);
                        break;
                case SSH_AGENT_IDENTITIES_ANSWER:
                        check_list(run, (Span){body.data + 1, body.size - 1}, last);
                        break;
                case SSH_AGENT_SIGN_RESPONSE:
                        check_signature(run, i, last);
                        break;
                default:
                        PROMISE(body.data[0] == SSH_AGENT_EXTENSION_RESPONSE);
                        break;
                }
                r = CALL(ssh_client_sent(client, 4 + body.size));
                PROMISE(r == 0 || (last && (r == -EBADMSG || (r == -ENOMEM && fail_happened()))));
                data = ssh_client_output(client, &size);
        }
        if (r < 0)
                reconnect(run, i);
}

static void send_bytes(Run *run, unsigned i, Span bytes)
{
        int r;

        if (!ssh_client_wants(run->clients[i]))
                return;
        r = CALL(ssh_client_receive(run->clients[i], bytes.data, bytes.size));
        PROMISE(r == 0 || r == -EBADMSG || (r == -ENOMEM && fail_happened()));
        take_replies(run, i);
        if (r < 0)
                reconnect(run, i);
}

static void send_message(Run *run, unsigned i, ByteWriter *it, uint8_t damage)
{
        _cleanup_(byte_writer_done) ByteWriter frame = BYTE_WRITER_NULL;

        if (damage > 0 && damage < it->size)
                it->data[damage] ^= damage;
        wire_put_string(&frame, it->data, it->size);
        byte_writer_done(it);
        send_bytes(run, i, writer_span(&frame));
}

/* ---- steps ---- */

static void step_raw(Run *run, ByteReader *in)
{
        unsigned i = byte_reader_u8(in) % CLIENTS;
        size_t size = byte_reader_u16(in);
        const uint8_t *bytes;

        if (size > in->size)
                size = in->size;
        bytes = byte_reader_raw(in, size);
        /* Keys of the input's own are without the constraints that these promise. */
        if (bytes && !(run->config & (CONFIRMED | RESTRICTED)))
                send_bytes(run, i, (Span){bytes, size});
}

static void put_constraints(Run *run, ByteWriter *it, uint8_t which)
{
        _cleanup_(byte_writer_done) ByteWriter list = BYTE_WRITER_NULL;

        if (run->config & CONFIRMED || which & 1)
                byte_writer_u8(it, 2);
        if (which & 2) {
                byte_writer_u8(it, 1);
                wire_put_u32(it, which >> 4);
        }
        if (run->config & RESTRICTED || (which & 12) == 12) {
                put_destination(&list, NULL, (Span){0}, NULL, "host", host_blob(&run->hosts[0]), false);
                put_restriction(it, &list);
        }
}

static void step_add(Run *run, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in), constraints = byte_reader_u8(in), damage = byte_reader_u8(in);
        unsigned k = which >> 2 & 3;
        ByteWriter it = message(SSH_AGENTC_ADD_ID_CONSTRAINED);
        const SignKey *key = &run->keys[k];

        byte_writer_raw(&it, run->blobs[k].data, run->blobs[k].size);
        if (kinds[k] == SSH_KEY_ED25519) {
                wire_put_u32(&it, 64);
                byte_writer_raw(&it, key->private_key, 32);
                byte_writer_raw(&it, key->public_key, 32);
        } else if (kinds[k] == SSH_KEY_ECDSA_P256) {
                wire_put_number(&it, key->private_key, 32);
        } else {
                byte_writer_u8(&it, which >> 4 & 7);
                wire_put_text(&it, "handle");
                wire_put_text(&it, "");
        }
        wire_put_text(&it, which & 0x80 ? "comment" : "");
        put_constraints(run, &it, constraints);
        send_message(run, which % CLIENTS, &it, run->config & (CONFIRMED | RESTRICTED) ? 0 : damage);
}

static void step_sign(Run *run, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in), how = byte_reader_u8(in), damage = byte_reader_u8(in);
        unsigned k = which >> 2 & 3;
        ByteWriter it = message(SSH_AGENTC_SIGN_REQUEST), data;

        if (how & 1)
                data = login((char[]){(char)('0' + (how >> 2 & 1)), 0}, "user", run->blobs[k], blob_type(kinds[k], false),
                             how & 8 ? &run->hosts[how >> 4 & 1] : NULL);
        else
                data = signed_file(how & 8 ? "git" : "other");
        wire_put_string(&it, run->blobs[k].data, run->blobs[k].size);
        wire_put_string(&it, data.data, how & 2 ? data.size : how % (data.size + 1));
        wire_put_u32(&it, which >> 4);
        byte_writer_done(&data);
        send_message(run, which % CLIENTS, &it, damage);
}

static void step_bind(Run *run, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in), damage = byte_reader_u8(in);
        const Host *host = &run->hosts[which >> 2 & 1];
        ByteWriter it = message(SSH_AGENTC_EXTENSION);
        char session[] = {(char)('0' + (which >> 3 & 1)), 0};
        uint8_t value[SIGN_SIGNATURE_MAX];
        size_t size, begun;

        if (sign(&host->key, session, 1, value, &size) < 0)
                abort();
        wire_put_text(&it, "session-bind@openssh.com");
        wire_put_string(&it, host->blob, host->size);
        wire_put_text(&it, session);
        begun = wire_begin(&it);
        (void)ssh_signature_put(&it, SSH_KEY_ED25519, 0, value, size);
        wire_end(&it, begun);
        byte_writer_u8(&it, which >> 4 & 1);
        send_message(run, which % CLIENTS, &it, damage);
}

static void step_other(Run *run, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in);
        unsigned k = which >> 2 & 3;
        ByteWriter it;

        switch (which >> 4) {
        case 0:
                it = message(SSH_AGENTC_REMOVE_ALL_IDENTITIES);
                break;
        case 1:
        case 2:
                it = message(which & 0x20 ? SSH_AGENTC_LOCK : SSH_AGENTC_UNLOCK);
                wire_put_text(&it, k == 0 ? "" : k == 1 ? "wrong" : "right");
                break;
        case 3:
                it = message(SSH_AGENTC_EXTENSION);
                wire_put_text(&it, k & 1 ? "query" : "other");
                break;
        case 4:
        case 5:
                it = message(SSH_AGENTC_REMOVE_IDENTITY);
                wire_put_string(&it, run->blobs[k].data, run->blobs[k].size);
                break;
        default:
                it = message(SSH_AGENTC_REQUEST_IDENTITIES);
                break;
        }
        send_message(run, which % CLIENTS, &it, 0);
}

static void step_answer(Run *run, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in);
        unsigned i = which % CLIENTS;
        SshAnswer answer = (SshAnswer)(1 + (which >> 2) % 3);
        SshQuestionKind asked = run->asked[i];

        run->asked[i] = 0;
        if (asked == SSH_ASK_CONFIRM && answer == SSH_YES)
                run->agreed[i]++;
        if (asked == SSH_ASK_STORAGE && answer == SSH_YES && which & 0x80)
                run->f->open = true;
        if (asked == SSH_ASK_PROGRAM && which & 0x40)
                CALL_VOID((void)ssh_client_set_program(run->clients[i], "/usr/bin/ssh"));
        CALL_VOID(ssh_client_answer(run->clients[i], answer));
        take_replies(run, i);
}

static void step_finish(Run *run, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in), flags = byte_reader_u8(in);
        unsigned i = which % CLIENTS;
        SshWork *work = run->works[i];
        SshSkResult result = {.answer = (SshAnswer)(which >> 2 & 3), .flags = flags, .signature_size = 64};
        bool device = run->device[i];

        if (work) {
                run->works[i] = NULL;
                if (which & 0x80)
                        CALL_VOID(ssh_work_run(work));
                CALL_VOID(ssh_client_worked(run->clients[i], work));
        } else {
                if (which & 0x40) /* two numbers in DER */
                        memcpy(result.signature, (uint8_t[]){0x30, 6, 2, 1, 1, 2, 1, 1}, result.signature_size = 8);
                if (result.answer != SSH_LATER)
                        run->device[i] = false;
                CALL_VOID(ssh_client_sk_done(run->clients[i], &result));
                PROMISE(device || run->device[i] == device);
        }
        take_replies(run, i);
}

static void step_time(Run *run, ByteReader *in)
{
        static const uint32_t times[] = {1, 99, 100, 1000, 5000, 10000, 60000, 4000000};
        uint64_t ms = times[byte_reader_u8(in) % ELEMENTSOF(times)];

        run->f->now += ms;
        run->f->wall += ms / 1000;
        CALL_VOID(ssh_agent_tick(run->f->a));
        PROMISE(ssh_agent_deadline(run->f->a) > run->f->now || fail_happened());
        for (unsigned i = 0; i < CLIENTS; i++)
                take_replies(run, i);
}

static void start(Run *run)
{
        PROMISE(ssh_agent_new(&owner_ops, run, &run->f->a) == 0);
        for (unsigned i = 0; i < RECORDS; i++)
                if (run->f->records[i].data)
                        (void)CALL(ssh_agent_stored(run->f->a, i + 1, run->f->records[i].hint, run->f->records[i].hint_size));
        for (unsigned i = 0; i < CLIENTS; i++)
                PROMISE(ssh_client_new(run->f->a, run, &run->clients[i]) == 0);
}

static void stop(Run *run)
{
        for (unsigned i = 0; i < CLIENTS; i++) {
                ssh_client_free(run->clients[i]);
                PROMISE(run->asked[i] == 0 && !run->works[i] && !run->device[i]);
                run->clients[i] = NULL;
                run->agreed[i] = 0;
        }
        run->f->a = ssh_agent_free(run->f->a);
}

static void step_owner(Run *run, ByteReader *in)
{
        uint8_t what = byte_reader_u8(in), more = byte_reader_u8(in);
        char *programs[] = {(char[]){"/usr/bin/ssh"}};
        SshPolicyHost hosts[] = {{(char[]){"host"}, run->hosts[0].blob, run->hosts[0].size}};
        SshPolicy policy = {.confirm = (run->config & CONFIRMED) || more & 0x10, .programs = more & 0x20 ? programs : NULL,
                            .n_programs = 1, .hosts = run->config & RESTRICTED || more & 0x40 ? hosts : NULL, .n_hosts = 1};
        SshAgent *a = run->f->a;
        uint32_t id = 1 + more % 8;
        SshKeyInfo info;

        switch (what % 9) {
        case 0:
                (void)CALL(fixture_generate(a, more & 1 ? SSH_KEY_ED25519 : (SshKeyKind)(more % 5), 0, "made", &policy, &id));
                break;
        case 1:
                (void)CALL(ssh_agent_keep(a, id));
                break;
        case 2:
                (void)CALL(ssh_agent_remove(a, id));
                break;
        case 3:
                (void)CALL(ssh_agent_change(a, id, &policy, NULL));
                break;
        case 4:
                (void)CALL(ssh_agent_change(a, id, NULL, more & 0x80 ? "renamed" : ""));
                break;
        case 5:
                CALL_VOID(ssh_agent_forget(a, more & 1));
                break;
        case 6:
                stop(run);
                start(run);
                break;
        case 7:
                id = 0;
                for (unsigned n = 0; CALL(ssh_agent_key_next(a, id, &info)) == 0; n++) {
                        PROMISE(info.id > id && n < SSH_KEYS_MAX && info.comment && info.type);
                        id = info.id;
                }
                break;
        default:
                (void)CALL(ssh_agent_add_sk(a, kinds[2 + (more & 1)], (uint8_t[65]){4, more}, more & 1 ? 32 : 65, "ssh:", more,
                                            &more, 1, "sk", &policy, &id));
                break;
        }
}

static void step_world(Run *run, ByteReader *in)
{
        uint8_t what = byte_reader_u8(in), more = byte_reader_u8(in);

        switch (what % 6) {
        case 0:
                run->f->open = more & 1;
                if (!run->f->open && more & 2)
                        CALL_VOID(ssh_agent_forget(run->f->a, false));
                break;
        case 1:
                run->answer = (SshAnswer)(more % 4);
                break;
        case 2:
                run->f->fail_at = more % 16;
                break;
        case 3:
                fail_at(more % 64);
                break;
        case 4:
                reconnect(run, more % CLIENTS);
                break;
        default:
                run->orphans[more % WORKS] = ssh_work_free(run->orphans[more % WORKS]);
                break;
        }
}

static void make_keys(Run *run)
{
        for (unsigned i = 0; i < ELEMENTSOF(kinds); i++) {
                uint8_t *bytes;
                size_t size;

                run->keys[i].kind = blob_sign_kind(kinds[i]);
                memset(run->keys[i].private_key, (int)i + 1, sign_private_size(run->keys[i].kind));
                if (sign_complete(&run->keys[i]) < 0 ||
                    blob_new(kinds[i], &run->keys[i], NULL, text_span("ssh:"), &bytes, &size) < 0 ||
                    size > sizeof(run->blob_bytes[i]))
                        abort();
                memcpy(run->blob_bytes[i], bytes, size);
                run->blobs[i] = (Span){run->blob_bytes[i], size};
                free(bytes);
        }
        for (unsigned i = 0; i < ELEMENTSOF(run->hosts); i++) {
                Host *host = &run->hosts[i];
                uint8_t *bytes;

                host->key.kind = SIGN_ED25519;
                memset(host->key.private_key, (int)i + 100, 32);
                if (sign_complete(&host->key) < 0 || blob_new(SSH_KEY_ED25519, &host->key, NULL, (Span){0}, &bytes, &host->size) < 0)
                        abort();
                memcpy(host->blob, bytes, host->size);
                free(bytes);
        }
}

static void step(Run *run, ByteReader *in)
{
        static void (*const steps[])(Run *, ByteReader *) = {
                step_raw, step_add, step_sign, step_bind, step_other, step_answer, step_finish, step_time, step_owner, step_world,
        };

        steps[byte_reader_u8(in) % ELEMENTSOF(steps)](run, in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        ByteReader in = BYTE_READER(data, size);
        Run run = {.answer = SSH_YES};

        if (size < 2 || size > 8192)
                return 0;
        fail_at(0);
        run.config = byte_reader_u8(&in);
        run.f = fixture_new();
        run.f->a = ssh_agent_free(run.f->a);
        run.f->open = !(run.config & LOCKED);
        make_keys(&run);
        start(&run);
        for (int i = 0; i < STEPS_MAX && in.size > 0 && !in.failed; i++)
                step(&run, &in);
        fail_at(0);
        stop(&run);
        for (unsigned i = 0; i < WORKS; i++)
                ssh_work_free(run.orphans[i]);
        PROMISE(ssh_agent_new(&run.f->ops, run.f, &run.f->a) == 0);
        fixture_free(run.f);
        return 0;
}
