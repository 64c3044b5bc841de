/*
 * hmac-secret and hmac-secret-mc (sections 12.7, 12.8): secrets that only the credential can compute
 *
 * hmac-secret announces at makeCredential that they are wanted and gives them at getAssertion; hmac-secret-mc gives
 * them at makeCredential already. Every credential has the two random values, asked for or not, so a relying party may
 * begin to use them later. How they are computed and encrypted is in ext-hmac-secret.c.
 */
#include "authenticator/extensions.h"

static int read_hmac(const cbor_item_t *value, ExtensionInputs *inputs)
{
        return inputs->making ? value_bool(value, &inputs->hmac) : hmac_secret_read(value, &inputs->salts);
}

static int read_hmac_mc(const cbor_item_t *value, ExtensionInputs *inputs)
{
        return inputs->making ? hmac_secret_read(value, &inputs->salts) : CTAP_OK;
}

/* Secrets are given to a person, never to a silent probe. */
static int check(const ExtensionInputs *inputs, bool rk, bool up)
{
        return !inputs->making && inputs->salts.present && !up ? CTAP2_ERR_UNSUPPORTED_OPTION : CTAP_OK;
}

static int check_mc(const ExtensionInputs *inputs, bool rk, bool up)
{
        return inputs->making && inputs->salts.present && !inputs->hmac ? CTAP2_ERR_MISSING_PARAMETER : CTAP_OK;
}

static int make(Authenticator *a, const ExtensionInputs *inputs, Credential *credential)
{
        int r;

        credential->hmac = inputs->hmac;
        r = authenticator_random(a, credential->hmac_uv, sizeof(credential->hmac_uv));
        if (r < 0)
                return r;
        return authenticator_random(a, credential->hmac_no_uv, sizeof(credential->hmac_no_uv));
}

static int put_secrets(AuthenticatorHost *host, const ExtensionInputs *inputs, const Credential *credential,
                       bool verified, const char *name, CborWriter *w)
{
        uint8_t secrets[HMAC_SECRET_OUTPUT_MAX];
        size_t size = 0;
        int r;

        if (!inputs->salts.present)
                return CTAP_OK;
        r = hmac_secret_compute(host, &inputs->salts, credential, verified, secrets, &size);
        if (r != CTAP_OK)
                return r;
        put_text(w, name);
        put_bytes(w, secrets, size);
        return CTAP_OK;
}

static int output(AuthenticatorHost *host, const ExtensionInputs *inputs, const Credential *credential, bool verified,
                  CborWriter *w)
{
        if (!inputs->making)
                return put_secrets(host, inputs, credential, verified, extension_hmac_secret.name, w);
        if (inputs->hmac) {
                put_text(w, extension_hmac_secret.name);
                put_bool(w, true);
        }
        return CTAP_OK;
}

static int output_mc(AuthenticatorHost *host, const ExtensionInputs *inputs, const Credential *credential,
                     bool verified, CborWriter *w)
{
        return inputs->making ? put_secrets(host, inputs, credential, verified, extension_hmac_secret_mc.name, w)
                              : CTAP_OK;
}

const Extension extension_hmac_secret = {
        .name = "hmac-secret",
        .read = read_hmac,
        .check = check,
        .make = make,
        .output = output,
};

const Extension extension_hmac_secret_mc = {
        .name = "hmac-secret-mc",
        .read = read_hmac_mc,
        .check = check_mc,
        .output = output_mc,
};
