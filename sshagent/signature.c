/*
 * Signatures from and to the wire
 *
 * A signature names its algorithm; for RSA that is which hash, for all others the type of the key. ECDSA's two numbers are SSH's
 * own here and DER in crypto/, which converts.
 */
#include "sshagent/signature.h"

#include <errno.h>
#include <string.h>

#include "crypto/sha.h"

static const struct {
        RsaHash hash;
        const char *name;
} rsa_algorithms[] = {
        {RSA_WITH_SHA1, "ssh-rsa"},
        {RSA_WITH_SHA256, "rsa-sha2-256"},
        {RSA_WITH_SHA512, "rsa-sha2-512"},
};

RsaHash ssh_signature_hash(uint32_t flags)
{
        return flags & SSH_SIGN_RSA_SHA256   ? RSA_WITH_SHA256
               : flags & SSH_SIGN_RSA_SHA512 ? RSA_WITH_SHA512
                                             : RSA_WITH_SHA1;
}

static const char *algorithm(SshKeyKind kind, uint32_t flags)
{
        if (kind == SSH_KEY_RSA)
                return rsa_algorithms[ssh_signature_hash(flags) - RSA_WITH_SHA1].name;
        return blob_type(kind, /* certificate= */ false);
}

static int put_value(ByteWriter *writer, SshKeyKind kind, const uint8_t *signature, size_t size)
{
        SignKind sign_kind = blob_sign_kind(kind);
        size_t half = sign_private_size(sign_kind), begun;
        uint8_t pair[2 * SIGN_PRIVATE_MAX];
        int r;

        if (!blob_curve(kind)) {
                if (kind != SSH_KEY_RSA && size != 2 * half)
                        return -EBADMSG;
                wire_put_string(writer, signature, size);
                return 0;
        }
        r = signature_decode(sign_kind, signature, size, pair);
        if (r < 0)
                return r;
        begun = wire_begin(writer);
        wire_put_number(writer, pair, half);
        wire_put_number(writer, pair + half, half);
        wire_end(writer, begun);
        return 0;
}

int ssh_signature_put(ByteWriter *writer, SshKeyKind kind, uint32_t flags, const uint8_t *signature, size_t size)
{
        int r;

        wire_put_text(writer, algorithm(kind, flags));
        r = put_value(writer, kind, signature, size);
        return r < 0 ? r : writer->failed ? -ENOMEM : 0;
}

int ssh_signature_put_sk(ByteWriter *writer, SshKeyKind kind, uint8_t sk_flags, uint32_t counter,
                         const uint8_t *signature, size_t size)
{
        int r;

        r = ssh_signature_put(writer, kind, /* flags= */ 0, signature, size);
        if (r < 0)
                return r;
        byte_writer_u8(writer, sk_flags);
        wire_put_u32(writer, counter);
        return writer->failed ? -ENOMEM : 0;
}

static int verify_rsa(const RsaPublic *key, Span name, Span data, Span value)
{
        uint8_t padded[RSA_SIZE_MAX] = {0};

        /* Some signers leave out leading zeros. */
        if (value.size > key->n.size)
                return -EBADMSG;
        memcpy(padded + key->n.size - value.size, value.data, value.size);
        for (size_t i = 0; i < ELEMENTSOF(rsa_algorithms); i++)
                if (span_is(name, rsa_algorithms[i].name))
                        return rsa_verify(key, rsa_algorithms[i].hash, data.data, data.size, padded, key->n.size);
        return -EBADMSG;
}

static bool read_half(ByteReader *reader, uint8_t *to, size_t size)
{
        Span number = wire_number(reader);

        if (reader->failed || number.size > size)
                return false;
        if (number.size > 0)
                memcpy(to + size - number.size, number.data, number.size);
        return true;
}

static int verify_value(const Blob *blob, Span data, Span value)
{
        ByteReader reader = span_reader(value);
        size_t half = sign_private_size(blob->key.kind), n;
        uint8_t pair[2 * SIGN_PRIVATE_MAX] = {0}, der[SIGN_SIGNATURE_MAX];

        if (!blob_curve(blob->kind))
                return sign_verify(&blob->key, data.data, data.size, value.data, value.size);
        if (!read_half(&reader, pair, half) || !read_half(&reader, pair + half, half) || !byte_reader_done(&reader) ||
            signature_encode(blob->key.kind, pair, 2 * half, der, &n) < 0)
                return -EBADMSG;
        return sign_verify(&blob->key, data.data, data.size, der, n);
}

/* A security key signs what it was asked by whom, with its flags and counter. */
static int verify_sk(const Blob *blob, Span data, Span value, uint8_t flags, uint32_t counter)
{
        uint8_t message[2 * SHA256_SIZE + 5] = {0}, *after = message + SHA256_SIZE;

        sha256(blob->application.data, blob->application.size, message);
        after[0] = flags;
        for (unsigned i = 0; i < 4; i++)
                after[1 + i] = (uint8_t)(counter >> (24 - 8 * i));
        sha256(data.data, data.size, after + 5);
        return verify_value(blob, (Span){message, sizeof(message)}, value);
}

int ssh_signature_verify(const Blob *blob, Span data, Span signature)
{
        ByteReader reader = span_reader(signature);
        Span name = wire_string(&reader), value = wire_string(&reader);
        bool sk = blob_is_sk(blob->kind);
        uint8_t flags = sk ? byte_reader_u8(&reader) : 0;
        uint32_t counter = sk ? wire_u32(&reader) : 0;

        if (!byte_reader_done(&reader))
                return -EBADMSG;
        if (blob->kind == SSH_KEY_RSA)
                return verify_rsa(&blob->rsa, name, data, value);
        if (!span_is(name, blob_type(blob->kind, /* certificate= */ false)))
                return -EBADMSG;
        return sk ? verify_sk(blob, data, value, flags, counter) : verify_value(blob, data, value);
}
