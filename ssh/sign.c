/*
 * Signing
 *
 * OpenSSH's data is hashed here, as its protocol says, and signed as WebAuthn signs. Without a PIN from ssh, a security key that
 * can verify its person does; only when that can't be does ssh hear that it should ask.
 */
#include "ssh/calls.h"
#include "ssh/device.h"
#include "ssh/outcome.h"
#include "ssh/say.h"
#include "ssh/signature.h"

static struct sk_sign_response *response_free(struct sk_sign_response *response)
{
        if (!response)
                return NULL;
        free(response->sig_r);
        free(response->sig_s);
        free(response);
        return NULL;
}
DEFINE_CLEANUP(struct sk_sign_response *, response_free)

static void assertion_freep(fido_assert_t **assertion)
{
        fido_assert_free(assertion);
}

static int prepare(const Signing *signing, bool verify, fido_assert_t *assertion)
{
        bool present = signing->flags & SK_USER_PRESENCE;
        int r;

        r = fido_assert_set_clientdata(assertion, signing->data, signing->size);
        if (r == FIDO_OK)
                r = fido_assert_set_rp(assertion, signing->application);
        if (r == FIDO_OK)
                r = fido_assert_allow_cred(assertion, signing->handle, signing->handle_size);
        if (r == FIDO_OK)
                r = fido_assert_set_up(assertion, present ? FIDO_OPT_TRUE : FIDO_OPT_FALSE);
        if (r == FIDO_OK && verify)
                r = fido_assert_set_uv(assertion, FIDO_OPT_TRUE);
        return r;
}

static int sign_with(const Device *device, const Signing *signing, struct sk_sign_response **ret)
{
        _cleanup_(response_freep) struct sk_sign_response *response = NULL;
        _cleanup_(assertion_freep) fido_assert_t *assertion = NULL;
        bool wanted = signing->flags & SK_USER_VERIFICATION && !signing->pin;
        int r;

        if (wanted && !device_verifies(device))
                return fido_dev_has_pin(device->dev) ? SK_ERROR_PIN_REQUIRED :
                                                       outcome_say(FIDO_ERR_PIN_NOT_SET, device->link);
        response = calloc(1, sizeof(*response));
        assertion = fido_assert_new();
        if (!response || !assertion)
                return SK_ERROR_GENERAL;
        r = prepare(signing, wanted, assertion);
        if (r == FIDO_OK)
                r = fido_dev_get_assert(device->dev, assertion, signing->pin);
        if (r != FIDO_OK)
                return outcome_say(r, device->link);
        response->flags = fido_assert_flags(assertion, 0);
        response->counter = fido_assert_sigcount(assertion, 0);
        r = signature_read(signing->algorithm, fido_assert_sig_ptr(assertion, 0), fido_assert_sig_len(assertion, 0),
                           response);
        if (r < 0) {
                say("the security key answered with what is no signature of this type of key");
                return SK_ERROR_GENERAL;
        }
        *ret = TAKE_PTR(response);
        return 0;
}

int call_sign(const Signing *signing, const Options *options, struct sk_sign_response **ret)
{
        const DeviceKey key = {
                .application = signing->application,
                .handle = signing->handle,
                .handle_size = signing->handle_size,
                .verify = signing->flags & SK_USER_VERIFICATION,
        };
        _cleanup_(device_close) Device device = DEVICE_NULL;
        int r;

        if (signing->algorithm != SK_ECDSA && signing->algorithm != SK_ED25519)
                return SK_ERROR_UNSUPPORTED;
        r = device_open_with_key(options, &key, &device);
        return r == 0 ? sign_with(&device, signing, ret) : r;
}
