/*
 * HELPER_KEY: one request to a security key
 *
 * It runs in a child, since keys block for as long as nobody touches them, and since what they say is parsed here. SIGTERM
 * ends a wait at any moment: it is let in while libfido2 waits only, so none is missed between looking and waiting.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "helper/key-internal.h"
#include "helper/task.h"

static const struct {
        int (*run)(KeyCall *call);
        bool fido2; /* U2F keys have nothing of the kind */
} operations[_KEY_OPERATION_MAX] = {
        [KEY_INFO] = {key_info, false},
        [KEY_PIN_SET] = {key_pin_set, true},
        [KEY_PIN_CHANGE] = {key_pin_change, true},
        [KEY_PASSKEYS] = {key_passkeys, true},
        [KEY_PASSKEY_RENAME] = {key_passkey_rename, true},
        [KEY_PASSKEY_DELETE] = {key_passkey_delete, true},
        [KEY_FINGERS] = {key_fingers, true},
        [KEY_FINGER_ENROLL] = {key_finger_enroll, true},
        [KEY_FINGER_RENAME] = {key_finger_rename, true},
        [KEY_FINGER_DELETE] = {key_finger_delete, true},
        [KEY_BLOB_GET] = {key_blob_get, true},
        [KEY_BLOB_SET] = {key_blob_set, true},
        [KEY_BLOB_DELETE] = {key_blob_delete, true},
        [KEY_CONFIGURE] = {key_configure, true},
        [KEY_RESET] = {key_reset, true},
        [KEY_ENROLL] = {key_enroll, false},
        [KEY_HMAC_MAKE] = {key_hmac_make, true},
};

int key_refuse(KeyCall *call, KeyError error, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(call->why, sizeof(call->why), format, ap);
        va_end(ap);
        call->error = error;
        return KEY_REFUSED;
}

ByteWriter key_progress(const KeyCall *call, KeyProgress what)
{
        ByteWriter packet = BYTE_WRITER_NULL;

        reply_begin(&packet, call->task->id, HELPER_PROGRESS);
        byte_writer_u8(&packet, (uint8_t)what);
        return packet;
}

void key_touch(KeyCall *call)
{
        ByteWriter packet = key_progress(call, KEY_PROGRESS_TOUCH);

        call->touch = true;
        task_progress(call->task, &packet);
}

const char *key_pin(const KeyCall *call)
{
        return call->request.pin ? (const char *)call->request.pin->data : NULL;
}

int key_need_pin(KeyCall *call)
{
        if (call->request.pin)
                return 0;
        if (!fido_dev_has_pin(call->dev))
                return FIDO_ERR_PIN_NOT_SET;
        return FIDO_ERR_PIN_REQUIRED;
}

int key_option(const KeyCall *call, const char *name)
{
        char **names = call->info ? fido_cbor_info_options_name_ptr(call->info) : NULL;

        for (size_t i = 0; names && i < fido_cbor_info_options_len(call->info); i++)
                if (strcmp(names[i], name) == 0)
                        return fido_cbor_info_options_value_ptr(call->info)[i];
        return -1;
}

int key_need(KeyCall *call, bool able, const char *what)
{
        return able ? 0 : key_refuse(call, KEY_E_UNSUPPORTED, "this key has no %s", what);
}

static uint64_t now_ms(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int find(KeyCall *call, const KeyDevices *devices)
{
        const KeyDevice *device;
        int r;

        r = key_devices_find(call, devices, &device);
        if (r != FIDO_OK)
                return r;
        call->path = strdup(fido_dev_info_path(device->info));
        return call->path ? FIDO_OK : FIDO_ERR_INTERNAL;
}

static int run(KeyCall *call)
{
        KeyOperation operation = call->request.operation;
        KeyDevices devices;
        int r;

        r = key_devices_read(call, &devices);
        if (r != FIDO_OK)
                return r;
        if (operation == KEY_LIST)
                r = key_list(call, &devices);
        else if (operation == KEY_SIGN)
                r = key_sign(call, &devices);
        else if (operation == KEY_HMAC)
                r = key_hmac(call, &devices);
        else
                r = find(call, &devices);
        key_devices_done(&devices);
        if (r != FIDO_OK || operation == KEY_LIST || operation == KEY_SIGN || operation == KEY_HMAC)
                return r;
        if (operation == KEY_FIND) {
                byte_writer_string(&call->fields, call->path);
                return FIDO_OK;
        }

        r = key_open(call);
        if (r != FIDO_OK)
                return r;
        if (operations[operation].fido2 && !call->info)
                return key_refuse(call, KEY_E_UNSUPPORTED,
                                  "this key knows U2F only: it has no PIN and keeps nothing that could be managed");
        return operations[operation].run(call);
}

void key(const Request *request, ByteWriter *reply)
{
        KeyCall call = {.task = request, .fields = BYTE_WRITER_NULL};
        uint64_t began = now_ms();
        sigset_t term;
        int r;

        if (key_request_parse(request->body->data, request->body->size, &call.request) < 0) {
                key_reply_failed(reply, request->id, KEY_E_INVALID, "the request is malformed");
                return;
        }
        (void)sigemptyset(&term);
        (void)sigaddset(&term, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &term, NULL);

        fido_init(FIDO_DISABLE_U2F_FALLBACK);
        r = run(&call);
        if (r != FIDO_OK && !task_ending())
                key_explain(&call, r, now_ms() - began);
        key_close(&call);

        if (r == FIDO_OK) {
                reply_begin(reply, request->id, HELPER_OK);
                if (call.fields.size > 0)
                        byte_writer_raw(reply, call.fields.data, call.fields.size);
                if (call.fields.failed || reply->size > HELPER_PACKET_MAX) {
                        byte_writer_done(reply);
                        key_reply_failed(reply, request->id, KEY_E_LIMITS, "what the key answers is too large");
                }
        } else {
                key_reply_failed(reply, request->id, call.error ? call.error : KEY_E_CANCELLED,
                                 call.why[0] ? call.why : "cancelled");
        }
        byte_writer_done(&call.fields);
        key_request_done(&call.request);
        free(call.path);
}
