/*
 * Keys
 *
 * A security key answers at once, and without a person, whether it made a credential. Asked for what it knows itself, it answers with
 * all that it has for this name, each signed, so that the key in the authfile tells which it is. Those that only show some of them to
 * a verified person can't be asked: they have to be tried.
 *
 * One does not answer at once: the device that is the user's own daemon, as long as the vault is locked, which a login is to open. It
 * waits for somebody to open it, so it comes last.
 *
 * A device may be anybody's, and say nothing at all: nobody waits for one without an end, nor a second time.
 */
#include "pam/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "keyfob/bus.h"

#define AAGUID_SIZE 16U
#define OPEN_MS     10000
#define PATIENCE_MS 60000
#define NODE        "/dev/hidraw"
#define UNIQ        "HID_UNIQ=keyfob-" /* and the user's number; docs/PROTOCOL.md, "The kernel's device" */
#define UEVENT_MAX  1024U

/* Whether a program is behind a device, and is this user's, the kernel knows from who made it: what the device itself says of that, the
 * program says. */
static bool is_made(const char *path, uid_t uid, bool *ret_by_user)
{
        char place[96], by_user[64], text[UEVENT_MAX];
        _cleanup_close_ int fd = -1;
        ssize_t n;

        *ret_by_user = false;
        if (strncmp(path, NODE, strlen(NODE)) != 0 || strlen(path) > 32)
                return false;
        (void)snprintf(place, sizeof(place), "/sys/class/hidraw/%s/device/uevent", strrchr(path, '/') + 1);
        (void)snprintf(by_user, sizeof(by_user), UNIQ "%u\n", uid);
        fd = open(place, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
        if (n < 0)
                return false;
        text[n] = 0;
        *ret_by_user = strstr(text, by_user);
        return strstr(text, UNIQ);
}

int keys_open(const Login *login, Keys *ret)
{
        int r;

        *ret = (Keys){.infos = fido_dev_info_new(KEYS_MAX)};
        if (!ret->infos)
                return -ENOMEM;
        r = fido_dev_info_manifest(ret->infos, KEYS_MAX, &ret->n);
        if (r != FIDO_OK) {
                log_debug(&login->log, "security keys can't be listed: %s", fido_strerr(r));
                ret->n = 0;
                return 0;
        }
        if (ret->n > KEYS_MAX)
                return -EIO;
        for (size_t i = 0; i < ret->n; i++) {
                const fido_dev_info_t *info = fido_dev_info_ptr(ret->infos, i);
                const char *path = info ? fido_dev_info_path(info) : NULL;

                ret->devices[i] = path ? fido_dev_new() : NULL;
                if (!ret->devices[i])
                        continue;
                ret->made[i] = is_made(path, login->user.uid, ret->last + i);
                r = fido_dev_set_timeout(ret->devices[i], OPEN_MS);
                if (r == FIDO_OK)
                        r = fido_dev_open(ret->devices[i], path);
                if (r != FIDO_OK || fido_dev_set_timeout(ret->devices[i], PATIENCE_MS) != FIDO_OK) {
                        log_debug(&login->log, "a security key can't be opened: %s", fido_strerr(r));
                        fido_dev_free(ret->devices + i);
                }
        }
        return 0;
}

bool key_is_silent(int error)
{
        return error == FIDO_ERR_TX || error == FIDO_ERR_RX;
}

void key_drop(fido_dev_t **dev)
{
        (void)fido_dev_close(*dev);
        fido_dev_free(dev);
}

void keys_done(Keys *keys)
{
        for (size_t i = 0; i < keys->n; i++)
                if (keys->devices[i])
                        key_drop(keys->devices + i);
        fido_dev_info_free(&keys->infos, KEYS_MAX);
        keys->n = 0;
}

static bool own_aaguid(const uint8_t *aaguid)
{
        char digits[2 * AAGUID_SIZE + 1], own[2 * AAGUID_SIZE + 1];
        size_t n = 0;

        for (const char *p = KEYFOB_AAGUID; *p && n < sizeof(own) - 1; p++)
                if (*p != '-')
                        own[n++] = *p;
        own[n] = 0;
        hex_encode(aaguid, AAGUID_SIZE, digits);
        return strcmp(digits, own) == 0;
}

/* One that does not say what it is may be anything, so it counts as ours: more is demanded of that. */
bool key_is_own(fido_dev_t *dev)
{
        fido_cbor_info_t *info;
        bool own = true;

        if (!fido_dev_is_fido2(dev))
                return false;
        info = fido_cbor_info_new();
        if (info && fido_dev_get_cbor_info(dev, info) == FIDO_OK && fido_cbor_info_aaguid_len(info) == AAGUID_SIZE)
                own = own_aaguid(fido_cbor_info_aaguid_ptr(info));
        fido_cbor_info_free(&info);
        return own;
}

/* Of all that it shows for this name, to anybody, one is signed by the credential's key: so it is that one, and this is its id. */
static bool find_resident(fido_assert_t *assertion, const Credential *credential, KeyFound *ret)
{
        for (size_t i = 0; i < fido_assert_count(assertion); i++) {
                size_t size = fido_assert_id_len(assertion, i);

                if (size == 0 || size > sizeof(ret->id) || !proof_is_by(assertion, i, credential))
                        continue;
                memcpy(ret->id, fido_assert_id_ptr(assertion, i), size);
                ret->id_size = size;
                return true;
        }
        return false;
}

/* What a key protects, it shows only to who is verified or names it, and the id of a resident one is not in the authfile (CTAP 2.1,
 * 6.2.2 and 12.1). So that it is not shown says nothing where a verification will follow. */
static int is_hidden(const Proof *proof, bool resident)
{
        return resident && proof->verification == FIDO_OPT_TRUE;
}

int key_has(const Login *login, fido_dev_t **dev, const Proof *proof, KeyFound *ret)
{
        _cleanup_(fido_assertion_done) fido_assert_t *assertion = NULL;
        const Credential *credential = proof->credential;
        bool resident = credential->id_size == 0;
        int r;

        *ret = (KeyFound){0};
        if (resident && !fido_dev_is_fido2(*dev))
                return 0;
        if (login->options->nodetect)
                return 1;
        r = proof_begin_probe(login, proof, &assertion);
        if (r < 0)
                return r;
        r = fido_dev_get_assert(*dev, assertion, /* pin= */ NULL);
        switch (r) {
        case FIDO_OK:
                ret->certain = !resident || find_resident(assertion, credential, ret);
                return ret->certain || is_hidden(proof, resident);
        case FIDO_ERR_USER_PRESENCE_REQUIRED:
        case FIDO_ERR_UP_REQUIRED:
                ret->certain = !resident;
                return 1;
        case FIDO_ERR_PIN_REQUIRED: /* it says nothing to who is not verified */
                return 1;
        case FIDO_ERR_NO_CREDENTIALS:
        case FIDO_ERR_INVALID_CREDENTIAL:
                log_debug(&login->log, "a security key does not have this credential: %s", fido_strerr(r));
                return is_hidden(proof, resident);
        default:
                log_debug(&login->log, "a security key does not say whether it has this credential: %s", fido_strerr(r));
                if (key_is_silent(r))
                        key_drop(dev);
                return resident && r > 0; /* said by the key itself, which does not know how to be asked so */
        }
}
