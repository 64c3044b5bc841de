/*
 * Registrations and sign-ins as the test vectors of WebAuthn Level 3, section 16, have them
 *
 * The vectors' keys are ours to sign with: what is signed must be theirs to the byte, and so must the signatures of the
 * algorithm that has nothing random in them. Ids and keys of new credentials cannot be chosen, so registrations are put
 * together by the functions below makeCredential, and sign-ins are requests.
 */
#include <errno.h>

#include "authenticator/commands.h"
#include "tests/unit/ceremony-tools.h"
#include "tests/unit/credential-tools.h"
#include "tests/unit/webauthn-vectors.h"

#define OBJECT_MAX    2048U
#define AAGUID_OFFSET 37U
#define ID_OFFSET     55U

/* A vector with its values decoded. */
typedef struct Vector {
        const WebauthnVector *text;
        SignKey key;
        uint8_t aaguid[16], id[AUTHENTICATOR_ID_MAX];
        size_t id_size;
        cbor_item_t *object;
        const cbor_item_t *statement;
        const uint8_t *made; /* authenticator data of the registration */
        size_t made_size;
        uint8_t signed_in[64]; /* and of the sign-in */
        size_t signed_in_size;
        uint8_t signature[SIGN_SIGNATURE_MAX];
        size_t signature_size;
        uint8_t create_hash[32], get_hash[32]; /* of clientDataJSON */
} Vector;

static void vector_done(Vector *v)
{
        cbor_item_donep(&v->object);
}

static Vector vector_read(const WebauthnVector *text)
{
        Vector v = {.text = text, .key.kind = algorithm_find(text->algorithm)->kind};
        uint8_t object[OBJECT_MAX];
        size_t size;

        printf("    %s\n", text->name);
        CHECK(arena_init() >= 0);
        size = fixture_hex(text->private_key, v.key.private_key, sizeof(v.key.private_key));
        CHECK_EQ(size, sign_private_size(v.key.kind));
        CHECK_EQ(sign_complete(&v.key), 0);
        CHECK_EQ(fixture_hex(text->aaguid, v.aaguid, sizeof(v.aaguid)), sizeof(v.aaguid));
        v.id_size = fixture_hex(text->id, v.id, sizeof(v.id));
        v.signed_in_size = fixture_hex(text->authentication.auth_data, v.signed_in, sizeof(v.signed_in));
        v.signature_size = fixture_hex(text->authentication.signature, v.signature, sizeof(v.signature));
        sha256(text->registration.client_data, strlen(text->registration.client_data), v.create_hash);
        sha256(text->authentication.client_data, strlen(text->authentication.client_data), v.get_hash);

        size = fixture_hex(text->registration.object, object, sizeof(object));
        CHECK_EQ(cbor_read(object, size, &v.object), CTAP_OK);
        CHECK_EQ(cbor_map_size(v.object), 3);
        CHECK_EQ(value_bytes(map_get_text(v.object, "authData"), ID_OFFSET, OBJECT_MAX, &v.made, &v.made_size), CTAP_OK);
        v.statement = map_get_text(v.object, "attStmt");
        CHECK_EQ(value_map(v.statement), CTAP_OK);
        return v;
}

#define FOR_EACH_VECTOR(v)                                                                                             \
        for (size_t i_ = 0; i_ < ELEMENTSOF(webauthn_vectors); i_++)                                                   \
                for (_cleanup_(vector_done) Vector v = vector_read(webauthn_vectors + i_); v.text; v.text = NULL)

static bool format_is(const Vector *v, const char *format)
{
        return strcmp(v->text->format, format) == 0;
}

static const uint8_t *statement_signature(const cbor_item_t *statement, size_t *ret_size)
{
        const uint8_t *signature;

        CHECK_EQ(value_bytes(map_get_text(statement, "sig"), 1, SIGN_SIGNATURE_MAX, &signature, ret_size), CTAP_OK);
        return signature;
}

/* ---- keys, and the objects that carry them ---- */

TEST(private_keys_have_the_public_keys_of_the_vectors)
{
        FOR_EACH_VECTOR(v) {
                uint8_t cose[COSE_KEY_MAX];
                CborWriter w = CBOR_WRITER(cose, sizeof(cose));

                put_cose_key(&w, algorithm_find(v.text->algorithm), v.key.public_key);
                CHECK(!w.failed && cbor_writer_complete(&w));
                CHECK_EQ(ID_OFFSET + v.id_size + w.size, v.made_size);
                CHECK(memcmp(v.made + ID_OFFSET + v.id_size, cose, w.size) == 0);
        }
}

TEST(attestation_objects_have_the_parts_of_the_vectors)
{
        FOR_EACH_VECTOR(v) {
                _cleanup_(cbor_item_donep) cbor_item_t *reply = client_map();
                uint8_t rp_id_hash[32];
                const uint8_t *id;
                const char *format;
                SignKey key;
                size_t size;

                client_set(reply, 2, client_bytes(v.made, v.made_size));
                client_attested(reply, &id, &size, &key);
                CHECK(size == v.id_size && memcmp(id, v.id, size) == 0);
                CHECK_EQ(key.kind, v.key.kind);
                CHECK(memcmp(key.public_key, v.key.public_key, sign_public_size(key.kind)) == 0);
                sha256(RP, strlen(RP), rp_id_hash);
                CHECK(memcmp(v.made, rp_id_hash, sizeof(rp_id_hash)) == 0);
                CHECK_EQ(auth_counter(reply), 0);
                CHECK(memcmp(v.made + AAGUID_OFFSET, v.aaguid, sizeof(v.aaguid)) == 0);
                CHECK_EQ(value_text(map_get_text(v.object, "fmt"), 16, &format, &size), CTAP_OK);
                CHECK(text_is(format, size, v.text->format));
        }
}

/* ---- the vectors' signatures ---- */

/* Fits as it is, and with no byte changed, of what is signed or of itself. */
static void check_signature(const SignKey *key, uint8_t *message, size_t size, const uint8_t *signature,
                            size_t signature_size)
{
        uint8_t changed[SIGN_SIGNATURE_MAX];

        CHECK(signature_size <= sizeof(changed));
        memcpy(changed, signature, signature_size);
        CHECK_EQ(sign_verify(key, message, size, signature, signature_size), 0);
        for (size_t i = 0; i < size; i++) {
                message[i] ^= 0x40;
                CHECK_EQ(sign_verify(key, message, size, signature, signature_size), -EBADMSG);
                message[i] ^= 0x40;
        }
        for (size_t i = 0; i < signature_size; i++) {
                changed[i] ^= 1;
                CHECK_EQ(sign_verify(key, message, size, changed, signature_size), -EBADMSG);
                changed[i] ^= 1;
        }
        CHECK_EQ(sign_verify(key, message, size, changed, signature_size), 0);
}

TEST(signatures_of_sign_ins_fit_and_no_byte_may_change)
{
        FOR_EACH_VECTOR(v) {
                uint8_t message[sizeof(v.signed_in) + 32];

                memcpy(message, v.signed_in, v.signed_in_size);
                memcpy(message + v.signed_in_size, v.get_hash, 32);
                check_signature(&v.key, message, v.signed_in_size + 32, v.signature, v.signature_size);
        }
}

/* The key of the first certificate: a BIT STRING with a P-256 point, found by how it begins. */
static SignKey certified(const cbor_item_t *x5c)
{
        static const uint8_t begin[] = {0x03, 0x42, 0x00, 0x04};
        SignKey key = {.kind = SIGN_P256};
        const uint8_t *der, *point;
        size_t size, n;

        CHECK_EQ(value_array(x5c, 1, &n), CTAP_OK);
        CHECK_EQ(n, 1);
        CHECK_EQ(value_bytes(array_get(x5c, 0), 100, OBJECT_MAX, &der, &size), CTAP_OK);
        point = memmem(der, size, begin, sizeof(begin));
        CHECK(point && (size_t)(der + size - point) >= sizeof(begin) + 64);
        memcpy(key.public_key, point + sizeof(begin), 64);
        return key;
}

/* What an attestation statement is about: authenticator data and hash, or U2F's message (section 8.6). */
static size_t attested_message(const Vector *v, uint8_t ret[OBJECT_MAX])
{
        CborWriter w = CBOR_WRITER(ret, OBJECT_MAX);

        if (!format_is(v, "fido-u2f")) {
                put_raw(&w, v->made, v->made_size);
                put_raw(&w, v->create_hash, 32);
        } else {
                put_raw(&w, "", 1);
                put_raw(&w, v->made, 32);
                put_raw(&w, v->create_hash, 32);
                put_raw(&w, v->id, v->id_size);
                put_raw(&w, "\x04", 1);
                put_raw(&w, v->key.public_key, 64);
        }
        CHECK(!w.failed);
        return w.size;
}

TEST(signatures_of_attestations_fit_and_no_byte_may_change)
{
        unsigned n = 0;

        FOR_EACH_VECTOR(v) {
                const cbor_item_t *x5c = map_get_text(v.statement, "x5c");
                SignKey key = x5c ? certified(x5c) : v.key;
                uint8_t message[OBJECT_MAX];
                const uint8_t *signature;
                size_t size, signature_size;

                if (format_is(&v, "none")) {
                        CHECK_EQ(cbor_map_size(v.statement), 0);
                        continue;
                }
                size = attested_message(&v, message);
                signature = statement_signature(v.statement, &signature_size);
                check_signature(&key, message, size, signature, signature_size);
                n++;
        }
        CHECK_EQ(n, 4);
}

/* ---- what this authenticator makes of the same keys ---- */

/* The vector's credential as a record of ours, and an authenticator that is in the state that the flags tell of. */
static Credential *credential_of(const Vector *v, Fixture *f, uint8_t flags)
{
        Credential *c = credential_new();

        CHECK(c);
        memcpy(c->public.id, v->id, v->id_size);
        c->public.id_size = v->id_size;
        c->public.u2f = format_is(v, "fido-u2f");
        if (!c->public.u2f)
                memcpy(c->public.rp_id, RP, sizeof(RP));
        sha256(RP, strlen(RP), c->public.rp_id_hash);
        c->public.algorithm = v->text->algorithm;
        c->public.protection = 1;
        c->public.backup_eligible = v->made[32] & BE;
        c->public.created = 1;
        c->key = v->key;
        f->backed_up_until = flags & BS ? 1 : 0;
        memcpy(f->a->config.aaguid, v->aaguid, sizeof(v->aaguid));
        return c;
}

static int make_auth_data(const Vector *v, Fixture *f, const Credential *c, AuthData *ret)
{
        const AuthDataParts parts = {
                .rp_id_hash = c->public.rp_id_hash,
                .present = v->made[32] & UP,
                .verified = v->made[32] & UV,
                .aaguid = f->a->config.aaguid,
                .client_data_hash = v->create_hash,
        };

        return auth_data_make(f->a, c, &parts, ret);
}

static cbor_item_t *attest(Fixture *f, const Vector *v, const Credential *c, const AuthData *data)
{
        uint8_t memory[OBJECT_MAX];
        CborWriter w = CBOR_WRITER(memory, sizeof(memory));
        cbor_item_t *reply = NULL;
        AttestationFormat format = format_is(v, "none")     ? ATTESTATION_NONE :
                                   format_is(v, "fido-u2f") ? ATTESTATION_U2F :
                                                              ATTESTATION_PACKED;

        put_map(&w, 3);
        CHECK_EQ(attestation_write(f->a, &w, format, /* enterprise= */ false, c, data, /* signature= */ NULL), CTAP_OK);
        CHECK(!w.failed);
        CHECK_EQ(cbor_read(memory, w.size, &reply), CTAP_OK);
        return reply;
}

/*
 * Authenticator data is the vector's; that makeCredential puts zeros for the AAGUID with fido-u2f is another test's. So are
 * statements, where the vector's is empty or signed by the new key. Vectors with a certified key are compared as far as they
 * go: such a key is only an enterprise's here, else with packed the new key signs, and with fido-u2f it has a certificate
 * of its own.
 */
TEST(registrations_are_those_of_the_vectors)
{
        FOR_EACH_VECTOR(v) {
                _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
                _cleanup_(credential_freep) Credential *c = credential_of(&v, f, v.made[32]);
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
                uint8_t message[OBJECT_MAX];
                const uint8_t *signature;
                size_t size, signature_size;
                AuthData data;

                if (v.id_size > CREDENTIAL_ID_SIZE) { /* such ids are not made here: no room, and no overflow */
                        CHECK_EQ(make_auth_data(&v, f, c, &data), CTAP1_ERR_OTHER);
                        continue;
                }
                CHECK_EQ(make_auth_data(&v, f, c, &data), CTAP_OK);
                CHECK_EQ(data.size, v.made_size);
                CHECK(memcmp(data.bytes, v.made, data.size) == 0);

                reply = attest(f, &v, c, &data);
                CHECK(reply_text_is(reply, 1, v.text->format));
                if (format_is(&v, "none")) {
                        CHECK_EQ(cbor_map_size(map_get(reply, 3)), 0);
                        continue;
                }
                signature = statement_signature(map_get(reply, 3), &signature_size);
                size = attested_message(&v, message);
                CHECK_EQ(sign_verify(&v.key, message, size, signature, signature_size), 0);
                if (!map_get_text(v.statement, "x5c")) {
                        int64_t algorithm, expected;

                        CHECK_EQ(cbor_map_size(map_get(reply, 3)), cbor_map_size(v.statement));
                        CHECK_EQ(value_int(map_get_text(map_get(reply, 3), "alg"), &algorithm), CTAP_OK);
                        CHECK_EQ(value_int(map_get_text(v.statement, "alg"), &expected), CTAP_OK);
                        CHECK_EQ(algorithm, expected);
                }
        }
}

static cbor_item_t *sign_in(Fixture *f, const Vector *v)
{
        cbor_item_t *map = client_map(), *list = client_array(), *reply = NULL;
        uint8_t token[32];

        client_set(map, 1, client_text(RP));
        client_set(map, 2, client_bytes(v->get_hash, sizeof(v->get_hash)));
        client_push(list, client_descriptor(v->id, v->id_size));
        client_set(map, 3, list);
        if (v->signed_in[32] & UV) {
                set_pin(f);
                get_token(f, 2, PERMISSION_GA, RP, token);
                client_set(map, 6, client_auth(2, token, v->get_hash, sizeof(v->get_hash)));
                client_set(map, 7, client_int(2));
        }
        CHECK_EQ(client_send(f, GET_ASSERTION, map, &reply), CTAP_OK);
        return reply;
}

TEST(sign_ins_are_those_of_the_vectors)
{
        FOR_EACH_VECTOR(v) {
                _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
                _cleanup_(credential_freep) Credential *c = credential_of(&v, f, v.signed_in[32]);
                _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
                const uint8_t *bytes;
                size_t size;

                CHECK_EQ(store(f, c), CTAP_OK);
                reply = sign_in(f, &v);
                CHECK_EQ(value_bytes(map_get_text(map_get(reply, 1), "id"), 1, AUTHENTICATOR_ID_MAX, &bytes, &size),
                         CTAP_OK);
                CHECK(size == v.id_size && memcmp(bytes, v.id, size) == 0);
                bytes = reply_bytes(reply, 2, &size);
                CHECK_EQ(size, v.signed_in_size);
                CHECK(memcmp(bytes, v.signed_in, size) == 0);
                CHECK(client_verify(reply, &v.key, v.get_hash));
                if (v.key.kind != SIGN_ED25519)
                        continue;
                bytes = reply_bytes(reply, 3, &size);
                CHECK_EQ(size, v.signature_size);
                CHECK(memcmp(bytes, v.signature, size) == 0);
        }
}

TEST_MAIN
