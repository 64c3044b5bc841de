/*
 * Private keys from the wire, and signatures with them
 *
 * A message that adds a key has both halves. That they belong together is checked once, here: with a public half of somebody
 * else's, Ed25519 would give the private one away. Raw values are in the arena while a signature is made.
 */
#include "sshagent/private.h"

#include <errno.h>
#include <string.h>

#include "crypto/arena.h"
#include "sshagent/signature.h"

#define ED25519_SIZE 32U

static void arena_freep(void *p)
{
        (void)arena_free(*(void **)p);
}

/* The key of a certificate that came, or none. */
typedef struct Around {
        Span bytes;
        Blob blob;
        BlobCertificate certificate;
} Around;

static int finish(const Around *around, uint8_t *plain, size_t plain_size, uint8_t **ret_blob, size_t *ret_size)
{
        _cleanup_free_ uint8_t *mine = plain, *inner = NULL;
        size_t inner_size;
        int r;

        if (!around->bytes.data) {
                *ret_blob = TAKE_PTR(mine);
                *ret_size = plain_size;
                return 0;
        }
        r = blob_write_plain(&around->blob, &inner, &inner_size);
        if (r < 0)
                return r;
        if (!span_equal((Span){inner, inner_size}, (Span){mine, plain_size}))
                return -EINVAL;
        free(inner);
        inner = malloc(around->bytes.size);
        if (!inner)
                return -ENOMEM;
        memcpy(inner, around->bytes.data, around->bytes.size);
        *ret_blob = TAKE_PTR(inner);
        *ret_size = around->bytes.size;
        return 0;
}

/* Completes a key from its private value and compares it with the public one that came along. */
static int check_value(const SignKey *public, Span value, ByteWriter *secret)
{
        _cleanup_(arena_freep) SignKey *key = arena_alloc(sizeof(*key));
        size_t size = sign_private_size(public->kind);
        int r;

        if (!key)
                return -ENOMEM;
        if (value.size > size)
                return -EINVAL;
        key->kind = public->kind;
        memcpy(key->private_key + size - value.size, value.data, value.size);
        r = sign_complete(key);
        if (r < 0)
                return r;
        if (memcmp(key->public_key, public->public_key, sign_public_size(key->kind)) != 0)
                return -EINVAL;
        byte_writer_raw(secret, key->private_key, size);
        return secret->failed ? -ENOMEM : 0;
}

static void read_ed25519_public(ByteReader *reader, SignKey *key)
{
        Span public = wire_string(reader);

        key->kind = SIGN_ED25519;
        if (public.size == ED25519_SIZE)
                memcpy(key->public_key, public.data, ED25519_SIZE);
        else
                reader->failed = true;
}

/* seed ‖ public value */
static int read_ed25519(ByteReader *reader, SignKey *key, ByteWriter *secret)
{
        Span both;

        read_ed25519_public(reader, key);
        both = wire_string(reader);
        if (reader->failed || both.size != 2 * (size_t)ED25519_SIZE ||
            memcmp(both.data + ED25519_SIZE, key->public_key, ED25519_SIZE) != 0)
                return -EINVAL;
        return check_value(key, (Span){both.data, ED25519_SIZE}, secret);
}

static int read_curve_public(ByteReader *reader, SshKeyKind kind, const Around *around, SignKey *key)
{
        Span curve, point;
        size_t size;

        key->kind = blob_sign_kind(kind);
        if (around->bytes.data) {
                *key = around->blob.key;
                return 0;
        }
        curve = wire_string(reader);
        point = wire_string(reader);
        size = sign_public_size(key->kind);
        if (reader->failed || !span_is(curve, blob_curve(kind)) || point.size != 1 + size || point.data[0] != 4)
                return -EINVAL;
        memcpy(key->public_key, point.data + 1, size);
        return 0;
}

static int read_curve(ByteReader *reader, SshKeyKind kind, const Around *around, SignKey *key, ByteWriter *secret)
{
        Span value;
        int r;

        r = read_curve_public(reader, kind, around, key);
        if (r < 0)
                return r;
        value = wire_number(reader);
        return reader->failed ? -EINVAL : check_value(key, value, secret);
}

static void put_number(ByteWriter *writer, RsaNumber number)
{
        wire_put_number(writer, number.bytes, number.size);
}

static RsaNumber read_number(ByteReader *reader)
{
        Span number = wire_number(reader);

        return (RsaNumber){number.data, number.size};
}

static void put_rsa(ByteWriter *secret, const RsaPrivate *key)
{
        put_number(secret, key->d);
        put_number(secret, key->iqmp);
        put_number(secret, key->p);
        put_number(secret, key->q);
}

static int read_rsa(ByteReader *reader, const Around *around, RsaPrivate *key, ByteWriter *secret)
{
        int r;

        if (around->bytes.data) {
                key->public = around->blob.rsa;
        } else {
                key->public.n = read_number(reader);
                key->public.e = read_number(reader);
        }
        key->d = read_number(reader);
        key->iqmp = read_number(reader);
        key->p = read_number(reader);
        key->q = read_number(reader);
        if (reader->failed)
                return -EINVAL;
        r = rsa_check(key);
        if (r < 0)
                return r;
        put_rsa(secret, key);
        return secret->failed ? -ENOMEM : 0;
}

static int read_sk(ByteReader *reader, SshKeyKind kind, const Around *around, SignKey *key, Span *application,
                   ByteWriter *secret)
{
        Span handle;
        uint8_t flags;
        int r = 0;

        if (kind == SSH_KEY_SK_ED25519)
                read_ed25519_public(reader, key);
        else
                r = read_curve_public(reader, kind, around, key);
        *application = wire_text(reader);
        flags = byte_reader_u8(reader);
        handle = wire_string(reader);
        (void)wire_string(reader); /* reserved */
        if (r < 0 || reader->failed)
                return -EINVAL;
        private_put_sk(secret, flags, handle);
        return secret->failed ? -ENOMEM : 0;
}

int private_read(ByteReader *reader, uint8_t **ret_blob, size_t *ret_blob_size, ByteWriter *secret)
{
        Span name = wire_string(reader), application = {0};
        SshKeyKind kind = 0;
        Around around = {0};
        RsaPrivate rsa = {0};
        SignKey key = {0}; /* the public value only */
        uint8_t *plain;
        size_t plain_size;
        int r;

        for (unsigned k = 1; k < _SSH_KEY_KIND_MAX && kind == 0; k++) {
                if (span_is(name, blob_type(k, /* certificate= */ false)))
                        kind = k;
                if (!span_is(name, blob_type(k, /* certificate= */ true)))
                        continue;
                kind = k;
                around.bytes = wire_string(reader);
                if (blob_read_certificate(around.bytes, &around.blob, &around.certificate) < 0 || around.blob.kind != kind)
                        return -EINVAL;
        }
        if (kind == 0)
                return -EINVAL;
        if (kind == SSH_KEY_RSA)
                r = read_rsa(reader, &around, &rsa, secret);
        else if (blob_is_sk(kind))
                r = read_sk(reader, kind, &around, &key, &application, secret);
        else if (kind == SSH_KEY_ED25519)
                r = read_ed25519(reader, &key, secret);
        else
                r = read_curve(reader, kind, &around, &key, secret);
        if (r < 0)
                return r;
        r = blob_new(kind, &key, &rsa.public, application, &plain, &plain_size);
        return r < 0 ? r : finish(&around, plain, plain_size, ret_blob, ret_blob_size);
}

static int generate_rsa(unsigned bits, uint8_t **ret_blob, size_t *ret_blob_size, ByteWriter *secret)
{
        _cleanup_(arena_freep) uint8_t *memory = NULL;
        RsaPrivate key;
        int r;

        r = rsa_generate(bits, &key, &memory);
        if (r < 0)
                return r;
        put_rsa(secret, &key);
        return secret->failed ? -ENOMEM
                              : blob_new(SSH_KEY_RSA, NULL, &key.public, (Span){0}, ret_blob, ret_blob_size);
}

int private_generate(SshKeyKind kind, unsigned bits, uint8_t **ret_blob, size_t *ret_blob_size, ByteWriter *secret)
{
        _cleanup_(arena_freep) SignKey *key = NULL;
        int r;

        if (kind == SSH_KEY_RSA)
                return generate_rsa(bits, ret_blob, ret_blob_size, secret);
        if (blob_is_sk(kind) || blob_sign_kind(kind) == 0)
                return -EINVAL;
        key = arena_alloc(sizeof(*key));
        if (!key)
                return -ENOMEM;
        r = sign_generate(blob_sign_kind(kind), key);
        if (r < 0)
                return r;
        byte_writer_raw(secret, key->private_key, sign_private_size(key->kind));
        return secret->failed ? -ENOMEM : blob_new(kind, key, NULL, (Span){0}, ret_blob, ret_blob_size);
}

int private_signer(const Blob *blob, Span secret, Signer **ret)
{
        _cleanup_(arena_freep) SignKey *key = arena_alloc(sizeof(*key));

        if (!key)
                return -ENOMEM;
        if (blob->kind == SSH_KEY_RSA || blob_is_sk(blob->kind) || secret.size != sign_private_size(blob->key.kind))
                return -EINVAL;
        *key = blob->key;
        memcpy(key->private_key, secret.data, secret.size);
        return signer_new(key, ret);
}

static int sign_rsa(const Blob *blob, Span secret, uint32_t flags, Span data, ByteWriter *signature)
{
        ByteReader reader = span_reader(secret);
        RsaPrivate key = {.public = blob->rsa};
        uint8_t value[RSA_SIZE_MAX];
        int r;

        key.d = read_number(&reader);
        key.iqmp = read_number(&reader);
        key.p = read_number(&reader);
        key.q = read_number(&reader);
        if (!byte_reader_done(&reader))
                return -EINVAL;
        r = rsa_sign(&key, ssh_signature_hash(flags), data.data, data.size, value);
        return r < 0 ? r : ssh_signature_put(signature, blob->kind, flags, value, key.public.n.size);
}

int private_sign(const Blob *blob, Span secret, uint32_t flags, Span data, ByteWriter *signature)
{
        _cleanup_(signer_freep) Signer *signer = NULL;
        uint8_t value[SIGN_SIGNATURE_MAX];
        size_t size;
        int r;

        if (blob->kind == SSH_KEY_RSA)
                return sign_rsa(blob, secret, flags, data, signature);
        r = private_signer(blob, secret, &signer);
        if (r < 0)
                return r;
        r = signer_sign(signer, data.data, data.size, value, &size);
        return r < 0 ? r : ssh_signature_put(signature, blob->kind, flags, value, size);
}

void private_put_sk(ByteWriter *secret, uint8_t flags, Span handle)
{
        byte_writer_u8(secret, flags);
        wire_put_string(secret, handle.data, handle.size);
}

int private_sk(Span secret, uint8_t *ret_flags, Span *ret_handle)
{
        ByteReader reader = span_reader(secret);
        uint8_t flags = byte_reader_u8(&reader);
        Span handle = wire_string(&reader);

        if (!byte_reader_done(&reader))
                return -EINVAL;
        *ret_flags = flags;
        *ret_handle = handle;
        return 0;
}
