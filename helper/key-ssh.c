/*
 * Keys of ssh on a security key: making one, and signing with it
 *
 * ssh knows a key by its handle and not by the device that it is on, so each that is plugged in is asked, silently, whether it
 * knows the handle; only that one blinks. A key that is guarded by credProtect does not answer such a question: when there
 * is only one device and verification is wanted anyway, it is taken for the one.
 */
#include <fido/credman.h>
#include <string.h>

#include "helper/key-internal.h"
#include "helper/task.h"

static bool given(const KeyCall *call, KeyGiven what)
{
        return call->request.given & what;
}

/* Whether the person is verified without a PIN that we would have to know. */
static bool verifies_itself(const KeyCall *call)
{
        return key_option(call, "uv") == 1;
}

/* 0, or why the PIN has to be asked for first. */
static int need_pin_to_verify(KeyCall *call)
{
        if (!given(call, KEY_GIVEN_VERIFICATION) || call->request.pin || verifies_itself(call))
                return FIDO_OK;
        if (!fido_dev_has_pin(call->dev))
                return FIDO_ERR_PIN_NOT_SET;
        return key_refuse(call, KEY_E_PIN_REQUIRED, "the key wants its PIN for this");
}

/* ---- signing ---- */

static int make_assertion(const KeyCall *call, bool presence, fido_assert_t **ret)
{
        const KeyRequest *request = &call->request;
        fido_assert_t *assertion = fido_assert_new();
        int r;

        if (!assertion)
                return FIDO_ERR_INTERNAL;
        r = fido_assert_set_clientdata_hash(assertion, request->content->data, request->content->size);
        if (r == FIDO_OK)
                r = fido_assert_set_rp(assertion, request->name);
        if (r == FIDO_OK)
                r = fido_assert_allow_cred(assertion, request->id, request->id_size);
        if (r == FIDO_OK)
                r = fido_assert_set_up(assertion, presence ? FIDO_OPT_TRUE : FIDO_OPT_FALSE);
        if (r != FIDO_OK) {
                fido_assert_free(&assertion);
                return r;
        }
        *ret = assertion;
        return FIDO_OK;
}

/* Whether the device knows the handle; nobody is asked for anything, and no PIN is sent: a wrong one would count. */
static int knows_handle(KeyCall *call, bool *ret)
{
        fido_assert_t *assertion = NULL;
        int r;

        r = make_assertion(call, /* presence= */ false, &assertion);
        if (r != FIDO_OK)
                return r;
        r = fido_dev_get_assert(call->dev, assertion, NULL);
        fido_assert_free(&assertion);
        *ret = r == FIDO_OK || r == FIDO_ERR_USER_PRESENCE_REQUIRED; /* what U2F says */
        return FIDO_OK;
}

static int sign_with(KeyCall *call)
{
        bool presence = given(call, KEY_GIVEN_PRESENCE);
        fido_assert_t *assertion = NULL;
        int r;

        r = need_pin_to_verify(call);
        if (r == FIDO_OK)
                r = make_assertion(call, presence, &assertion);
        if (r != FIDO_OK)
                return r;
        if (given(call, KEY_GIVEN_VERIFICATION) && !call->request.pin)
                r = fido_assert_set_uv(assertion, FIDO_OPT_TRUE);
        if (r == FIDO_OK) {
                if (presence)
                        key_touch(call);
                r = fido_dev_get_assert(call->dev, assertion, key_pin(call));
        }
        if (r == FIDO_ERR_PIN_REQUIRED)
                r = key_refuse(call, KEY_E_PIN_REQUIRED, "the key wants its PIN for this");
        if (r == FIDO_OK && fido_assert_count(assertion) != 1)
                r = FIDO_ERR_NO_CREDENTIALS;
        if (r == FIDO_OK) {
                byte_writer_u8(&call->fields, fido_assert_flags(assertion, 0));
                byte_writer_u32(&call->fields, fido_assert_sigcount(assertion, 0));
                byte_writer_blob(&call->fields, fido_assert_sig_ptr(assertion, 0), fido_assert_sig_len(assertion, 0));
        }
        fido_assert_free(&assertion);
        return r;
}

static bool may_be_meant(const KeyDevice *device)
{
        return !device->own;
}

/* Opens devices until one knows the handle; call->dev is that one when *ret_found. */
static int find_handle(KeyCall *call, const KeyDevices *devices, bool *ret_found)
{
        size_t n = 0;
        int r = FIDO_OK;

        for (size_t i = 0; i < devices->n; i++)
                n += may_be_meant(&devices->devices[i]);
        if (n == 0)
                return key_refuse(call, KEY_E_NOT_FOUND, "no security key is plugged in");
        for (size_t i = 0; i < devices->n && !task_ending(); i++) {
                if (!may_be_meant(&devices->devices[i]))
                        continue;
                free(call->path);
                call->path = strdup(fido_dev_info_path(devices->devices[i].info));
                if (!call->path)
                        return FIDO_ERR_INTERNAL;
                r = key_open(call);
                if (r == FIDO_OK)
                        r = knows_handle(call, ret_found);
                if (r == FIDO_OK && !*ret_found)
                        *ret_found = n == 1 && given(call, KEY_GIVEN_VERIFICATION) && call->info;
                if (r == FIDO_OK && *ret_found)
                        return FIDO_OK;
                key_close(call);
        }
        /* Why the only one could not be asked is more than that it has none. */
        return n == 1 ? r : FIDO_OK;
}

int key_sign(KeyCall *call, const KeyDevices *devices)
{
        bool found = false;
        int r;

        r = find_handle(call, devices, &found);
        if (r == FIDO_OK && !found)
                return key_refuse(call, KEY_E_NOT_FOUND, "no security key that is plugged in has this key");
        return r == FIDO_OK ? sign_with(call) : r;
}

/* ---- making ---- */

#define USER_ID_SIZE 32U /* that ssh gives its keys: the name, and zeros */

static void put_user_id(const KeyCall *call, uint8_t ret[USER_ID_SIZE])
{
        const char *name = call->request.display_name;

        memset(ret, 0, USER_ID_SIZE);
        memcpy(ret, name, strnlen(name, USER_ID_SIZE - 1));
}

static bool has_user(const fido_assert_t *assertion, const uint8_t id[USER_ID_SIZE])
{
        for (size_t i = 0; i < fido_assert_count(assertion); i++)
                if (fido_assert_user_id_len(assertion, i) == USER_ID_SIZE &&
                    memcmp(fido_assert_user_id_ptr(assertion, i), id, USER_ID_SIZE) == 0)
                        return true;
        return false;
}

/* A resident key would take the place of an older one of the same application and user, for good. The device shows those that it
 * has to its verified owner only: a first call without a PIN sees none, and is answered that it wants one. */
static int check_account(KeyCall *call)
{
        const KeyRequest *request = &call->request;
        bool verify = given(call, KEY_GIVEN_VERIFICATION) && !request->pin;
        fido_assert_t *assertion = fido_assert_new();
        uint8_t user_id[USER_ID_SIZE];
        int r;

        if (!assertion)
                return FIDO_ERR_INTERNAL;
        put_user_id(call, user_id);
        r = fido_assert_set_clientdata_hash(assertion, request->content->data, request->content->size);
        if (r == FIDO_OK)
                r = fido_assert_set_rp(assertion, request->name);
        if (r == FIDO_OK)
                r = fido_assert_set_up(assertion, FIDO_OPT_FALSE);
        if (r == FIDO_OK && verify)
                r = fido_assert_set_uv(assertion, FIDO_OPT_TRUE);
        if (r == FIDO_OK) {
                if (verify)
                        key_touch(call);
                r = fido_dev_get_assert(call->dev, assertion, key_pin(call));
        }
        if (r == FIDO_OK && has_user(assertion, user_id))
                r = key_refuse(call, KEY_E_EXISTS,
                               "the key has a resident key of this application and user already: name another user, or "
                               "first run keyfob key passkey delete");
        fido_assert_free(&assertion);
        return r == FIDO_ERR_NO_CREDENTIALS ? FIDO_OK : r;
}

static int describe(const KeyCall *call, fido_cred_t *credential)
{
        const KeyRequest *request = &call->request;
        bool resident = given(call, KEY_GIVEN_RESIDENT), verification = given(call, KEY_GIVEN_VERIFICATION);
        uint8_t user_id[USER_ID_SIZE];
        int r;

        put_user_id(call, user_id);
        r = fido_cred_set_type(credential, given(call, KEY_GIVEN_ED25519) ? COSE_EDDSA : COSE_ES256);
        if (r == FIDO_OK)
                r = fido_cred_set_clientdata_hash(credential, request->content->data, request->content->size);
        if (r == FIDO_OK)
                r = fido_cred_set_rp(credential, request->name, NULL);
        if (r == FIDO_OK)
                r = fido_cred_set_user(credential, user_id, sizeof(user_id),
                                       request->display_name[0] ? request->display_name : "openssh", "openssh", NULL);
        if (r == FIDO_OK)
                r = fido_cred_set_rk(credential, resident ? FIDO_OPT_TRUE : FIDO_OPT_OMIT);
        if (r == FIDO_OK && (resident || verification))
                r = fido_cred_set_prot(credential, verification ? FIDO_CRED_PROT_UV_REQUIRED
                                                                : FIDO_CRED_PROT_UV_OPTIONAL_WITH_ID);
        return r;
}

static int say_key(KeyCall *call, const fido_cred_t *credential)
{
        static const uint8_t uncompressed = 0x04;
        bool point = !given(call, KEY_GIVEN_ED25519);
        uint8_t public_key[65];
        size_t size = fido_cred_pubkey_len(credential);

        if (size != (point ? 64U : 32U))
                return key_refuse(call, KEY_E_IO, "the key's answer makes no sense");
        public_key[0] = uncompressed;
        memcpy(public_key + point, fido_cred_pubkey_ptr(credential), size);
        byte_writer_blob(&call->fields, public_key, size + point);
        byte_writer_blob(&call->fields, fido_cred_id_ptr(credential), fido_cred_id_len(credential));
        return FIDO_OK;
}

int key_enroll(KeyCall *call)
{
        fido_cred_t *credential;
        int r;

        r = need_pin_to_verify(call);
        if (r == FIDO_OK && (given(call, KEY_GIVEN_RESIDENT) || given(call, KEY_GIVEN_VERIFICATION)))
                r = key_need(call, fido_dev_supports_cred_prot(call->dev), "protection of keys by their owner");
        if (r == FIDO_OK && given(call, KEY_GIVEN_RESIDENT))
                r = check_account(call);
        if (r == FIDO_ERR_PIN_REQUIRED)
                r = key_refuse(call, KEY_E_PIN_REQUIRED, "the key wants its PIN for this");
        if (r != FIDO_OK)
                return r;
        credential = fido_cred_new();
        if (!credential)
                return FIDO_ERR_INTERNAL;
        r = describe(call, credential);
        if (r == FIDO_OK && given(call, KEY_GIVEN_VERIFICATION) && !call->request.pin)
                r = fido_cred_set_uv(credential, FIDO_OPT_TRUE);
        if (r == FIDO_OK) {
                key_touch(call);
                r = fido_dev_make_cred(call->dev, credential, key_pin(call));
        }
        if (r == FIDO_ERR_PIN_REQUIRED)
                r = key_refuse(call, KEY_E_PIN_REQUIRED, "the key wants its PIN for this");
        if (r == FIDO_OK)
                r = say_key(call, credential);
        fido_cred_free(&credential);
        return r;
}
