/*
 * org.keyfob.Keys1: security keys of other makers; data/org.keyfob.Keys1.xml describes it
 *
 * The daemon never speaks to a key itself: each call is a task of the helper. First the helper says which device is meant,
 * which is quick; a call for a device that another one works with is refused, for a key answers one at a time and the
 * person could not tell which of two wants the touch. When the caller leaves, the task ends and the key stops blinking.
 */
#include "daemon/keys1.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "daemon/batch.h"
#include "daemon/door.h"
#include "daemon/keys1-internal.h"

typedef struct Method {
        const char *name;
        KeyOperation operation;
        const char *order; /* of its arguments: keys1_read() */
} Method;

static const Method methods[] = {
        {"List", KEY_LIST, ""},
        {"GetInfo", KEY_INFO, "k"},
        {"SetPin", KEY_PIN_SET, "kq"},
        {"ChangePin", KEY_PIN_CHANGE, "kpq"},
        {"ListPasskeys", KEY_PASSKEYS, "ko"},
        {"DeletePasskey", KEY_PASSKEY_DELETE, "kio"},
        {"RenamePasskey", KEY_PASSKEY_RENAME, "kiNo"},
        {"ListFingers", KEY_FINGERS, "ko"},
        {"EnrollFinger", KEY_FINGER_ENROLL, "kno"},
        {"RenameFinger", KEY_FINGER_RENAME, "kino"},
        {"DeleteFinger", KEY_FINGER_DELETE, "kio"},
        {"GetLargeBlob", KEY_BLOB_GET, "kio"},
        {"SetLargeBlob", KEY_BLOB_SET, "kico"},
        {"DeleteLargeBlob", KEY_BLOB_DELETE, "kio"},
        {"Configure", KEY_CONFIGURE, "kSo"},
        {"Reset", KEY_RESET, "k"},
};

static bool is_list(KeyOperation operation)
{
        return operation == KEY_LIST || operation == KEY_PASSKEYS || operation == KEY_FINGERS;
}

/* ---- life ---- */

static KeysCall *keys_call_free(KeysCall *call)
{
        if (!call)
                return NULL;
        if (call->previous)
                call->previous->next = call->next;
        else if (call->daemon->keys == call)
                call->daemon->keys = call->next;
        if (call->next)
                call->next->previous = call->previous;
        caller_detach(&call->resource);
        helper_call_cancel(call->helper);
        byte_writer_done(&call->rest);
        sd_bus_message_unref(call->reply);
        sd_bus_message_unref(call->call);
        free(call->path);
        free(call);
        return NULL;
}
DEFINE_CLEANUP(KeysCall *, keys_call_free)

static void keys_call_gone(CallerResource *resource)
{
        keys_call_free((KeysCall *)resource);
}

_Static_assert(offsetof(KeysCall, resource) == 0, "the resource comes first");

static int keys_call_new(Daemon *daemon, sd_bus_message *m, KeyOperation operation, sd_bus_error *error, KeysCall **ret)
{
        _cleanup_(keys_call_freep) KeysCall *call = calloc(1, sizeof(*call));
        Caller *caller;
        int r;

        if (!call)
                return -ENOMEM;
        *call = (KeysCall){.daemon = daemon, .call = sd_bus_message_ref(m), .operation = operation, .next = daemon->keys};
        if (call->next)
                call->next->previous = call;
        daemon->keys = call;

        r = caller_of(daemon, m, &caller);
        if (r >= 0)
                r = caller_attach(caller, &call->resource, CALLER_WAIT, keys_call_gone);
        if (r == -ENOBUFS)
                sd_bus_error_set(error, KEYFOB_ERROR_LIMITS, "too many unanswered calls: wait for some to end");
        if (r >= 0 && is_list(operation)) {
                r = sd_bus_message_new_method_return(m, &call->reply);
                if (r >= 0)
                        r = sd_bus_message_open_container(call->reply, 'a', "a{sv}");
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(call);
        return 0;
}

/* ---- ends ---- */

static void fail(KeysCall *call, HelperResult result, ByteReader *fields)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void)keys1_error(&error, result, fields);
        (void)batch_reply_error(call->daemon, call->call, &error);
        keys_call_free(call);
}

/* The helper said what it never should. */
static void fail_senseless(KeysCall *call)
{
        ByteReader nothing = BYTE_READER(NULL, 0);

        fail(call, HELPER_OK, &nothing);
}

static void fail_with(KeysCall *call, const char *name, const char *message)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        sd_bus_error_set(&error, name, message);
        (void)batch_reply_error(call->daemon, call->call, &error);
        keys_call_free(call);
}

static void fail_errno(KeysCall *call, int r)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void)daemon_error(call->daemon, &error, r);
        (void)batch_reply_error(call->daemon, call->call, &error);
        keys_call_free(call);
}

static int append_blob(sd_bus_message *reply, ByteReader *fields)
{
        const uint8_t *data;
        size_t size;

        data = byte_reader_blob(fields, KEY_CONTENT_MAX, &size);
        return data ? sd_bus_message_append_array(reply, 'y', data, size) : -EBADMSG;
}

static int make_reply(KeysCall *call, ByteReader *fields)
{
        int r;

        if (is_list(call->operation))
                return sd_bus_message_close_container(call->reply);
        r = sd_bus_message_new_method_return(call->call, &call->reply);
        if (r < 0)
                return r;
        switch (call->operation) {
        case KEY_INFO:
                return keys1_append_entries(call->reply, fields);
        case KEY_BLOB_GET:
                r = sd_bus_message_sensitive(call->reply);
                return r < 0 ? r : append_blob(call->reply, fields);
        case KEY_FINGER_ENROLL:
                return append_blob(call->reply, fields);
        default:
                return 0;
        }
}

static void on_done(void *userdata, HelperResult result, ByteReader *fields)
{
        KeysCall *call = userdata;

        call->helper = NULL;
        if (result != HELPER_OK) {
                fail(call, result, fields);
                return;
        }
        if (make_reply(call, fields) < 0 || fields->size > 0) {
                fail_senseless(call);
                return;
        }
        (void)batch_reply(call->daemon, call->call, call->reply);
        keys_call_free(call);
}

/* ---- progress ---- */

static int append_progress(sd_bus_message *m, bool sample, ByteReader *fields)
{
        _cleanup_free_ char *status = NULL;
        uint8_t left;

        if (!sample)
                return sd_bus_message_append(m, "sa{sv}", "touch", 0);
        left = byte_reader_u8(fields);
        status = byte_reader_string(fields, KEY_TEXT_MAX);
        if (!status)
                return -EBADMSG;
        return sd_bus_message_append(m, "sa{sv}", "sample", 2, "left", "u", (uint32_t)left, "status", "s", status);
}

/* To the caller alone: what somebody's key waits for is nobody else's business. */
static void signal_progress(const KeysCall *call, bool sample, ByteReader *fields)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const Caller *caller = call->resource.caller;
        sd_bus *bus = caller_bus(caller);
        int r;

        r = sd_bus_message_new_signal(bus, &m, KEYFOB_PATH, KEYFOB_KEYS_INTERFACE, "Progress");
        if (r >= 0 && caller_sender(caller))
                r = sd_bus_message_set_destination(m, caller_sender(caller));
        if (r >= 0)
                r = append_progress(m, sample, fields);
        if (r >= 0 && sd_bus_send(bus, m, NULL) >= 0)
                doors_sent(call->daemon, bus, m, 0);
}

static void add_item(KeysCall *call, ByteReader *fields)
{
        call->items_size += fields->size;
        if (++call->n_items > KEYS_ITEMS_MAX || call->items_size > KEYS_LIST_MAX)
                fail_with(call, KEYFOB_ERROR_LIMITS, "the key lists more than anybody could read");
        else if (!is_list(call->operation) || keys1_append_entries(call->reply, fields) < 0)
                fail_senseless(call);
}

static void on_progress(void *userdata, ByteReader *fields)
{
        KeysCall *call = userdata;

        switch (byte_reader_u8(fields)) {
        case KEY_PROGRESS_TOUCH:
                signal_progress(call, /* sample= */ false, fields);
                break;
        case KEY_PROGRESS_SAMPLE:
                signal_progress(call, /* sample= */ true, fields);
                break;
        case KEY_PROGRESS_ITEM:
                add_item(call, fields);
                break;
        default:
                fail_senseless(call);
        }
}

/* ---- steps ---- */

static int ask_helper(KeysCall *call, KeyOperation operation, const char *key, HelperDone done)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        int r;

        byte_writer_u8(&fields, (uint8_t)operation);
        byte_writer_string(&fields, key);
        byte_writer_raw(&fields, call->rest.data, call->rest.size);
        if (fields.failed)
                return -ENOMEM;
        r = helper_call(call->daemon, HELPER_KEY, &fields, done, call, &call->helper);
        if (r >= 0)
                helper_call_on_progress(call->helper, on_progress);
        return r;
}

static bool in_use(const KeysCall *call)
{
        for (const KeysCall *other = call->daemon->keys; other; other = other->next)
                if (other != call && other->path && strcmp(other->path, call->path) == 0)
                        return true;
        return false;
}

static void on_found(void *userdata, HelperResult result, ByteReader *fields)
{
        KeysCall *call = userdata;
        int r;

        call->helper = NULL;
        if (result != HELPER_OK) {
                fail(call, result, fields);
                return;
        }
        call->path = byte_reader_string(fields, KEY_SELECTOR_MAX);
        if (!call->path) {
                fail_senseless(call);
                return;
        }
        if (in_use(call)) {
                fail_with(call, KEYFOB_ERROR_BUSY, "another call uses the key: let it end first");
                return;
        }
        r = ask_helper(call, call->operation, call->path, on_done);
        byte_writer_done(&call->rest);
        if (r < 0)
                fail_errno(call, r);
}

static int method_key(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(keys_call_freep) KeysCall *call = NULL;
        const Method *method = methods;
        const char *key;
        int r;

        while (strcmp(method->name, sd_bus_message_get_member(m)) != 0)
                method++; /* the vtable has no others */
        r = keys_call_new(userdata, m, method->operation, error, &call);
        if (r >= 0)
                r = keys1_read(m, method->order, &key, &call->rest, error);
        if (r >= 0)
                r = ask_helper(call, method->operation == KEY_LIST ? KEY_LIST : KEY_FIND, key,
                               method->operation == KEY_LIST ? on_done : on_found);
        if (r < 0)
                return sd_bus_error_is_set(error) ? r : daemon_error(userdata, error, r);
        TAKE_PTR(call);
        return 1;
}

/* ---- the interface ---- */

#define METHOD(name, in, in_names, out, out_names)                                                                     \
        SD_BUS_METHOD_WITH_NAMES(name, in, in_names, out, out_names, method_key, SD_BUS_VTABLE_UNPRIVILEGED)
#define SECRET_METHOD(name, in, in_names, out, out_names)                                                              \
        SD_BUS_METHOD_WITH_NAMES(name, in, in_names, out, out_names, method_key,                                       \
                                 SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE)
#define P SD_BUS_PARAM

static const sd_bus_vtable keys1_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("List", "", , "aa{sv}", P(keys)),
        METHOD("GetInfo", "s", P(key), "a{sv}", P(info)),
        SECRET_METHOD("SetPin", "say", P(key) P(pin), "", ),
        SECRET_METHOD("ChangePin", "sayay", P(key) P(old_pin) P(new_pin), "", ),
        SECRET_METHOD("ListPasskeys", "sa{sv}", P(key) P(options), "aa{sv}", P(passkeys)),
        SECRET_METHOD("DeletePasskey", "saya{sv}", P(key) P(id) P(options), "", ),
        SECRET_METHOD("RenamePasskey", "saya{sv}a{sv}", P(key) P(id) P(names) P(options), "", ),
        SECRET_METHOD("ListFingers", "sa{sv}", P(key) P(options), "aa{sv}", P(fingers)),
        SECRET_METHOD("EnrollFinger", "ssa{sv}", P(key) P(name) P(options), "ay", P(id)),
        SECRET_METHOD("RenameFinger", "saysa{sv}", P(key) P(id) P(name) P(options), "", ),
        SECRET_METHOD("DeleteFinger", "saya{sv}", P(key) P(id) P(options), "", ),
        SECRET_METHOD("GetLargeBlob", "saya{sv}", P(key) P(id) P(options), "ay", P(blob)),
        SECRET_METHOD("SetLargeBlob", "sayaya{sv}", P(key) P(id) P(blob) P(options), "", ),
        SECRET_METHOD("DeleteLargeBlob", "saya{sv}", P(key) P(id) P(options), "", ),
        SECRET_METHOD("Configure", "sa{sv}a{sv}", P(key) P(settings) P(options), "", ),
        METHOD("Reset", "s", P(key), "", ),
        SD_BUS_SIGNAL_WITH_NAMES("Progress", "sa{sv}", P(what) P(details), 0),
        SD_BUS_VTABLE_END,
};

int keys1_attach(Daemon *daemon, sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, KEYFOB_PATH, KEYFOB_KEYS_INTERFACE, keys1_vtable, daemon);
}
