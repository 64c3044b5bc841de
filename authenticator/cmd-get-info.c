/*
 * authenticatorGetInfo (section 6.4): what there is to know
 *
 * Clients ask before they do anything, so this never waits and never opens storage: while that is locked, the note
 * answers, and what the note doesn't know is left out. All that is said is true now: what needs a sensor, or a
 * certificate, is not named without one.
 */
#include "authenticator/commands.h"

/* FIDO registry, USER_VERIFY_… */
#define UV_MODALITY_FINGERPRINT 0x02U
#define UV_MODALITY_PASSCODE    0x04U

/* Subcommands of authenticatorConfig (section 6.11) */
#define CONFIG_ENTERPRISE     1U
#define CONFIG_ALWAYS_UV      2U
#define CONFIG_MIN_PIN_LENGTH 3U
#define CONFIG_LONG_TOUCH     4U

typedef struct Info {
        Authenticator *a;
        const AuthenticatorHost *host;
        const State *state; /* the real one, or what is known of it */
        bool known;         /* else it is what is likely */
        bool sensor, enrolled;
        bool verifies, verifies_now; /* the same with the PIN that this host's person can be asked for */
} Info;

static void put_versions(CborWriter *w, const Info *info)
{
        const Policy *policy = &info->state->policy;
        const struct {
                const char *name;
                bool there;
        } versions[] = {
                /* U2F knows no verification, and one algorithm */
                {"U2F_V2", !info->state->always_uv && policy_find(info->a, policy, COSE_ES256)},
                {"FIDO_2_0", true},
                {"FIDO_2_1_PRE", true},
                {"FIDO_2_1", true},
                {"FIDO_2_3", policy_names_new(policy)},
        };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(versions); i++)
                n += versions[i].there;
        put_array(w, n);
        for (size_t i = 0; i < ELEMENTSOF(versions); i++)
                if (versions[i].there)
                        put_text(w, versions[i].name);
}

static void put_extensions(CborWriter *w, const Info *info)
{
        size_t n = 0;

        while (extension_nth(n))
                n++;
        put_array(w, n);
        for (size_t i = 0; i < n; i++)
                put_text(w, extension_nth(i)->name);
}

static void put_aaguid(CborWriter *w, const Info *info)
{
        put_bytes(w, info->a->config.aaguid, sizeof(info->a->config.aaguid));
}

static void put_options(CborWriter *w, const Info *info)
{
        const struct {
                const char *name;
                bool there, value;
        } options[] = {
                /* in canonical order */
                {"ep", info->a->enterprise, info->state->enterprise},
                {"rk", true, true},
                {"up", true, true},
                {"uv", info->verifies, info->verifies_now},
                {"plat", true, false},
                {"uvAcfg", info->verifies, true},
                {"alwaysUv", true, info->state->always_uv},
                {"credMgmt", true, true},
                {"authnrCfg", true, true},
                {"bioEnroll", info->sensor, info->enrolled},
                {"clientPin", true, info->state->pin_set},
                {"largeBlobs", true, true},
                {"uvBioEnroll", info->sensor, true},
                {"perCredMgmtRO", true, true},
                {"pinUvAuthToken", true, true},
                {"setMinPINLength", true, true},
                {"makeCredUvNotRqd", true, !info->state->always_uv},
                {"credentialMgmtPreview", true, true},
                {"userVerificationMgmtPreview", info->sensor, info->enrolled},
        };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                n += options[i].there;
        put_map(w, n);
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                if (!options[i].there)
                        continue;
                put_text(w, options[i].name);
                put_bool(w, options[i].value);
        }
}

static void put_protocols(CborWriter *w, const Info *info)
{
        put_array(w, PIN_PROTOCOL_MAX);
        for (unsigned protocol = PIN_PROTOCOL_MAX; protocol > 0; protocol--) /* the better one first */
                put_uint(w, protocol);
}

static void put_transports(CborWriter *w, const Info *info)
{
        const char *const *transports = info->a->config.transports;
        size_t n = 0;

        while (transports[n])
                n++;
        put_array(w, n);
        for (size_t i = 0; i < n; i++)
                put_text(w, transports[i]);
}

static void put_algorithms(CborWriter *w, const Info *info)
{
        const Policy *policy = &info->state->policy;
        size_t n = 0;

        while (policy_nth(info->a, policy, n))
                n++;
        put_array(w, n);
        for (size_t i = 0; i < n; i++) {
                put_map(w, 2);
                put_text(w, "alg");
                put_int(w, policy_nth(info->a, policy, i)->cose);
                put_text(w, "type");
                put_text(w, "public-key");
        }
}

/* fido-u2f knows one curve. */
static bool has_format(const Info *info, AttestationFormat format)
{
        const Algorithm *algorithm;

        if (format != ATTESTATION_U2F)
                return true;
        for (size_t i = 0; (algorithm = policy_nth(info->a, &info->state->policy, i)); i++)
                if (algorithm->kind == SIGN_P256)
                        return true;
        return false;
}

static void put_formats(CborWriter *w, const Info *info)
{
        size_t n = 0;

        for (size_t i = 0; attestation_nth(i); i++)
                n += has_format(info, (AttestationFormat)i);
        put_array(w, n);
        for (size_t i = 0; attestation_nth(i); i++)
                if (has_format(info, (AttestationFormat)i))
                        put_text(w, attestation_nth(i));
}

static void put_config_commands(CborWriter *w, const Info *info)
{
        bool enterprise = info->a->enterprise;

        put_array(w, 3U + enterprise);
        if (enterprise)
                put_uint(w, CONFIG_ENTERPRISE);
        put_uint(w, CONFIG_ALWAYS_UV);
        put_uint(w, CONFIG_MIN_PIN_LENGTH);
        put_uint(w, CONFIG_LONG_TOUCH);
}

static uint64_t discoverable_left(const Info *info)
{
        uint32_t max = info->a->config.credentials_max, n = info->state->n_credentials;

        return n < max ? max - n : 0;
}

/* One field: a number, a truth, or what a function writes. */
typedef struct Field {
        uint8_t key;
        enum {
                FIELD_ABSENT,
                FIELD_UINT,
                FIELD_BOOL,
                FIELD_BYTES,
                FIELD_OTHER,
        } kind;
        uint64_t value;
        const uint8_t *bytes; /* ENC_FIELD_SIZE */
        void (*put)(CborWriter *w, const Info *info);
} Field;

static void put_field(CborWriter *w, const Field *field, const Info *info)
{
        put_uint(w, field->key);
        switch (field->kind) {
        case FIELD_UINT:
                put_uint(w, field->value);
                break;
        case FIELD_BOOL:
                put_bool(w, field->value);
                break;
        case FIELD_BYTES:
                put_bytes(w, field->bytes, ENC_FIELD_SIZE);
                break;
        default:
                field->put(w, info);
        }
}

#define UINT_IF(condition) ((condition) ? FIELD_UINT : FIELD_ABSENT)

/* What a host is told of a way that loses long messages: a list of credentials has its share of one. */
#define REQUEST_REST    256U /* bytes of a request beside its list */
#define DESCRIPTOR_SIZE (CREDENTIAL_ID_SIZE + 32U)

void authenticator_host_limit(AuthenticatorHost *host, size_t size)
{
        host->message_max = size;
}

static uint64_t message_max(const Info *info)
{
        return info->host->message_max ?: AUTHENTICATOR_MESSAGE_MAX;
}

static uint64_t list_max(const Info *info)
{
        if (info->host->message_max == 0)
                return CREDENTIALS_IN_LIST_MAX;
        return (info->host->message_max - REQUEST_REST) / DESCRIPTOR_SIZE;
}

static uint64_t modality(const Info *info)
{
        return (info->sensor ? UV_MODALITY_FINGERPRINT : 0) | (info->host->asks_pin ? UV_MODALITY_PASSCODE : 0);
}

static void put_info(CborWriter *w, const Info *info, const uint8_t *identifier, const uint8_t *store_state)
{
        const State *state = info->state;
        bool transports = info->a->config.transports, algorithms = policy_nth(info->a, &state->policy, 0);
        const Field fields[] = {
                {0x01, FIELD_OTHER, .put = put_versions},
                {0x02, FIELD_OTHER, .put = put_extensions},
                {0x03, FIELD_OTHER, .put = put_aaguid},
                {0x04, FIELD_OTHER, .put = put_options},
                {0x05, FIELD_UINT, message_max(info)},
                {0x06, FIELD_OTHER, .put = put_protocols},
                {0x07, FIELD_UINT, list_max(info)},
                {0x08, FIELD_UINT, CREDENTIAL_ID_SIZE},
                {0x09, transports ? FIELD_OTHER : FIELD_ABSENT, .put = put_transports},
                {0x0a, algorithms ? FIELD_OTHER : FIELD_ABSENT, .put = put_algorithms},
                {0x0b, FIELD_UINT, LARGE_BLOB_ARRAY_MAX},
                {0x0c, FIELD_BOOL, state->force_pin_change},
                {0x0d, FIELD_UINT, state->min_pin_length},
                {0x0e, FIELD_UINT, info->a->config.firmware_version},
                {0x0f, FIELD_UINT, CRED_BLOB_MAX},
                {0x10, FIELD_UINT, MIN_PIN_RP_IDS_MAX},
                {0x11, UINT_IF(info->verifies), UV_TRIES_AT_ONCE},
                {0x12, UINT_IF(info->verifies), modality(info)},
                {0x14, UINT_IF(info->known), discoverable_left(info)},
                {0x16, FIELD_OTHER, .put = put_formats},
                {0x17, UINT_IF(info->sensor), state->uv_since_pin},
                {0x18, FIELD_BOOL, state->long_touch},
                {0x19, identifier ? FIELD_BYTES : FIELD_ABSENT, .bytes = identifier},
                {0x1a, transports ? FIELD_OTHER : FIELD_ABSENT, .put = put_transports},
                {0x1b, FIELD_BOOL, state->pin_complexity},
                {0x1d, FIELD_UINT, AUTHENTICATOR_PIN_MAX},
                {0x1e, store_state ? FIELD_BYTES : FIELD_ABSENT, .bytes = store_state},
                {0x1f, FIELD_OTHER, .put = put_config_commands},
        };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                n += fields[i].kind != FIELD_ABSENT;
        put_map(w, n);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (fields[i].kind != FIELD_ABSENT)
                        put_field(w, fields + i, info);
}

static int get_info(Transaction *t)
{
        Authenticator *a = t->a;
        uint8_t identifier[ENC_FIELD_SIZE], store_state[ENC_FIELD_SIZE];
        Info info = {.a = a, .host = t->host};
        bool encrypted, open = authenticator_load(a) == CTAP_OK;
        State noted;
        int r = CTAP_OK;

        info.known = open;
        info.state = open ? a->state : &noted;
        if (!open)
                (void)state_noted(a, &noted, &info.known);
        info.sensor = uv_available(a);
        info.enrolled = uv_configured(a);
        info.verifies = host_uv_available(t->host);
        info.verifies_now = host_uv_configured(t->host, info.state);
        encrypted = open && a->state->has_persistent_token;
        if (encrypted)
                r = enc_field(a, "encIdentifier", a->state->device_id, identifier);
        if (r == CTAP_OK && encrypted)
                r = enc_field(a, "encCredStoreState", a->state->store_id, store_state);
        if (r == CTAP_OK)
                put_info(&t->reply, &info, encrypted ? identifier : NULL, encrypted ? store_state : NULL);
        return r;
}

const Command command_get_info = {
        .code = 0x04,
        .flags = COMMAND_NO_BODY | COMMAND_SILENT,
        .run = get_info,
};
