/* An ssh-agent in memory for tests */
#include "tests/unit/ssh-agent-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "crypto/arena.h"
#include "crypto/seal.h"

static Span keep_bytes(const void *data, size_t size);

/* ---- the owner ---- */

static uint64_t on_now(void *userdata)
{
        return ((Fixture *)userdata)->now;
}

static uint64_t on_wall(void *userdata)
{
        return ((Fixture *)userdata)->wall;
}

static void note(char *to, const char *text)
{
        (void)snprintf(to, 64, "%s", text ? text : "");
}

static int on_ask(void *userdata, SshClient *client, const SshQuestion *question)
{
        Fixture *f = userdata;

        f->asked[question->kind]++;
        f->last.kind = question->kind;
        note(f->last.comment, question->key ? question->key->comment : NULL);
        note(f->last.host, question->host);
        note(f->last.host_key, question->host_key);
        note(f->last.via, question->via);
        note(f->last.user, question->user);
        note(f->last.purpose, question->purpose);
        if (question->kind == SSH_ASK_PROGRAM && f->answers[SSH_ASK_PROGRAM] == SSH_YES && f->program)
                CHECK_EQ(ssh_client_set_program(client, f->program), 0);
        if (question->kind == SSH_ASK_STORAGE && f->answers[SSH_ASK_STORAGE] == SSH_YES)
                f->open = true;
        return (int)f->answers[question->kind];
}

static void on_withdraw(void *userdata, SshClient *client)
{
        ((Fixture *)userdata)->withdrawn++;
}

static int on_compute(void *userdata, SshClient *client, SshWork *work)
{
        Fixture *f = userdata;

        f->works++;
        if (!f->slow)
                return SSH_NO;
        f->work = work;
        return SSH_LATER;
}

static int on_sk_sign(void *userdata, SshClient *client, const SshSkRequest *request)
{
        Fixture *f = userdata;

        f->sks++;
        memcpy(f->sk_hash, request->message_hash, sizeof(f->sk_hash));
        CHECK(request->key_handle_size <= sizeof(f->sk_handle));
        memcpy(f->sk_handle, request->key_handle, request->key_handle_size);
        f->sk_handle_size = request->key_handle_size;
        note(f->sk_application, request->application);
        f->sk_presence = request->presence;
        f->sk_verification = request->verification;
        note(f->last.purpose, request->question->purpose);
        note(f->last.comment, request->question->key->comment);
        return f->sk;
}

static bool on_is_open(void *userdata)
{
        return ((Fixture *)userdata)->open;
}

static int fails(Fixture *f)
{
        if (!f->open)
                return SSH_E_LOCKED;
        if (f->fail_at > 0 && --f->fail_at == 0)
                return (int)f->fail_code;
        return 0;
}

static Record *find(Fixture *f, uint64_t number)
{
        return number > 0 && number <= RECORDS && f->records[number - 1].data ? &f->records[number - 1] : NULL;
}

static void record_done(Record *record)
{
        free(record->data);
        free(record->hint);
        *record = (Record){0};
}

static uint8_t *copy(const void *data, size_t size)
{
        uint8_t *p = malloc(size + 1);

        CHECK(p);
        memcpy(p, data, size);
        return p;
}

static int on_put(void *userdata, uint64_t *number, const void *data, size_t size, const void *hint, size_t hint_size)
{
        Fixture *f = userdata;
        int r = fails(f);

        if (r != 0)
                return r;
        for (uint64_t i = 1; i <= RECORDS && *number == 0; i++)
                if (!find(f, i))
                        *number = i;
        if (*number == 0)
                return SSH_E_FULL;
        record_done(&f->records[*number - 1]);
        f->records[*number - 1] = (Record){copy(data, size), copy(hint, hint_size), size, hint_size};
        return 0;
}

static int on_get(void *userdata, uint64_t number, Secret *ret)
{
        Fixture *f = userdata;
        Record *record = find(f, number);
        int r = fails(f);

        return r != 0 ? r : !record ? SSH_E_NOT_FOUND : secret_append(ret, record->data, record->size);
}

static int on_remove(void *userdata, uint64_t number)
{
        Fixture *f = userdata;
        Record *record = find(f, number);
        int r = fails(f);

        if (r != 0)
                return r;
        if (!record)
                return SSH_E_NOT_FOUND;
        record_done(record);
        return 0;
}

static bool on_keeps(void *userdata)
{
        return ((Fixture *)userdata)->keeps;
}

static void on_changed(void *userdata)
{
        ((Fixture *)userdata)->changed++;
}

Fixture *fixture_new(void)
{
        Fixture *f = calloc(1, sizeof(*f));

        CHECK(f);
        CHECK(arena_init() >= 0);
        f->ops = (SshAgentOps){
                .now = on_now, .wall = on_wall, .ask = on_ask, .withdraw = on_withdraw, .compute = on_compute,
                .sk_sign = on_sk_sign, .is_open = on_is_open, .put = on_put, .get = on_get, .remove = on_remove,
                .keeps = on_keeps, .changed = on_changed,
        };
        f->now = 1000;
        f->wall = 2000000000;
        f->open = true;
        f->fail_code = SSH_E_DAMAGED;
        for (size_t i = 0; i < ELEMENTSOF(f->answers); i++)
                f->answers[i] = SSH_YES;
        f->answers[SSH_ASK_STORAGE] = SSH_NO;
        CHECK_EQ(ssh_agent_new(&f->ops, f, &f->a), 0);
        return f;
}

void fixture_free(Fixture *f)
{
        CHECK(!f->a->clients);
        ssh_agent_free(f->a);
        for (size_t i = 0; i < RECORDS; i++)
                record_done(&f->records[i]);
        byte_writer_done(&f->reply);
        free(f);
}

void fixture_restart(Fixture *f)
{
        CHECK(!f->a->clients);
        ssh_agent_free(f->a);
        CHECK_EQ(ssh_agent_new(&f->ops, f, &f->a), 0);
        for (uint64_t i = 1; i <= RECORDS; i++)
                if (find(f, i))
                        CHECK_EQ(ssh_agent_stored(f->a, i, find(f, i)->hint, find(f, i)->hint_size), 0);
}

SshClient *client_new(Fixture *f)
{
        SshClient *client;

        CHECK_EQ(ssh_client_new(f->a, f, &client), 0);
        CHECK(ssh_client_userdata(client) == f);
        return client;
}

/* ---- messages ---- */

Span writer_span(const ByteWriter *writer)
{
        return (Span){writer->data, writer->size};
}

Span text_span(const char *text)
{
        return (Span){(const uint8_t *)text, strlen(text)};
}

ByteWriter message(uint8_t type)
{
        ByteWriter it = BYTE_WRITER_NULL;

        byte_writer_u8(&it, type);
        return it;
}

uint8_t take(Fixture *f, SshClient *client)
{
        size_t size;
        const uint8_t *data = ssh_client_output(client, &size);
        ByteReader reader = BYTE_READER(data, size);
        Span body;
        uint8_t type;

        byte_writer_done(&f->reply);
        if (size == 0)
                return 0;
        body = wire_string(&reader);
        CHECK(!reader.failed && body.size > 0 && body.size <= SSH_MESSAGE_MAX);
        type = body.data[0];
        byte_writer_raw(&f->reply, body.data + 1, body.size - 1);
        ssh_client_sent(client, 4 + body.size);
        return type;
}

uint8_t call(Fixture *f, SshClient *client, ByteWriter *it)
{
        _cleanup_(byte_writer_done) ByteWriter frame = BYTE_WRITER_NULL;

        wire_put_string(&frame, it->data, it->size);
        byte_writer_done(it);
        for (size_t at = 0; at < frame.size; at += SSH_CHUNK_MAX) {
                CHECK(ssh_client_wants(client));
                CHECK_EQ(ssh_client_receive(client, frame.data + at, frame.size - at < SSH_CHUNK_MAX ? frame.size - at : SSH_CHUNK_MAX), 0);
        }
        return take(f, client);
}

uint8_t call_simple(Fixture *f, SshClient *client, uint8_t type)
{
        ByteWriter it = message(type);

        return call(f, client, &it);
}

uint8_t call_text(Fixture *f, SshClient *client, uint8_t type, const char *text)
{
        ByteWriter it = message(type);

        wire_put_text(&it, text);
        return call(f, client, &it);
}

uint8_t call_sign(Fixture *f, SshClient *client, Span key, Span data, uint32_t flags)
{
        ByteWriter it = message(SSH_AGENTC_SIGN_REQUEST);

        wire_put_string(&it, key.data, key.size);
        wire_put_string(&it, data.data, data.size);
        wire_put_u32(&it, flags);
        return call(f, client, &it);
}

uint8_t call_remove(Fixture *f, SshClient *client, Span key)
{
        ByteWriter it = message(SSH_AGENTC_REMOVE_IDENTITY);

        wire_put_string(&it, key.data, key.size);
        return call(f, client, &it);
}

unsigned call_list(Fixture *f, SshClient *client)
{
        ByteReader reader;
        uint32_t n;

        CHECK_EQ(call_simple(f, client, SSH_AGENTC_REQUEST_IDENTITIES), SSH_AGENT_IDENTITIES_ANSWER);
        reader = span_reader(writer_span(&f->reply));
        n = wire_u32(&reader);
        for (uint32_t i = 0; i < n; i++) {
                (void)wire_string(&reader);
                (void)wire_string(&reader);
        }
        CHECK(byte_reader_done(&reader));
        return n;
}

bool lists(Fixture *f, SshClient *client, Span key)
{
        unsigned n = call_list(f, client);
        ByteReader reader = span_reader(writer_span(&f->reply));
        bool found = false;

        (void)wire_u32(&reader);
        for (unsigned i = 0; i < n; i++) {
                found |= span_equal(wire_string(&reader), key);
                (void)wire_string(&reader);
        }
        return found;
}

/* ---- keys ---- */

typedef struct Kept {
        struct Kept *next;
        uint8_t data[];
} Kept;
static Kept *kept;

__attribute__((destructor)) static void free_kept(void)
{
        while (kept) {
                Kept *next = kept->next;

                free(kept);
                kept = next;
        }
}

static Span keep_bytes(const void *data, size_t size)
{
        Kept *it = malloc(sizeof(*it) + size + 1);

        CHECK(it);
        it->next = kept;
        kept = it;
        memcpy(it->data, data, size);
        return (Span){it->data, size};
}

Span vector(const char *name)
{
        const char *directory = getenv("KEYFOB_VECTORS");
        char path[4096];
        uint8_t bytes[4096];
        ssize_t n;
        int fd;

        (void)snprintf(path, sizeof(path), "%s/ssh/%s", directory ? directory : "tests/vectors", name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                perror(path);
        CHECK(fd >= 0);
        n = read(fd, bytes, sizeof(bytes));
        CHECK(n > 0 && (size_t)n < sizeof(bytes));
        close(fd);
        return keep_bytes(bytes, (size_t)n);
}

uint8_t call_add(Fixture *f, SshClient *client, const char *name, const ByteWriter *constraints)
{
        char file[64];
        ByteWriter it = BYTE_WRITER_NULL;
        Span bytes;

        (void)snprintf(file, sizeof(file), "%s.add", name);
        bytes = vector(file);
        byte_writer_u8(&it, constraints ? SSH_AGENTC_ADD_ID_CONSTRAINED : SSH_AGENTC_ADD_IDENTITY);
        byte_writer_raw(&it, bytes.data + 1, bytes.size - 1);
        if (constraints)
                byte_writer_raw(&it, constraints->data, constraints->size);
        return call(f, client, &it);
}

uint8_t call_add_plain(Fixture *f, SshClient *client, const char *name)
{
        return call_add(f, client, name, NULL);
}

Span sk_blob(SshKeyKind kind, const SignKey *key, const char *application)
{
        uint8_t *bytes;
        size_t size;
        Span it;

        CHECK_EQ(blob_new(kind, key, NULL, text_span(application), &bytes, &size), 0);
        it = keep_bytes(bytes, size);
        free(bytes);
        return it;
}

ByteWriter message_sk(SshKeyKind kind, const SignKey *key, const char *application, uint8_t flags)
{
        ByteWriter it = message(SSH_AGENTC_ADD_ID_CONSTRAINED);
        Span blob = sk_blob(kind, key, application);

        /* The public fields are those of the blob. */
        byte_writer_raw(&it, blob.data, blob.size);
        byte_writer_u8(&it, flags);
        wire_put_text(&it, "the key handle");
        wire_put_text(&it, "");
        wire_put_text(&it, "a security key");
        return it;
}

/* ---- hosts ---- */

Host host_new(void)
{
        Host host = {0};
        uint8_t *bytes;

        CHECK(arena_init() >= 0);
        CHECK_EQ(sign_generate(SIGN_ED25519, &host.key), 0);
        CHECK_EQ(blob_new(SSH_KEY_ED25519, &host.key, NULL, (Span){0}, &bytes, &host.size), 0);
        CHECK(host.size <= sizeof(host.blob));
        memcpy(host.blob, bytes, host.size);
        free(bytes);
        return host;
}

Span host_blob(const Host *host)
{
        return (Span){host->blob, host->size};
}

uint8_t call_bind(Fixture *f, SshClient *client, const Host *host, const char *session, bool forwarded)
{
        ByteWriter it = message(SSH_AGENTC_EXTENSION);
        uint8_t value[SIGN_SIGNATURE_MAX];
        size_t size, begun;

        CHECK_EQ(sign(&host->key, session, strlen(session), value, &size), 0);
        wire_put_text(&it, "session-bind@openssh.com");
        wire_put_string(&it, host->blob, host->size);
        wire_put_text(&it, session);
        begun = wire_begin(&it);
        CHECK_EQ(ssh_signature_put(&it, SSH_KEY_ED25519, 0, value, size), 0);
        wire_end(&it, begun);
        byte_writer_u8(&it, forwarded);
        return call(f, client, &it);
}

ByteWriter login(const char *session, const char *user, Span key, const char *algorithm, const Host *host)
{
        ByteWriter it = BYTE_WRITER_NULL;

        wire_put_text(&it, session);
        byte_writer_u8(&it, 50);
        wire_put_text(&it, user);
        wire_put_text(&it, "ssh-connection");
        wire_put_text(&it, host ? "publickey-hostbound-v00@openssh.com" : "publickey");
        byte_writer_u8(&it, 1);
        wire_put_text(&it, algorithm);
        wire_put_string(&it, key.data, key.size);
        if (host)
                wire_put_string(&it, host->blob, host->size);
        return it;
}

uint8_t call_login(Fixture *f, SshClient *client, Span key, const char *algorithm, const char *session, const char *user,
                   const Host *host)
{
        _cleanup_(byte_writer_done) ByteWriter data = login(session, user, key, algorithm, host);

        return call_sign(f, client, key, writer_span(&data), SSH_SIGN_RSA_SHA512);
}

ByteWriter signed_file(const char *namespace)
{
        ByteWriter it = BYTE_WRITER_NULL;

        byte_writer_raw(&it, "SSHSIG", 6);
        wire_put_text(&it, namespace);
        wire_put_text(&it, "");
        wire_put_text(&it, "sha512");
        wire_put_text(&it, "the hash");
        return it;
}

/* ---- constraints ---- */

static void put_hop(ByteWriter *to, const char *user, const char *name, Span key, bool authority)
{
        size_t begun = wire_begin(to);

        wire_put_text(to, user ? user : "");
        wire_put_text(to, name ? name : "");
        wire_put_text(to, "");
        if (key.size > 0) {
                wire_put_string(to, key.data, key.size);
                byte_writer_u8(to, authority);
        }
        wire_end(to, begun);
}

void put_destination(ByteWriter *list, const char *from_name, Span from, const char *user, const char *to_name, Span to,
                     bool authority)
{
        size_t begun = wire_begin(list);

        put_hop(list, NULL, from_name, from, false);
        put_hop(list, user, to_name, to, authority);
        wire_put_text(list, "");
        wire_end(list, begun);
}

void put_restriction(ByteWriter *constraints, const ByteWriter *list)
{
        byte_writer_u8(constraints, 255);
        wire_put_text(constraints, "restrict-destination-v00@openssh.com");
        wire_put_string(constraints, list->data, list->size);
}

bool reply_verifies(Fixture *f, Span key, Span data)
{
        ByteReader reader = span_reader(writer_span(&f->reply));
        Span signature = wire_string(&reader);
        Blob blob;

        CHECK_EQ(blob_read(key, &blob), 0);
        return byte_reader_done(&reader) && ssh_signature_verify(&blob, data, signature) == 0;
}

int fixture_generate(SshAgent *a, SshKeyKind kind, unsigned bits, const char *comment, const SshPolicy *policy, uint32_t *ret_id)
{
        _cleanup_(ssh_draft_freep) SshDraft *draft = NULL;
        int r;

        r = ssh_draft_new(kind, bits, &draft);
        return r == 0 ? ssh_agent_add_draft(a, draft, comment, policy, ret_id) : r;
}
