/*
 * Private: the private half of a key
 *
 * Its form, in memory and in records: for ECDSA and Ed25519 the raw value; for RSA the numbers d, iqmp, p and q as SSH writes
 * them; for a security key its flags (one byte) and its key handle (SSH string).
 */
#pragma once

#include "sshagent/blob.h"

#define SSH_SK_PRESENCE     0x01U
#define SSH_SK_VERIFICATION 0x04U

/* Reads a key of a message that adds one, from its type to before its comment. `ret_blob` is as it is listed; the private half
 * is appended to `secret`. 0, -EINVAL when it is no key, or its halves don't belong together, -ENOMEM. */
int private_read(ByteReader *reader, uint8_t **ret_blob, size_t *ret_blob_size, ByteWriter *secret);

/* Makes a key. `bits` of RSA. 0, -EINVAL, -ENOMEM, -EIO. */
int private_generate(SshKeyKind kind, unsigned bits, uint8_t **ret_blob, size_t *ret_blob_size, ByteWriter *secret);

/* A key that is ready to sign; Ed25519 and ECDSA only. 0, -EINVAL, -ENOMEM (the arena is full). */
int private_signer(const Blob *blob, Span secret, Signer **ret);

/* Signs, and writes the signature as SSH has it; not for security keys. 0, -EINVAL, -ENOMEM. */
int private_sign(const Blob *blob, Span secret, uint32_t flags, Span data, ByteWriter *signature);

/* Of a security key. -EINVAL when it is none. */
int private_sk(Span secret, uint8_t *ret_flags, Span *ret_handle);
void private_put_sk(ByteWriter *secret, uint8_t flags, Span handle);
