/*
 * Loading resident keys
 *
 * Which applications have keys is what the owner of a vault can list; another maker's security key tells it for a PIN. The keys
 * themselves take verification in any case, once for each application. Only what is OpenSSH's (ssh:…) and of a type that it
 * knows is handed on.
 */
#include <errno.h>
#include <fido/credman.h>
#include <string.h>
#include <strings.h>

#include "ssh/calls.h"
#include "ssh/device.h"
#include "ssh/outcome.h"
#include "ssh/say.h"
#include "ssh/signature.h"

#define SSH "ssh:"

typedef struct Found {
        struct sk_resident_key **keys;
        size_t n;
} Found;

static void resident_key_free(struct sk_resident_key *key)
{
        if (!key)
                return;
        free(key->application);
        free(key->key.public_key);
        free(key->key.key_handle);
        free(key->user_id);
        free(key);
}
DEFINE_CLEANUP(struct sk_resident_key *, resident_key_free)

static void found_done(Found *found)
{
        for (size_t i = 0; i < found->n; i++)
                resident_key_free(found->keys[i]);
        free(found->keys);
}

static void names_done(char ***names)
{
        for (char **name = *names; name && *name; name++)
                free(*name);
        free(*names);
}

static bool is_ssh(const char *application)
{
        return application && strncasecmp(application, SSH, strlen(SSH)) == 0;
}

/* ---- applications: a list that ends with NULL ---- */

static int add_name(char ***names, size_t *n, const char *name)
{
        char **more;

        for (size_t i = 0; i < *n; i++)
                if (strcmp((*names)[i], name) == 0)
                        return 0;
        more = reallocarray(*names, *n + 2, sizeof(*more));
        if (!more)
                return -ENOMEM;
        *names = more;
        more[*n + 1] = NULL;
        more[*n] = strdup(name);
        return more[(*n)++] ? 0 : -ENOMEM;
}

static int applications_of_keyfob(keyfob *k, char ***names)
{
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *passkeys = NULL;
        size_t n = 0;
        int r;

        r = keyfob_passkey_list(k, /* rp_id= */ NULL, /* deleted= */ false, &passkeys);
        if (r != 0) {
                say("%s", keyfob_message(k)[0] ? keyfob_message(k) : keyfob_strerror(r));
                return SK_ERROR_GENERAL;
        }
        for (size_t i = 0; r == 0 && i < passkeys->n; i++)
                if (passkeys->passkeys[i].discoverable && is_ssh(passkeys->passkeys[i].rp_id))
                        r = add_name(names, &n, passkeys->passkeys[i].rp_id);
        return r < 0 ? SK_ERROR_GENERAL : 0;
}

static int applications_of_other(fido_dev_t *dev, const char *pin, char ***names)
{
        fido_credman_rp_t *rps = fido_credman_rp_new();
        size_t n = 0;
        int r;

        r = rps ? fido_credman_get_dev_rp(dev, rps, pin) : FIDO_ERR_INTERNAL;
        if (r == FIDO_ERR_NO_CREDENTIALS)
                r = FIDO_OK;
        for (size_t i = 0; r == FIDO_OK && i < fido_credman_rp_count(rps); i++)
                if (is_ssh(fido_credman_rp_id(rps, i)) && add_name(names, &n, fido_credman_rp_id(rps, i)) < 0)
                        r = FIDO_ERR_INTERNAL;
        fido_credman_rp_free(&rps);
        return r == FIDO_OK ? 0 : outcome_say(r, /* keyfob= */ false);
}

/* ---- their keys ---- */

static int read_key(const fido_cred_t *cred, const char *application, size_t slot, struct sk_resident_key **ret)
{
        _cleanup_(resident_key_freep) struct sk_resident_key *key = calloc(1, sizeof(*key));
        bool verify = fido_cred_prot(cred) == FIDO_CRED_PROT_UV_REQUIRED;
        int r;

        if (!key)
                return -ENOMEM;
        key->alg = fido_cred_type(cred) == COSE_ES256 ? SK_ECDSA : SK_ED25519;
        key->slot = slot;
        key->flags = SK_USER_PRESENCE | SK_RESIDENT | (verify ? SK_USER_VERIFICATION : 0);
        key->application = strdup(application);
        if (!key->application)
                return -ENOMEM;
        r = public_key_of(fido_cred_type(cred), fido_cred_pubkey_ptr(cred), fido_cred_pubkey_len(cred),
                          &key->key.public_key, &key->key.public_key_len);
        if (r == 0)
                r = signature_copy(fido_cred_id_ptr(cred), fido_cred_id_len(cred), &key->key.key_handle,
                                   &key->key.key_handle_len);
        if (r == 0)
                r = signature_copy(fido_cred_user_id_ptr(cred), fido_cred_user_id_len(cred), &key->user_id,
                                   &key->user_id_len);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(key);
        return 0;
}

static int add_keys(const fido_credman_rk_t *rks, const char *application, Found *found)
{
        struct sk_resident_key **more;
        int r;

        for (size_t i = 0; i < fido_credman_rk_count(rks); i++) {
                const fido_cred_t *cred = fido_credman_rk(rks, i);
                int type = fido_cred_type(cred);

                if (type != COSE_ES256 && type != COSE_EDDSA)
                        continue;
                more = reallocarray(found->keys, found->n + 1, sizeof(*more));
                if (!more)
                        return -ENOMEM;
                found->keys = more;
                r = read_key(cred, application, i, &more[found->n]);
                if (r < 0)
                        return r;
                found->n++;
        }
        return 0;
}

static int load(const Device *device, const char *application, const char *pin, Found *found)
{
        fido_credman_rk_t *rks = fido_credman_rk_new();
        int r;

        r = rks ? fido_credman_get_dev_rk(device->dev, application, rks, pin) : FIDO_ERR_INTERNAL;
        if (r == FIDO_OK && add_keys(rks, application, found) < 0)
                r = FIDO_ERR_INTERNAL;
        if (r == FIDO_ERR_NO_CREDENTIALS) /* it went meanwhile */
                r = FIDO_OK;
        fido_credman_rk_free(&rks);
        return r == FIDO_OK ? 0 : outcome_say(r, device->link);
}

int call_load(const char *pin, const Options *options, struct sk_resident_key ***ret, size_t *ret_n)
{
        _cleanup_(device_close) Device device = DEVICE_NULL;
        _cleanup_(names_done) char **names = NULL;
        _cleanup_(found_done) Found found = {0};
        int r;

        r = device_open_with_residents(options, &device);
        if (r != 0)
                return r;
        if (!fido_dev_has_pin(device.dev) && !device_verifies(&device))
                return outcome_say(FIDO_ERR_PIN_NOT_SET, device.link);
        if (!pin && !device_verifies(&device))
                return SK_ERROR_PIN_REQUIRED;
        r = device.link ? applications_of_keyfob(link_client(device.link), &names) :
                          applications_of_other(device.dev, pin, &names);
        for (size_t i = 0; r == 0 && names && names[i]; i++)
                r = load(&device, names[i], pin, &found);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(found.keys);
        *ret_n = found.n;
        found.n = 0;
        return 0;
}
