/*
 * What makeCredential, getAssertion and the commands around them share
 *
 * A request is decoded once, into a struct that points into the request's own bytes; what those bytes are is checked
 * there, so that the steps after it compare values only. UserCheck is the part that both commands have of the
 * specification's algorithms: who has to be asked for what (steps 1–14 of section 6.1.2 and 1–9 of 6.2.2).
 */
#pragma once

#include "authenticator/extensions.h"
#include "authenticator/internal.h"

#define CLIENT_DATA_HASH_SIZE 32U

/* ---- request.c: pieces of requests ---- */

/* Text of a request, not ended by NUL. */
typedef struct Text {
        const char *data;
        size_t size;
} Text;

/* An rpId: not empty, without NUL, at most AUTHENTICATOR_RP_ID_MAX bytes. Copied, and hashed. */
int request_rp_id(const cbor_item_t *item, char ret[AUTHENTICATOR_RP_ID_MAX + 1], uint8_t ret_hash[32]);
int request_hash(const cbor_item_t *item, const uint8_t **ret);
/* Text of any length; NULL data when absent. */
int request_optional_text(const cbor_item_t *item, Text *ret);
/* allowList, excludeList: every entry is looked at. An absent and an empty list are the same: no entries. */
int request_credentials(const cbor_item_t *item, size_t *ret_n);
/* The i-th entry; false when its type is not "public-key". */
bool request_credential(const cbor_item_t *list, size_t i, const uint8_t **ret_id, size_t *ret_size);
/* A copy for a question: bounded, without control characters; "" when absent. */
void request_shown(Text text, char ret[AUTHENTICATOR_NAME_MAX + 1]);

/* ---- user.c: presence and verification ---- */

typedef struct UserCheck {
        /* what the client says */
        uint8_t permission; /* PERMISSION_MC or PERMISSION_GA */
        const uint8_t *client_data_hash;
        const uint8_t *rp_id_hash;
        bool has_param, has_protocol;
        const uint8_t *param;
        size_t param_size;
        uint64_t protocol;
        bool has_rk, rk, up, uv;
        /* what is found out */
        PinToken *token; /* the host's, which it showed */
        bool verified;   /* flag UV */
        bool present;    /* flag UP */
        UvProgress progress;
} UserCheck;

/* Decodes options, pinUvAuthParam and pinUvAuthProtocol (each NULL when absent). */
int user_read(const cbor_item_t *options, const cbor_item_t *param, const cbor_item_t *protocol, UserCheck *ret);

/* Whether the client only wants a touch, to tell authenticators apart: a pinUvAuthParam without bytes. Then ask with
 * user_ask_touch() and end with user_touched(). */
bool user_wants_touch(const UserCheck *user);
int user_ask_touch(Transaction *t);
int user_touched(const Transaction *t);

/* pinUvAuthProtocol must fit pinUvAuthParam. */
int user_check_protocol(const UserCheck *user);
/* The options, and whether verification is needed but not offered. May turn on `uv` (alwaysUv). */
int user_check_options(Transaction *t, UserCheck *user);
/* Verifies, by the token or by the built-in method; waits like uv_perform(). `about`: for the question. */
int user_verify(Transaction *t, UserCheck *user, const AuthenticatorQuestion *about);
/* Whether somebody still has to be asked. */
bool user_must_be_asked(const UserCheck *user);
/* Presence is given: the flag, and what the token remembers is used up. */
void user_has_come(UserCheck *user);

/* ---- auth-data.c: authenticator data (section 6.1 of WebAuthn) ---- */

#define AUTH_DATA_MAX 768U /* and CLIENT_DATA_HASH_SIZE after it, to be signed */

typedef enum AuthFlags {
        AUTH_FLAG_UP = 1 << 0,
        AUTH_FLAG_UV = 1 << 2,
        AUTH_FLAG_BE = 1 << 3,
        AUTH_FLAG_BS = 1 << 4,
        AUTH_FLAG_AT = 1 << 6,
        AUTH_FLAG_ED = 1 << 7,
} AuthFlags;

typedef struct AuthData {
        uint8_t bytes[AUTH_DATA_MAX + CLIENT_DATA_HASH_SIZE];
        size_t size; /* without the hash */
} AuthData;

/* What it is made of, beside the credential. */
typedef struct AuthDataParts {
        const uint8_t *rp_id_hash;
        bool present, verified;
        uint32_t counter;
        const uint8_t *aaguid; /* then the credential's id and key are in it; NULL: not */
        uint8_t extensions[EXTENSION_OUTPUTS_MAX];
        size_t extensions_size;
        const uint8_t *client_data_hash;
} AuthDataParts;

typedef struct Signature {
        uint8_t bytes[SIGN_SIGNATURE_MAX];
        size_t size;
} Signature;

int auth_data_make(Authenticator *a, const Credential *credential, const AuthDataParts *parts, AuthData *ret);
int auth_data_sign(const AuthData *data, const SignKey *key, Signature *ret);
/* By a key that is made for it and forgotten: nobody will verify it. */
int auth_data_sign_once(const AuthData *data, SignKind kind, Signature *ret);

/* ---- attestation.c ---- */

typedef enum AttestationFormat {
        ATTESTATION_PACKED,
        ATTESTATION_U2F,
        ATTESTATION_NONE,
} AttestationFormat;

/* The formats that getInfo names; NULL past the end. */
const char *attestation_nth(size_t i);
/* Checks attestationFormatsPreference (NULL: absent) and chooses: the first that fits the algorithm, else packed.
 * *ret_found: it was the client's wish. */
int attestation_choose(const cbor_item_t *preference, const Algorithm *algorithm, AttestationFormat *ret,
                       bool *ret_found);
/* The AAGUID that goes with it. */
const uint8_t *attestation_aaguid(const Authenticator *a, AttestationFormat format);
/* Whether the credential's own key signs the authenticator data. */
bool attestation_is_self(AttestationFormat format, bool enterprise);
/* Writes the members 1 to 3 of the reply: fmt, authData, attStmt. `enterprise`: by the administrator's key.
 * `signature`: the external key's own, where it has to sign. */
int attestation_write(Authenticator *a, CborWriter *w, AttestationFormat format, bool enterprise,
                      const Credential *credential, const AuthData *data, const Signature *signature);
/* U2F's: a certificate and a signature over the message, by the credential's key, or, for an external one, by a key that
 * is made for this and forgotten. */
int attestation_certify(const Credential *credential, const CborWriter *message,
                        uint8_t ret_certificate[CERTIFICATE_SELF_MAX], size_t *ret_size, Signature *ret);

/* ---- assertion.c ---- */

typedef struct Assertion {
        uint8_t rp_id_hash[32];
        uint8_t client_data_hash[CLIENT_DATA_HASH_SIZE];
        bool present, verified;
        bool selected; /* the person chose the account, so the client needs not ask */
        ExtensionInputs extensions;
} Assertion;

/* What is signed; CTAP_OK, or TRANSACTION_WAIT while an external key does. */
int assertion_prepare(Transaction *t, const Assertion *assertion, Credential *credential, AuthData *ret);
/* After that: the signature and the reply. `n`: how many credentials apply, when the client named none; else 0. `next`: it
 * is not the first of them. */
int assertion_write(Transaction *t, const Assertion *assertion, const Credential *credential, const AuthData *data, size_t n,
                    bool next);
/* Whether the credential may be used: it is this RP's, and its protection allows it. */
bool assertion_applies(const Credential *credential, const uint8_t rp_id_hash[32], bool verified, bool listed);

/* ---- accounts.c: those that a question names ---- */

typedef struct Accounts {
        size_t n; /* may be more than there is room for: then none is shown */
        uint64_t numbers[AUTHENTICATOR_ACCOUNTS_MAX];
        AuthenticatorAccount shown[AUTHENTICATOR_ACCOUNTS_MAX];
        struct {
                char user[AUTHENTICATOR_NAME_MAX + 1], display[AUTHENTICATOR_NAME_MAX + 1];
        } names[AUTHENTICATOR_ACCOUNTS_MAX];
} Accounts;

void accounts_add(Accounts *accounts, const Credential *credential);
/* For a question; NULL when there is no choice, or too much of it. */
const AuthenticatorAccount *accounts_shown(const Accounts *accounts);
/* The number of the credential that the person chose when the transaction's question was answered; 0: none. */
uint64_t accounts_chosen(const Accounts *accounts, const Transaction *t);

/* ---- cmd-get-next-assertion.c ---- */

/* Remembers the rest for getNextAssertion. Takes `numbers`, n > 1 of them, the first one is done. */
int assertion_remember(Transaction *t, const Assertion *assertion, uint64_t *numbers, size_t n);

/* ---- cmd-reset.c ---- */

/* Factory settings, in one change; credentials stay restorable. OPERATION_PENDING while storage is locked. Ends tokens
 * and what hosts are in the middle of (`except`: whose transaction goes on; NULL: nobody's). */
int reset_perform(Authenticator *a, const AuthenticatorHost *except);
/* How much longer a reset is allowed. */
unsigned reset_window(const Authenticator *a);
