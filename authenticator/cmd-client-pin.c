/*
 * authenticatorClientPIN (section 6.5.5): PINs, and tokens for those who know them
 *
 * Each subcommand follows the specification's own order: what is missing, what is not supported, what is blocked, and only then
 * anything that depends on a secret. Permissions are judged before the PIN is: asking for too much costs no try.
 */
#include "authenticator/pin.h"
#include "crypto/seal.h"

enum SubCommand {
        GET_PIN_RETRIES = 1,
        GET_KEY_AGREEMENT = 2,
        SET_PIN = 3,
        CHANGE_PIN = 4,
        GET_PIN_TOKEN = 5,
        GET_TOKEN_BY_UV = 6,
        GET_UV_RETRIES = 7,
        GET_TOKEN_BY_PIN = 9,
};

/* Keys of a request, and of a reply. */
enum RequestKey {
        KEY_PROTOCOL = 1,
        KEY_SUBCOMMAND = 2,
        KEY_AGREEMENT = 3,
        KEY_PARAM = 4,
        KEY_NEW_PIN = 5,
        KEY_PIN_HASH = 6,
        KEY_PERMISSIONS = 9,
        KEY_RP_ID = 10,
};
enum ReplyKey {
        REPLY_AGREEMENT = 1,
        REPLY_TOKEN = 2,
        REPLY_PIN_RETRIES = 3,
        REPLY_POWER_CYCLE = 4,
        REPLY_UV_RETRIES = 5,
};

#define STEP_PERSON 1

typedef struct Request {
        uint64_t subcommand, protocol, permissions;
        const cbor_item_t *agreement; /* checked when it is needed */
        const uint8_t *param, *new_pin, *pin_hash;
        size_t param_size, new_pin_size, pin_hash_size;
        const char *rp_id;
        size_t rp_id_size;
        unsigned present; /* 1 << RequestKey */
} Request;

static int read_bytes(const cbor_item_t *body, int key, Request *q, const uint8_t **ret, size_t *ret_size)
{
        const cbor_item_t *item = map_get(body, key);
        int r;

        if (!item)
                return CTAP_OK;
        r = value_bytes(item, 0, AUTHENTICATOR_MESSAGE_MAX, ret, ret_size);
        if (r == CTAP_OK)
                q->present |= 1U << key;
        return r;
}

static int read_uint(const cbor_item_t *body, int key, Request *q, uint64_t *ret)
{
        const cbor_item_t *item = map_get(body, key);
        int r;

        if (!item)
                return CTAP_OK;
        r = value_uint(item, UINT64_MAX, ret);
        if (r == CTAP_OK)
                q->present |= 1U << key;
        return r;
}

static int read_request(const cbor_item_t *body, Request *ret)
{
        const cbor_item_t *rp_id = map_get(body, KEY_RP_ID);
        Request q = {.agreement = map_get(body, KEY_AGREEMENT)};
        int r;

        r = value_uint(map_get(body, KEY_SUBCOMMAND), UINT64_MAX, &q.subcommand);
        if (r == CTAP_OK)
                r = read_uint(body, KEY_PROTOCOL, &q, &q.protocol);
        if (r == CTAP_OK && q.agreement) {
                r = value_map(q.agreement);
                q.present |= 1U << KEY_AGREEMENT;
        }
        if (r == CTAP_OK)
                r = read_bytes(body, KEY_PARAM, &q, &q.param, &q.param_size);
        if (r == CTAP_OK)
                r = read_bytes(body, KEY_NEW_PIN, &q, &q.new_pin, &q.new_pin_size);
        if (r == CTAP_OK)
                r = read_bytes(body, KEY_PIN_HASH, &q, &q.pin_hash, &q.pin_hash_size);
        if (r == CTAP_OK)
                r = read_uint(body, KEY_PERMISSIONS, &q, &q.permissions);
        if (r == CTAP_OK && rp_id) {
                r = value_text(rp_id, AUTHENTICATOR_MESSAGE_MAX, &q.rp_id, &q.rp_id_size);
                q.present |= 1U << KEY_RP_ID;
        }
        if (r == CTAP_OK)
                *ret = q;
        return r;
}

/* Steps 1 and 2 of all that use the shared secret. */
static int require(const Request *q, unsigned keys)
{
        keys |= 1U << KEY_PROTOCOL;
        if ((q->present & keys) != keys)
                return CTAP2_ERR_MISSING_PARAMETER;
        return protocol_check(q->protocol);
}

static int open_secret(Transaction *t, const Request *q, SharedSecret *ret)
{
        uint8_t peer[64];
        int r;

        r = value_cose_agreement(q->agreement, peer);
        return r == CTAP_OK ? protocol_decapsulate(t->host, q->protocol, peer, ret) : r;
}

/* ---- questions that need no secret ---- */

static int get_pin_retries(Transaction *t)
{
        put_map(&t->reply, t->a->pin_soft_blocked ? 2 : 1);
        put_uint(&t->reply, REPLY_PIN_RETRIES);
        put_uint(&t->reply, t->a->state->pin_retries);
        if (t->a->pin_soft_blocked) {
                put_uint(&t->reply, REPLY_POWER_CYCLE);
                put_bool(&t->reply, true);
        }
        return CTAP_OK;
}

static int get_uv_retries(Transaction *t)
{
        if (!host_uv_available(t->host))
                return CTAP2_ERR_INVALID_SUBCOMMAND;
        put_map(&t->reply, 1);
        put_uint(&t->reply, REPLY_UV_RETRIES);
        put_uint(&t->reply, uv_retries_left(t->host));
        return CTAP_OK;
}

static int get_key_agreement(Transaction *t, const Request *q)
{
        uint8_t public_key[64];
        int r;

        r = require(q, 0);
        if (r == CTAP_OK)
                r = protocol_public_key(t->host, q->protocol, public_key);
        if (r != CTAP_OK)
                return r;
        put_map(&t->reply, 1);
        put_uint(&t->reply, REPLY_AGREEMENT);
        put_map(&t->reply, 5); /* COSE_Key: kty EC2, alg, crv P-256, x, y */
        put_uint(&t->reply, 1);
        put_uint(&t->reply, 2);
        put_uint(&t->reply, 3);
        put_int(&t->reply, COSE_ECDH);
        put_int(&t->reply, -1);
        put_uint(&t->reply, 1);
        put_int(&t->reply, -2);
        put_bytes(&t->reply, public_key, 32);
        put_int(&t->reply, -3);
        put_bytes(&t->reply, public_key + 32, 32);
        return CTAP_OK;
}

/* ---- the PIN ---- */

/* The new PIN without its padding. A longer text than the 63 bytes that a PIN may have is against the policy, not malformed. */
static int open_new_pin(const SharedSecret *secret, const Request *q, uint8_t ret[PIN_PADDED_SIZE], size_t *ret_size)
{
        size_t overhead = secret->protocol == 1 ? 0 : PIN_IV_SIZE, size = 0;
        int r;

        if (q->new_pin_size > PIN_PADDED_SIZE + overhead)
                return CTAP2_ERR_PIN_POLICY_VIOLATION;
        r = protocol_decrypt(secret, q->new_pin, q->new_pin_size, ret, &size);
        if (r != CTAP_OK)
                return r == CTAP1_ERR_INVALID_PARAMETER ? CTAP2_ERR_PIN_AUTH_INVALID : r;
        if (size != PIN_PADDED_SIZE)
                return CTAP1_ERR_INVALID_PARAMETER;
        while (size > 0 && ret[size - 1] == 0)
                size--;
        *ret_size = size;
        return CTAP_OK;
}

/* Checks the new PIN and makes it the PIN. */
static int replace_pin(Transaction *t, const SharedSecret *secret, const Request *q)
{
        const State *state = t->a->state;
        uint8_t pin[PIN_PADDED_SIZE], hash[SHA256_SIZE] = {0};
        size_t size = 0;
        int r;

        r = open_new_pin(secret, q, pin, &size);
        if (r == CTAP_OK)
                r = pin_check_policy(state, pin, size);
        if (r == CTAP_OK && state->pin_set && state->force_pin_change) {
                sha256(pin, size, hash);
                if (bytes_equal(hash, state->pin_hash, PIN_HASH_SIZE))
                        r = CTAP2_ERR_PIN_POLICY_VIOLATION;
        }
        if (r == CTAP_OK)
                r = pin_store(t->a, pin, size);
        explicit_bzero(pin, sizeof(pin));
        explicit_bzero(hash, sizeof(hash));
        return r;
}

/* One try with the PIN's hash. One that cannot be decrypted is a wrong PIN. */
static int try_pin(Transaction *t, const SharedSecret *secret, const Request *q)
{
        uint8_t hash[2 * PIN_IV_SIZE];
        bool readable = false;
        size_t size = 0;
        int r;

        if (q->pin_hash_size <= sizeof(hash)) {
                r = protocol_decrypt(secret, q->pin_hash, q->pin_hash_size, hash, &size);
                if (r < 0)
                        return r;
                readable = r == CTAP_OK && size == PIN_HASH_SIZE;
        }
        r = pin_try(t->a, t->host, readable ? hash : NULL);
        explicit_bzero(hash, sizeof(hash));
        return r;
}

static int set_pin(Transaction *t, const Request *q)
{
        _cleanup_(shared_secret_donep) SharedSecret secret = {0};
        int r;

        r = require(q, 1U << KEY_AGREEMENT | 1U << KEY_NEW_PIN | 1U << KEY_PARAM);
        if (r != CTAP_OK)
                return r;
        if (t->a->state->pin_set)
                return CTAP2_ERR_PIN_AUTH_INVALID;
        r = open_secret(t, q, &secret);
        if (r == CTAP_OK)
                r = protocol_verify(q->protocol, secret.hmac_key, q->new_pin, q->new_pin_size, q->param, q->param_size);
        return r == CTAP_OK ? replace_pin(t, &secret, q) : r;
}

static int change_pin(Transaction *t, const Request *q)
{
        _cleanup_(shared_secret_donep) SharedSecret secret = {0};
        uint8_t message[AUTHENTICATOR_MESSAGE_MAX]; /* both come out of one message */
        int r;

        r = require(q, 1U << KEY_AGREEMENT | 1U << KEY_NEW_PIN | 1U << KEY_PARAM | 1U << KEY_PIN_HASH);
        if (r == CTAP_OK)
                r = pin_usable(t->a);
        if (r == CTAP_OK)
                r = open_secret(t, q, &secret);
        if (r != CTAP_OK)
                return r;
        if (q->new_pin_size > 0)
                memcpy(message, q->new_pin, q->new_pin_size);
        if (q->pin_hash_size > 0)
                memcpy(message + q->new_pin_size, q->pin_hash, q->pin_hash_size);
        r = protocol_verify(q->protocol, secret.hmac_key, message, q->new_pin_size + q->pin_hash_size, q->param,
                            q->param_size);
        if (r == CTAP_OK)
                r = try_pin(t, &secret, q);
        return r == CTAP_OK ? replace_pin(t, &secret, q) : r;
}

/* ---- tokens ---- */

/* Whether these permissions may be asked for (step 4). Bits that mean nothing are ignored. */
static int check_permissions(Transaction *t, const Request *q, uint8_t *ret)
{
        uint8_t permissions = (uint8_t)(q->permissions & PERMISSIONS_ALL);

        if (q->permissions == 0)
                return CTAP1_ERR_INVALID_PARAMETER;
        if ((permissions & PERMISSION_BE) && !uv_available(t->a))
                return CTAP2_ERR_UNAUTHORIZED_PERMISSION;
        if ((permissions & PERMISSION_PCMR) && permissions != PERMISSION_PCMR)
                return CTAP2_ERR_UNAUTHORIZED_PERMISSION;
        /* Only the table of permissions says that these need an RP. */
        if ((permissions & (PERMISSION_MC | PERMISSION_GA)) && !(q->present & 1U << KEY_RP_ID))
                return CTAP1_ERR_INVALID_PARAMETER;
        *ret = permissions;
        return CTAP_OK;
}

/* The persistent token, made when it is asked for the first time. */
static int persistent_token(Authenticator *a)
{
        _cleanup_(change_donep) Change change = {0};
        int r;

        if (a->state->has_persistent_token)
                return CTAP_OK;
        r = change_begin(a, &change);
        if (r != CTAP_OK)
                return r;
        r = authenticator_random(a, change.state->persistent_token, sizeof(change.state->persistent_token));
        if (r < 0)
                return r;
        change.state->has_persistent_token = true;
        return change_commit(&change);
}

static int reply_token(Transaction *t, const SharedSecret *secret, const uint8_t token[PIN_TOKEN_SIZE])
{
        uint8_t encrypted[PIN_TOKEN_SIZE + PIN_IV_SIZE];
        size_t size = 0;
        int r;

        r = protocol_encrypt(t->a, secret, token, PIN_TOKEN_SIZE, encrypted, &size);
        if (r != CTAP_OK)
                return r;
        put_map(&t->reply, 1);
        put_uint(&t->reply, REPLY_TOKEN);
        put_bytes(&t->reply, encrypted, size);
        return CTAP_OK;
}

static int issue(Transaction *t, const SharedSecret *secret, const Request *q, uint8_t permissions, bool present)
{
        bool bound = q->present & 1U << KEY_RP_ID;
        uint8_t rp_id_hash[SHA256_SIZE];
        PinToken *token;
        int r;

        if (permissions == PERMISSION_PCMR) {
                r = persistent_token(t->a);
                return r == CTAP_OK ? reply_token(t, secret, t->a->state->persistent_token) : r;
        }
        if (bound)
                sha256(q->rp_id, q->rp_id_size, rp_id_hash);
        r = token_issue(t->host, q->protocol, permissions, bound ? rp_id_hash : NULL, present, &token);
        if (r != CTAP_OK)
                return r;
        r = reply_token(t, secret, token->bytes);
        if (r != CTAP_OK)
                token_end(t->host);
        return r;
}

static int get_token_by_pin(Transaction *t, const Request *q)
{
        _cleanup_(shared_secret_donep) SharedSecret secret = {0};
        bool legacy = q->subcommand == GET_PIN_TOKEN;
        uint8_t permissions = PERMISSION_MC | PERMISSION_GA;
        int r;

        r = require(q, 1U << KEY_AGREEMENT | 1U << KEY_PIN_HASH | (legacy ? 0 : 1U << KEY_PERMISSIONS));
        if (r != CTAP_OK)
                return r;
        if (legacy && (q->present & (1U << KEY_PERMISSIONS | 1U << KEY_RP_ID)))
                return CTAP1_ERR_INVALID_PARAMETER;
        if (!legacy)
                r = check_permissions(t, q, &permissions);
        if (r == CTAP_OK)
                r = pin_usable(t->a);
        if (r == CTAP_OK)
                r = open_secret(t, q, &secret);
        if (r == CTAP_OK)
                r = try_pin(t, &secret, q);
        if (r != CTAP_OK)
                return r;
        if (t->a->state->force_pin_change)
                return legacy ? CTAP2_ERR_PIN_INVALID : CTAP2_ERR_PIN_POLICY_VIOLATION;
        return issue(t, &secret, q, permissions, /* present= */ false);
}

/* Asks the person; t->step says whether that has been done already. */
static int verify_person(Transaction *t, const Request *q)
{
        char rp_id[AUTHENTICATOR_RP_ID_MAX + 1];
        uint8_t rp_id_hash[SHA256_SIZE];
        AuthenticatorQuestion about = {0};

        if (q->present & 1U << KEY_RP_ID) {
                name_copy(rp_id, AUTHENTICATOR_RP_ID_MAX, q->rp_id, q->rp_id_size);
                name_sanitize(rp_id);
                sha256(q->rp_id, q->rp_id_size, rp_id_hash);
                about.rp_id = rp_id;
                about.rp_id_hash = rp_id_hash;
        }
        return uv_perform(t, AUTHENTICATOR_TO_PERMIT, &about, t->data);
}

static int get_token_by_uv(Transaction *t, const Request *q)
{
        _cleanup_(shared_secret_donep) SharedSecret secret = {0};
        /* A sensor that went while it was waited for has been answered for; clients then want to hear UV_BLOCKED. */
        bool failed = t->step == STEP_PERSON && t->answer != AUTHENTICATOR_YES;
        uint8_t permissions;
        int r;

        if (!failed && !host_uv_available(t->host))
                return CTAP2_ERR_INVALID_SUBCOMMAND;
        r = require(q, 1U << KEY_AGREEMENT | 1U << KEY_PERMISSIONS);
        if (r == CTAP_OK)
                r = check_permissions(t, q, &permissions);
        if (r != CTAP_OK)
                return r;
        if (!failed && !host_uv_configured(t->host, t->a->state))
                return CTAP2_ERR_NOT_ALLOWED;
        r = open_secret(t, q, &secret);
        if (r == CTAP_OK && t->step == 0) {
                r = transaction_data(t, sizeof(UvProgress), /* done= */ NULL);
                t->step = STEP_PERSON;
        }
        if (r == CTAP_OK)
                r = verify_person(t, q);
        return r == CTAP_OK ? issue(t, &secret, q, permissions, /* present= */ true) : r;
}

static int run(Transaction *t)
{
        Request q = {0};
        int r;

        r = read_request(t->body, &q);
        if (r != CTAP_OK)
                return r;
        switch (q.subcommand) {
        case GET_PIN_RETRIES:
                return get_pin_retries(t);
        case GET_KEY_AGREEMENT:
                return get_key_agreement(t, &q);
        case SET_PIN:
                return set_pin(t, &q);
        case CHANGE_PIN:
                return change_pin(t, &q);
        case GET_PIN_TOKEN:
        case GET_TOKEN_BY_PIN:
                return get_token_by_pin(t, &q);
        case GET_TOKEN_BY_UV:
                return get_token_by_uv(t, &q);
        case GET_UV_RETRIES:
                return get_uv_retries(t);
        default:
                return CTAP2_ERR_INVALID_SUBCOMMAND;
        }
}

const Command command_client_pin = {0x06, COMMAND_STORAGE, run};
