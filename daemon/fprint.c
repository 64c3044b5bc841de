/*
 * The connection to the system bus
 *
 * Whoever chooses the daemon's environment could name a bus of his own, with an fprintd on it that likes every finger.
 * So the socket itself must be one that root listens on, which the kernel says; what the bus then says of its clients
 * is believed. A bus that goes is looked for again when somebody asks for the state.
 */
#include "daemon/fprint.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "daemon/fprint-internal.h"
#include "daemon/log.h"
#include "daemon/system-bus.h"

#define CALL_USEC       UINT64_C(90000000) /* polkit's question to the person is within it */
#define FRESH_USEC      UINT64_C(3000000)  /* how long what is known is good enough */
#define FRESH_IDLE_USEC UINT64_C(60000000) /* the same when fprintd would have to be started to see */

int fprint_call(Fprint *fprint, sd_bus_slot **slot, const char *path, const char *interface, const char *member,
                sd_bus_message_handler_t handler, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const char *owner = fprint_owner(fprint);
        va_list ap;
        int r;

        if (!fprint->bus || !owner)
                return -ENOTCONN;
        r = sd_bus_message_new_method_call(fprint->bus, &m, owner, path, interface, member);
        if (r >= 0 && types) {
                va_start(ap, types);
                r = sd_bus_message_appendv(m, types, ap);
                va_end(ap);
        }
        /* polkit may ask for a password before a finger is enrolled or deleted; who may not verify has a PIN. */
        if (r >= 0 && fprint->task && fprint->task->work != FPRINT_VERIFY)
                r = sd_bus_message_set_allow_interactive_authorization(m, 1);
        return r < 0 ? r : sd_bus_call_async(fprint->bus, slot, m, handler, fprint, CALL_USEC);
}

void fprint_disconnect(Fprint *fprint)
{
        fprint_look_stop(fprint);
        fprint_drop_owner(fprint);
        fprint->asking_lid = sd_bus_slot_unref(fprint->asking_lid);
        fprint->activatable = fprint->broken = fprint->lid_again = false;
        fprint->bus = sd_bus_close_unref(fprint->bus);
        fprint->known = true;
        fprint_tell(fprint);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;

        fprint_look_stop(fprint);
        fprint_drop_owner(fprint);
        fprint->broken = true; /* not let go inside its own handler */
        fprint_reader_turn(fprint);
        return 0;
}

static int connect_bus(Fprint *fprint)
{
        int r;

        r = system_bus_open(fprint->event, &fprint->bus);
        if (r == -EPERM)
                log_line(LOG_WARNING, "fingerprints are not used: the system bus is not root's");
        if (r >= 0)
                r = sd_bus_match_signal(fprint->bus, NULL, "org.freedesktop.DBus.Local",
                                        "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
                                        on_disconnected, fprint);
        if (r >= 0)
                r = fprint_watch_owner(fprint);
        return r < 0 ? r : fprint_watch_lid(fprint);
}

/* None, or one that is not to be had, is the same as no reader. */
static void try_connect(Fprint *fprint)
{
        if (connect_bus(fprint) < 0)
                fprint_disconnect(fprint);
        else
                fprint_look(fprint, /* start= */ true);
}

void fprint_state_now(const Fprint *fprint, FprintState *ret)
{
        *ret = (FprintState){
                .known = fprint->known,
                .available = fprint->known && fprint->device && !fprint->lid_closed &&
                             (fprint_owner(fprint) || fprint->activatable),
                .swipe = fprint->swipe,
                .stages = fprint->stages,
                .fingers = fprint->fingers,
        };
}

void fprint_state(Fprint *fprint, FprintState *ret)
{
        uint64_t now = 0;

        (void)sd_event_now(fprint->event, CLOCK_MONOTONIC, &now);
        if (now - fprint->looked > (fprint_owner(fprint) ? FRESH_USEC : FRESH_IDLE_USEC)) {
                fprint->looked = now;
                if (fprint->bus)
                        fprint_look(fprint, /* start= */ true);
                else
                        try_connect(fprint);
        }
        fprint_state_now(fprint, ret);
}

int fprint_new(sd_event *event, FprintChanged changed, void *userdata, Fprint **ret)
{
        _cleanup_(fprint_freep) Fprint *fprint = calloc(1, sizeof(*fprint));
        int r;

        if (!fprint)
                return -ENOMEM;
        fprint->event = sd_event_ref(event);
        fprint->changed = changed;
        fprint->userdata = userdata;
        r = fprint_reader_new(fprint);
        if (r < 0)
                return r;
        try_connect(fprint);
        *ret = TAKE_PTR(fprint);
        return 0;
}

Fprint *fprint_free(Fprint *fprint)
{
        if (!fprint)
                return NULL;
        fprint->changed = NULL;
        fprint_disconnect(fprint);
        fprint_reader_done(fprint);
        free(fprint->device);
        sd_event_unref(fprint->event);
        free(fprint);
        return NULL;
}
