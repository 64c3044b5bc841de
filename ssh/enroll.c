/*
 * Enrolling
 *
 * A key that is kept by the security key, or that must only sign for its verified owner, is protected there as well (credProtect):
 * without that, whoever has the security key could have it sign. Its owner is verified when it is made, which shows that
 * he can be. A resident key takes the place of an older one of the same application and user; OpenSSH asks the person
 * first.
 */
#include <errno.h>
#include <string.h>

#include "ssh/calls.h"
#include "ssh/device.h"
#include "ssh/outcome.h"
#include "ssh/say.h"
#include "ssh/signature.h"

#define USER_NAME    "openssh"
#define P256_SIZE    64U
#define ED25519_SIZE 32U

static struct sk_enroll_response *response_free(struct sk_enroll_response *response)
{
        if (!response)
                return NULL;
        free(response->public_key);
        free(response->key_handle);
        free(response->signature);
        free(response->attestation_cert);
        free(response->authdata);
        free(response);
        return NULL;
}
DEFINE_CLEANUP(struct sk_enroll_response *, response_free)

static void cred_freep(fido_cred_t **cred)
{
        fido_cred_free(cred);
}

static void assertion_freep(fido_assert_t **assertion)
{
        fido_assert_free(assertion);
}

int public_key_of(int cose, const uint8_t *key, size_t size, uint8_t **ret, size_t *ret_size)
{
        uint8_t point[1 + P256_SIZE] = {0x04};

        if (!key || size != (cose == COSE_ES256 ? P256_SIZE : ED25519_SIZE))
                return -EBADMSG;
        if (cose != COSE_ES256)
                return signature_copy(key, size, ret, ret_size);
        memcpy(point + 1, key, P256_SIZE);
        return signature_copy(point, sizeof(point), ret, ret_size);
}

/* ---- is there one already? ---- */

static bool is_user(const Options *options, const uint8_t *id, size_t size)
{
        return id && size == sizeof(options->user_id) && memcmp(id, options->user_id, size) == 0;
}

/* 0, SK_ERROR_EXISTS, or another enum sk_error. */
static int check_keyfob(const Device *device, const Enrollment *e, const Options *options)
{
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *passkeys = NULL;
        keyfob *k = link_client(device->link);
        int r;

        r = keyfob_passkey_list(k, e->application, /* deleted= */ false, &passkeys);
        if (r != 0) {
                say("%s", keyfob_message(k)[0] ? keyfob_message(k) : keyfob_strerror(r));
                return SK_ERROR_GENERAL;
        }
        for (size_t i = 0; i < passkeys->n; i++)
                if (passkeys->passkeys[i].discoverable &&
                    is_user(options, passkeys->passkeys[i].user_id, passkeys->passkeys[i].user_id_size))
                        return SK_ERROR_EXISTS;
        return 0;
}

/* Another maker's says so in a silent assertion; to who is verified where it protects such keys. */
static int check_other(const Device *device, const Enrollment *e, const Options *options)
{
        _cleanup_(assertion_freep) fido_assert_t *assertion = fido_assert_new();
        int r;

        if (!assertion)
                return SK_ERROR_GENERAL;
        r = fido_assert_set_clientdata(assertion, e->challenge, e->challenge_size);
        if (r == FIDO_OK)
                r = fido_assert_set_rp(assertion, e->application);
        if (r == FIDO_OK)
                r = fido_assert_set_up(assertion, FIDO_OPT_FALSE);
        if (r == FIDO_OK && !e->pin && device_verifies(device))
                r = fido_assert_set_uv(assertion, FIDO_OPT_TRUE);
        if (r == FIDO_OK)
                r = fido_dev_get_assert(device->dev, assertion, e->pin);
        if (r == FIDO_ERR_NO_CREDENTIALS)
                return 0;
        if (r != FIDO_OK)
                return outcome_say(r, /* keyfob= */ false);
        for (size_t i = 0; i < fido_assert_count(assertion); i++)
                if (is_user(options, fido_assert_user_id_ptr(assertion, i), fido_assert_user_id_len(assertion, i)))
                        return SK_ERROR_EXISTS;
        return 0;
}

static int check_existing(const Device *device, const Enrollment *e, const Options *options)
{
        if (!(e->flags & SK_RESIDENT) || e->flags & SK_FORCE)
                return 0;
        return device->link ? check_keyfob(device, e, options) : check_other(device, e, options);
}

/* ---- the new key ---- */

static int prepare(const Enrollment *e, const Options *options, bool verify, fido_cred_t *cred)
{
        const char *name = options->user ? options->user : USER_NAME;
        bool verified = e->flags & SK_USER_VERIFICATION, resident = e->flags & SK_RESIDENT;
        int r;

        r = fido_cred_set_type(cred, e->algorithm == SK_ECDSA ? COSE_ES256 : COSE_EDDSA);
        if (r == FIDO_OK)
                r = fido_cred_set_clientdata(cred, e->challenge, e->challenge_size);
        if (r == FIDO_OK)
                r = fido_cred_set_rp(cred, e->application, /* name= */ NULL);
        if (r == FIDO_OK)
                r = fido_cred_set_user(cred, options->user_id, sizeof(options->user_id), name, name, /* icon= */ NULL);
        if (r == FIDO_OK && resident)
                r = fido_cred_set_rk(cred, FIDO_OPT_TRUE);
        if (r == FIDO_OK && verify)
                r = fido_cred_set_uv(cred, FIDO_OPT_TRUE);
        if (r == FIDO_OK && (verified || resident))
                r = fido_cred_set_prot(cred, verified ? FIDO_CRED_PROT_UV_REQUIRED : FIDO_CRED_PROT_UV_OPTIONAL_WITH_ID);
        return r;
}

/* A security key whose attestation does not verify is broken, or somebody is in between. */
static int check_attestation(const fido_cred_t *cred)
{
        const char *format = fido_cred_fmt(cred);

        if (format && strcmp(format, "none") == 0)
                return FIDO_OK;
        return fido_cred_x5c_ptr(cred) ? fido_cred_verify(cred) : fido_cred_verify_self(cred);
}

static int respond(const Enrollment *e, const fido_cred_t *cred, struct sk_enroll_response **ret)
{
        _cleanup_(response_freep) struct sk_enroll_response *response = calloc(1, sizeof(*response));
        int r;

        if (!response)
                return SK_ERROR_GENERAL;
        response->flags = e->flags & (uint8_t)~SK_FORCE;
        r = public_key_of(fido_cred_type(cred), fido_cred_pubkey_ptr(cred), fido_cred_pubkey_len(cred),
                          &response->public_key, &response->public_key_len);
        if (r == 0)
                r = signature_copy(fido_cred_id_ptr(cred), fido_cred_id_len(cred), &response->key_handle,
                                   &response->key_handle_len);
        if (r == 0)
                r = signature_copy(fido_cred_sig_ptr(cred), fido_cred_sig_len(cred), &response->signature,
                                   &response->signature_len);
        if (r == 0)
                r = signature_copy(fido_cred_x5c_ptr(cred), fido_cred_x5c_len(cred), &response->attestation_cert,
                                   &response->attestation_cert_len);
        if (r == 0)
                r = signature_copy(fido_cred_authdata_ptr(cred), fido_cred_authdata_len(cred), &response->authdata,
                                   &response->authdata_len);
        if (r < 0)
                return SK_ERROR_GENERAL;
        *ret = TAKE_PTR(response);
        return 0;
}

int call_enroll(const Enrollment *e, const Options *options, struct sk_enroll_response **ret)
{
        _cleanup_(device_close) Device device = DEVICE_NULL;
        _cleanup_(cred_freep) fido_cred_t *cred = NULL;
        bool protect = e->flags & (SK_USER_VERIFICATION | SK_RESIDENT), verify;
        int r;

        if (e->algorithm != SK_ECDSA && e->algorithm != SK_ED25519)
                return SK_ERROR_UNSUPPORTED;
        r = device_open(options, &device);
        if (r != 0)
                return r;
        if (protect && !fido_dev_supports_cred_prot(device.dev)) {
                say("this security key cannot protect such keys");
                return SK_ERROR_UNSUPPORTED;
        }
        verify = protect && !e->pin && device_verifies(&device);
        if (e->flags & SK_USER_VERIFICATION && !verify && !e->pin)
                return fido_dev_has_pin(device.dev) ? SK_ERROR_PIN_REQUIRED :
                                                      outcome_say(FIDO_ERR_PIN_NOT_SET, device.link);
        r = check_existing(&device, e, options);
        if (r != 0)
                return r;
        cred = fido_cred_new();
        if (!cred)
                return SK_ERROR_GENERAL;
        r = prepare(e, options, verify, cred);
        if (r == FIDO_OK)
                r = fido_dev_make_cred(device.dev, cred, e->pin);
        if (r == FIDO_OK)
                r = check_attestation(cred);
        return r == FIDO_OK ? respond(e, cred, ret) : outcome_say(r, device.link);
}
