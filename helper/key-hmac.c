/*
 * hmac-secret: 32 bytes that a security key computes from a salt, always the same ones (CTAP 2.1, 12.5)
 *
 * A vault has a credential on each key that may open it, and one salt for all; so the key that is plugged in is asked
 * once, about all of them. Which of several keys has one is found out silently before anybody touches anything. A PIN
 * goes to one key only: a key that it does not belong to would count it as wrong.
 *
 * A key answers with other bytes when it has verified its user. Without verification no PIN is sent and none is
 * wanted.
 */
#include <string.h>

#include "helper/key-internal.h"
#include "helper/task.h"

typedef struct Ids {
        struct {
                const uint8_t *data;
                size_t size;
        } ids[KEY_HMAC_IDS_MAX];
        size_t n;
} Ids;

static bool verifies(const KeyCall *call)
{
        return call->request.given & KEY_GIVEN_VERIFICATION;
}

static int read_ids(KeyCall *call, const uint8_t **ret_salt, Ids *ret)
{
        ByteReader reader = BYTE_READER(call->request.content->data, call->request.content->size);
        Ids ids = {.n = 0};

        *ret_salt = byte_reader_raw(&reader, KEY_HMAC_SIZE);
        while (!reader.failed && reader.size > 0 && ids.n < KEY_HMAC_IDS_MAX) {
                ids.ids[ids.n].data = byte_reader_blob(&reader, KEY_ID_MAX, &ids.ids[ids.n].size);
                if (ids.ids[ids.n].size == 0)
                        reader.failed = true;
                ids.n++;
        }
        if (!byte_reader_done(&reader) || ids.n == 0)
                return key_refuse(call, KEY_E_INVALID, "the request is malformed");
        *ret = ids;
        return FIDO_OK;
}

static bool supports(const KeyCall *call)
{
        char **names = call->info ? fido_cbor_info_extensions_ptr(call->info) : NULL;

        for (size_t i = 0; names && i < fido_cbor_info_extensions_len(call->info); i++)
                if (strcmp(names[i], "hmac-secret") == 0)
                        return true;
        return false;
}

/* 0, or why this key can't be asked so. */
static int check_way(KeyCall *call)
{
        if (!verifies(call))
                return key_option(call, "alwaysUv") == 1 ? key_refuse(call, KEY_E_UNSUPPORTED,
                                                                      "this key verifies its user each time: the slot "
                                                                      "has to be one with verification")
                                                         : FIDO_OK;
        if (call->request.pin || key_option(call, "uv") == 1)
                return FIDO_OK;
        if (!fido_dev_has_pin(call->dev))
                return FIDO_ERR_PIN_NOT_SET;
        return key_refuse(call, KEY_E_PIN_REQUIRED, "the key wants its PIN for this");
}

/* What is signed is of no use to anybody: the secret is what is wanted. */
static const uint8_t nothing[KEY_HASH_SIZE];

/* ---- asking ---- */

static int assertion_new(const KeyCall *call, const Ids *ids, bool presence, fido_assert_t **ret)
{
        fido_assert_t *assertion = fido_assert_new();
        int r;

        if (!assertion)
                return FIDO_ERR_INTERNAL;
        r = fido_assert_set_clientdata_hash(assertion, nothing, sizeof(nothing));
        if (r == FIDO_OK)
                r = fido_assert_set_rp(assertion, call->request.name);
        for (size_t i = 0; r == FIDO_OK && i < ids->n; i++)
                r = fido_assert_allow_cred(assertion, ids->ids[i].data, ids->ids[i].size);
        if (r == FIDO_OK)
                r = fido_assert_set_up(assertion, presence ? FIDO_OPT_OMIT : FIDO_OPT_FALSE);
        if (r != FIDO_OK) {
                fido_assert_free(&assertion);
                return r;
        }
        *ret = assertion;
        return FIDO_OK;
}

/* Nobody is asked for anything, and no PIN is sent. */
static int knows_one(KeyCall *call, const Ids *ids, bool *ret)
{
        fido_assert_t *assertion = NULL;
        int r;

        if (!call->info || !supports(call))
                return FIDO_OK;
        r = assertion_new(call, ids, /* presence= */ false, &assertion);
        if (r != FIDO_OK)
                return r;
        r = fido_dev_get_assert(call->dev, assertion, NULL);
        fido_assert_free(&assertion);
        *ret = r == FIDO_OK;
        return FIDO_OK;
}

static bool is_called(const KeyCall *call, const KeyDevice *device)
{
        const char *name = call->request.key, *product = fido_dev_info_product_string(device->info);

        return !name[0] || strcmp(fido_dev_info_path(device->info), name) == 0 ||
               (device->serial[0] && strcmp(device->serial, name) == 0) || (product && strcmp(product, name) == 0);
}

/*
 * Opens keys until one has one of them. A credential that tells nobody without verification that it is there is taken
 * to be on the only key that is plugged in.
 */
static int find_key(KeyCall *call, const KeyDevices *devices, const Ids *ids)
{
        bool found = false;
        size_t n = 0;
        int r = FIDO_OK;

        for (size_t i = 0; i < devices->n; i++)
                n += !devices->devices[i].own && is_called(call, &devices->devices[i]);
        if (n == 0)
                return key_refuse(call, KEY_E_NOT_FOUND, "no security key is plugged in");
        for (size_t i = 0; i < devices->n && !task_ending(); i++) {
                if (devices->devices[i].own || !is_called(call, &devices->devices[i]))
                        continue;
                free(call->path);
                call->path = strdup(fido_dev_info_path(devices->devices[i].info));
                if (!call->path)
                        return FIDO_ERR_INTERNAL;
                r = key_open(call);
                if (r == FIDO_OK)
                        r = knows_one(call, ids, &found);
                if (r == FIDO_OK && (found || (n == 1 && verifies(call) && supports(call))))
                        return FIDO_OK;
                key_close(call);
        }
        /* Why the only one could not be asked is more than that it has none. */
        if (n == 1 && r != FIDO_OK)
                return r;
        return key_refuse(call, KEY_E_NOT_FOUND, "the security key that is plugged in does not open this vault");
}

static int say_secret(KeyCall *call, const fido_assert_t *assertion, const Ids *ids)
{
        if (fido_assert_count(assertion) != 1 || fido_assert_hmac_secret_len(assertion, 0) != KEY_HMAC_SIZE)
                return key_refuse(call, KEY_E_UNSUPPORTED, "the key's answer has no hmac-secret in it");
        /* With one credential a key need not say which it was. */
        if (fido_assert_id_len(assertion, 0) > 0)
                byte_writer_blob(&call->fields, fido_assert_id_ptr(assertion, 0), fido_assert_id_len(assertion, 0));
        else
                byte_writer_blob(&call->fields, ids->ids[0].data, ids->ids[0].size);
        byte_writer_blob(&call->fields, fido_assert_hmac_secret_ptr(assertion, 0), KEY_HMAC_SIZE);
        return FIDO_OK;
}

int key_hmac(KeyCall *call, const KeyDevices *devices)
{
        fido_assert_t *assertion = NULL;
        const uint8_t *salt;
        Ids ids;
        int r;

        r = read_ids(call, &salt, &ids);
        if (r == FIDO_OK)
                r = find_key(call, devices, &ids);
        if (r == FIDO_OK)
                r = check_way(call);
        if (r == FIDO_OK)
                r = assertion_new(call, &ids, /* presence= */ true, &assertion);
        if (r == FIDO_OK)
                r = fido_assert_set_extensions(assertion, FIDO_EXT_HMAC_SECRET);
        if (r == FIDO_OK)
                r = fido_assert_set_hmac_salt(assertion, salt, KEY_HMAC_SIZE);
        if (r == FIDO_OK && verifies(call) && !call->request.pin)
                r = fido_assert_set_uv(assertion, FIDO_OPT_TRUE);
        if (r == FIDO_OK) {
                key_touch(call);
                r = fido_dev_get_assert(call->dev, assertion, verifies(call) ? key_pin(call) : NULL);
        }
        if (r == FIDO_ERR_NO_CREDENTIALS)
                r = key_refuse(call, KEY_E_NOT_FOUND, "the security key that is plugged in does not open this vault");
        if (r == FIDO_OK)
                r = say_secret(call, assertion, &ids);
        fido_assert_free(&assertion); /* which wipes it */
        return r;
}

/* ---- making ---- */

#define USER_ID_SIZE 32U

static int describe(const KeyCall *call, fido_cred_t *credential)
{
        const KeyRequest *request = &call->request;
        uint8_t user_id[USER_ID_SIZE] = {0};
        int r;

        memcpy(user_id, request->display_name, strnlen(request->display_name, sizeof(user_id) - 1));
        r = fido_cred_set_type(credential, COSE_ES256);
        if (r == FIDO_OK)
                r = fido_cred_set_clientdata_hash(credential, nothing, sizeof(nothing));
        if (r == FIDO_OK)
                r = fido_cred_set_rp(credential, request->name, NULL);
        if (r == FIDO_OK)
                r = fido_cred_set_user(credential, user_id, sizeof(user_id), request->display_name,
                                       request->display_name, NULL);
        if (r == FIDO_OK)
                r = fido_cred_set_rk(credential, FIDO_OPT_OMIT);
        if (r == FIDO_OK)
                r = fido_cred_set_extensions(credential, FIDO_EXT_HMAC_SECRET);
        return r;
}

int key_hmac_make(KeyCall *call)
{
        fido_cred_t *credential;
        int r;

        r = key_need(call, supports(call), "hmac-secret, by which a key opens a vault");
        if (r == FIDO_OK)
                r = check_way(call);
        if (r != FIDO_OK)
                return r;
        credential = fido_cred_new();
        if (!credential)
                return FIDO_ERR_INTERNAL;
        r = describe(call, credential);
        if (r == FIDO_OK && verifies(call) && !call->request.pin)
                r = fido_cred_set_uv(credential, FIDO_OPT_TRUE);
        if (r == FIDO_OK) {
                key_touch(call);
                r = fido_dev_make_cred(call->dev, credential, key_pin(call));
        }
        if (r == FIDO_ERR_PIN_REQUIRED)
                r = key_refuse(call, KEY_E_PIN_REQUIRED, "the key wants its PIN for this");
        if (r == FIDO_OK)
                byte_writer_blob(&call->fields, fido_cred_id_ptr(credential), fido_cred_id_len(credential));
        fido_cred_free(&credential);
        return r;
}
