/*
 * Stand-ins for cryptography
 *
 * Most of a request's time is spent in OpenSSL, which is not what is fuzzed. Stand-ins have the same shape and none of the
 * strength: keys, agreements and ciphers that fit together, signatures and certificates of the usual sizes.
 */
#pragma once

#include "crypto/agree.h"
#include "crypto/exchange.h"
#include "crypto/kdf.h"
#include "crypto/sign.h"

/* Keys that are made begin anew. */
void standin_reset(void);
int standin_sign_generate(SignKind kind, SignKey *ret);
int standin_sign(const SignKey *key, const void *data, size_t size, uint8_t *ret, size_t *ret_size);
int standin_signer_new(const SignKey *key, Signer **ret);
int standin_signer_sign(const Signer *signer, const void *data, size_t size, uint8_t *ret, size_t *ret_size);
Signer *standin_signer_free(Signer *signer);
int standin_agree_key_new(AgreeKey **ret);
int standin_agree_key_new_from(const uint8_t *private_key, AgreeKey **ret);
AgreeKey *standin_agree_key_free(AgreeKey *key);
void standin_agree_public(const AgreeKey *key, uint8_t *ret);
int standin_agree(const AgreeKey *key, const uint8_t *peer, uint8_t *ret);
int standin_cbc_encrypt(const uint8_t *key, size_t key_size, const uint8_t *iv, const void *data, size_t size, uint8_t *ret);
int standin_cbc_decrypt(const uint8_t *key, size_t key_size, const uint8_t *iv, const void *data, size_t size, uint8_t *ret);
int standin_certificate_self(const SignKey *key, const char *name, uint8_t *ret, size_t *ret_size);
int standin_kdf_derive(const KdfParams *params, const void *password, size_t size, Key **ret);
int standin_kdf_calibrate(unsigned target_ms, KdfParams *ret);
int standin_exchange_answer(const void *public_key, size_t size, uint8_t *ret_public, ExchangeKey **ret);
int standin_exchange_answer_in(ExchangeGroup group, const void *public_key, size_t size, uint8_t *ret_public,
                               ExchangeKey **ret);
int standin_exchange_encrypt(const ExchangeKey *key, const void *plain, size_t size, uint8_t *ret_iv, uint8_t *ret,
                             size_t *ret_size);
int standin_exchange_decrypt(const ExchangeKey *key, const void *iv, size_t iv_size, const void *cipher, size_t size,
                             Secret **ret);
ExchangeKey *standin_exchange_key_free(ExchangeKey *key);
