/*
 * What is known of the reader
 *
 * A look is a row of calls, each made when the answer to the one before is there: which reader, what it is like, which
 * fingers of this user it knows, and whether the lid is closed over it. In between, and when fprintd has ended because
 * it had nothing to do, what the last look found is still true. logind tells no changes of the lid in most versions, so
 * it is asked each time.
 */
#include <errno.h>
#include <string.h>

#include "daemon/fprint-internal.h"

#define DBUS_NAME     "org.freedesktop.DBus"
#define DBUS_PATH     "/org/freedesktop/DBus"
#define PROPERTIES    "org.freedesktop.DBus.Properties"
#define LOGIN_NAME    "org.freedesktop.login1"
#define LOGIN_PATH    "/org/freedesktop/login1"
#define LOGIN_MANAGER "org.freedesktop.login1.Manager"
#define MANAGER_PATH  "/net/reactivated/Fprint/Manager"

#define STAGES_DEFAULT 5 /* of a reader that tells only who has claimed it */
#define STAGES_MAX     100

static bool is_same(const FprintState *a, const FprintState *b)
{
        return a->available == b->available && a->fingers == b->fingers;
}

void fprint_tell(Fprint *fprint)
{
        FprintState state;

        fprint_state_now(fprint, &state);
        if (is_same(&state, &fprint->told))
                return;
        fprint->told = state;
        if (fprint->changed)
                fprint->changed(fprint->userdata);
}

/* ---- reading ---- */

typedef struct Field {
        const char *key, *type;
        void *ret;
} Field;

/* Entries of the a{sv} that is next. */
static int read_fields(sd_bus_message *m, const Field *fields, size_t n)
{
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const Field *field = NULL;

                r = sd_bus_message_read(m, "s", &key);
                for (size_t i = 0; r >= 0 && i < n; i++)
                        if (strcmp(fields[i].key, key) == 0)
                                field = &fields[i];
                if (r >= 0)
                        r = field ? sd_bus_message_read(m, "v", field->type, field->ret) : sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static bool failed(sd_bus_message *reply)
{
        return sd_bus_message_is_method_error(reply, NULL);
}

/* ---- the end of a look ---- */

void fprint_look_stop(Fprint *fprint)
{
        fprint->looking = sd_bus_slot_unref(fprint->looking);
        fprint->look_again = false;
}

static void end_look(Fprint *fprint)
{
        bool again = fprint->look_again;

        fprint_look_stop(fprint);
        fprint->known = true;
        fprint_tell(fprint);
        fprint_reader_turn(fprint);
        if (again)
                fprint_look(fprint, /* start= */ false);
}

/* There is no reader, or none that we may use. */
static void no_reader(Fprint *fprint)
{
        free(TAKE_PTR(fprint->device));
        end_look(fprint);
}

/* ---- the lid ---- */

int fprint_ask_lid(Fprint *fprint, sd_bus_slot **slot, sd_bus_message_handler_t handler)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(fprint->bus, &m, LOGIN_NAME, LOGIN_PATH, PROPERTIES, "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", LOGIN_MANAGER, "LidClosed");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, 0);
        return r < 0 ? r : sd_bus_call_async(fprint->bus, slot, m, handler, fprint, 0);
}

/* Where nobody knows of a lid, there is none. */
void fprint_lid_read(Fprint *fprint, sd_bus_message *reply)
{
        int closed = 0;

        if (failed(reply) || sd_bus_message_read(reply, "v", "b", &closed) < 0)
                closed = 0;
        fprint->lid_closed = closed;
}

static int on_lid(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        fprint_lid_read(userdata, reply);
        end_look(userdata);
        return 0;
}

static void ask_lid_again(Fprint *fprint);
static int on_lid_told(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;

        fprint->asking_lid = sd_bus_slot_unref(fprint->asking_lid);
        fprint_lid_read(fprint, reply);
        if (fprint->lid_again)
                ask_lid_again(fprint);
        fprint_tell(fprint);
        fprint_reader_turn(fprint);
        return 0;
}

static void ask_lid_again(Fprint *fprint)
{
        fprint->lid_again = fprint->asking_lid;
        if (!fprint->asking_lid)
                (void)fprint_ask_lid(fprint, &fprint->asking_lid, on_lid_told);
}

/* Anybody can send us such a signal, so it is not believed but a reason to ask. */
static int on_login_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *interface;
        int closed = -1;
        const Field fields[] = {{"LidClosed", "b", &closed}};

        if (sd_bus_message_read(message, "s", &interface) >= 0 && strcmp(interface, LOGIN_MANAGER) == 0 &&
            read_fields(message, fields, ELEMENTSOF(fields)) >= 0 && closed >= 0)
                ask_lid_again(userdata);
        return 0;
}

int fprint_watch_lid(Fprint *fprint)
{
        return sd_bus_match_signal_async(fprint->bus, NULL, LOGIN_NAME, LOGIN_PATH, PROPERTIES, "PropertiesChanged",
                                         on_login_changed, NULL, fprint);
}

/* ---- fingers, reader ---- */

static int read_fingers(sd_bus_message *reply, unsigned *ret)
{
        unsigned fingers = 0;
        const char *word;
        int r, finger;

        r = sd_bus_message_enter_container(reply, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(reply, "s", &word)) > 0) {
                finger = finger_find(word, strlen(word));
                if (finger >= 0)
                        fingers |= 1U << finger;
        }
        if (r >= 0)
                *ret = fingers;
        return r;
}

static int on_fingers(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;
        unsigned fingers = 0;
        int r = 0;

        if (!sd_bus_message_is_method_error(reply, FPRINT_ERROR "NoEnrolledPrints"))
                r = failed(reply) ? -EPERM : read_fingers(reply, &fingers);
        if (r >= 0)
                fprint->fingers = fingers;
        fprint->looking = sd_bus_slot_unref(fprint->looking);
        if (r < 0)
                no_reader(fprint);
        else if (fprint_ask_lid(fprint, &fprint->looking, on_lid) < 0)
                end_look(fprint);
        return 0;
}

static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;
        const char *type = "";
        int stages = 0;
        const Field fields[] = {{"scan-type", "s", &type}, {"num-enroll-stages", "i", &stages}};

        fprint->looking = sd_bus_slot_unref(fprint->looking);
        if (failed(reply) || read_fields(reply, fields, ELEMENTSOF(fields)) < 0) {
                no_reader(fprint);
                return 0;
        }
        fprint->swipe = strcmp(type, "swipe") == 0;
        fprint->stages = stages > 0 && stages <= STAGES_MAX ? (unsigned)stages : STAGES_DEFAULT;
        if (fprint_call(fprint, &fprint->looking, fprint->device, FPRINT_DEVICE, "ListEnrolledFingers", on_fingers,
                        "s", FPRINT_SELF) < 0)
                no_reader(fprint);
        return 0;
}

static int on_device(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;
        const char *path;
        int r = -ENODEV;

        fprint->looking = sd_bus_slot_unref(fprint->looking);
        free(TAKE_PTR(fprint->device));
        if (!failed(reply) && sd_bus_message_read(reply, "o", &path) >= 0)
                fprint->device = strdup(path);
        if (fprint->device)
                r = fprint_call(fprint, &fprint->looking, fprint->device, PROPERTIES, "GetAll", on_properties, "s",
                                FPRINT_DEVICE);
        if (r < 0)
                no_reader(fprint);
        return 0;
}

/* ---- fprintd is not running ---- */

/* When it has come, its owner's uid is being asked for, and a look follows. */
static int on_started(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;

        fprint->looking = sd_bus_slot_unref(fprint->looking);
        if (!system_peer_is_asking(fprint->service) && !fprint_owner(fprint))
                end_look(fprint);
        return 0;
}

static int read_activatable(sd_bus_message *reply, bool *ret)
{
        const char *name;
        int r;

        *ret = false;
        if (failed(reply))
                return 0;
        r = sd_bus_message_enter_container(reply, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(reply, "s", &name)) > 0)
                if (strcmp(name, FPRINT_NAME) == 0)
                        *ret = true;
        return r;
}

static int on_activatable(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;

        fprint->looking = sd_bus_slot_unref(fprint->looking);
        (void)read_activatable(reply, &fprint->activatable);
        if (!fprint->activatable)
                no_reader(fprint);
        else if (!fprint->start || fprint_start_owner(fprint, &fprint->looking, on_started) < 0)
                end_look(fprint);
        return 0;
}

void fprint_look(Fprint *fprint, bool start)
{
        int r;

        if (!fprint->bus || system_peer_is_asking(fprint->service))
                return;
        if (fprint->looking) {
                fprint->look_again = true;
                return;
        }
        (void)sd_event_now(fprint->event, CLOCK_MONOTONIC, &fprint->looked);
        fprint->start = start;
        if (fprint_owner(fprint))
                r = fprint_call(fprint, &fprint->looking, MANAGER_PATH, FPRINT_MANAGER, "GetDefaultDevice", on_device,
                                NULL);
        else
                r = sd_bus_call_method_async(fprint->bus, &fprint->looking, DBUS_NAME, DBUS_PATH, DBUS_NAME,
                                             "ListActivatableNames", on_activatable, fprint, NULL);
        if (r < 0)
                end_look(fprint);
}
