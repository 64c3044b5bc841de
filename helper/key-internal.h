/*
 * HELPER_KEY by file: one noun each
 *
 * An operation runs in a child (task.h) with the key open, appends what it answers to the call's reply, and returns a code
 * of libfido2; or it has said itself what is wrong, by key_refuse().
 */
#pragma once

#include <fido.h>
#include <stdbool.h>

#include "helper/key-request.h"

#define KEY_DEVICES_MAX 64U

/* How long a key may take to say hello, and how long one may wait for its touch (keys themselves give up after 30 s; what
 * plays a key may ask a person for more than a touch). */
#define KEY_OPEN_MS  5000
#define KEY_WAIT_MS  90000
#define KEY_ABORT_MS 300 /* to take back an enrolment */

/* What key_refuse() returns: no code of libfido2. */
#define KEY_REFUSED (-1000)

typedef struct KeyCall {
        const Request *task;
        KeyRequest request;
        ByteWriter fields; /* of the answer */
        fido_dev_t *dev;
        fido_cbor_info_t *info; /* of a FIDO2 key, else NULL */
        char *path;
        bool touch;    /* it waits for a finger or a touch: what takes too long was not touched */
        KeyError error; /* key_refuse() */
        char why[512];
} KeyCall;

/* Says what is wrong, for the person. Returns KEY_REFUSED. */
int key_refuse(KeyCall *call, KeyError error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- progress (key.c) ---- */

/* The key waits for a touch from now on. */
void key_touch(KeyCall *call);
/* A packet of progress, to be filled and sent by task_progress(). */
ByteWriter key_progress(const KeyCall *call, KeyProgress what);

/* The PIN as libfido2 takes it: NULL for none. */
const char *key_pin(const KeyCall *call);
/* For what a key does with a PIN only: 0 when one was given. */
int key_need_pin(KeyCall *call);
/* What getInfo's options say: 1, 0, or -1 when it is not among them. */
int key_option(const KeyCall *call, const char *name);
/* 0, or KEY_REFUSED because the key can't do `what`. */
int key_need(KeyCall *call, bool able, const char *what);

/* ---- key-device.c ---- */

/* One key that is plugged in. */
typedef struct KeyDevice {
        const fido_dev_info_t *info;
        char serial[128]; /* "" when it has none */
        bool own;         /* it is this Keyfob itself */
} KeyDevice;

typedef struct KeyDevices {
        fido_dev_info_t *infos;
        KeyDevice devices[KEY_DEVICES_MAX];
        size_t n;
} KeyDevices;

int key_devices_read(KeyCall *call, KeyDevices *ret);
void key_devices_done(KeyDevices *devices);
/* The one that request.key names. */
int key_devices_find(KeyCall *call, const KeyDevices *devices, const KeyDevice **ret);

/* Opens call->path. */
int key_open(KeyCall *call);
/* Closes it; when the task was told to end, the key first hears that nobody waits any more. */
void key_close(KeyCall *call);

/* ---- key-error.c ---- */

/* Turns a code of libfido2 into error and why, unless key_refuse() has. `waited` is how long it took. */
void key_explain(KeyCall *call, int r, uint64_t waited_ms);

/* ---- operations ---- */

int key_list(KeyCall *call, const KeyDevices *devices);
int key_info(KeyCall *call);
int key_pin_set(KeyCall *call);
int key_pin_change(KeyCall *call);
int key_passkeys(KeyCall *call);
int key_passkey_rename(KeyCall *call);
int key_passkey_delete(KeyCall *call);
int key_fingers(KeyCall *call);
int key_finger_enroll(KeyCall *call);
int key_finger_rename(KeyCall *call);
int key_finger_delete(KeyCall *call);
int key_blob_get(KeyCall *call);
int key_blob_set(KeyCall *call);
int key_blob_delete(KeyCall *call);
int key_configure(KeyCall *call);
int key_reset(KeyCall *call);
int key_sign(KeyCall *call, const KeyDevices *devices);
int key_enroll(KeyCall *call);
int key_hmac_make(KeyCall *call);
int key_hmac(KeyCall *call, const KeyDevices *devices);

/* ---- key-passkeys.c ---- */

/* A passkey of the key and whose it is; the pointers are good while it runs. Not 0: stop, and answer that. */
typedef int (*KeyEachPasskey)(KeyCall *call, const char *rp_id, const char *rp_name, const fido_cred_t *passkey,
                              void *userdata);
int key_each_passkey(KeyCall *call, KeyEachPasskey each, void *userdata);
/* Runs `found` for the one that request.id names. */
int key_with_passkey(KeyCall *call, int (*found)(KeyCall *call, const fido_cred_t *passkey));
