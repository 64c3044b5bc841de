/*
 * authenticatorCredentialManagement (section 6.8), and its prototype (0x41)
 *
 * The owner's view of his discoverable credentials, for who shows a token with the permission cm; looking only needs the
 * persistent one. A token that is bound to an RP sees and changes that RP's credentials and learns nothing of others, not
 * even how many there are. The checks come in the specification's order: the parameter that proves, what is missing, the
 * protocol, the proof, the permission, and only then anything that depends on what is stored.
 *
 * The prototype knows updates as well: libfido2 before 1.13 sends every subcommand by 0x41.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/commands.h"
#include "authenticator/enumeration.h"
#include "crypto/seal.h"

enum Number {
        GET_METADATA = 1,
        RPS_BEGIN = 2,
        RPS_NEXT = 3,
        CREDENTIALS_BEGIN = 4,
        CREDENTIALS_NEXT = 5,
        DELETE_CREDENTIAL = 6,
        UPDATE_USER = 7,
};

enum ParamsKey {
        PARAM_RP_ID_HASH = 1,
        PARAM_CREDENTIAL = 2,
        PARAM_USER = 3,
};

enum ReplyKey {
        REPLY_EXISTING = 1,
        REPLY_REMAINING = 2,
        REPLY_RP = 3,
        REPLY_RP_ID_HASH = 4,
        REPLY_TOTAL_RPS = 5,
        REPLY_USER = 6,
        REPLY_CREDENTIAL = 7,
        REPLY_PUBLIC_KEY = 8,
        REPLY_TOTAL_CREDENTIALS = 9,
        REPLY_PROTECTION = 10,
        REPLY_LARGE_BLOB_KEY = 11,
        REPLY_PAYMENT = 12,
};

typedef struct Request {
        Subcommand subcommand;
        const uint8_t *rp_id_hash, *credential_id, *user_id;
        size_t credential_id_size, user_id_size;
        bool public_key; /* the descriptor's type; no other type has credentials here */
        Text user_name, user_display_name;
} Request;

/* ---- decoding ---- */

static int read_rp_id_hash(const cbor_item_t *item, Request *q)
{
        size_t size;
        int r;

        r = value_bytes(item, 0, AUTHENTICATOR_MESSAGE_MAX, &q->rp_id_hash, &size);
        return r == CTAP_OK && size != SHA256_SIZE ? CTAP1_ERR_INVALID_PARAMETER : r;
}

static int read_credential(const cbor_item_t *item, Request *q)
{
        const char *type;
        size_t size;
        int r;

        r = value_map(item);
        if (r == CTAP_OK)
                r = value_bytes(map_get_text(item, "id"), 0, AUTHENTICATOR_MESSAGE_MAX, &q->credential_id,
                                &q->credential_id_size);
        if (r == CTAP_OK)
                r = value_text(map_get_text(item, "type"), AUTHENTICATOR_MESSAGE_MAX, &type, &size);
        if (r == CTAP_OK)
                q->public_key = text_is(type, size, "public-key");
        return r;
}

static int read_user(const cbor_item_t *item, Request *q)
{
        int r;

        r = value_map(item);
        if (r == CTAP_OK)
                r = value_bytes(map_get_text(item, "id"), 0, AUTHENTICATOR_MESSAGE_MAX, &q->user_id, &q->user_id_size);
        if (r == CTAP_OK)
                r = request_optional_text(map_get_text(item, "name"), &q->user_name);
        if (r == CTAP_OK)
                r = request_optional_text(map_get_text(item, "displayName"), &q->user_display_name);
        return r;
}

/* What each subcommand can't do without. */
static int read_params(Request *q)
{
        const cbor_item_t *params = q->subcommand.params;
        uint64_t number = q->subcommand.number;
        int r = CTAP_OK;

        if (number == GET_METADATA || number == RPS_BEGIN)
                return CTAP_OK;
        if (!params)
                return CTAP2_ERR_MISSING_PARAMETER;
        if (number == CREDENTIALS_BEGIN)
                return read_rp_id_hash(map_get(params, PARAM_RP_ID_HASH), q);
        r = read_credential(map_get(params, PARAM_CREDENTIAL), q);
        return r == CTAP_OK && number == UPDATE_USER ? read_user(map_get(params, PARAM_USER), q) : r;
}

/* ---- what a token's RP allows ---- */

/* Whether it may look at all of them. */
static int permit_all(const Shown *by)
{
        return by->token && by->token->bound ? CTAP2_ERR_PIN_AUTH_INVALID : CTAP_OK;
}

static int permit_rp(const Shown *by, const uint8_t rp_id_hash[32])
{
        if (!by->token || !by->token->bound || bytes_equal(by->token->rp_id_hash, rp_id_hash, SHA256_SIZE))
                return CTAP_OK;
        return CTAP2_ERR_PIN_AUTH_INVALID;
}

/* ---- looking ---- */

static int get_metadata(Transaction *t, const Shown *by)
{
        const State *state = t->a->state;
        uint32_t max = t->a->config.credentials_max;
        int r;

        r = permit_all(by);
        if (r != CTAP_OK)
                return r;
        put_map(&t->reply, 2);
        put_uint(&t->reply, REPLY_EXISTING);
        put_uint(&t->reply, state->n_discoverable);
        put_uint(&t->reply, REPLY_REMAINING);
        put_uint(&t->reply, max > state->n_credentials ? max - state->n_credentials : 0);
        return CTAP_OK;
}

static void put_member(CborWriter *w, const char *key, const char *text)
{
        if (!*text)
                return;
        put_text(w, key);
        put_text(w, text);
}

/* total 0: it is not the first. */
static void put_rp(CborWriter *w, const AuthenticatorCredential *c, size_t total)
{
        put_map(w, total > 0 ? 3 : 2);
        put_uint(w, REPLY_RP);
        put_map(w, *c->rp_name ? 2 : 1);
        put_text(w, "id");
        put_text(w, c->rp_id);
        put_member(w, "name", c->rp_name);
        put_uint(w, REPLY_RP_ID_HASH);
        put_bytes(w, c->rp_id_hash, sizeof(c->rp_id_hash));
        if (total == 0)
                return;
        put_uint(w, REPLY_TOTAL_RPS);
        put_uint(w, total);
}

static void put_user(CborWriter *w, const AuthenticatorCredential *c)
{
        put_map(w, (size_t)1 + (*c->user_name != 0) + (*c->user_display_name != 0));
        put_text(w, "id");
        put_bytes(w, c->user_id, c->user_id_size);
        put_member(w, "name", c->user_name);
        put_member(w, "displayName", c->user_display_name);
}

static void put_credential(CborWriter *w, const Credential *credential, size_t total)
{
        const AuthenticatorCredential *c = &credential->public;

        put_map(w, (size_t)5 + (total > 0) + credential->has_large_blob_key);
        put_uint(w, REPLY_USER);
        put_user(w, c);
        put_uint(w, REPLY_CREDENTIAL);
        put_map(w, 2);
        put_text(w, "id");
        put_bytes(w, c->id, c->id_size);
        put_text(w, "type");
        put_text(w, "public-key");
        put_uint(w, REPLY_PUBLIC_KEY);
        put_cose_key(w, algorithm_find(c->algorithm), credential->key.public_key);
        if (total > 0) {
                put_uint(w, REPLY_TOTAL_CREDENTIALS);
                put_uint(w, total);
        }
        put_uint(w, REPLY_PROTECTION);
        put_uint(w, c->protection);
        if (credential->has_large_blob_key) {
                put_uint(w, REPLY_LARGE_BLOB_KEY);
                put_bytes(w, credential->large_blob_key, sizeof(credential->large_blob_key));
        }
        put_uint(w, REPLY_PAYMENT);
        put_bool(w, credential->third_party_payment);
}

static int list_rps(Transaction *t, const Shown *by)
{
        _cleanup_(credential_freep) Credential *credential = credential_new();
        size_t total = 0;
        int r;

        if (!credential)
                return -ENOMEM;
        r = by ? permit_all(by) : CTAP_OK;
        if (r == CTAP_OK)
                r = by ? enumeration_begin_rps(t, by, credential, &total) :
                         enumeration_next(t, ENUMERATION_RPS, credential);
        if (r == CTAP_OK)
                put_rp(&t->reply, &credential->public, total);
        return r;
}

static int list_credentials(Transaction *t, const Shown *by, const uint8_t *rp_id_hash)
{
        _cleanup_(credential_freep) Credential *credential = credential_new();
        size_t total = 0;
        int r;

        if (!credential)
                return -ENOMEM;
        r = by ? permit_rp(by, rp_id_hash) : CTAP_OK;
        if (r == CTAP_OK)
                r = by ? enumeration_begin_credentials(t, by, rp_id_hash, credential, &total) :
                         enumeration_next(t, ENUMERATION_CREDENTIALS, credential);
        if (r == CTAP_OK)
                put_credential(&t->reply, credential, total);
        return r;
}

/* ---- changing ---- */

/* The discoverable credential that is meant, when the token may change it. */
static int find(Transaction *t, const Request *q, const Shown *by, Credential *ret)
{
        int r;

        if (!q->public_key)
                return CTAP2_ERR_NO_CREDENTIALS;
        r = record_credential_by_id(t->a, q->credential_id, q->credential_id_size, /* rp_id_hash= */ NULL, ret);
        if (r == CTAP_OK && !ret->public.discoverable)
                r = CTAP2_ERR_NO_CREDENTIALS;
        return r == CTAP_OK ? permit_rp(by, ret->public.rp_id_hash) : r;
}

static int delete_credential(Transaction *t, const Credential *credential)
{
        _cleanup_(change_donep) Change change = {0};
        int r;

        r = change_begin(t->a, &change);
        if (r == CTAP_OK)
                r = change_remove_credential(&change, credential, /* keep= */ true);
        return r == CTAP_OK ? change_commit(&change) : r;
}

/* Names that are missing or empty go (section 6.8.6). */
static int update_user(Transaction *t, const Request *q, Credential *credential)
{
        _cleanup_(change_donep) Change change = {0};
        AuthenticatorCredential *c = &credential->public;
        int r;

        if (q->user_id_size != c->user_id_size || memcmp(q->user_id, c->user_id, c->user_id_size) != 0)
                return CTAP1_ERR_INVALID_PARAMETER;
        name_copy(c->user_name, AUTHENTICATOR_NAME_MAX, q->user_name.data, q->user_name.size);
        name_copy(c->user_display_name, AUTHENTICATOR_NAME_MAX, q->user_display_name.data, q->user_display_name.size);
        r = change_begin(t->a, &change);
        if (r == CTAP_OK)
                r = change_put_credential(&change, credential);
        return r == CTAP_OK ? change_commit(&change) : r;
}

static int change(Transaction *t, const Request *q, const Shown *by)
{
        _cleanup_(credential_freep) Credential *credential = credential_new();
        int r;

        if (!credential)
                return -ENOMEM;
        r = find(t, q, by, credential);
        if (r != CTAP_OK)
                return r;
        return q->subcommand.number == DELETE_CREDENTIAL ? delete_credential(t, credential) :
                                                           update_user(t, q, credential);
}

/* ---- the command ---- */

static int run_permitted(Transaction *t, Request *q, bool preview)
{
        uint8_t number = (uint8_t)q->subcommand.number;
        bool read_only = number < DELETE_CREDENTIAL;
        Shown by = {0};
        int r;

        if (!q->subcommand.mac)
                return CTAP2_ERR_PUAT_REQUIRED;
        r = read_params(q);
        if (r == CTAP_OK)
                r = subcommand_permit(t, &q->subcommand, &number, sizeof(number), PERMISSION_CM, read_only, preview, &by);
        if (r != CTAP_OK)
                return r;
        switch (number) {
        case GET_METADATA:
                return get_metadata(t, &by);
        case RPS_BEGIN:
                return list_rps(t, &by);
        case CREDENTIALS_BEGIN:
                return list_credentials(t, &by, q->rp_id_hash);
        default:
                return change(t, q, &by);
        }
}

static int run(Transaction *t)
{
        bool preview = t->command == &command_credential_management_preview;
        EnumerationKind goes_on = ENUMERATION_NONE;
        Request q = {0};
        int r;

        r = subcommand_read(t->body, 1, &q.subcommand);
        if (r == CTAP_OK && q.subcommand.number == RPS_NEXT)
                goes_on = ENUMERATION_RPS;
        if (r == CTAP_OK && q.subcommand.number == CREDENTIALS_NEXT)
                goes_on = ENUMERATION_CREDENTIALS;
        if (goes_on == ENUMERATION_NONE || t->channel->enumeration != goes_on)
                channel_clear(t->channel);
        if (r != CTAP_OK)
                return r;
        if (q.subcommand.number < GET_METADATA || q.subcommand.number > UPDATE_USER)
                return CTAP2_ERR_INVALID_SUBCOMMAND;
        if (goes_on == ENUMERATION_RPS)
                return list_rps(t, /* by= */ NULL);
        if (goes_on == ENUMERATION_CREDENTIALS)
                return list_credentials(t, /* by= */ NULL, /* rp_id_hash= */ NULL);
        return run_permitted(t, &q, preview);
}

const Command command_credential_management = {0x0a, COMMAND_STORAGE | COMMAND_ENUMERATION, run};
const Command command_credential_management_preview = {0x41, COMMAND_STORAGE | COMMAND_ENUMERATION, run};
