/*
 * Public keys from and to the wire
 *
 * All types are rows of one table; a certificate is the same fields with a nonce before and what the authority says after them.
 * A key has one encoding here, because keys are found by comparing bytes: numbers with zeros to spare and bytes after the end
 * are refused.
 */
#include "sshagent/blob.h"

#include <errno.h>
#include <string.h>

#include "crypto/sha.h"

typedef struct Type {
        SshKeyKind kind;
        const char *name, *certificate, *curve;
        SignKind sign;
        unsigned bits;
} Type;

static const Type types[] = {
        {SSH_KEY_ED25519, "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", NULL, SIGN_ED25519, 256},
        {SSH_KEY_ECDSA_P256, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com", "nistp256", SIGN_P256, 256},
        {SSH_KEY_ECDSA_P384, "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384-cert-v01@openssh.com", "nistp384", SIGN_P384, 384},
        {SSH_KEY_ECDSA_P521, "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com", "nistp521", SIGN_P521, 521},
        {SSH_KEY_RSA, "ssh-rsa", "ssh-rsa-cert-v01@openssh.com", NULL, 0, 0},
        {SSH_KEY_SK_ECDSA, "sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "nistp256",
         SIGN_P256, 256},
        {SSH_KEY_SK_ED25519, "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com", NULL, SIGN_ED25519, 256},
};

#define POINT_UNCOMPRESSED 4

static const Type *find(SshKeyKind kind)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (types[i].kind == kind)
                        return &types[i];
        return NULL;
}

const char *blob_type(SshKeyKind kind, bool certificate)
{
        const Type *type = find(kind);

        return !type ? NULL : certificate ? type->certificate : type->name;
}

const char *blob_curve(SshKeyKind kind)
{
        const Type *type = find(kind);

        return type ? type->curve : NULL;
}

SignKind blob_sign_kind(SshKeyKind kind)
{
        const Type *type = find(kind);

        return type ? type->sign : 0;
}

bool blob_is_sk(SshKeyKind kind)
{
        return kind == SSH_KEY_SK_ECDSA || kind == SSH_KEY_SK_ED25519;
}

unsigned blob_bits(const Blob *blob)
{
        return blob->kind == SSH_KEY_RSA ? rsa_bits(&blob->rsa) : find(blob->kind)->bits;
}

/* As wire_number(), but in its one form. */
static RsaNumber number(ByteReader *reader)
{
        ByteReader ahead = *reader;
        uint32_t encoded = wire_u32(&ahead);
        Span value = wire_number(reader);
        bool sign = value.size > 0 && value.data[0] & 0x80;

        if (encoded != value.size + sign)
                reader->failed = true;
        return (RsaNumber){value.data, value.size};
}

static void read_point(ByteReader *reader, const Type *type, SignKey *key)
{
        Span curve = wire_string(reader), point = wire_string(reader);
        size_t size = sign_public_size(type->sign);

        if (!span_is(curve, type->curve) || point.size != 1 + size || point.data[0] != POINT_UNCOMPRESSED) {
                reader->failed = true;
                return;
        }
        memcpy(key->public_key, point.data + 1, size);
}

static void read_key(ByteReader *reader, const Type *type, Blob *blob)
{
        const uint8_t *begin = reader->data;
        Span value;

        blob->kind = type->kind;
        blob->key.kind = type->sign;
        if (type->kind == SSH_KEY_RSA) {
                blob->rsa.e = number(reader);
                blob->rsa.n = number(reader);
                if (!reader->failed && rsa_bits(&blob->rsa) == 0)
                        reader->failed = true;
        } else if (type->curve) {
                read_point(reader, type, &blob->key);
        } else {
                value = wire_string(reader);
                if (value.size == sign_public_size(type->sign))
                        memcpy(blob->key.public_key, value.data, value.size);
                else
                        reader->failed = true;
        }
        if (blob_is_sk(type->kind))
                blob->application = wire_text(reader);
        if (!reader->failed)
                blob->plain = (Span){begin, (size_t)(reader->data - begin)};
}

static void read_certificate(ByteReader *reader, Span all, BlobCertificate *c)
{
        (void)wire_u64(reader); /* serial number */
        c->role = wire_u32(reader);
        (void)wire_string(reader); /* key id */
        c->principals = wire_string(reader);
        c->after = wire_u64(reader);
        c->before = wire_u64(reader);
        c->critical = wire_string(reader);
        (void)wire_string(reader); /* extensions */
        (void)wire_string(reader); /* reserved */
        c->authority = wire_string(reader);
        if (!reader->failed)
                c->body = (Span){all.data, (size_t)(reader->data - all.data)};
        c->signature = wire_string(reader);
}

static int read_any(Span bytes, Blob *ret, BlobCertificate *ret_certificate)
{
        ByteReader reader = span_reader(bytes);
        Span name = wire_string(&reader);
        Blob blob = {.all = bytes};
        const Type *type = NULL;

        for (size_t i = 0; i < ELEMENTSOF(types) && !type; i++) {
                blob.certificate = span_is(name, types[i].certificate);
                if (blob.certificate || span_is(name, types[i].name))
                        type = &types[i];
        }
        if (!type)
                return -EINVAL;
        if (blob.certificate)
                (void)wire_string(&reader); /* nonce */
        read_key(&reader, type, &blob);
        if (blob.certificate)
                read_certificate(&reader, bytes, ret_certificate);
        if (!byte_reader_done(&reader))
                return -EINVAL;
        *ret = blob;
        return 0;
}

int blob_read(Span bytes, Blob *ret)
{
        BlobCertificate unused = {0};

        return read_any(bytes, ret, &unused);
}

int blob_read_certificate(Span bytes, Blob *ret, BlobCertificate *ret_certificate)
{
        BlobCertificate certificate = {0};
        Blob blob, authority;
        int r;

        r = read_any(bytes, &blob, &certificate);
        if (r < 0)
                return r;
        /* The authority is a plain key: certificates have no chains. */
        if (!blob.certificate || blob_read(certificate.authority, &authority) < 0 || authority.certificate)
                return -EINVAL;
        *ret = blob;
        *ret_certificate = certificate;
        return 0;
}

static int take(ByteWriter *writer, uint8_t **ret, size_t *ret_size)
{
        if (writer->failed)
                return -ENOMEM;
        *ret_size = writer->size;
        *ret = TAKE_PTR(writer->data);
        return 0;
}

int blob_write_plain(const Blob *blob, uint8_t **ret, size_t *ret_size)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;

        wire_put_text(&writer, blob_type(blob->kind, /* certificate= */ false));
        byte_writer_raw(&writer, blob->plain.data, blob->plain.size);
        return take(&writer, ret, ret_size);
}

int blob_new(SshKeyKind kind, const SignKey *key, const RsaPublic *rsa, Span application, uint8_t **ret, size_t *ret_size)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;
        const Type *type = find(kind);

        wire_put_text(&writer, type->name);
        if (kind == SSH_KEY_RSA) {
                wire_put_number(&writer, rsa->e.bytes, rsa->e.size);
                wire_put_number(&writer, rsa->n.bytes, rsa->n.size);
        } else if (type->curve) {
                wire_put_text(&writer, type->curve);
                wire_put_u32(&writer, (uint32_t)(1 + sign_public_size(type->sign)));
                byte_writer_u8(&writer, POINT_UNCOMPRESSED);
                byte_writer_raw(&writer, key->public_key, sign_public_size(type->sign));
        } else {
                wire_put_string(&writer, key->public_key, sign_public_size(type->sign));
        }
        if (blob_is_sk(kind))
                wire_put_string(&writer, application.data, application.size);
        return take(&writer, ret, ret_size);
}

void blob_fingerprint(Span plain, char ret[SSH_FINGERPRINT_SIZE])
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        uint8_t hash[SHA256_SIZE + 1] = {0}; /* the last group has two bytes */
        char *to = ret + strlen("SHA256:");

        memcpy(ret, "SHA256:", strlen("SHA256:"));
        sha256(plain.data, plain.size, hash);
        for (size_t i = 0; i < SHA256_SIZE; i += 3) {
                uint32_t group = (uint32_t)hash[i] << 16 | (uint32_t)hash[i + 1] << 8 | (i + 2 < SHA256_SIZE ? hash[i + 2] : 0);

                for (unsigned shift = 24; shift > 0 && to < ret + SSH_FINGERPRINT_SIZE - 1;) {
                        shift -= 6;
                        *to++ = digits[group >> shift & 63];
                }
        }
        *to = 0;
}

void blob_fingerprint_of(const Blob *blob, char ret[SSH_FINGERPRINT_SIZE])
{
        _cleanup_free_ uint8_t *plain = NULL;
        size_t size;

        *ret = 0;
        if (blob_write_plain(blob, &plain, &size) == 0)
                blob_fingerprint((Span){plain, size}, ret);
}
