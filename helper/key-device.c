/*
 * Security keys that are plugged in: which there are, which is meant, opening and closing one
 *
 * libfido2 knows a device by its path, maker and product. The serial number comes from the kernel, which is also how Keyfob
 * knows its own device (helper/uhid.h): asking itself to manage itself would only go round in circles.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "helper/key-internal.h"
#include "helper/task.h"
#include "helper/uhid.h"

#define HIDRAW      "/dev/hidraw"
#define UEVENT_MAX  4096U
#define UNIQ_PREFIX "\nHID_UNIQ="

/* What the kernel says of a hidraw node: "" when it has no serial number, or is none. */
static void read_serial(const char *path, char *ret, size_t size)
{
        _cleanup_close_ int fd = -1;
        char name[128], text[UEVENT_MAX + 2] = "\n", *value, *end;
        ssize_t n;

        ret[0] = 0;
        if (strncmp(path, HIDRAW, strlen(HIDRAW)) != 0 || strchr(path + strlen("/dev/"), '/'))
                return;
        (void)snprintf(name, sizeof(name), "/sys/class/hidraw/%.64s/device/uevent", path + strlen("/dev/"));
        fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        n = read(fd, text + 1, UEVENT_MAX);
        if (n <= 0)
                return;
        text[n + 1] = 0;
        value = strstr(text, UNIQ_PREFIX);
        if (!value)
                return;
        value += strlen(UNIQ_PREFIX);
        end = strchr(value, '\n');
        if (end)
                *end = 0;
        (void)snprintf(ret, size, "%s", value);
}

static bool is_own(const char *serial)
{
        char own[32];

        (void)snprintf(own, sizeof(own), UHID_UNIQ_FORMAT, (unsigned)getuid());
        return strcmp(serial, own) == 0;
}

int key_devices_read(KeyCall *call, KeyDevices *ret)
{
        KeyDevices devices = {.infos = fido_dev_info_new(KEY_DEVICES_MAX)};
        int r;

        if (!devices.infos)
                return FIDO_ERR_INTERNAL;
        r = fido_dev_info_manifest(devices.infos, KEY_DEVICES_MAX, &devices.n);
        if (r != FIDO_OK) {
                key_devices_done(&devices);
                return key_refuse(call, KEY_E_IO, "the system can't be asked which security keys there are: %s",
                                  fido_strerr(r));
        }
        for (size_t i = 0; i < devices.n; i++) {
                KeyDevice *device = &devices.devices[i];

                device->info = fido_dev_info_ptr(devices.infos, i);
                read_serial(fido_dev_info_path(device->info), device->serial, sizeof(device->serial));
                device->own = is_own(device->serial);
        }
        *ret = devices;
        return FIDO_OK;
}

void key_devices_done(KeyDevices *devices)
{
        fido_dev_info_free(&devices->infos, KEY_DEVICES_MAX);
}

/* ---- the one that is meant ---- */

static bool is_called(const KeyDevice *device, const char *name)
{
        const char *product = fido_dev_info_product_string(device->info);

        return strcmp(fido_dev_info_path(device->info), name) == 0 ||
               (device->serial[0] && strcmp(device->serial, name) == 0) || (product && strcmp(product, name) == 0);
}

static int refuse_many(KeyCall *call, const KeyDevices *devices, const char *name)
{
        char text[320] = "";
        size_t used = 0;

        for (size_t i = 0; i < devices->n && used < sizeof(text) - 1; i++) {
                const KeyDevice *device = &devices->devices[i];
                const char *product = fido_dev_info_product_string(device->info);
                int n;

                if (device->own || (name[0] && !is_called(device, name)))
                        continue;
                n = snprintf(text + used, sizeof(text) - used, "%s%s (%s)", used > 0 ? ", " : "",
                             fido_dev_info_path(device->info), product && product[0] ? product : "no name");
                if (n < 0)
                        break;
                used += (size_t)n;
        }
        if (name[0])
                return key_refuse(call, KEY_E_INVALID, "several keys are called that: give the path of one: %s", text);
        return key_refuse(call, KEY_E_INVALID, "several keys are plugged in: choose one with --key: %s", text);
}

int key_devices_find(KeyCall *call, const KeyDevices *devices, const KeyDevice **ret)
{
        const char *name = call->request.key;
        const KeyDevice *found = NULL;
        bool own = false;

        for (size_t i = 0; i < devices->n; i++) {
                const KeyDevice *device = &devices->devices[i];

                if (name[0] && !is_called(device, name))
                        continue;
                if (device->own) {
                        own = true;
                        continue;
                }
                if (found)
                        return refuse_many(call, devices, name);
                found = device;
        }
        if (found) {
                *ret = found;
                return FIDO_OK;
        }
        if (own && name[0])
                return key_refuse(call, KEY_E_NOT_ALLOWED,
                                  "that is Keyfob's own security key: see keyfob authenticator and keyfob passkey");
        if (name[0])
                return key_refuse(call, KEY_E_NOT_FOUND,
                                  "no security key is called \"%.64s\": see keyfob key list", name);
        return key_refuse(call, KEY_E_NOT_FOUND, "no security key is plugged in");
}

/* ---- opening ---- */

/* libfido2 says only that it could not. */
static int refuse_open(KeyCall *call, int r)
{
        _cleanup_close_ int fd = open(call->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0 && (errno == EACCES || errno == EPERM))
                return key_refuse(call, KEY_E_DENIED,
                                  "not allowed to open %s: log in at this machine's seat, or install udev rules for "
                                  "security keys (libfido2, libu2f-udev) and plug it in again",
                                  call->path);
        if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
                return key_refuse(call, KEY_E_NOT_FOUND, "the key is not plugged in any more: plug it in again");
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
                return FIDO_ERR_CHANNEL_BUSY;
        return r == FIDO_ERR_INTERNAL ? FIDO_ERR_RX : r;
}

static int read_info(KeyCall *call)
{
        if (!fido_dev_is_fido2(call->dev))
                return FIDO_OK;
        call->info = fido_cbor_info_new();
        return call->info ? fido_dev_get_cbor_info(call->dev, call->info) : FIDO_ERR_INTERNAL;
}

int key_open(KeyCall *call)
{
        sigset_t none;
        int r;

        call->dev = fido_dev_new();
        if (!call->dev)
                return FIDO_ERR_INTERNAL;
        r = fido_dev_set_timeout(call->dev, KEY_OPEN_MS);
        if (r == FIDO_OK)
                r = fido_dev_open(call->dev, call->path);
        if (r != FIDO_OK) {
                fido_dev_free(&call->dev);
                return refuse_open(call, r);
        }
        (void)sigemptyset(&none);
        if (fido_dev_set_sigmask(call->dev, &none) != FIDO_OK)
                (void)sigprocmask(SIG_SETMASK, &none, NULL); /* a device that waits by other means than the usual */
        r = read_info(call);
        if (r == FIDO_OK)
                r = fido_dev_set_timeout(call->dev, KEY_WAIT_MS);
        return r;
}

void key_close(KeyCall *call)
{
        fido_cbor_info_free(&call->info);
        if (!call->dev)
                return;
        if (task_ending())
                (void)fido_dev_cancel(call->dev);
        (void)fido_dev_close(call->dev);
        fido_dev_free(&call->dev);
}
