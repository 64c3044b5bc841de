/*
 * Device: the security key that a call is about
 */
#pragma once

#include "ssh/link.h"
#include "ssh/options.h"

typedef struct Device {
        fido_dev_t *dev; /* open */
        Link *link;      /* of Keyfob's own; NULL: another maker's */
} Device;
#define DEVICE_NULL ((Device){0})

void device_close(Device *device);

/* The functions below: 0, or an enum sk_error when there is none; why is said. */

/* The one that is named, or Keyfob. */
int device_open(const Options *options, Device *ret);

/* What is to be signed with. */
typedef struct DeviceKey {
        const char *application;
        const uint8_t *handle;
        size_t handle_size;
        bool verify; /* the key may only show itself to who is verified */
} DeviceKey;

/* The one that is named, or the one that has this key. Asks nobody, but to open a locked vault. */
int device_open_with_key(const Options *options, const DeviceKey *key, Device *ret);

/* The one that is named; or Keyfob, unless it has no resident key of OpenSSH's and there is one other security key. */
int device_open_with_residents(const Options *options, Device *ret);

/* Whether verification of the person without a PIN from the client can be asked for. */
bool device_verifies(const Device *device);
