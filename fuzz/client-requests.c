/* The client: one builder for each command, as far from the specification as the input says */
#include "fuzz/client.h"

#include <string.h>

#define MESSAGE_MAX 4096U

static const uint8_t client_data_hash[32] = {0x11, 0x22};

/* ---- makeCredential, getAssertion ---- */

static void put_algorithms(CborWriter *w, ByteReader *in)
{
        static const int16_t algorithms[] = {COSE_ES256,  COSE_EDDSA,   COSE_ES384, COSE_ESP256,
                                             COSE_ESP384, COSE_ED25519, -257,       5};
        uint8_t which = byte_reader_u8(in);
        Open array = open_array(w);

        for (unsigned n = which >> 6; array.n <= n; which >>= 3) {
                Open map = open_map(w);

                put_int(member_text(&map, "alg"), algorithms[which & 7]);
                put_text(member_text(&map, "type"), which == 0x3f ? "other" : "public-key");
                close_it(&map);
                array.n++;
        }
        close_it(&array);
}

static void put_list(CborWriter *w, const Client *c, ByteReader *in, unsigned n)
{
        Open array = open_array(w);

        for (; array.n < n; array.n++)
                put_descriptor(w, c, in);
        close_it(&array);
}

/* Salts for hmac-secret, sealed with the shared secret. */
static void put_salts(CborWriter *w, const Client *c, ByteReader *in)
{
        uint8_t how = byte_reader_u8(in), salts[64] = {how}, sealed[64 + PIN_IV_SIZE], mac[32];
        unsigned protocol = 1 + (how & 1);
        const ClientPin *pin = c->pins + protocol - 1;
        ClientPin none = {.protocol = protocol};
        Open map = open_map(w);
        size_t size;

        if (!c->has_secret[protocol - 1])
                pin = &none;
        client_encrypt(pin, salts, how & 2 ? 64 : how & 0x10 ? 48 : 32, sealed, &size);
        hmac_sha256(pin->secret.hmac_key, 32, sealed, size, mac);
        mac[0] ^= (how & 0x0c) == 0x0c;
        put_platform_key(member(&map, 1), c, protocol);
        put_bytes(member(&map, 2), sealed, size);
        put_bytes(member(&map, 3), mac, protocol == 1 ? 16 : 32);
        if (protocol != 1 || how & 0x20)
                put_uint(member(&map, 4), protocol);
        close_it(&map);
}

/* In the canonical order of their names. */
static void put_extensions(CborWriter *w, const Client *c, ByteReader *in, bool making)
{
        static const uint8_t blob[CRED_BLOB_MAX + 1] = {0xb1, 0x0b};
        uint8_t which = byte_reader_u8(in), more = byte_reader_u8(in);
        Open map = open_map(w);

        if (which & 0x01) {
                if (making)
                        put_bytes(member_text(&map, "credBlob"), blob, more & 0x80 ? sizeof(blob) : more & 0x0f);
                else
                        put_bool(member_text(&map, "credBlob"), true);
        }
        if (which & 0x02)
                put_uint(member_text(&map, "credProtect"), more & 3);
        if (which & 0x04) {
                if (making)
                        put_bool(member_text(&map, "hmac-secret"), !(more & 0x04));
                else
                        put_salts(member_text(&map, "hmac-secret"), c, in);
        }
        if (which & 0x08)
                put_bool(member_text(&map, "largeBlobKey"), !(more & 0x08));
        if (which & 0x10)
                put_bool(member_text(&map, "minPinLength"), !(more & 0x10));
        if (which & 0x20)
                put_salts(member_text(&map, "hmac-secret-mc"), c, in);
        if (which & 0x40)
                put_bool(member_text(&map, "thirdPartyPayment"), !(more & 0x20));
        if (which & 0x80)
                put_bool(member_text(&map, "pinComplexityPolicy"), !(more & 0x40));
        close_it(&map);
}

static void put_options(CborWriter *w, uint8_t which)
{
        Open map = open_map(w);

        if (which & 0x01)
                put_bool(member_text(&map, "rk"), which & 0x02);
        if (which & 0x04)
                put_bool(member_text(&map, "up"), which & 0x08);
        if (which & 0x10)
                put_bool(member_text(&map, "uv"), which & 0x20);
        close_it(&map);
}

void build_make_credential(Client *c, ByteReader *in, CborWriter *w)
{
        uint8_t which = byte_reader_u8(in), options = byte_reader_u8(in);
        Auth auth = client_auth_for(c, in, client_data_hash, sizeof(client_data_hash));
        Open map = open_map(w), rp;

        put_bytes(member(&map, 1), client_data_hash, sizeof(client_data_hash));
        rp = open_map(member(&map, 2));
        put_text(member_text(&rp, "id"), client_rp_id(which));
        if (which & 0x04)
                put_text(member_text(&rp, "name"), "A name");
        close_it(&rp);
        put_user(member(&map, 3), in);
        put_algorithms(member(&map, 4), in);
        if (which & 0x08)
                put_list(member(&map, 5), c, in, which >> 6 & 3);
        if (which & 0x10)
                put_extensions(member(&map, 6), c, in, /* making= */ true);
        if (options & 0x3f)
                put_options(member(&map, 7), options);
        put_auth(&map, &auth, 8, 9);
        if (which & 0x20)
                put_uint(member(&map, 10), options >> 6);
        if (options & 0x40) {
                Open formats = open_array(member(&map, 11));

                put_text(formats.w, options & 0x80 ? "none" : which & 0x80 ? "fido-u2f" : "packed");
                formats.n++;
                close_it(&formats);
        }
        close_it(&map);
}

void build_get_assertion(Client *c, ByteReader *in, CborWriter *w)
{
        uint8_t which = byte_reader_u8(in), options = byte_reader_u8(in);
        Auth auth = client_auth_for(c, in, client_data_hash, sizeof(client_data_hash));
        Open map = open_map(w);

        put_text(member(&map, 1), client_rp_id(which));
        put_bytes(member(&map, 2), client_data_hash, sizeof(client_data_hash));
        if (which & 0x08)
                put_list(member(&map, 3), c, in, which >> 6 & 3);
        if (which & 0x10)
                put_extensions(member(&map, 4), c, in, /* making= */ false);
        if (options & 0x3f)
                put_options(member(&map, 5), options);
        put_auth(&map, &auth, 6, 7);
        close_it(&map);
}

/* ---- clientPIN ---- */

static void seal_pin(const ClientPin *pin, const char *text, uint8_t *ret, size_t *ret_size)
{
        uint8_t padded[64] = {0};

        memcpy(padded, text, strlen(text));
        client_encrypt(pin, padded, sizeof(padded), ret, ret_size);
}

void build_client_pin(Client *c, ByteReader *in, CborWriter *w)
{
        uint8_t which = byte_reader_u8(in), pins = byte_reader_u8(in), permissions = byte_reader_u8(in);
        unsigned subcommand = which & 0x0f, protocol = 1 + (which >> 4 & 1);
        const ClientPin *pin = c->pins + protocol - 1;
        uint8_t sealed[64 + PIN_IV_SIZE + 32], hash[SHA256_SIZE], mac[32];
        size_t size = 0, hash_size = 0;
        Open map = open_map(w);
        ClientPin none = {.protocol = protocol};

        if (!c->has_secret[protocol - 1])
                pin = &none;
        c->protocol = protocol;
        if (!(which & 0x20) || subcommand > 2)
                put_uint(member(&map, 1), (which & 0xe0) == 0xe0 ? 3 : protocol);
        put_uint(member(&map, 2), subcommand);
        if (subcommand == 3 || subcommand == 4 || subcommand == 5 || subcommand == 6 || subcommand == 9)
                put_platform_key(member(&map, 3), c, protocol);
        if (subcommand == 3 || subcommand == 4)
                seal_pin(pin, client_pin(pins), sealed, &size);
        if (subcommand == 4 || subcommand == 5 || subcommand == 9) {
                sha256(client_pin(pins >> 4), strlen(client_pin(pins >> 4)), hash);
                client_encrypt(pin, hash, 16, sealed + size, &hash_size);
                memcpy(c->pin_hash, hash, sizeof(c->pin_hash));
                c->sends_pin = true;
        }
        if (subcommand == 3 || subcommand == 4) {
                hmac_sha256(pin->secret.hmac_key, 32, sealed, size + hash_size, mac);
                mac[0] ^= (pins & 0x08) && (pins & 0x80);
                put_bytes(member(&map, 4), mac, protocol == 1 ? 16 : 32);
                put_bytes(member(&map, 5), sealed, size);
        }
        if (hash_size > 0)
                put_bytes(member(&map, 6), sealed + size, hash_size);
        if (subcommand == 6 || subcommand == 9 || which & 0x40) {
                c->permissions = permissions & 0x7f;
                put_uint(member(&map, 9), c->permissions);
                if (permissions & 0x80 || permissions & (PERMISSION_MC | PERMISSION_GA))
                        put_text(member(&map, 10), client_rp_id(which >> 6));
        }
        close_it(&map);
}

/* ---- subcommands that a token permits ---- */

void build_credential_management(Client *c, ByteReader *in, CborWriter *w)
{
        uint8_t which = byte_reader_u8(in), memory[MESSAGE_MAX] = {which & 0x0f}, hash[SHA256_SIZE];
        CborWriter params = CBOR_WRITER(memory + 1, sizeof(memory) - 1);
        unsigned subcommand = which & 0x0f;
        Auth auth;
        Open map, inner;

        inner = open_map(&params);
        if (subcommand == 4) {
                sha256(client_rp_id(which >> 4), strlen(client_rp_id(which >> 4)), hash);
                put_bytes(member(&inner, 1), hash, sizeof(hash));
        }
        if (subcommand == 6 || subcommand == 7)
                put_descriptor(member(&inner, 2), c, in);
        if (subcommand == 7)
                put_user(member(&inner, 3), in);
        close_it(&inner);
        if (inner.n == 0)
                params.size = 0;
        auth = client_auth_for(c, in, memory, 1 + params.size);

        map = open_map(w);
        put_uint(member(&map, 1), subcommand);
        if (params.size > 0)
                put_raw(member(&map, 2), params.data, params.size);
        put_auth(&map, &auth, 4, 3);
        close_it(&map);
}

void build_bio_enrollment(Client *c, ByteReader *in, CborWriter *w)
{
        uint8_t which = byte_reader_u8(in), memory[MESSAGE_MAX] = {1, which & 0x0f};
        CborWriter params = CBOR_WRITER(memory + 2, sizeof(memory) - 2);
        unsigned subcommand = which & 0x0f;
        Auth auth;
        Open map, inner;

        inner = open_map(&params);
        if (subcommand == 2 || subcommand == 5 || subcommand == 6)
                put_bytes(member(&inner, 1), c->template_id, c->template_size);
        if (subcommand == 5)
                put_text(member(&inner, 2), which & 0x10 ? "left thumb" : "ключик");
        if (which & 0x20)
                put_uint(member(&inner, 3), which & 0x40 ? 1000 : 10);
        close_it(&inner);
        if (inner.n == 0)
                params.size = 0;
        auth = client_auth_for(c, in, memory, 2 + params.size);

        map = open_map(w);
        if (subcommand > 0 || which & 0x10)
                put_uint(member(&map, 1), 1);
        if (subcommand > 0)
                put_uint(member(&map, 2), subcommand);
        if (params.size > 0)
                put_raw(member(&map, 3), params.data, params.size);
        put_auth(&map, &auth, 5, 4);
        if (subcommand == 0)
                put_bool(member(&map, 6), !(which & 0x80));
        close_it(&map);
}

/* Fragments of an array of this size that ends with the hash it ought to have. */
static size_t make_array(uint16_t size, uint8_t ret[MESSAGE_MAX + 17])
{
        uint8_t hash[SHA256_SIZE];

        size %= MESSAGE_MAX;
        memset(ret, 0x80, size);
        sha256(ret, size, hash);
        memcpy(ret + size, hash, 16);
        return size + 16U;
}

void build_large_blobs(Client *c, ByteReader *in, CborWriter *w)
{
        uint8_t which = byte_reader_u8(in), array[MESSAGE_MAX + 17], message[32 + 2 + 4 + SHA256_SIZE];
        size_t size = make_array(byte_reader_u16(in), array), n = size, offset;
        Open map = open_map(w);
        Auth auth;

        offset = which & 0x10 ? byte_reader_u16(in) : 0;
        if (!(which & 0x01)) {
                put_uint(member(&map, 1), size);
                put_uint(member(&map, 3), offset);
                close_it(&map);
                return;
        }
        if (which & 0x02 && offset < size)
                n = 1 + byte_reader_u16(in) % (size - offset); /* one fragment of several */
        else
                n = offset < size ? size - offset : 0;
        memset(message, 0xff, 32);
        message[32] = LARGE_BLOBS;
        message[33] = 0;
        for (unsigned i = 0; i < 4; i++)
                message[34 + i] = (uint8_t)(offset >> (8 * i));
        sha256(array + (n > 0 ? offset : 0), n, message + 38);
        auth = client_auth_for(c, in, message, sizeof(message));
        if (which & 0x80)
                put_uint(member(&map, 1), 17);
        put_bytes(member(&map, 2), array + (n > 0 ? offset : 0), n);
        put_uint(member(&map, 3), offset);
        if (offset == 0 || which & 0x20)
                put_uint(member(&map, 4), which & 0x40 ? LARGE_BLOB_ARRAY_MAX + 1 : size);
        put_auth(&map, &auth, 5, 6);
        close_it(&map);
}

void build_config(Client *c, ByteReader *in, CborWriter *w)
{
        uint8_t which = byte_reader_u8(in), more = byte_reader_u8(in), memory[MESSAGE_MAX];
        CborWriter params = CBOR_WRITER(memory + 34, sizeof(memory) - 34);
        unsigned subcommand = which & 7;
        Auth auth;
        Open map, inner;

        inner = open_map(&params);
        if (subcommand == 3) {
                if (which & 0x08)
                        put_uint(member(&inner, 1), more & 0x80 ? 64 : 4 + (more & 7));
                if (which & 0x10) {
                        Open array = open_array(member(&inner, 2));

                        for (unsigned i = 0; i < (more >> 3 & 0x0f); i++, array.n++)
                                put_text(array.w, client_rp_id(i));
                        close_it(&array);
                }
                if (which & 0x20)
                        put_bool(member(&inner, 3), which & 0x80);
                if (which & 0x40)
                        put_bool(member(&inner, 4), !(which & 0x80));
        }
        close_it(&inner);
        if (inner.n == 0)
                params.size = 0;
        memset(memory, 0xff, 32);
        memory[32] = CONFIG;
        memory[33] = (uint8_t)subcommand;
        auth = client_auth_for(c, in, memory, 34 + params.size);

        map = open_map(w);
        put_uint(member(&map, 1), subcommand);
        if (params.size > 0)
                put_raw(member(&map, 2), params.data, params.size);
        put_auth(&map, &auth, 4, 3);
        close_it(&map);
}
