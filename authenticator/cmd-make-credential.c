/*
 * authenticatorMakeCredential (section 6.1): a new credential
 *
 * The steps are the specification's, in its order, because statuses depend on it. A request that cannot succeed
 * whatever the person says is refused before anybody is asked. The new credential, and the removal of the one of the
 * same account that it replaces, are one change; the reply goes out when that is durable.
 *
 * Browsers make a credential for a relying party that does not exist when they only want to see which authenticator is
 * touched: those get a reply like others, and nothing is stored.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/external.h"

enum {
        STEP_BEGIN,
        STEP_TOUCHED,
        STEP_VERIFY,
        STEP_EXCLUDED,
        STEP_ASKED,
        STEP_MAKE,
        STEP_MADE,
        STEP_SIGNED,
};

enum EnterpriseAttestation {
        ENTERPRISE_VENDOR = 1,   /* for relying parties that the authenticator knows */
        ENTERPRISE_PLATFORM = 2, /* for those that the platform vouches for */
};

typedef struct MakeCredential {
        UserCheck user;
        uint8_t rp_id_hash[32];
        char rp_id[AUTHENTICATOR_RP_ID_MAX + 1];
        Text rp_name, user_name, user_display_name;
        const uint8_t *user_id;
        size_t user_id_size;
        const Algorithm *algorithm; /* the first of the request that is offered, or NULL */
        const cbor_item_t *exclude;
        size_t n_exclude;
        ExtensionInputs extensions;
        bool has_enterprise;
        uint64_t enterprise_value;
        bool enterprise; /* and it is granted */
        AttestationFormat format;
        bool preferred; /* by the client */
        /* made */
        Credential *credential;
        Signer *signer; /* its own, when it was made in advance */
        AuthData data;
        Signature signature;
        /* for questions */
        char rp_id_shown[AUTHENTICATOR_RP_ID_MAX + 1];
        char user_name_shown[AUTHENTICATOR_NAME_MAX + 1], user_display_name_shown[AUTHENTICATOR_NAME_MAX + 1];
} MakeCredential;

static void make_credential_done(void *data)
{
        MakeCredential *m = data;

        m->credential = credential_free(m->credential);
        m->signer = signer_free(m->signer);
}

/* ---- the request ---- */

static int decode_rp(const cbor_item_t *item, MakeCredential *m)
{
        int r = value_map(item);

        if (r == CTAP_OK)
                r = request_rp_id(map_get_text(item, "id"), m->rp_id, m->rp_id_hash);
        return r == CTAP_OK ? request_optional_text(map_get_text(item, "name"), &m->rp_name) : r;
}

static int decode_user(const cbor_item_t *item, MakeCredential *m)
{
        int r = value_map(item);

        if (r == CTAP_OK)
                r = value_bytes(map_get_text(item, "id"), 1, AUTHENTICATOR_USER_ID_MAX, &m->user_id, &m->user_id_size);
        if (r == CTAP_OK)
                r = request_optional_text(map_get_text(item, "name"), &m->user_name);
        return r == CTAP_OK ? request_optional_text(map_get_text(item, "displayName"), &m->user_display_name) : r;
}

/* Every entry is looked at; the first that is offered is taken (step 3). */
static int decode_algorithms(const Authenticator *a, const cbor_item_t *item, MakeCredential *m)
{
        size_t n = 0, size;
        const char *type;
        int64_t cose;
        int r;

        r = value_array(item, PUB_KEY_PARAMS_MAX, &n);
        for (size_t i = 0; r == CTAP_OK && i < n; i++) {
                const cbor_item_t *entry = array_get(item, i);

                r = value_map(entry);
                if (r == CTAP_OK)
                        r = value_int(map_get_text(entry, "alg"), &cose);
                if (r == CTAP_OK)
                        r = value_text(map_get_text(entry, "type"), SIZE_MAX, &type, &size);
                if (r == CTAP_OK && !m->algorithm && text_is(type, size, "public-key"))
                        m->algorithm = policy_find(a, &a->state->policy, cose);
        }
        return r;
}

static int decode_attestation(const cbor_item_t *enterprise, const cbor_item_t *preference, MakeCredential *m)
{
        int r = CTAP_OK;

        m->has_enterprise = enterprise != NULL;
        if (enterprise)
                r = value_uint(enterprise, UINT64_MAX, &m->enterprise_value);
        return r == CTAP_OK ? attestation_choose(preference, m->algorithm, &m->format, &m->preferred) : r;
}

static void prepare_shown(MakeCredential *m)
{
        memcpy(m->rp_id_shown, m->rp_id, sizeof(m->rp_id));
        name_sanitize(m->rp_id_shown);
        request_shown(m->user_name, m->user_name_shown);
        request_shown(m->user_display_name, m->user_display_name_shown);
}

static int decode(const Authenticator *a, const cbor_item_t *body, MakeCredential *m)
{
        int r;

        r = request_hash(map_get(body, 1), &m->user.client_data_hash);
        if (r == CTAP_OK)
                r = decode_rp(map_get(body, 2), m);
        if (r == CTAP_OK)
                r = decode_user(map_get(body, 3), m);
        if (r == CTAP_OK)
                r = decode_algorithms(a, map_get(body, 4), m);
        if (r == CTAP_OK)
                r = request_credentials(map_get(body, 5), &m->n_exclude);
        if (r == CTAP_OK)
                r = extensions_read(map_get(body, 6), /* making= */ true, &m->extensions);
        if (r == CTAP_OK)
                r = user_read(map_get(body, 7), map_get(body, 8), map_get(body, 9), &m->user);
        if (r == CTAP_OK)
                r = decode_attestation(map_get(body, 10), map_get(body, 11), m);
        if (r != CTAP_OK)
                return r;
        m->exclude = map_get(body, 5);
        m->user.permission = PERMISSION_MC;
        m->user.rp_id_hash = m->rp_id_hash;
        prepare_shown(m);
        return CTAP_OK;
}

/* Chromium's, and Firefox's and libfido2's. */
static bool only_a_touch(const MakeCredential *m)
{
        return strcmp(m->rp_id, ".dummy") == 0 || strcmp(m->rp_id, "make.me.blink") == 0;
}

static AuthenticatorQuestion question(const MakeCredential *m, bool excluded)
{
        if (only_a_touch(m))
                return (AuthenticatorQuestion){.kind = AUTHENTICATOR_ASK_PRESENCE, .purpose = AUTHENTICATOR_TO_SELECT};
        return (AuthenticatorQuestion){
                .kind = AUTHENTICATOR_ASK_PRESENCE,
                .purpose = AUTHENTICATOR_TO_REGISTER,
                .rp_id = m->rp_id_shown,
                .rp_id_hash = m->rp_id_hash,
                .user_name = *m->user_name_shown ? m->user_name_shown : NULL,
                .user_display_name = *m->user_display_name_shown ? m->user_display_name_shown : NULL,
                .excluded = excluded,
        };
}

/* ---- before anybody is asked ---- */

/* Step 9. */
static int check_enterprise(const Authenticator *a, MakeCredential *m)
{
        const char *const *known = a->config.enterprise_rp_ids;

        if (!m->has_enterprise)
                return CTAP_OK;
        if (!a->enterprise || !a->state->enterprise)
                return CTAP1_ERR_INVALID_PARAMETER;
        if (m->enterprise_value != ENTERPRISE_VENDOR && m->enterprise_value != ENTERPRISE_PLATFORM)
                return CTAP2_ERR_INVALID_OPTION;
        m->enterprise = m->enterprise_value == ENTERPRISE_PLATFORM;
        for (size_t i = 0; known && known[i] && !m->enterprise; i++)
                m->enterprise = strcmp(known[i], m->rp_id) == 0;
        return CTAP_OK;
}

/* A format that the client prefers goes before the enterprise's, which is always packed, and that before the owner's choice. */
static void settle_format(const Authenticator *a, MakeCredential *m)
{
        m->enterprise = m->enterprise && m->format == ATTESTATION_PACKED;
        if (m->enterprise || m->preferred)
                return;
        if (a->state->policy.attestation == AUTHENTICATOR_ATTEST_NONE)
                m->format = ATTESTATION_NONE;
        else if (a->state->policy.attestation == AUTHENTICATOR_ATTEST_CERTIFICATE && m->algorithm->kind == SIGN_P256)
                m->format = ATTESTATION_U2F;
}

static int begin(Transaction *t)
{
        MakeCredential *m;
        int r;

        r = transaction_data(t, sizeof(*m), make_credential_done);
        if (r < 0)
                return r;
        m = t->data;
        r = decode(t->a, t->body, m);
        if (r != CTAP_OK)
                return r;
        if (user_wants_touch(&m->user)) {
                t->step = STEP_TOUCHED;
                return user_ask_touch(t);
        }
        r = user_check_protocol(&m->user);
        if (r == CTAP_OK && !m->algorithm)
                r = CTAP2_ERR_UNSUPPORTED_ALGORITHM;
        if (r == CTAP_OK)
                r = user_check_options(t, &m->user);
        if (r == CTAP_OK)
                r = check_enterprise(t->a, m);
        if (r == CTAP_OK)
                settle_format(t->a, m);
        t->step = STEP_VERIFY;
        return r;
}

/* Whether a credential of the list is here already; one that only its verified owner may see is not (step 12). */
static int find_excluded(Transaction *t, const MakeCredential *m, bool *ret)
{
        _cleanup_(credential_freep) Credential *credential = NULL;
        const uint8_t *id;
        uint64_t number;
        size_t size;
        int r;

        for (size_t i = 0; i < m->n_exclude; i++) {
                if (!request_credential(m->exclude, i, &id, &size))
                        continue;
                r = record_has_id(t->a, id, size, &number);
                if (r == CTAP2_ERR_NO_CREDENTIALS)
                        continue;
                if (!credential)
                        credential = credential_new();
                if (!credential)
                        return -ENOMEM;
                if (r == CTAP_OK)
                        r = record_credential(t->a, number, credential);
                if (r == CTAP2_ERR_NO_CREDENTIALS || r == CTAP2_ERR_INVALID_CREDENTIAL)
                        continue;
                if (r != CTAP_OK)
                        return r;
                if (!assertion_applies(credential, m->rp_id_hash, m->user.verified, /* listed= */ true))
                        continue;
                *ret = true;
                return CTAP_OK;
        }
        *ret = false;
        return CTAP_OK;
}

static int verify(Transaction *t)
{
        MakeCredential *m = t->data;
        AuthenticatorQuestion about = question(m, /* excluded= */ false);
        bool excluded = false;
        int r;

        r = user_verify(t, &m->user, &about);
        if (r == CTAP_OK)
                r = extensions_check(&m->extensions, m->user.rk, /* up= */ true);
        if (r == CTAP_OK)
                r = find_excluded(t, m, &excluded);
        if (r != CTAP_OK)
                return r;
        if (!user_must_be_asked(&m->user)) {
                t->step = STEP_MAKE;
                return excluded ? CTAP2_ERR_CREDENTIAL_EXCLUDED : CTAP_OK;
        }
        about = question(m, excluded);
        t->step = excluded ? STEP_EXCLUDED : STEP_ASKED;
        return transaction_ask(t, &about);
}

/* Told to whoever is there, and when nobody comes; only a person who says no keeps it to himself (section 6.3.2 of
 * WebAuthn). */
static int answer_excluded(const Transaction *t)
{
        int r = presence_status(t->answer);

        return r == CTAP2_ERR_OPERATION_DENIED ? r : CTAP2_ERR_CREDENTIAL_EXCLUDED;
}

/* ---- the credential ---- */

/* It has its key already. */
static int fill(Authenticator *a, const MakeCredential *m, Credential *credential)
{
        AuthenticatorCredential *public = &credential->public;
        int r;

        r = authenticator_random(a, public->id, CREDENTIAL_ID_SIZE);
        if (r < 0)
                return r;
        public->id_size = CREDENTIAL_ID_SIZE;
        memcpy(public->rp_id_hash, m->rp_id_hash, sizeof(public->rp_id_hash));
        memcpy(public->rp_id, m->rp_id, sizeof(public->rp_id));
        name_copy(public->rp_name, AUTHENTICATOR_NAME_MAX, m->rp_name.data, m->rp_name.size);
        memcpy(public->user_id, m->user_id, m->user_id_size);
        public->user_id_size = m->user_id_size;
        name_copy(public->user_name, AUTHENTICATOR_NAME_MAX, m->user_name.data, m->user_name.size);
        name_copy(public->user_display_name, AUTHENTICATOR_NAME_MAX, m->user_display_name.data,
                  m->user_display_name.size);
        public->algorithm = m->algorithm->cose;
        public->discoverable = m->user.rk;
        public->backup_eligible = a->config.backup_eligible && !public->external;
        public->created = a->ops.clock(a->userdata);
        credential->counts = a->config.counters || public->external;
        return extensions_make(a, &m->extensions, credential);
}

/* The authenticator data, to be signed. */
static int prepare(Transaction *t, MakeCredential *m, Credential *credential)
{
        AuthDataParts parts = {
                .rp_id_hash = m->rp_id_hash,
                .present = m->user.present,
                .verified = m->user.verified,
                .aaguid = attestation_aaguid(t->a, m->format),
                .client_data_hash = m->user.client_data_hash,
        };
        int r;

        r = extensions_output(t->host, &m->extensions, credential, m->user.verified, parts.extensions,
                              &parts.extensions_size);
        if (r == CTAP_OK)
                r = counter_next(t->a, credential, &parts.counter);
        if (r == CTAP_OK)
                r = auth_data_make(t->a, credential, &parts, &m->data);
        return r;
}

/* Writes the reply, which is sent only if the credential gets stored. */
static int write_reply(Transaction *t, const MakeCredential *m, const Credential *credential)
{
        const Signature *signature = m->signature.size > 0 ? &m->signature : NULL;
        int r;

        put_map(&t->reply, 3U + m->enterprise + credential->has_large_blob_key);
        r = attestation_write(t->a, &t->reply, m->format, m->enterprise, credential, &m->data, signature);
        if (r != CTAP_OK)
                return r;
        if (m->enterprise) {
                put_uint(&t->reply, 4);
                put_bool(&t->reply, true);
        }
        if (credential->has_large_blob_key) {
                put_uint(&t->reply, 5);
                put_bytes(&t->reply, credential->large_blob_key, sizeof(credential->large_blob_key));
        }
        return t->reply.failed ? CTAP1_ERR_OTHER : CTAP_OK;
}

/* A discoverable credential takes the place of the one that its account has (step 17). */
static int remove_replaced(Change *change, const Credential *credential)
{
        const AuthenticatorCredential *public = &credential->public;
        _cleanup_(credential_freep) Credential *old = NULL;
        uint64_t number, before = UINT64_MAX;
        uint8_t account[32];
        size_t n = 0;
        int r;

        sha256_two(public->rp_id_hash, sizeof(public->rp_id_hash), public->user_id, public->user_id_size, account);
        for (;;) {
                r = record_find(change->a, MARK_ACCOUNT, account, before, &number, 1, &n);
                if (r != CTAP_OK || n == 0)
                        return r;
                before = number;
                if (!old)
                        old = credential_new();
                if (!old)
                        return -ENOMEM;
                r = record_credential(change->a, number, old);
                if (r == CTAP2_ERR_INVALID_CREDENTIAL)
                        continue;
                if (r == CTAP_OK)
                        r = change_remove_credential(change, old, /* keep= */ true);
                if (r != CTAP_OK)
                        return r;
        }
}

static int store(Authenticator *a, Credential *credential)
{
        _cleanup_(change_donep) Change change = {0};
        int r;

        r = change_begin(a, &change);
        if (r == CTAP_OK && credential->public.discoverable)
                r = remove_replaced(&change, credential);
        if (r == CTAP_OK)
                r = change_put_credential(&change, credential);
        return r == CTAP_OK ? change_commit(&change) : r;
}

/* A key for m->credential, and the next one is ordered. */
static int take_key(Transaction *t, MakeCredential *m)
{
        int r = spare_take(t->a, m->algorithm->kind, &m->credential->key, &m->signer);

        spare_order(t->host, m->algorithm->kind);
        return r < 0 ? r : CTAP_OK;
}

/* The private key, or an order for one; no key is ordered for a touch. */
static int make_key(Transaction *t)
{
        MakeCredential *m = t->data;

        user_has_come(&m->user);
        if (m->credential) { /* ahead */
                t->step = STEP_SIGNED;
                return CTAP_OK;
        }
        t->step = STEP_MADE;
        if (external_wanted(t->a) && !only_a_touch(m))
                return external_make(t, m->algorithm);
        m->credential = credential_new();
        if (!m->credential)
                return -ENOMEM;
        return take_key(t, m);
}

static int made(Transaction *t)
{
        MakeCredential *m = t->data;
        int r = CTAP_OK;

        if (!m->credential) {
                m->credential = credential_new();
                if (!m->credential)
                        return -ENOMEM;
                r = external_made(t, m->algorithm, m->credential);
        }
        if (r == CTAP_OK)
                r = fill(t->a, m, m->credential);
        if (r == CTAP_OK)
                r = prepare(t, m, m->credential);
        t->step = STEP_SIGNED;
        if (r != CTAP_OK || !m->credential->public.external || !attestation_is_self(m->format, m->enterprise))
                return r;
        return external_sign(t, m->credential, m->data.bytes, m->data.size + CLIENT_DATA_HASH_SIZE);
}

/* Where that is quicker, or not possible here; else attestation_write() does it. */
static int sign_attestation(Transaction *t, MakeCredential *m)
{
        if (t->work)
                return external_signature(t, &m->signature);
        if (m->signature.size > 0)
                return CTAP_OK;
        if (m->signer)
                return signer_sign(m->signer, m->data.bytes, m->data.size + CLIENT_DATA_HASH_SIZE, m->signature.bytes,
                                   &m->signature.size);
        return CTAP_OK;
}

/*
 * The credential as it will be if the person agrees, and its signature: after the answer, what remains is to store it and to reply.
 * It is nobody's until then, and goes with the transaction if the person does not. Only what this costs here is done so: no
 * work is ordered from an external key, and the certificate of an enterprise signs nothing that nobody has agreed to.
 */
static int make_before(Transaction *t, MakeCredential *m)
{
        int r;

        spare_make(t->a, m->algorithm->kind);
        m->credential = credential_new();
        if (!m->credential)
                return -ENOMEM;
        r = take_key(t, m);
        if (r == CTAP_OK)
                r = fill(t->a, m, m->credential);
        if (r == CTAP_OK)
                r = prepare(t, m, m->credential);
        if (r == CTAP_OK && attestation_is_self(m->format, m->enterprise))
                r = sign_attestation(t, m);
        return r;
}

static void work_ahead(Transaction *t)
{
        MakeCredential *m = t->data;
        bool present;

        if (t->step != STEP_ASKED || external_wanted(t->a) || only_a_touch(m))
                return;
        present = m->user.present;
        m->user.present = true; /* which is what will have been said */
        if (make_before(t, m) != CTAP_OK) {
                make_credential_done(m);
                m->signature.size = 0;
        }
        m->user.present = present;
}

static int finish(Transaction *t)
{
        MakeCredential *m = t->data;
        int r = CTAP_OK;

        if (attestation_is_self(m->format, m->enterprise))
                r = sign_attestation(t, m);
        if (r == CTAP_OK)
                r = write_reply(t, m, m->credential);
        if (r != CTAP_OK || only_a_touch(m))
                return r;
        return store(t->a, m->credential);
}

static int make_credential(Transaction *t)
{
        int r = CTAP_OK;

        while (r == CTAP_OK) {
                switch (t->step) {
                case STEP_BEGIN:
                        r = begin(t);
                        break;
                case STEP_TOUCHED:
                        return user_touched(t);
                case STEP_VERIFY:
                        r = verify(t);
                        break;
                case STEP_EXCLUDED:
                        return answer_excluded(t);
                case STEP_ASKED:
                        r = presence_status(t->answer);
                        t->step = STEP_MAKE;
                        break;
                case STEP_MAKE:
                        r = make_key(t);
                        break;
                case STEP_MADE:
                        r = made(t);
                        break;
                default:
                        return finish(t);
                }
        }
        return r;
}

const Command command_make_credential = {
        .code = 0x01,
        .flags = COMMAND_STORAGE,
        .run = make_credential,
        .ahead = work_ahead,
};
