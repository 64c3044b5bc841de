/*
 * Keys
 *
 * A security key answers at once, and without a person, whether it made a credential. Those that only show some of them to
 * a verified person can't be asked; neither can one be asked for what it knows itself. Then it has to be tried.
 *
 * One does not answer at once: the device that is the user's own daemon, as long as the vault is locked, which a login is to open. It
 * waits for somebody to open it, so it comes last.
 */
#include "pam/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "keyfob/bus.h"

#define AAGUID_SIZE 16U
#define PATIENCE_MS 60000
#define NODE        "/dev/hidraw"
#define UNIQ        "HID_UNIQ=keyfob-%u\n" /* docs/PROTOCOL.md, "The kernel's device" */
#define UEVENT_MAX  1024U

/* Whose device it is, the kernel knows from who made it. */
static bool is_of_user(const char *path, uid_t uid)
{
        char place[96], uniq[64], text[UEVENT_MAX];
        _cleanup_close_ int fd = -1;
        ssize_t n;

        if (strncmp(path, NODE, strlen(NODE)) != 0 || strlen(path) > 32)
                return false;
        (void)snprintf(place, sizeof(place), "/sys/class/hidraw/%s/device/uevent", strrchr(path, '/') + 1);
        (void)snprintf(uniq, sizeof(uniq), UNIQ, uid);
        fd = open(place, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
        if (n < 0)
                return false;
        text[n] = 0;
        return strstr(text, uniq);
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
                ret->last[i] = is_of_user(path, login->user.uid);
                r = fido_dev_open(ret->devices[i], path);
                if (r != FIDO_OK || fido_dev_set_timeout(ret->devices[i], PATIENCE_MS) != FIDO_OK) {
                        log_debug(&login->log, "a security key can't be opened: %s", fido_strerr(r));
                        fido_dev_free(ret->devices + i);
                }
        }
        return 0;
}

void keys_done(Keys *keys)
{
        for (size_t i = 0; i < keys->n; i++) {
                if (!keys->devices[i])
                        continue;
                (void)fido_dev_close(keys->devices[i]);
                fido_dev_free(keys->devices + i);
        }
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

static bool must_be_tried(const Login *login, const Credential *credential)
{
        return credential->id_size == 0 || login->options->nodetect;
}

int key_has(const Login *login, fido_dev_t *dev, const Credential *credential)
{
        _cleanup_(fido_assertion_done) fido_assert_t *assertion = NULL;
        const Proof proof = {.credential = credential};
        int r;

        if (must_be_tried(login, credential))
                return fido_dev_is_fido2(dev) || credential->id_size > 0;
        r = proof_begin_probe(login, &proof, &assertion);
        if (r < 0)
                return r;
        r = fido_dev_get_assert(dev, assertion, /* pin= */ NULL);
        switch (r) {
        case FIDO_OK:
        case FIDO_ERR_USER_PRESENCE_REQUIRED:
        case FIDO_ERR_UP_REQUIRED:
        case FIDO_ERR_PIN_REQUIRED: /* it says nothing to who is not verified */
                return 1;
        default:
                log_debug(&login->log, "a security key does not have this credential: %s", fido_strerr(r));
                return 0;
        }
}
