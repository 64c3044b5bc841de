/*
 * What keyfobd and keyfob-uhid say to each other
 *
 * A SOCK_SEQPACKET connection to UHID_SOCKET_PATH. A packet of 64 bytes is a CTAPHID report, both ways. A packet of
 * UHID_EVENT_SIZE bytes, from the relay only, is an event: its kind, and a number. The relay first tells READY or REFUSED;
 * after REFUSED, and when its device or the connection ends, it ends. The device has the uniq "keyfob-UID".
 */
#pragma once

#define UHID_SOCKET_PATH "/run/keyfob/uhid"
#define UHID_REPORT_SIZE 64U
#define UHID_EVENT_SIZE  8U /* u8 kind, 3 zero bytes, u32 number (little-endian) */
#define UHID_UNIQ_FORMAT "keyfob-%u"

typedef enum UhidEvent {
        UHID_EVENT_READY = 1,   /* the device is there */
        UHID_EVENT_REFUSED = 2, /* number: a UhidRefusal */
        UHID_EVENT_OPENED = 3,  /* the first program has opened it */
        UHID_EVENT_CLOSED = 4,  /* the last program has closed it, or ended */
} UhidEvent;

typedef enum UhidRefusal {
        UHID_REFUSED_IN_USE = 1,    /* this user has a device already */
        UHID_REFUSED_NO_DEVICE = 2, /* the kernel has no uhid, or it can't be opened */
        UHID_REFUSED_FAILED = 3,    /* anything else; the relay has logged it */
} UhidRefusal;
