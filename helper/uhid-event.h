/*
 * Events of /dev/uhid, as the relay writes and reads them
 *
 * What goes to the kernel is made here and nowhere else, from checked values: nothing that a daemon sends is ever an
 * event itself, so it can be a report of the security key and no other device's.
 */
#pragma once

#include <linux/uhid.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/uhid.h"

/* What the kernel has told. */
typedef enum DeviceNews {
        DEVICE_NOTHING = 0, /* or nothing that is for us */
        DEVICE_STARTED,
        DEVICE_STOPPED, /* its driver was taken away */
        DEVICE_OPENED,
        DEVICE_CLOSED,
        DEVICE_REPORT, /* from a program */
        DEVICE_ASKED,  /* for what this device doesn't have; `answer` says so */
} DeviceNews;

typedef struct DeviceEvent {
        DeviceNews news;
        uint8_t report[UHID_REPORT_SIZE];
        size_t answer; /* bytes of the event to be written back */
} DeviceEvent;

/* Each makes an event and returns how many bytes of it are to be written; the kernel takes the rest as zero. */
size_t device_create(uid_t uid, struct uhid_event *ret);
size_t device_input(const uint8_t report[UHID_REPORT_SIZE], struct uhid_event *ret);

/* Reads what `size` bytes of an event say. With DEVICE_ASKED the event becomes the answer. */
DeviceEvent device_read(struct uhid_event *event, size_t size);
