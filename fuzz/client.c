/* The client: pieces that requests share, and what replies teach */
#include "fuzz/client.h"

#include <string.h>

/* ---- containers that are counted at their end ---- */

static Open open_container(CborWriter *w, uint8_t head)
{
        Open o = {.w = w, .at = w->size};

        put_raw(w, &head, 1);
        return o;
}

Open open_map(CborWriter *w)
{
        return open_container(w, 0xa0);
}

Open open_array(CborWriter *w)
{
        return open_container(w, 0x80);
}

void close_it(Open *o)
{
        PROMISE(o->n < 24);
        if (!o->w->failed)
                o->w->data[o->at] |= (uint8_t)o->n;
}

CborWriter *member(Open *map, int64_t key)
{
        map->n++;
        put_int(map->w, key);
        return map->w;
}

CborWriter *member_text(Open *map, const char *key)
{
        map->n++;
        put_text(map->w, key);
        return map->w;
}

/* ---- what there is to choose from ---- */

const char *client_pin(unsigned i)
{
        static const char *const pins[CLIENT_PINS] = {
                "1234", "12345678", "ключик", "aB3$aB3$", "123", "",
                "012345678901234567890123456789012345678901234567890123456789012",
                "0123456789012345678901234567890123456789012345678901234567890123",
        };

        return pins[i % CLIENT_PINS];
}

const char *client_rp_id(unsigned i)
{
        static const char *const ids[] = {"example.com", "a.b", "ssh:", "xn--e1afmkfd.example"};

        return ids[i % ELEMENTSOF(ids)];
}

/* ---- pieces ---- */

void put_descriptor(CborWriter *w, const Client *c, ByteReader *in)
{
        uint8_t which = byte_reader_u8(in);
        Open map = open_map(w);

        put_bytes(member_text(&map, "id"), c->ids[which % CLIENT_IDS], which & 0x40 ? 17 : CREDENTIAL_ID_SIZE);
        put_text(member_text(&map, "type"), which & 0x80 ? "other" : "public-key");
        close_it(&map);
}

void put_user(CborWriter *w, ByteReader *in)
{
        static const char *const names[] = {
                "bob",
                "",
                "Zoë\n\x7f",
                "a name that is longer than the sixty-four bytes which are kept, ключик",
        };
        uint8_t which = byte_reader_u8(in), id[AUTHENTICATOR_USER_ID_MAX + 1] = {which & 7};
        Open map = open_map(w);

        put_bytes(member_text(&map, "id"), id, (which & 0x07) == 7 ? sizeof(id) - (which >> 7) : 1);
        if (!(which & 0x08))
                put_text(member_text(&map, "name"), names[which >> 4 & 3]);
        if (!(which & 0x40))
                put_text(member_text(&map, "displayName"), names[which >> 5 & 3]);
        close_it(&map);
}

void put_platform_key(CborWriter *w, const Client *c, unsigned protocol)
{
        uint8_t public_key[64];
        Open map = open_map(w);

        agree_public(c->key, public_key);
        put_uint(member(&map, 1), 2);
        put_int(member(&map, 3), COSE_ECDH);
        put_uint(member(&map, -1), 1);
        put_bytes(member(&map, -2), public_key, 32);
        put_bytes(member(&map, -3), public_key + 32, 32);
        close_it(&map);
}

Auth client_auth_for(const Client *c, ByteReader *in, const void *message, size_t size)
{
        uint8_t mode = byte_reader_u8(in);
        unsigned token = mode % 3;
        Auth auth = {.has_param = true, .has_protocol = true, .protocol = token == 2 ? 1U + (mode >> 7) : token + 1};

        hmac_sha256(c->tokens[token], PIN_TOKEN_SIZE, message, size, auth.param);
        auth.size = auth.protocol == 1 ? 16 : 32;
        switch (mode >> 2 & 0x0f) {
        case 0:
                auth.has_param = auth.has_protocol = false;
                break;
        case 1:
                auth.size = 0;
                break;
        case 2:
                auth.param[0] ^= 1;
                break;
        case 3:
                auth.has_protocol = false;
                break;
        case 4:
                auth.protocol = 3;
                break;
        case 5:
                auth.has_param = false;
                break;
        default:
                break;
        }
        return auth;
}

void put_auth(Open *map, const Auth *auth, int param_key, int protocol_key)
{
        for (int key = param_key < protocol_key ? param_key : protocol_key; key <= param_key || key <= protocol_key; key++)
                if (key == param_key && auth->has_param)
                        put_bytes(member(map, key), auth->param, auth->size);
                else if (key == protocol_key && auth->has_protocol)
                        put_uint(member(map, key), auth->protocol);
}

/* ---- requests ---- */

/* A few bytes are changed, or the end cut off or added to. */
static void spoil(Client *c, ByteReader *in)
{
        uint8_t how = byte_reader_u8(in);

        c->protocol = 0; /* what its reply is sealed with is anybody's guess */
        for (unsigned n = how & 3; n > 0; n--) {
                uint16_t at = byte_reader_u16(in);

                c->request[at % c->size] ^= byte_reader_u8(in);
        }
        if ((how & 0x0c) == 0x04)
                c->size = 1 + byte_reader_u16(in) % c->size;
        if ((how & 0x0c) == 0x08 && c->size < sizeof(c->request))
                c->request[c->size++] = byte_reader_u8(in);
}

void client_build(Client *c, ByteReader *in)
{
        static const uint8_t commands[16] = {
                MAKE_CREDENTIAL, GET_ASSERTION, GET_INFO, CLIENT_PIN, RESET, GET_NEXT_ASSERTION, BIO_ENROLLMENT,
                CREDENTIAL_MANAGEMENT, SELECTION, LARGE_BLOBS, CONFIG, BIO_ENROLLMENT_PREVIEW,
                CREDENTIAL_MANAGEMENT_PREVIEW, CLIENT_PIN, MAKE_CREDENTIAL, GET_ASSERTION,
        };
        uint8_t which = byte_reader_u8(in);
        CborWriter w = CBOR_WRITER(c->request + 1, sizeof(c->request) - 1);

        c->request[0] = commands[which & 0x0f];
        c->sends_pin = false;
        c->protocol = c->permissions = 0;
        switch (c->request[0]) {
        case MAKE_CREDENTIAL:
                build_make_credential(c, in, &w);
                break;
        case GET_ASSERTION:
                build_get_assertion(c, in, &w);
                break;
        case CLIENT_PIN:
                build_client_pin(c, in, &w);
                break;
        case BIO_ENROLLMENT:
        case BIO_ENROLLMENT_PREVIEW:
                build_bio_enrollment(c, in, &w);
                break;
        case CREDENTIAL_MANAGEMENT:
        case CREDENTIAL_MANAGEMENT_PREVIEW:
                build_credential_management(c, in, &w);
                break;
        case LARGE_BLOBS:
                build_large_blobs(c, in, &w);
                break;
        case CONFIG:
                build_config(c, in, &w);
                break;
        default:
                break;
        }
        PROMISE(!w.failed);
        c->size = 1 + w.size;
        if (which & 0x80)
                spoil(c, in);
}

void client_build_key_agreement(Client *c, unsigned protocol)
{
        CborWriter w = CBOR_WRITER(c->request + 1, sizeof(c->request) - 1);
        Open map = open_map(&w);

        c->request[0] = CLIENT_PIN;
        c->sends_pin = false;
        c->protocol = protocol;
        c->permissions = 0;
        put_uint(member(&map, 1), protocol);
        put_uint(member(&map, 2), 2);
        close_it(&map);
        c->size = 1 + w.size;
}

/* ---- replies ---- */

static void learn_agreement(Client *c, const cbor_item_t *key)
{
        ClientPin *pin = c->pins + c->protocol - 1;
        static const uint8_t salt[32];
        uint8_t peer[64], z[32];

        PROMISE(value_cose_agreement(key, peer) == CTAP_OK);
        PROMISE(agree(c->key, peer, z) == 0);
        *pin = (ClientPin){.protocol = c->protocol, .secret.protocol = (uint8_t)c->protocol};
        agree_public(c->key, pin->public_key);
        c->has_secret[c->protocol - 1] = true;
        if (c->protocol == 1) {
                sha256(z, sizeof(z), pin->secret.hmac_key);
                memcpy(pin->secret.aes_key, pin->secret.hmac_key, sizeof(pin->secret.aes_key));
        } else {
                hkdf_sha256(salt, sizeof(salt), z, sizeof(z), "CTAP2 HMAC key", 14, pin->secret.hmac_key, 32);
                hkdf_sha256(salt, sizeof(salt), z, sizeof(z), "CTAP2 AES key", 13, pin->secret.aes_key, 32);
        }
}

static void learn_token(Client *c, const cbor_item_t *item)
{
        unsigned slot = c->permissions == PERMISSION_PCMR ? PIN_PROTOCOL_MAX : c->protocol - 1;
        uint8_t token[PIN_TOKEN_SIZE + PIN_IV_SIZE];
        const uint8_t *encrypted;
        size_t size = 0;

        PROMISE(value_bytes(item, 32, sizeof(token), &encrypted, &size) == CTAP_OK);
        PROMISE(size == (c->protocol == 1 ? 32 : 48));
        if (!c->has_secret[c->protocol - 1])
                return;
        client_decrypt(&c->pins[c->protocol - 1], encrypted, size, token, &size);
        memcpy(c->tokens[slot], token, PIN_TOKEN_SIZE);
        c->has_token[slot] = true;
}

static void learn_id(Client *c, const cbor_item_t *item)
{
        const uint8_t *data;
        size_t size, id_size;

        PROMISE(value_bytes(item, 55, AUTHENTICATOR_MESSAGE_MAX, &data, &size) == CTAP_OK);
        id_size = (size_t)data[53] << 8 | data[54];
        PROMISE(id_size == CREDENTIAL_ID_SIZE && size > 55 + id_size);
        memcpy(c->ids[c->n_ids++ % CLIENT_IDS], data + 55, id_size);
}

void client_learn(Client *c, const cbor_item_t *reply)
{
        const cbor_item_t *item;
        const uint8_t *id;
        size_t size;

        switch (c->request[0]) {
        case MAKE_CREDENTIAL:
                if (reply)
                        learn_id(c, map_get(reply, 2));
                return;
        case CLIENT_PIN:
                if (!reply || c->protocol == 0 || c->protocol > PIN_PROTOCOL_MAX)
                        return;
                item = map_get(reply, 1);
                if (item)
                        learn_agreement(c, item);
                item = map_get(reply, 2);
                if (item)
                        learn_token(c, item);
                return;
        case BIO_ENROLLMENT:
        case BIO_ENROLLMENT_PREVIEW:
                item = reply ? map_get(reply, 4) : NULL;
                if (item && value_bytes(item, 1, TEMPLATE_ID_MAX, &id, &size) == CTAP_OK) {
                        memcpy(c->template_id, id, size);
                        c->template_size = size;
                }
                return;
        default:
                return;
        }
}

/* ---- life ---- */

void client_init(Client *c)
{
        static const uint8_t private_key[32] = {[31] = 7};

        *c = (Client){0};
        PROMISE(agree_key_new_from(private_key, &c->key) == 0);
}

void client_done(Client *c)
{
        c->key = agree_key_free(c->key);
}
