/*
 * An ssh-agent in memory for tests: its owner, and clients that speak its protocol
 *
 * Storage is a table, time stands still unless moved, and a person is a table of answers. Every call of storage can be told to
 * fail. The keys are OpenSSH's own (tests/vectors/ssh).
 */
#pragma once

#include "sshagent/agent.h"
#include "sshagent/blob.h"
#include "sshagent/destination.h"
#include "sshagent/internal.h"
#include "sshagent/private.h"
#include "sshagent/session.h"
#include "sshagent/signature.h"
#include "sshagent/wire.h"
#include "tests/unit/test.h"

#define RECORDS 32U
#define LATER   SSH_LATER

typedef struct Record {
        uint8_t *data, *hint;
        size_t size, hint_size;
} Record;

/* What was asked last. */
typedef struct Asked {
        SshQuestionKind kind;
        char comment[64], host[64], host_key[64], via[64], user[64], purpose[64];
} Asked;

typedef struct Fixture {
        SshAgent *a;
        SshAgentOps ops;
        uint64_t now, wall;

        Record records[RECORDS]; /* number 1 is the first */
        bool open, keeps;
        unsigned fail_at, fail_code; /* that call of storage fails; 0: none */

        SshAnswer answers[SSH_ASK_PROGRAM + 1];
        unsigned asked[SSH_ASK_PROGRAM + 1], withdrawn, changed;
        const char *program; /* told when SSH_ASK_PROGRAM is answered at once */
        Asked last;

        bool slow; /* work is done later */
        SshWork *work;
        unsigned works;
        int sk;    /* what sk_sign() answers */
        unsigned sks;
        uint8_t sk_hash[32], sk_handle[64];
        size_t sk_handle_size;
        char sk_application[64];
        bool sk_presence, sk_verification;

        ByteWriter reply; /* the last one's body, after its type */
} Fixture;

Fixture *fixture_new(void);
/* Makes a key and stores it. */
int fixture_generate(SshAgent *a, SshKeyKind kind, unsigned bits, const char *comment, const SshPolicy *policy, uint32_t *ret_id);
void fixture_free(Fixture *f);
/* The same storage under a new agent, as after a restart. */
void fixture_restart(Fixture *f);
SshClient *client_new(Fixture *f);

/* Sends a message and takes the reply: its type, or 0 when there is none yet. Wipes the message. */
uint8_t call(Fixture *f, SshClient *client, ByteWriter *message);
/* What has come without being asked for. */
uint8_t take(Fixture *f, SshClient *client);

/* Messages. */
ByteWriter message(uint8_t type);
uint8_t call_simple(Fixture *f, SshClient *client, uint8_t type);
uint8_t call_text(Fixture *f, SshClient *client, uint8_t type, const char *text);
uint8_t call_sign(Fixture *f, SshClient *client, Span key, Span data, uint32_t flags);
uint8_t call_remove(Fixture *f, SshClient *client, Span key);
/* How many keys are listed; they stay in `reply`. */
unsigned call_list(Fixture *f, SshClient *client);
bool lists(Fixture *f, SshClient *client, Span key);

/* Files of tests/vectors/ssh. They live until the fixture goes. */
Span vector(const char *name);
/* Adds tests/vectors/ssh/NAME.add, with constraints behind it. */
uint8_t call_add(Fixture *f, SshClient *client, const char *name, const ByteWriter *constraints);
uint8_t call_add_plain(Fixture *f, SshClient *client, const char *name);
/* The message that adds a security key whose private half is `key`. */
ByteWriter message_sk(SshKeyKind kind, const SignKey *key, const char *application, uint8_t flags);
Span sk_blob(SshKeyKind kind, const SignKey *key, const char *application);

/* Hosts: a host signs session ids. */
typedef struct Host {
        SignKey key;
        uint8_t blob[64];
        size_t size;
} Host;
Host host_new(void);
Span host_blob(const Host *host);
uint8_t call_bind(Fixture *f, SshClient *client, const Host *host, const char *session, bool forwarded);

/* A request to log in. `host` (may be NULL) makes it hostbound. */
ByteWriter login(const char *session, const char *user, Span key, const char *algorithm, const Host *host);
uint8_t call_login(Fixture *f, SshClient *client, Span key, const char *algorithm, const char *session, const char *user,
                   const Host *host);
/* The data of a signed file. */
ByteWriter signed_file(const char *namespace);

/* Constraints of destinations: "from host" may be NULL. `authority` marks the key as one. */
void put_destination(ByteWriter *list, const char *from_name, Span from, const char *user, const char *to_name, Span to,
                     bool authority);
void put_restriction(ByteWriter *constraints, const ByteWriter *list);

/* Whether the signature of the last reply is one of `data` by `key`. */
bool reply_verifies(Fixture *f, Span key, Span data);
Span writer_span(const ByteWriter *writer);
Span text_span(const char *text);
