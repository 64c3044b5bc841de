/*
 * Signatures of SSH (RFC 4253, 5656, 8332, 8709, and OpenSSH's PROTOCOL.u2f)
 */
#pragma once

#include "sshagent/blob.h"

/* What a request to sign says about RSA. */
#define SSH_SIGN_RSA_SHA256 2U
#define SSH_SIGN_RSA_SHA512 4U

RsaHash ssh_signature_hash(uint32_t flags);

/* Writes the signature of a plain key: an ECDSA one is DER as crypto/sign.h makes it. 0, -EBADMSG for one that is not, or
 * -ENOMEM. */
int ssh_signature_put(ByteWriter *writer, SshKeyKind kind, uint32_t flags, const uint8_t *signature, size_t size);
/* The same of a security key, which tells its flags and counter. */
int ssh_signature_put_sk(ByteWriter *writer, SshKeyKind kind, uint8_t sk_flags, uint32_t counter,
                         const uint8_t *signature, size_t size);

/* Whether the key signed the data. 0, -EBADMSG when not, -EINVAL, -ENOMEM. */
int ssh_signature_verify(const Blob *blob, Span data, Span signature);
