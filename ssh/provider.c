/*
 * The functions that OpenSSH calls
 *
 * They run in OpenSSH's helper, one process for each call, with the person's environment and terminal. Nothing is kept
 * between calls.
 */
#include <fido.h>

#include "ssh/calls.h"

#define PROVIDER_API __attribute__((visibility("default")))

PROVIDER_API uint32_t sk_api_version(void)
{
        return SK_API_VERSION;
}

PROVIDER_API int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application,
                           uint8_t flags, const char *pin, struct sk_option **options,
                           struct sk_enroll_response **enroll_response)
{
        const Enrollment enrollment = {alg, challenge, challenge_len, application, flags, pin};
        Options read;
        int r;

        if (!challenge || !application || !enroll_response)
                return SK_ERROR_GENERAL;
        *enroll_response = NULL;
        fido_init(0);
        r = options_read(options, /* enrolls= */ true, &read);
        return r == 0 ? call_enroll(&enrollment, &read, enroll_response) : r;
}

PROVIDER_API int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application,
                         const uint8_t *key_handle, size_t key_handle_len, uint8_t flags, const char *pin,
                         struct sk_option **options, struct sk_sign_response **sign_response)
{
        const Signing signing = {alg, data, data_len, application, key_handle, key_handle_len, flags, pin};
        Options read;
        int r;

        if (!data || !application || !key_handle || !sign_response)
                return SK_ERROR_GENERAL;
        *sign_response = NULL;
        fido_init(0);
        r = options_read(options, /* enrolls= */ false, &read);
        return r == 0 ? call_sign(&signing, &read, sign_response) : r;
}

PROVIDER_API int sk_load_resident_keys(const char *pin, struct sk_option **options, struct sk_resident_key ***rks,
                                       size_t *nrks)
{
        Options read;
        int r;

        if (!rks || !nrks)
                return SK_ERROR_GENERAL;
        *rks = NULL;
        *nrks = 0;
        fido_init(0);
        r = options_read(options, /* enrolls= */ false, &read);
        return r == 0 ? call_load(pin, &read, rks, nrks) : r;
}
