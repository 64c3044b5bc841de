/*
 * An authenticator in memory, for tests
 *
 * Storage with transactions (commit, rollback, marks, removed records), a clock that the test moves, random bytes from a seed, a
 * person who answers as the test says, fingers, and failures on demand. Nothing here is linked into what is shipped.
 */
#pragma once

#include "authenticator/internal.h"
#include "keyfob/authenticator.h"

typedef struct Fixture Fixture;

#define FIXTURE_FINGERS_MAX 5U
typedef struct FixtureFinger {
        uint8_t id[32];
        size_t id_size; /* 0: it has the default id of its place and no name */
        char name[65];
} FixtureFinger;

/* Keys outside: see authenticator-fixture-keys.h. */
typedef struct FixtureWork {
        AuthenticatorHost *host; /* whose order it is; NULL: a free place */
        bool signs;              /* else it makes a key */
        int32_t algorithm;
        uint8_t key[AUTHENTICATOR_KEY_MAX], message[1024];
        size_t size; /* of the message */
} FixtureWork;

typedef struct FixtureKeys {
        bool there;                 /* config */
        const int32_t *algorithms;  /* config; NULL: ES256 and ES384 */
        AuthenticatorKeys ops;
        bool slow;       /* the test has orders done; else whoever sends a request waits for them */
        int refuse;      /* what orders are answered with at once; 0: later */
        int status;      /* what becomes of an order */
        uint8_t device;  /* keys of another one are of no use */
        size_t key_size; /* of what stands for a new key; 0: as it is */
        unsigned n_makes, n_signs, n_withdrawn;
        FixtureWork works[4];
        uint8_t key[2 * AUTHENTICATOR_KEY_MAX], public_key[SIGN_PUBLIC_MAX], signature[SIGN_SIGNATURE_MAX];
} FixtureKeys;

struct Fixture {
        Authenticator *a;
        AuthenticatorHost *host;  /* one is made; others by authenticator_host_new() */
        AuthenticatorConfig config;
        uint64_t now, clock;      /* what the ops answer */
        uint64_t random;          /* state of the generator; 0: real random bytes */
        bool locked;              /* storage */
        AuthenticatorAnswer answer;  /* what ask() returns; LATER: the test answers with authenticator_answer() */
        AuthenticatorAnswer storage_answer; /* the same for ASK_STORAGE (YES also unlocks) */
        unsigned n_asked, n_withdrawn;
        AuthenticatorQuestion asked; /* the last question; its strings are copies below */
        char rp_id[256], user_name[128], user_display_name[128];
        unsigned n_commits, n_writes, n_gets, n_finds;
        unsigned fail_at;         /* the n-th storage call from now fails with -EIO (1: the next); 0: none */
        unsigned fail_random_at;
        bool counts_itself;       /* storage has no count(); set in the same way */
        bool fingerprints;        /* config: built-in verification; set before fixture_new() by the _with variant */
        unsigned enrolled;        /* fingers */
        unsigned n_winks;
        uint64_t backed_up_until; /* ops.backed_up(): created <= this */
        struct FixtureStore *store;

        AuthenticatorAnswer verification_answer; /* the same for ASK_VERIFICATION, unless it is 0: then `answer` */
        AuthenticatorAnswer sample_answer;       /* for ASK_SAMPLE, likewise */
        uint8_t rp_id_hash[32], enrollment[32];  /* what `asked` points to */
        AuthenticatorAccount accounts[AUTHENTICATOR_ACCOUNTS_MAX];
        char account_names[AUTHENTICATOR_ACCOUNTS_MAX][2][AUTHENTICATOR_NAME_MAX + 1];
        uint32_t asked_channel;   /* what authenticator_host_channel() said while it was asked */
        uint32_t channel;         /* that fixture_send() uses; 1 */
        bool no_wink, no_backups; /* config: these ops are NULL */
        bool no_sensor;           /* fingerprints: it was unplugged */
        unsigned samples;         /* that an enrolment needs; 3 */
        unsigned samples_left;
        unsigned sample_status;   /* what the next sample is; 0 good */
        unsigned n_enrolments_cancelled;
        uint64_t step;            /* each look at the clock moves it on by this */
        bool slow_removal;        /* fingers are removed by a question */
        FixtureFinger fingers[FIXTURE_FINGERS_MAX], enrolling;
        FixtureKeys keys;
};

/* With defaults: answers YES, real random, now = 1,000,000 ms, clock 1,700,000,000 s. `adjust` (or NULL) may change config
 * and fixture before the instance is made. Aborts when it can't. */
Fixture *fixture_new(void (*adjust)(Fixture *fixture));
Fixture *fixture_free(Fixture *fixture);
DEFINE_CLEANUP(Fixture *, fixture_free)

/* The daemon ends and starts again: a new instance on the same storage. */
void fixture_restart(Fixture *fixture);

/* Sends one CTAP2 request (command byte, CBOR) and returns the status; the reply after it is at *ret (or NULL). Aborts when
 * it is pending. */
int fixture_send(Fixture *fixture, const void *request, size_t size, AuthenticatorReply *ret);
/* The same from a command and hexadecimal CBOR; spaces are allowed in it. */
int fixture_send_hex(Fixture *fixture, uint8_t command, const char *hex, AuthenticatorReply *ret);
/* The bytes of hexadecimal text with spaces; how many. Aborts beyond `max`. */
size_t fixture_hex(const char *hex, uint8_t *ret, size_t max);
/* Sends an APDU and returns the status word; the reply before it is at *ret (or NULL). Aborts when it is pending. */
unsigned fixture_u2f(Fixture *fixture, const void *apdu, size_t size, AuthenticatorReply *ret);

/* Storage, behind the authenticator's back: how many records have the mark (value NULL: zero), and the bytes of one (owned by
 * storage; the test may damage them; NULL when there is none). */
unsigned fixture_count(Fixture *fixture, enum MarkKind kind, const uint8_t value[32]);
uint8_t *fixture_record(Fixture *fixture, uint64_t number, size_t *ret_size);

/* ---- a client, independent of the code that is tested as far as that goes (its own encoder is libcbor's builder) ---- */

/* A request under construction: a map with integer keys; pieces are libcbor items that it takes over. */
cbor_item_t *client_map(void);
void client_set(cbor_item_t *map, int key, cbor_item_t *value); /* in canonical order: the caller's duty */
void client_set_text(cbor_item_t *map, const char *key, cbor_item_t *value);
cbor_item_t *client_int(int64_t value);
cbor_item_t *client_bytes(const void *data, size_t size);
cbor_item_t *client_text(const char *text);
cbor_item_t *client_array(void);
void client_push(cbor_item_t *array, cbor_item_t *value);
/* Takes the map over (NULL: no body). Every reply must be canonical. ret_reply (or NULL) is NULL when there is none after the
 * status; free with cbor_decref(). */
int client_send(Fixture *fixture, uint8_t command, cbor_item_t *map, cbor_item_t **ret_reply);
/* The same bytes, for requests that are to be sent in other ways; the map stays the caller's. */
size_t client_serialize(const cbor_item_t *map, uint8_t *ret, size_t max);

/* A makeCredential with the usual members: clientDataHash 32 × 0x11, rp {id, name}, user {id, name, displayName},
 * params [alg]; rk as given. Returns the status; ret_reply may be NULL. */
int client_make(Fixture *fixture, const char *rp_id, const char *user, int alg, bool rk, cbor_item_t **ret_reply);
cbor_item_t *client_make_request(const char *rp_id, const char *user, int alg); /* keys 1–4, to be added to */
cbor_item_t *client_assert_request(const char *rp_id);                          /* keys 1, 2 */
cbor_item_t *client_descriptor(const uint8_t *id, size_t size);                 /* {id, type} */

/* From authData of a reply: id of the new credential, its public key as COSE. */
void client_attested(const cbor_item_t *make_reply, const uint8_t **ret_id, size_t *ret_id_size, SignKey *ret_public);
/* authData (key 2) and signature (key 3) of an assertion verify under the key. */
bool client_verify(const cbor_item_t *assert_reply, const SignKey *public_key, const uint8_t client_data_hash[32]);

/* PIN/UV protocol, platform side (1 or 2). */
typedef struct ClientPin {
        unsigned protocol;
        uint8_t public_key[64];
        SharedSecret secret;
} ClientPin;
void client_pin_begin(Fixture *fixture, unsigned protocol, ClientPin *ret); /* getKeyAgreement and ECDH */
int client_pin_set(Fixture *fixture, unsigned protocol, const char *pin);
int client_pin_change(Fixture *fixture, unsigned protocol, const char *old_pin, const char *new_pin);
/* permissions 0: the legacy getPinToken */
int client_pin_token(Fixture *fixture, unsigned protocol, const char *pin, uint8_t permissions, const char *rp_id,
                     uint8_t ret[32]);
/* Our key agreement key as COSE_Key; encryption and decryption with the shared secret (`ret`: size + 16 bytes). */
cbor_item_t *client_pin_key(const ClientPin *pin);
void client_encrypt(const ClientPin *pin, const void *plain, size_t size, uint8_t *ret, size_t *ret_size);
void client_decrypt(const ClientPin *pin, const void *cipher, size_t size, uint8_t *ret, size_t *ret_size);
/* pinUvAuthParam over a message; 16 or 32 bytes. */
cbor_item_t *client_auth(unsigned protocol, const uint8_t token[32], const void *message, size_t size);
