/*
 * The platform's side of CTAP2, for tests
 *
 * Requests are built and serialised by libcbor, keys and signatures checked by hand from the replies' bytes, and the PIN
 * protocols written anew from the specification, so that a mistake in the authenticator does not meet itself here.
 */
#include <string.h>

#include "common/hex.h"
#include "crypto/cbc.h"
#include "crypto/seal.h"
#include "tests/unit/authenticator-fixture-keys.h"
#include "tests/unit/test.h"

#define MEMBERS_MAX  24U
#define ELEMENTS_MAX 256U

#define MAKE_CREDENTIAL 0x01
#define CLIENT_PIN      0x06

/* ---- requests ---- */

size_t fixture_hex(const char *hex, uint8_t *ret, size_t max)
{
        char digits[2 * AUTHENTICATOR_MESSAGE_MAX + 1];
        size_t n = 0;

        for (; *hex; hex++)
                if (*hex != ' ') {
                        CHECK(n + 1 < sizeof(digits));
                        digits[n++] = *hex;
                }
        digits[n] = 0;
        CHECK(n % 2 == 0 && n / 2 <= max);
        CHECK_EQ(hex_decode(digits, ret, n / 2), 0);
        return n / 2;
}

/* Has keys outside do their work, unless they are slow. */
static int wait_for_keys(Fixture *f, int r, AuthenticatorReply *ret)
{
        while (r == AUTHENTICATOR_PENDING && !f->keys.slow && fixture_key_works(f, f->host))
                r = fixture_key_answer(f, ret);
        return r;
}

int fixture_send(Fixture *f, const void *request, size_t size, AuthenticatorReply *ret)
{
        AuthenticatorReply reply;

        CHECK_EQ(wait_for_keys(f, authenticator_request(f->host, f->channel, request, size, &reply), &reply), 0);
        CHECK(reply.size >= 1 && reply.size <= AUTHENTICATOR_MESSAGE_MAX);
        if (ret)
                *ret = (AuthenticatorReply){reply.data + 1, reply.size - 1};
        return reply.data[0];
}

int fixture_send_hex(Fixture *f, uint8_t command, const char *hex, AuthenticatorReply *ret)
{
        uint8_t request[AUTHENTICATOR_MESSAGE_MAX] = {command};

        return fixture_send(f, request, 1 + fixture_hex(hex, request + 1, sizeof(request) - 1), ret);
}

unsigned fixture_u2f(Fixture *f, const void *apdu, size_t size, AuthenticatorReply *ret)
{
        AuthenticatorReply reply;

        CHECK_EQ(wait_for_keys(f, authenticator_u2f_request(f->host, f->channel, apdu, size, &reply), &reply), 0);
        CHECK(reply.size >= 2 && reply.size <= AUTHENTICATOR_MESSAGE_MAX);
        if (ret)
                *ret = (AuthenticatorReply){reply.data, reply.size - 2};
        return (unsigned)reply.data[reply.size - 2] << 8 | reply.data[reply.size - 1];
}

cbor_item_t *client_map(void)
{
        cbor_item_t *map = cbor_new_definite_map(MEMBERS_MAX);

        CHECK(map);
        return map;
}

static void add(cbor_item_t *map, cbor_item_t *key, cbor_item_t *value)
{
        CHECK(key && value);
        CHECK(cbor_map_add(map, (struct cbor_pair){.key = cbor_move(key), .value = cbor_move(value)}));
}

void client_set(cbor_item_t *map, int key, cbor_item_t *value)
{
        add(map, client_int(key), value);
}

void client_set_text(cbor_item_t *map, const char *key, cbor_item_t *value)
{
        add(map, client_text(key), value);
}

cbor_item_t *client_int(int64_t value)
{
        uint64_t n = value < 0 ? (uint64_t)(-1 - value) : (uint64_t)value;
        cbor_item_t *item = n <= UINT8_MAX    ? cbor_build_uint8((uint8_t)n) :
                            n <= UINT16_MAX   ? cbor_build_uint16((uint16_t)n) :
                            n <= UINT32_MAX   ? cbor_build_uint32((uint32_t)n) :
                                                cbor_build_uint64(n);

        CHECK(item);
        if (value < 0)
                cbor_mark_negint(item);
        return item;
}

cbor_item_t *client_bytes(const void *data, size_t size)
{
        cbor_item_t *item = cbor_build_bytestring(data, size);

        CHECK(item);
        return item;
}

cbor_item_t *client_text(const char *text)
{
        cbor_item_t *item = cbor_build_string(text);

        CHECK(item);
        return item;
}

cbor_item_t *client_array(void)
{
        cbor_item_t *array = cbor_new_definite_array(ELEMENTS_MAX);

        CHECK(array);
        return array;
}

void client_push(cbor_item_t *array, cbor_item_t *value)
{
        CHECK(value && cbor_array_push(array, cbor_move(value)));
}

size_t client_serialize(const cbor_item_t *map, uint8_t *ret, size_t max)
{
        size_t size = cbor_serialize(map, ret, max);

        CHECK(size > 0);
        return size;
}

int client_send(Fixture *f, uint8_t command, cbor_item_t *map, cbor_item_t **ret_reply)
{
        uint8_t request[AUTHENTICATOR_MESSAGE_MAX] = {command};
        _cleanup_(cbor_item_donep) cbor_item_t *checked = NULL;
        AuthenticatorReply reply;
        size_t size = 1;
        int status;

        if (map) {
                size += client_serialize(map, request + 1, sizeof(request) - 1);
                cbor_decref(&map);
        }
        status = fixture_send(f, request, size, &reply);
        if (reply.size > 0) {
                CHECK_EQ(status, CTAP_OK);
                CHECK_EQ(cbor_read(reply.data, reply.size, &checked), CTAP_OK);
                CHECK(cbor_isa_map(checked));
        }
        if (ret_reply)
                *ret_reply = TAKE_PTR(checked);
        return status;
}

cbor_item_t *client_descriptor(const uint8_t *id, size_t size)
{
        cbor_item_t *map = client_map();

        client_set_text(map, "id", client_bytes(id, size));
        client_set_text(map, "type", client_text("public-key"));
        return map;
}

static cbor_item_t *client_data_hash(void)
{
        uint8_t hash[32];

        memset(hash, 0x11, sizeof(hash));
        return client_bytes(hash, sizeof(hash));
}

cbor_item_t *client_make_request(const char *rp_id, const char *user, int alg)
{
        cbor_item_t *map = client_map(), *rp = client_map(), *account = client_map(), *params = client_array(),
                    *param = client_map();

        client_set_text(rp, "id", client_text(rp_id));
        client_set_text(rp, "name", client_text(rp_id));
        client_set_text(account, "id", client_bytes(user, strlen(user)));
        client_set_text(account, "name", client_text(user));
        client_set_text(account, "displayName", client_text(user));
        client_set_text(param, "alg", client_int(alg));
        client_set_text(param, "type", client_text("public-key"));
        client_push(params, param);
        client_set(map, 1, client_data_hash());
        client_set(map, 2, rp);
        client_set(map, 3, account);
        client_set(map, 4, params);
        return map;
}

int client_make(Fixture *f, const char *rp_id, const char *user, int alg, bool rk, cbor_item_t **ret_reply)
{
        cbor_item_t *map = client_make_request(rp_id, user, alg);

        if (rk) {
                cbor_item_t *options = client_map();

                client_set_text(options, "rk", cbor_build_bool(true));
                client_set(map, 7, options);
        }
        return client_send(f, MAKE_CREDENTIAL, map, ret_reply);
}

cbor_item_t *client_assert_request(const char *rp_id)
{
        cbor_item_t *map = client_map();

        client_set(map, 1, client_text(rp_id));
        client_set(map, 2, client_data_hash());
        return map;
}

/* ---- replies ---- */

static const uint8_t *bytes_of(const cbor_item_t *map, int64_t key, size_t *ret_size)
{
        const cbor_item_t *item = map_get(map, key);

        CHECK(item && cbor_isa_bytestring(item));
        *ret_size = cbor_bytestring_length(item);
        return cbor_bytestring_handle(item);
}

static int64_t int_of(const cbor_item_t *map, int64_t key)
{
        const cbor_item_t *item = map_get(map, key);

        CHECK(item && cbor_is_int(item));
        return cbor_isa_negint(item) ? -1 - (int64_t)cbor_get_int(item) : (int64_t)cbor_get_int(item);
}

static void read_cose(const cbor_item_t *key, SignKey *ret)
{
        size_t size, y_size;
        const uint8_t *x = bytes_of(key, -2, &size), *y;

        *ret = (SignKey){0};
        memcpy(ret->public_key, x, size < SIGN_PUBLIC_MAX ? size : SIGN_PUBLIC_MAX);
        if (int_of(key, 1) == 1) {
                CHECK_EQ(int_of(key, -1), 6);
                CHECK_EQ(size, 32);
                ret->kind = SIGN_ED25519;
                return;
        }
        CHECK_EQ(int_of(key, 1), 2);
        ret->kind = int_of(key, -1) == 1 ? SIGN_P256 : SIGN_P384;
        y = bytes_of(key, -3, &y_size);
        CHECK_EQ(size, int_of(key, -1) == 1 ? 32 : 48);
        CHECK_EQ(y_size, size);
        memcpy(ret->public_key + size, y, y_size);
}

void client_attested(const cbor_item_t *make_reply, const uint8_t **ret_id, size_t *ret_id_size, SignKey *ret_public)
{
        _cleanup_(cbor_item_donep) cbor_item_t *key = NULL;
        struct cbor_load_result result;
        size_t size, id_size;
        const uint8_t *data = bytes_of(make_reply, 2, &size);

        /* rpIdHash 32, flags 1, signCount 4, aaguid 16, size of the id 2, id, key (WebAuthn, 6.5.1) */
        CHECK(size > 55);
        CHECK(data[32] & 0x40);
        id_size = (size_t)data[53] << 8 | data[54];
        CHECK(id_size > 0 && 55 + id_size < size);
        key = cbor_load(data + 55 + id_size, size - 55 - id_size, &result);
        CHECK(key && cbor_isa_map(key));
        if (!(data[32] & 0x80))
                CHECK_EQ(55 + id_size + result.read, size);
        if (ret_public)
                read_cose(key, ret_public);
        *ret_id = data + 55;
        *ret_id_size = id_size;
}

bool client_verify(const cbor_item_t *assert_reply, const SignKey *public_key, const uint8_t client_data_hash_[32])
{
        uint8_t message[AUTHENTICATOR_MESSAGE_MAX + 32];
        size_t size, signature_size;
        const uint8_t *data = bytes_of(assert_reply, 2, &size);
        const uint8_t *signature = bytes_of(assert_reply, 3, &signature_size);

        CHECK(size >= 37);
        memcpy(message, data, size);
        memcpy(message + size, client_data_hash_, 32);
        return sign_verify(public_key, message, size + 32, signature, signature_size) == 0;
}

/* ---- PIN/UV protocols (sections 6.5.6, 6.5.7) ---- */

static cbor_item_t *pin_request(unsigned protocol, unsigned subcommand)
{
        cbor_item_t *map = client_map();

        client_set(map, 1, client_int(protocol));
        client_set(map, 2, client_int(subcommand));
        return map;
}

void client_pin_begin(Fixture *f, unsigned protocol, ClientPin *ret)
{
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        _cleanup_(agree_key_freep) AgreeKey *key = NULL;
        static const uint8_t salt[32];
        uint8_t z[32];
        SignKey peer;

        CHECK_EQ(client_send(f, CLIENT_PIN, pin_request(protocol, 2), &reply), CTAP_OK);
        CHECK(reply && map_get(reply, 1));
        CHECK_EQ(int_of(map_get(reply, 1), 3), -25);
        read_cose(map_get(reply, 1), &peer);
        CHECK_EQ(peer.kind, SIGN_P256);
        CHECK_EQ(agree_key_new(&key), 0);
        CHECK_EQ(agree(key, peer.public_key, z), 0);
        *ret = (ClientPin){.protocol = protocol, .secret.protocol = (uint8_t)protocol};
        agree_public(key, ret->public_key);
        if (protocol == 1) {
                sha256(z, sizeof(z), ret->secret.hmac_key);
                memcpy(ret->secret.aes_key, ret->secret.hmac_key, sizeof(ret->secret.aes_key));
                return;
        }
        hkdf_sha256(salt, sizeof(salt), z, sizeof(z), "CTAP2 HMAC key", 14, ret->secret.hmac_key, 32);
        hkdf_sha256(salt, sizeof(salt), z, sizeof(z), "CTAP2 AES key", 13, ret->secret.aes_key, 32);
}

cbor_item_t *client_pin_key(const ClientPin *pin)
{
        cbor_item_t *key = client_map();

        client_set(key, 1, client_int(2));
        client_set(key, 3, client_int(-25));
        client_set(key, -1, client_int(1));
        client_set(key, -2, client_bytes(pin->public_key, 32));
        client_set(key, -3, client_bytes(pin->public_key + 32, 32));
        return key;
}

void client_encrypt(const ClientPin *pin, const void *plain, size_t size, uint8_t *ret, size_t *ret_size)
{
        size_t before = pin->protocol == 2 ? PIN_IV_SIZE : 0;
        uint8_t iv[PIN_IV_SIZE] = {0};

        if (before > 0) {
                random_bytes(iv, sizeof(iv));
                memcpy(ret, iv, sizeof(iv));
        }
        CHECK_EQ(cbc_encrypt(pin->secret.aes_key, 32, iv, plain, size, ret + before), 0);
        *ret_size = before + size;
}

void client_decrypt(const ClientPin *pin, const void *cipher, size_t size, uint8_t *ret, size_t *ret_size)
{
        size_t before = pin->protocol == 2 ? PIN_IV_SIZE : 0;
        uint8_t iv[PIN_IV_SIZE] = {0};

        CHECK(size >= before);
        if (before > 0)
                memcpy(iv, cipher, sizeof(iv));
        CHECK_EQ(cbc_decrypt(pin->secret.aes_key, 32, iv, (const uint8_t *)cipher + before, size - before, ret), 0);
        *ret_size = size - before;
}

cbor_item_t *client_auth(unsigned protocol, const uint8_t token[32], const void *message, size_t size)
{
        uint8_t mac[32];

        hmac_sha256(token, 32, message, size, mac);
        return client_bytes(mac, protocol == 1 ? 16 : 32);
}

static void encrypt_new_pin(const ClientPin *client, const char *pin, uint8_t ret[80], size_t *ret_size)
{
        uint8_t padded[64] = {0};

        CHECK(strlen(pin) <= sizeof(padded));
        memcpy(padded, pin, strlen(pin));
        client_encrypt(client, padded, sizeof(padded), ret, ret_size);
}

static void encrypt_pin_hash(const ClientPin *client, const char *pin, uint8_t ret[32], size_t *ret_size)
{
        uint8_t hash[32];

        sha256(pin, strlen(pin), hash);
        client_encrypt(client, hash, 16, ret, ret_size);
}

int client_pin_set(Fixture *f, unsigned protocol, const char *pin)
{
        cbor_item_t *map = pin_request(protocol, 3);
        uint8_t cipher[80];
        ClientPin client;
        size_t size;

        client_pin_begin(f, protocol, &client);
        encrypt_new_pin(&client, pin, cipher, &size);
        client_set(map, 3, client_pin_key(&client));
        client_set(map, 4, client_auth(protocol, client.secret.hmac_key, cipher, size));
        client_set(map, 5, client_bytes(cipher, size));
        return client_send(f, CLIENT_PIN, map, NULL);
}

int client_pin_change(Fixture *f, unsigned protocol, const char *old_pin, const char *new_pin)
{
        cbor_item_t *map = pin_request(protocol, 4);
        uint8_t ciphers[80 + 32];
        ClientPin client;
        size_t size, hash_size;

        client_pin_begin(f, protocol, &client);
        encrypt_new_pin(&client, new_pin, ciphers, &size);
        encrypt_pin_hash(&client, old_pin, ciphers + size, &hash_size);
        client_set(map, 3, client_pin_key(&client));
        client_set(map, 4, client_auth(protocol, client.secret.hmac_key, ciphers, size + hash_size));
        client_set(map, 5, client_bytes(ciphers, size));
        client_set(map, 6, client_bytes(ciphers + size, hash_size));
        return client_send(f, CLIENT_PIN, map, NULL);
}

int client_pin_token(Fixture *f, unsigned protocol, const char *pin, uint8_t permissions, const char *rp_id,
                     uint8_t ret[32])
{
        _cleanup_(cbor_item_donep) cbor_item_t *reply = NULL;
        cbor_item_t *map = pin_request(protocol, permissions ? 9 : 5);
        uint8_t cipher[32], token[64];
        const uint8_t *encrypted;
        ClientPin client;
        size_t size;
        int status;

        client_pin_begin(f, protocol, &client);
        encrypt_pin_hash(&client, pin, cipher, &size);
        client_set(map, 3, client_pin_key(&client));
        client_set(map, 6, client_bytes(cipher, size));
        if (permissions)
                client_set(map, 9, client_int(permissions));
        if (rp_id)
                client_set(map, 10, client_text(rp_id));
        status = client_send(f, CLIENT_PIN, map, &reply);
        if (status != CTAP_OK)
                return status;
        CHECK(reply);
        encrypted = bytes_of(reply, 2, &size);
        CHECK(size <= sizeof(token));
        client_decrypt(&client, encrypted, size, token, &size);
        CHECK_EQ(size, 32);
        memcpy(ret, token, 32);
        return CTAP_OK;
}
