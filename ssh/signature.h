/*
 * Signatures, as OpenSSH takes them
 */
#pragma once

#include "ssh/sk-api.h"

/* Bytes of another's, copied for OpenSSH to free. NULL data: nothing, *ret is NULL. -ENOMEM. */
int signature_copy(const uint8_t *data, size_t size, uint8_t **ret, size_t *ret_size);

/* What a security key signed with: of ECDSA r and s of the DER, without leading zeros; of Ed25519 all 64 bytes are r. 0, -EBADMSG,
 * -ENOMEM; on failure nothing is set. */
int signature_read(uint32_t algorithm, const uint8_t *signature, size_t size, struct sk_sign_response *ret);
