/*
 * Which security key?
 *
 * Who has several names one with -O device=. Otherwise a key handle tells by itself: a security key answers at once, and
 * without a person, whether it made that one. Keyfob is looked at first, because that is a question over a socket; others have
 * to be opened one by one. A key that only shows itself to its verified owner is found in Keyfob by the owner's list; of other
 * makers' security keys only one can be meant.
 */
#include "ssh/device.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "ssh/outcome.h"
#include "ssh/say.h"

#define DEVICES_MAX  64U
#define SSH          "ssh:"
#define AAGUID_SIZE  16U
#define OF_KERNEL    "/dev/"

void device_close(Device *device)
{
        if (device->dev) {
                (void)fido_dev_close(device->dev);
                fido_dev_free(&device->dev);
        }
        device->link = link_free(device->link);
}

bool device_verifies(const Device *device)
{
        return fido_dev_has_uv(device->dev);
}

#define TAKE_DEVICE(device)                                                                                            \
        ({                                                                                                             \
                Device _taken_ = (device);                                                                             \
                (device) = DEVICE_NULL;                                                                                \
                _taken_;                                                                                               \
        })

/* ---- Keyfob ---- */

/* 0, enum keyfob_error, or a negative errno. */
static int reach_keyfob(Device *ret)
{
        _cleanup_(device_close) Device device = DEVICE_NULL;
        int r;

        r = link_new(&device.link);
        if (r != 0)
                return r;
        device.dev = fido_dev_new();
        if (!device.dev)
                return -ENOMEM;
        if (link_open(device.link, device.dev) != FIDO_OK)
                return KEYFOB_E_PROTOCOL;
        *ret = TAKE_DEVICE(device);
        return 0;
}

static int say_unreachable(int r)
{
        say("%s", r == KEYFOB_E_UNREACHABLE ? "keyfobd does not run and could not be started" : keyfob_strerror(r));
        return SK_ERROR_NO_DEVICE;
}

/* ---- other makers' ---- */

static int open_path(const char *path, Device *ret)
{
        _cleanup_(device_close) Device device = {.dev = fido_dev_new()};

        if (!device.dev)
                return SK_ERROR_GENERAL;
        if (fido_dev_open(device.dev, path) != FIDO_OK)
                return SK_ERROR_NO_DEVICE;
        *ret = TAKE_DEVICE(device);
        return 0;
}

typedef struct List {
        fido_dev_info_t *infos;
        size_t n;
} List;

static void list_done(List *list)
{
        fido_dev_info_free(&list->infos, DEVICES_MAX);
}

static void list_read(List *ret)
{
        ret->infos = fido_dev_info_new(DEVICES_MAX);
        if (!ret->infos || fido_dev_info_manifest(ret->infos, DEVICES_MAX, &ret->n) != FIDO_OK)
                ret->n = 0;
}

static const char *list_path(const List *list, size_t i)
{
        return fido_dev_info_path(fido_dev_info_ptr(list->infos, i));
}

/* ---- is it there? ---- */

static int read_aaguid(fido_dev_t *dev, uint8_t ret[AAGUID_SIZE])
{
        fido_cbor_info_t *info = fido_cbor_info_new();
        int r = -ENODATA;

        if (info && fido_dev_is_fido2(dev) && fido_dev_get_cbor_info(dev, info) == FIDO_OK &&
            fido_cbor_info_aaguid_len(info) == AAGUID_SIZE) {
                memcpy(ret, fido_cbor_info_aaguid_ptr(info), AAGUID_SIZE);
                r = 0;
        }
        fido_cbor_info_free(&info);
        return r;
}

/* Keyfob as a device of the kernel's: it has been asked already. */
static bool is_keyfob(const char *path, fido_dev_t *dev, const Device *own)
{
        uint8_t theirs[AAGUID_SIZE], ours[AAGUID_SIZE];

        return own->dev && strncmp(path, OF_KERNEL, strlen(OF_KERNEL)) == 0 && read_aaguid(dev, theirs) == 0 &&
               read_aaguid(own->dev, ours) == 0 && memcmp(theirs, ours, AAGUID_SIZE) == 0;
}

/* FIDO_OK, FIDO_ERR_NO_CREDENTIALS, or why it can't be told. */
static int probe(fido_dev_t *dev, const DeviceKey *key)
{
        static const unsigned char nothing[] = {0};
        fido_assert_t *assertion = fido_assert_new();
        int r;

        if (!assertion)
                return FIDO_ERR_INTERNAL;
        r = fido_assert_set_clientdata(assertion, nothing, sizeof(nothing));
        if (r == FIDO_OK)
                r = fido_assert_set_rp(assertion, key->application);
        if (r == FIDO_OK)
                r = fido_assert_allow_cred(assertion, key->handle, key->handle_size);
        if (r == FIDO_OK)
                r = fido_assert_set_up(assertion, FIDO_OPT_FALSE);
        if (r == FIDO_OK)
                r = fido_dev_get_assert(dev, assertion, /* pin= */ NULL);
        fido_assert_free(&assertion);
        return r == FIDO_ERR_USER_PRESENCE_REQUIRED || r == FIDO_ERR_UP_REQUIRED ? FIDO_OK : r;
}

/* Among what the owner of the vault can list. */
static int find_in_list(const Device *own, const DeviceKey *key)
{
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *passkeys = NULL;

        if (keyfob_passkey_list(link_client(own->link), key->application, /* deleted= */ false, &passkeys) != 0)
                return FIDO_ERR_NO_CREDENTIALS;
        for (size_t i = 0; i < passkeys->n; i++) {
                const keyfob_passkey *passkey = passkeys->passkeys + i;

                if (passkey->id_size == key->handle_size && memcmp(passkey->id, key->handle, key->handle_size) == 0)
                        return FIDO_OK;
        }
        return FIDO_ERR_NO_CREDENTIALS;
}

static uint64_t handle_max(fido_dev_t *dev)
{
        fido_cbor_info_t *info = fido_cbor_info_new();
        uint64_t max = 0;

        if (info && fido_dev_get_cbor_info(dev, info) == FIDO_OK)
                max = fido_cbor_info_maxcredidlen(info);
        fido_cbor_info_free(&info);
        return max;
}

static int probe_keyfob(const Device *own, const DeviceKey *key)
{
        int r;

        /* Such a handle is another maker's: the vault need not be opened to know that. */
        if (key->handle_size > handle_max(own->dev))
                return FIDO_ERR_NO_CREDENTIALS;
        r = probe(own->dev, key);
        return r == FIDO_ERR_NO_CREDENTIALS && key->verify ? find_in_list(own, key) : r;
}

/* ---- by key handle ---- */

/* Among other makers': 0, or SK_ERROR_NO_DEVICE without a word, or SK_ERROR_GENERAL with one. */
static int find_elsewhere(const DeviceKey *key, const Device *own, Device *ret)
{
        _cleanup_(device_close) Device candidate = DEVICE_NULL;
        _cleanup_(list_done) List list = {0};
        unsigned n_candidates = 0;

        list_read(&list);
        for (size_t i = 0; i < list.n; i++) {
                _cleanup_(device_close) Device device = DEVICE_NULL;

                if (open_path(list_path(&list, i), &device) != 0 || is_keyfob(list_path(&list, i), device.dev, own))
                        continue;
                if (probe(device.dev, key) == FIDO_OK) {
                        *ret = TAKE_DEVICE(device);
                        return 0;
                }
                if (!key->verify || !fido_dev_is_fido2(device.dev))
                        continue;
                n_candidates++;
                device_close(&candidate);
                candidate = TAKE_DEVICE(device);
        }
        if (n_candidates > 1) {
                say("several security keys could have this key: name one with -O device=PATH, or plug in only that one");
                return SK_ERROR_GENERAL;
        }
        if (n_candidates == 0)
                return SK_ERROR_NO_DEVICE;
        *ret = TAKE_DEVICE(candidate);
        return 0;
}

int device_open_with_key(const Options *options, const DeviceKey *key, Device *ret)
{
        _cleanup_(device_close) Device own = DEVICE_NULL;
        int reached, r, found = FIDO_ERR_NO_CREDENTIALS;

        if (options->device && !options->keyfob)
                return device_open(options, ret);
        reached = reach_keyfob(&own);
        if (reached == 0)
                found = probe_keyfob(&own, key);
        if (found == FIDO_OK) {
                *ret = TAKE_DEVICE(own);
                return 0;
        }
        r = options->keyfob ? SK_ERROR_NO_DEVICE : find_elsewhere(key, &own, ret);
        if (r != SK_ERROR_NO_DEVICE)
                return r;
        if (reached != 0)
                return say_unreachable(reached);
        return outcome_say(found, /* keyfob= */ true);
}

/* ---- by name ---- */

int device_open(const Options *options, Device *ret)
{
        _cleanup_(list_done) List list = {0};
        const char *path = options->device, *product;
        int r;

        if (!options->device || options->keyfob) {
                r = reach_keyfob(ret);
                return r == 0 ? 0 : say_unreachable(r);
        }
        list_read(&list);
        for (size_t i = 0; i < list.n; i++) {
                product = fido_dev_info_product_string(fido_dev_info_ptr(list.infos, i));
                if (product && strcmp(product, options->device) == 0)
                        path = list_path(&list, i);
        }
        return open_path(path, ret);
}

/* ---- by what it keeps ---- */

static bool has_residents(const Device *own)
{
        _cleanup_(keyfob_passkeys_freep) keyfob_passkeys *passkeys = NULL;

        if (keyfob_passkey_list(link_client(own->link), /* rp_id= */ NULL, /* deleted= */ false, &passkeys) != 0)
                return true; /* it will say itself why not */
        for (size_t i = 0; i < passkeys->n; i++)
                if (passkeys->passkeys[i].discoverable && strncasecmp(passkeys->passkeys[i].rp_id, SSH, strlen(SSH)) == 0)
                        return true;
        return false;
}

int device_open_with_residents(const Options *options, Device *ret)
{
        _cleanup_(device_close) Device own = DEVICE_NULL, other = DEVICE_NULL;
        _cleanup_(list_done) List list = {0};
        unsigned n = 0;
        int r;

        if (options->device)
                return device_open(options, ret);
        r = reach_keyfob(&own);
        if (r == 0 && has_residents(&own)) {
                *ret = TAKE_DEVICE(own);
                return 0;
        }
        list_read(&list);
        for (size_t i = 0; i < list.n; i++) {
                _cleanup_(device_close) Device device = DEVICE_NULL;

                if (open_path(list_path(&list, i), &device) != 0 || is_keyfob(list_path(&list, i), device.dev, &own) ||
                    !fido_dev_is_fido2(device.dev))
                        continue;
                n++;
                device_close(&other);
                other = TAKE_DEVICE(device);
        }
        if (n > 1) {
                say("there are several security keys: name one with -O device=PATH");
                return SK_ERROR_NO_DEVICE;
        }
        if (n == 0 && r != 0)
                return say_unreachable(r);
        if (n == 0)
                other = TAKE_DEVICE(own);
        *ret = TAKE_DEVICE(other);
        return 0;
}
