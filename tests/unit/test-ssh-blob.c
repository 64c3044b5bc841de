/* Keys and signatures of SSH, against what OpenSSH 9.2 made (tests/vectors/ssh) */
#include <errno.h>

#include "crypto/arena.h"
#include "crypto/sha.h"
#include "tests/unit/ssh-agent-fixture.h"

static const struct {
        const char *name, *fingerprint;
        SshKeyKind kind;
        unsigned bits;
} keys[] = {
        {"ed25519", "SHA256:5xZ/vUZ/aPtHrzcXxCG08h4wdwVq4c0wDYETa5RQ9Xs", SSH_KEY_ED25519, 256},
        {"p256", "SHA256:v870nVzzBw0ZUoAiZii4D7iLnAF3SsKeIjLnEA8fuJw", SSH_KEY_ECDSA_P256, 256},
        {"p384", "SHA256:dy79AEDEprVozlRf38cLv8DMvlQBu1qY7NkSiTXDfxM", SSH_KEY_ECDSA_P384, 384},
        {"p521", "SHA256:4wTpCX5qfIcMMVCiyDRmQGh5XvGNfVtojgpYoGhItbw", SSH_KEY_ECDSA_P521, 521},
        {"rsa", "SHA256:kKJYAFpWve68HUpzyaK9H1itCT/Cwy/kZAB2kjirBQI", SSH_KEY_RSA, 2048},
};

static Span file(const char *name, const char *suffix)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "%s%s", name, suffix);
        return vector(path);
}

/* Reads a message that adds a key. */
static int read_private(Span add, uint8_t **ret, size_t *ret_size, ByteWriter *secret)
{
        ByteReader reader = BYTE_READER(add.data + 1, add.size - 1);

        CHECK(arena_init() >= 0);
        return private_read(&reader, ret, ret_size, secret);
}

TEST(public_keys)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                Span bytes = file(keys[i].name, ".pub");
                _cleanup_free_ uint8_t *plain = NULL;
                char fingerprint[SSH_FINGERPRINT_SIZE];
                size_t size;
                Blob blob;

                CHECK_EQ(blob_read(bytes, &blob), 0);
                CHECK_EQ(blob.kind, keys[i].kind);
                CHECK(!blob.certificate);
                CHECK_EQ(blob_bits(&blob), keys[i].bits);
                CHECK_EQ(blob_write_plain(&blob, &plain, &size), 0);
                CHECK(span_equal(bytes, (Span){plain, size}));
                blob_fingerprint(bytes, fingerprint);
                CHECK(strcmp(fingerprint, keys[i].fingerprint) == 0);
                CHECK(blob_read_certificate(bytes, &blob, &(BlobCertificate){0}) == -EINVAL);
                /* every cut, every byte more */
                for (size_t cut = 0; cut < bytes.size; cut++)
                        CHECK_EQ(blob_read((Span){bytes.data, cut}, &blob), -EINVAL);
                CHECK_EQ(blob_read((Span){bytes.data, bytes.size + 1}, &blob), -EINVAL);
        }
}

TEST(private_keys_and_their_certificates)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                for (unsigned certificate = 0; certificate < 2; certificate++) {
                        Span add = file(keys[i].name, certificate ? "-cert.add" : ".add"), plain = file(keys[i].name, ".pub");
                        _cleanup_(byte_writer_done) ByteWriter secret = BYTE_WRITER_NULL;
                        _cleanup_free_ uint8_t *bytes = NULL;
                        char fingerprint[SSH_FINGERPRINT_SIZE];
                        BlobCertificate about;
                        Blob blob, authority;
                        size_t size;

                        CHECK_EQ(read_private(add, &bytes, &size, &secret), 0);
                        CHECK_EQ(blob_read((Span){bytes, size}, &blob), 0);
                        CHECK_EQ(blob.certificate, certificate);
                        CHECK(certificate || span_equal(plain, blob.all));
                        blob_fingerprint_of(&blob, fingerprint);
                        CHECK(strcmp(fingerprint, keys[i].fingerprint) == 0);
                        if (!certificate)
                                continue;
                        CHECK_EQ(blob_read_certificate(blob.all, &blob, &about), 0);
                        CHECK_EQ(about.role, 1);
                        CHECK_EQ(blob_read(about.authority, &authority), 0);
                        CHECK_EQ(ssh_signature_verify(&authority, about.body, about.signature), 0);
                }
}

TEST(changed_private_keys)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                Span add = file(keys[i].name, ".add");
                size_t end = add.size - 4 - strlen(" vector") - strlen(keys[i].name); /* the comment does not count */
                uint8_t changed[1024];

                CHECK(add.size <= sizeof(changed));
                for (size_t at = 1; at < end; at += keys[i].kind == SSH_KEY_RSA ? 37 : 1) {
                        ByteWriter secret = BYTE_WRITER_NULL;
                        uint8_t *bytes;
                        size_t size;

                        memcpy(changed, add.data, add.size);
                        changed[at] ^= 1;
                        CHECK_EQ(read_private((Span){changed, add.size}, &bytes, &size, &secret), -EINVAL);
                        byte_writer_done(&secret);
                }
        }
}

TEST(a_certificate_of_another_key)
{
        Span add = vector("ed25519-cert.add"), other = vector("host-ca.add");
        ByteReader reader = BYTE_READER(add.data + 1, add.size - 1);
        _cleanup_(byte_writer_done) ByteWriter it = BYTE_WRITER_NULL, secret = BYTE_WRITER_NULL;
        Span type = wire_string(&reader), certificate = wire_string(&reader);
        uint8_t *bytes;
        size_t size;

        /* its halves belong together, the certificate is somebody else's */
        byte_writer_u8(&it, 17);
        wire_put_string(&it, type.data, type.size);
        wire_put_string(&it, certificate.data, certificate.size);
        byte_writer_raw(&it, other.data + 1 + 4 + 11, other.size - 1 - 4 - 11);
        CHECK_EQ(read_private(writer_span(&it), &bytes, &size, &secret), -EINVAL);
}

TEST(signatures_of_openssh)
{
        static const struct {
                const char *key, *signature;
        } cases[] = {{"ed25519", "ed25519"}, {"p256", "p256"},   {"p384", "p384"},  {"p521", "p521"},
                     {"rsa", "rsa-0"},       {"rsa", "rsa-2"}, {"rsa", "rsa-4"}};
        Span data = text_span("what OpenSSH signed");

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Span bytes = file(cases[i].key, ".pub"), reply = file(cases[i].signature, ".sig"), signature = reply;
                uint8_t changed[1024];
                Blob blob;

                CHECK_EQ(blob_read(bytes, &blob), 0);
                CHECK_EQ(ssh_signature_verify(&blob, data, signature), 0);
                CHECK_EQ(ssh_signature_verify(&blob, text_span("what OpenSSH did not sign"), signature), -EBADMSG);
                for (size_t at = 0; at < signature.size; at++) {
                        memcpy(changed, signature.data, signature.size);
                        changed[at] ^= 1;
                        CHECK(ssh_signature_verify(&blob, data, (Span){changed, signature.size}) < 0);
                        CHECK(ssh_signature_verify(&blob, data, (Span){signature.data, at}) < 0);
                }
        }
}

TEST(what_we_sign_fits)
{
        Span data = text_span("something");

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                for (uint32_t flags = 0; flags <= 4; flags += 2) {
                        _cleanup_(byte_writer_done) ByteWriter secret = BYTE_WRITER_NULL, signature = BYTE_WRITER_NULL;
                        _cleanup_free_ uint8_t *bytes = NULL;
                        size_t size;
                        Blob blob;

                        CHECK_EQ(read_private(file(keys[i].name, ".add"), &bytes, &size, &secret), 0);
                        CHECK_EQ(blob_read((Span){bytes, size}, &blob), 0);
                        CHECK_EQ(private_sign(&blob, writer_span(&secret), flags, data, &signature), 0);
                        CHECK_EQ(ssh_signature_verify(&blob, data, writer_span(&signature)), 0);
                }
}

TEST(made_keys_sign)
{
        for (SshKeyKind kind = SSH_KEY_ED25519; kind <= SSH_KEY_RSA; kind++) {
                _cleanup_(byte_writer_done) ByteWriter secret = BYTE_WRITER_NULL, signature = BYTE_WRITER_NULL;
                _cleanup_free_ uint8_t *bytes = NULL;
                size_t size;
                Blob blob;

                CHECK(arena_init() >= 0);
                CHECK_EQ(private_generate(kind, 1024, &bytes, &size, &secret), 0);
                CHECK_EQ(blob_read((Span){bytes, size}, &blob), 0);
                CHECK_EQ(blob.kind, kind);
                CHECK_EQ(private_sign(&blob, writer_span(&secret), 0, text_span("x"), &signature), 0);
                CHECK_EQ(ssh_signature_verify(&blob, text_span("x"), writer_span(&signature)), 0);
        }
        CHECK_EQ(private_generate(SSH_KEY_SK_ECDSA, 0, NULL, NULL, NULL), -EINVAL);
        CHECK_EQ(private_generate(0, 0, NULL, NULL, NULL), -EINVAL);
}

/* A security key signs hash of application ‖ flags ‖ counter ‖ hash of message. */
TEST(signatures_of_security_keys)
{
        static const SshKeyKind kinds[] = {SSH_KEY_SK_ECDSA, SSH_KEY_SK_ED25519};

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                _cleanup_(byte_writer_done) ByteWriter signature = BYTE_WRITER_NULL;
                uint8_t signed_bytes[69] = {0}, value[SIGN_SIGNATURE_MAX];
                size_t size;
                SignKey key;
                Blob blob;

                CHECK(arena_init() >= 0);
                CHECK_EQ(sign_generate(blob_sign_kind(kinds[i]), &key), 0);
                CHECK_EQ(blob_read(sk_blob(kinds[i], &key, "ssh:"), &blob), 0);
                CHECK(span_is(blob.application, "ssh:"));
                sha256("ssh:", 4, signed_bytes);
                signed_bytes[32] = 5;
                signed_bytes[36] = 7;
                sha256("message", 7, signed_bytes + 37);
                CHECK_EQ(sign(&key, signed_bytes, sizeof(signed_bytes), value, &size), 0);
                CHECK_EQ(ssh_signature_put_sk(&signature, kinds[i], 5, 7, value, size), 0);
                CHECK_EQ(ssh_signature_verify(&blob, text_span("message"), writer_span(&signature)), 0);
                signature.data[signature.size - 5] = 1;
                CHECK_EQ(ssh_signature_verify(&blob, text_span("message"), writer_span(&signature)), -EBADMSG);
                CHECK_EQ(ssh_signature_put_sk(&signature, kinds[i], 5, 7, value, size - 1), -EBADMSG);
        }
}

TEST(certificates_of_hosts)
{
        static const char *const names[] = {"host-ca.pub", "host-ca-rsa.pub"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                BlobCertificate certificate;
                Span bytes = vector(names[i]);
                Blob blob, authority;

                CHECK_EQ(blob_read_certificate(bytes, &blob, &certificate), 0);
                CHECK_EQ(certificate.role, 2);
                CHECK_EQ(certificate.critical.size, 0);
                CHECK(certificate.after < certificate.before);
                CHECK_EQ(blob_read(certificate.authority, &authority), 0);
                CHECK_EQ(ssh_signature_verify(&authority, certificate.body, certificate.signature), 0);
                for (size_t cut = 0; cut < bytes.size; cut++)
                        CHECK_EQ(blob_read((Span){bytes.data, cut}, &blob), -EINVAL);
        }
}

TEST_MAIN
