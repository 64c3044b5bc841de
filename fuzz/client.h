/*
 * A CTAP2 client for fuzzing: requests that get far
 *
 * Random bytes never guess a MAC. So a program in the input chooses among requests that are built as a real platform builds
 * them, with the keys and tokens that were learnt from replies, and says where they are to be wrong.
 */
#pragma once

#include "common/bytes.h"
#include "fuzz/fuzz.h"
#include "tests/unit/authenticator-fixture.h"

#define CLIENT_IDS  8U
#define CLIENT_PINS 8U

typedef struct Client {
        /* learnt */
        uint8_t ids[CLIENT_IDS][CREDENTIAL_ID_SIZE];
        unsigned n_ids;
        AgreeKey *key; /* the platform's */
        ClientPin pins[PIN_PROTOCOL_MAX];
        bool has_secret[PIN_PROTOCOL_MAX];
        uint8_t tokens[PIN_PROTOCOL_MAX + 1][PIN_TOKEN_SIZE]; /* by protocol - 1; the last one is the persistent one */
        bool has_token[PIN_PROTOCOL_MAX + 1];
        uint8_t template_id[TEMPLATE_ID_MAX];
        size_t template_size;

        /* the request, and what its reply would teach */
        uint8_t request[AUTHENTICATOR_MESSAGE_MAX];
        size_t size;
        unsigned protocol, permissions; /* of clientPIN */
        bool sends_pin;
        uint8_t pin_hash[16];
} Client;

void client_init(Client *c);
void client_done(Client *c);

/* Takes from the input which request it is to be, and how. */
void client_build(Client *c, ByteReader *in);
/* A pinUvAuthProtocol's getKeyAgreement, as a request. */
void client_build_key_agreement(Client *c, unsigned protocol);
/* The reply to it, after the status; NULL: none. */
void client_learn(Client *c, const cbor_item_t *reply);

const char *client_pin(unsigned i);

/* ---- for the files of the client ---- */

enum client_command {
        MAKE_CREDENTIAL = 0x01,
        GET_ASSERTION = 0x02,
        GET_INFO = 0x04,
        CLIENT_PIN = 0x06,
        RESET = 0x07,
        GET_NEXT_ASSERTION = 0x08,
        BIO_ENROLLMENT = 0x09,
        CREDENTIAL_MANAGEMENT = 0x0a,
        SELECTION = 0x0b,
        LARGE_BLOBS = 0x0c,
        CONFIG = 0x0d,
        BIO_ENROLLMENT_PREVIEW = 0x40,
        CREDENTIAL_MANAGEMENT_PREVIEW = 0x41,
};

/* A map or array whose number of members is known at its end. */
typedef struct Open {
        CborWriter *w;
        size_t at, n;
} Open;
Open open_map(CborWriter *w);
Open open_array(CborWriter *w);
void close_it(Open *o);
/* Begins a member: its key. */
CborWriter *member(Open *map, int64_t key);
CborWriter *member_text(Open *map, const char *key);

/* How a request is permitted. */
typedef struct Auth {
        bool has_param, has_protocol;
        unsigned protocol;
        uint8_t param[32];
        size_t size;
} Auth;
Auth client_auth_for(const Client *c, ByteReader *in, const void *message, size_t size);
void put_auth(Open *map, const Auth *auth, int param_key, int protocol_key);

const char *client_rp_id(unsigned i);
void put_platform_key(CborWriter *w, const Client *c, unsigned protocol);
void put_descriptor(CborWriter *w, const Client *c, ByteReader *in);
void put_user(CborWriter *w, ByteReader *in);

void build_make_credential(Client *c, ByteReader *in, CborWriter *w);
void build_get_assertion(Client *c, ByteReader *in, CborWriter *w);
void build_client_pin(Client *c, ByteReader *in, CborWriter *w);
void build_credential_management(Client *c, ByteReader *in, CborWriter *w);
void build_bio_enrollment(Client *c, ByteReader *in, CborWriter *w);
void build_large_blobs(Client *c, ByteReader *in, CborWriter *w);
void build_config(Client *c, ByteReader *in, CborWriter *w);
