/*
 * Blob: public keys and certificates of SSH in their wire format
 *
 * RFC 4253 (RSA), RFC 5656 (ECDSA), RFC 8709 (Ed25519), and OpenSSH's PROTOCOL.u2f and PROTOCOL.certkeys. A Blob points into
 * the bytes that it was read from.
 */
#pragma once

#include "crypto/rsa.h"
#include "crypto/sign.h"
#include "sshagent/agent.h"
#include "sshagent/wire.h"

#define SSH_FINGERPRINT_SIZE 51U /* "SHA256:", 43 digits, NUL */

typedef struct Blob {
        SshKeyKind kind;
        bool certificate;
        Span all;         /* what it was read from */
        Span plain;       /* without a certificate around it: the fields after type and nonce */
        SignKey key;      /* ECDSA and Ed25519: the public value */
        RsaPublic rsa;
        Span application; /* sk */
} Blob;

/* What a certificate says, besides the key. */
typedef struct BlobCertificate {
        uint32_t role;          /* 1: user, 2: host */
        Span principals;        /* texts */
        uint64_t after, before; /* seconds since 1970 */
        Span critical;
        Span authority;         /* the key that signed it */
        Span body, signature;   /* what is signed, and how */
} BlobCertificate;

/* 0, -EINVAL when it is no key of a known type. */
int blob_read(Span bytes, Blob *ret);
/* The same, of a certificate; nothing of it is verified here. */
int blob_read_certificate(Span bytes, Blob *ret, BlobCertificate *ret_certificate);

const char *blob_type(SshKeyKind kind, bool certificate);
unsigned blob_bits(const Blob *blob);
bool blob_is_sk(SshKeyKind kind);

/* The key without a certificate. 0, -ENOMEM. */
int blob_write_plain(const Blob *blob, uint8_t **ret, size_t *ret_size);
/* From raw values: `key` of ECDSA and Ed25519, `rsa` of RSA, `application` of sk. */
int blob_new(SshKeyKind kind, const SignKey *key, const RsaPublic *rsa, Span application, uint8_t **ret, size_t *ret_size);

/* "SHA256:…" of a plain key. */
void blob_fingerprint(Span plain, char ret[SSH_FINGERPRINT_SIZE]);
/* The same of the key that a certificate is about, or of a plain one. "" when memory is short. */
void blob_fingerprint_of(const Blob *blob, char ret[SSH_FINGERPRINT_SIZE]);

/* What SSH calls the kind's curve; NULL when it has none. */
const char *blob_curve(SshKeyKind kind);
/* 0 for a kind that is not one of SignKey. */
SignKind blob_sign_kind(SshKeyKind kind);
