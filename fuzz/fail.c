/* Wrapped functions: each asks first whether it is its turn to fail */
#include "fuzz/fail.h"

#include <cbor.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz/standin.h"

static unsigned left;
static bool inside, happened, standing_in;

void fail_at(unsigned n)
{
        left = n;
        happened = false;
}

bool fail_happened(void)
{
        return happened;
}

bool fail_ordered(void)
{
        return left > 0;
}

void fail_enter(void)
{
        inside = true;
}

void fail_leave(void)
{
        inside = false;
}

void fail_stand_in(bool on)
{
        standing_in = on;
        standin_reset();
}

bool fail_pause(void)
{
        bool was = inside;

        inside = false;
        return was;
}

void fail_resume(bool was)
{
        inside = was;
}

bool fail_now(void)
{
        if (!inside || left == 0 || --left > 0)
                return false;
        happened = true;
        return true;
}

/* Memory: NULL. */
#define WRAP_MEMORY(name, parameters, arguments)                                                                       \
        void *__real_##name parameters;                                                                                \
        void *__wrap_##name parameters;                                                                                \
        void *__wrap_##name parameters                                                                                 \
        {                                                                                                              \
                return fail_now() ? NULL : __real_##name arguments;                                                    \
        }

WRAP_MEMORY(malloc, (size_t size), (size))
WRAP_MEMORY(calloc, (size_t n, size_t size), (n, size))
WRAP_MEMORY(realloc, (void *p, size_t size), (p, size))
WRAP_MEMORY(reallocarray, (void *p, size_t n, size_t size), (p, n, size))
WRAP_MEMORY(arena_alloc, (size_t size), (size))

/* Cryptography: what each of them answers when OpenSSL has no memory. */
#define WRAP_CRYPTO(name, parameters, arguments)                                                                       \
        int __real_##name parameters;                                                                                  \
        int __wrap_##name parameters;                                                                                  \
        int __wrap_##name parameters                                                                                   \
        {                                                                                                              \
                if (fail_now())                                                                                        \
                        return -ENOMEM;                                                                                \
                return standing_in ? standin_##name arguments : __real_##name arguments;                               \
        }
#define CBC_PARAMETERS                                                                                                 \
        (const uint8_t *key, size_t key_size, const uint8_t *iv, const void *data, size_t size, uint8_t *ret)

WRAP_CRYPTO(sign_generate, (SignKind kind, SignKey *ret), (kind, ret))
WRAP_CRYPTO(sign, (const SignKey *key, const void *data, size_t size, uint8_t *ret, size_t *ret_size),
            (key, data, size, ret, ret_size))
WRAP_CRYPTO(signer_new, (const SignKey *key, Signer **ret), (key, ret))
WRAP_CRYPTO(signer_sign, (Signer *signer, const void *data, size_t size, uint8_t *ret, size_t *ret_size),
            (signer, data, size, ret, ret_size))
WRAP_CRYPTO(agree_key_new, (AgreeKey **ret), (ret))
WRAP_CRYPTO(agree_key_new_from, (const uint8_t *private_key, AgreeKey **ret), (private_key, ret))
WRAP_CRYPTO(agree, (const AgreeKey *key, const uint8_t *peer, uint8_t *ret), (key, peer, ret))
WRAP_CRYPTO(cbc_encrypt, CBC_PARAMETERS, (key, key_size, iv, data, size, ret))
WRAP_CRYPTO(cbc_decrypt, CBC_PARAMETERS, (key, key_size, iv, data, size, ret))
WRAP_CRYPTO(certificate_self, (const SignKey *key, const char *name, uint8_t *ret, size_t *ret_size),
            (key, name, ret, ret_size))

WRAP_CRYPTO(kdf_derive, (const KdfParams *params, const void *password, size_t size, Key **ret),
            (params, password, size, ret))
WRAP_CRYPTO(kdf_calibrate, (unsigned target_ms, KdfParams *ret), (target_ms, ret))

WRAP_CRYPTO(exchange_answer, (const void *public_key, size_t size, uint8_t *ret_public, ExchangeKey **ret),
            (public_key, size, ret_public, ret))
WRAP_CRYPTO(exchange_answer_in,
            (ExchangeGroup group, const void *public_key, size_t size, uint8_t *ret_public, ExchangeKey **ret),
            (group, public_key, size, ret_public, ret))
WRAP_CRYPTO(exchange_encrypt,
            (const ExchangeKey *key, const void *plain, size_t size, uint8_t *ret_iv, uint8_t *ret, size_t *ret_size),
            (key, plain, size, ret_iv, ret, ret_size))
WRAP_CRYPTO(exchange_decrypt,
            (const ExchangeKey *key, const void *iv, size_t iv_size, const void *cipher, size_t size, Secret **ret),
            (key, iv, iv_size, cipher, size, ret))

ExchangeKey *__real_exchange_key_free(ExchangeKey *key);
ExchangeKey *__wrap_exchange_key_free(ExchangeKey *key);
ExchangeKey *__wrap_exchange_key_free(ExchangeKey *key)
{
        return standing_in ? standin_exchange_key_free(key) : __real_exchange_key_free(key);
}

Signer *__real_signer_free(Signer *signer);
Signer *__wrap_signer_free(Signer *signer);
Signer *__wrap_signer_free(Signer *signer)
{
        return standing_in ? standin_signer_free(signer) : __real_signer_free(signer);
}

AgreeKey *__real_agree_key_free(AgreeKey *key);
AgreeKey *__wrap_agree_key_free(AgreeKey *key);
AgreeKey *__wrap_agree_key_free(AgreeKey *key)
{
        return standing_in ? standin_agree_key_free(key) : __real_agree_key_free(key);
}

void __real_agree_public(const AgreeKey *key, uint8_t *ret);
void __wrap_agree_public(const AgreeKey *key, uint8_t *ret);
void __wrap_agree_public(const AgreeKey *key, uint8_t *ret)
{
        if (standing_in)
                standin_agree_public(key, ret);
        else
                __real_agree_public(key, ret);
}

cbor_item_t *__real_cbor_load(cbor_data source, size_t size, struct cbor_load_result *result);
cbor_item_t *__wrap_cbor_load(cbor_data source, size_t size, struct cbor_load_result *result);
cbor_item_t *__wrap_cbor_load(cbor_data source, size_t size, struct cbor_load_result *result)
{
        if (!fail_now())
                return __real_cbor_load(source, size, result);
        result->error.code = CBOR_ERR_MEMERROR;
        return NULL;
}
