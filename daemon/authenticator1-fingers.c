/*
 * Authenticator1: fingers as their owner manages them
 *
 * A finger more or less changes who can sign in, so enrolling and deleting want a slot of the vault opened afresh; names
 * want it unlocked only. An enrolment is watched by its caller (Progress), ends with him, and gives the reader back when
 * nobody has touched it for a while.
 */
#include <errno.h>
#include <string.h>

#include "daemon/authenticator1-internal.h"
#include "daemon/ctap-fingers.h"
#include "daemon/door.h"
#include "daemon/finger-names.h"
#include "daemon/settings.h"
#include "daemon/where.h"

#define IDLE_USEC UINT64_C(60000000) /* how long an enrolment waits for the next touch */

struct FingerWork {
        Waiting *waiting;
        Where *where;
        FprintTask *task;
        sd_event_source *idle;
        FprintWork what;
        unsigned finger, left;
};

FingerWork *finger_work_free(FingerWork *work)
{
        if (!work)
                return NULL;
        where_cancel(work->where);
        fprint_task_cancel(work->task);
        sd_event_source_disable_unref(work->idle);
        free(work);
        return NULL;
}

static CtapFingers *fingers_of(const Waiting *waiting)
{
        return waiting->daemon->ctap->fingers;
}

/* ---- how it ends ---- */

static void fail(FingerWork *work, const char *name, const char *why)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Waiting *waiting = work->waiting;

        (void)sd_bus_error_set(&error, name, why);
        (void)batch_reply_error(waiting->daemon, waiting->call, &error);
        waiting_free(waiting);
}

static void succeed(FingerWork *work)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *word = finger_word(work->finger);
        Waiting *waiting = work->waiting;
        int r;

        r = finger_name_set(waiting->daemon, work->finger, work->what == FPRINT_ENROLL ? waiting->text : NULL);
        if (r != 0) {
                fail(work, KEYFOB_ERROR_IO, "the finger's name could not be kept; the finger itself was dealt with");
                return;
        }
        ctap_changed(waiting->daemon->ctap);
        r = sd_bus_message_new_method_return(waiting->call, &reply);
        if (r >= 0 && work->what == FPRINT_ENROLL)
                r = sd_bus_message_append_array(reply, 'y', word, strlen(word));
        if (r < 0)
                fail(work, KEYFOB_ERROR_IO, "out of memory");
        else
                (void)waiting_finish_reply(waiting, reply);
}

/* To the caller alone. */
static void tell(const FingerWork *work, const char *status)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const Caller *caller = work->waiting->resource.caller;
        int r;

        r = sd_bus_message_new_signal(caller_bus(caller), &m, KEYFOB_PATH, KEYFOB_AUTHENTICATOR_INTERFACE, "Progress");
        if (r >= 0 && caller_sender(caller))
                r = sd_bus_message_set_destination(m, caller_sender(caller));
        if (r >= 0)
                r = status ? sd_bus_message_append(m, "sa{sv}", "sample", 2, "left", "u", (uint32_t)work->left, "status",
                                                   "s", status)
                           : sd_bus_message_append(m, "sa{sv}", "touch", 0);
        if (r >= 0 && sd_bus_send(caller_bus(caller), m, NULL) >= 0)
                doors_sent(work->waiting->daemon, caller_bus(caller), m, 0);
        if (work->idle)
                (void)sd_event_source_set_time_relative(work->idle, IDLE_USEC);
}

static void on_event(void *userdata, FprintEvent event, FprintSample sample)
{
        FingerWork *work = userdata;

        switch (event) {
        case FPRINT_WAITS:
                tell(work, NULL);
                return;
        case FPRINT_AGAIN:
                tell(work, fprint_sample_word(sample));
                return;
        case FPRINT_STAGE:
                if (work->left > 1)
                        work->left--;
                tell(work, fprint_sample_word(SAMPLE_GOOD));
                return;
        default:
                work->task = NULL;
        }
        switch (event) {
        case FPRINT_DONE:
                work->left = 0;
                if (work->what == FPRINT_ENROLL)
                        tell(work, fprint_sample_word(SAMPLE_GOOD));
                succeed(work);
                break;
        case FPRINT_DUPLICATE:
                fail(work, KEYFOB_ERROR_EXISTS, "that finger is enrolled already: use another one");
                break;
        case FPRINT_FULL:
                fail(work, KEYFOB_ERROR_LIMITS, "the reader has no room for another finger: delete one first");
                break;
        default:
                fail(work, KEYFOB_ERROR_BUSY,
                     "the fingerprint reader can't be had: another program uses it, or you may not");
        }
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
        fail(userdata, KEYFOB_ERROR_CANCELLED, "nobody touched the fingerprint reader");
        return 0;
}

/* ---- how it begins ---- */

static void take_reader(FingerWork *work)
{
        CtapFingers *fingers = fingers_of(work->waiting);
        int r = 0;

        if (work->what == FPRINT_ENROLL)
                r = sd_event_add_time_relative(work->waiting->daemon->event, &work->idle, CLOCK_MONOTONIC, IDLE_USEC, 0,
                                               on_idle, work);
        if (r >= 0)
                r = fprint_task_start(fingers->fprint, work->what, work->finger, on_event, work, &work->task);
        if (r < 0)
                fail(work, KEYFOB_ERROR_BUSY, "the fingerprint reader is in use: try again");
}

static void on_where(void *userdata, bool remote)
{
        FingerWork *work = userdata;

        work->where = NULL;
        if (remote)
                fail(work, KEYFOB_ERROR_NOT_ALLOWED,
                     "you are not at the reader: allow it with remote-fingerprint in keyfobd.conf");
        else
                take_reader(work);
}

static int no_reader(sd_bus_error *error)
{
        return sd_bus_error_set(error, KEYFOB_ERROR_UNSUPPORTED,
                                "no fingerprint reader can be used: fprintd must be there and the lid open");
}

static int get_state(const Waiting *waiting, FprintState *ret)
{
        *ret = (FprintState){0};
        if (fingers_of(waiting))
                fprint_state(fingers_of(waiting)->fprint, ret);
        return ret->available ? 0 : -ENODEV;
}

/* The finger that waiting->id names, or -ENOENT. */
static int find_finger(const Waiting *waiting, const FprintState *state, sd_bus_error *error)
{
        int finger = finger_find(waiting->id, waiting->id_size);

        if (finger >= 0 && (state->fingers & 1U << finger))
                return finger;
        sd_bus_error_set(error, KEYFOB_ERROR_NOT_FOUND,
                         "there is no such finger: see keyfob authenticator finger list");
        return -ENOENT;
}

static int work_new(Waiting *waiting, FprintWork what, sd_bus_error *error, FingerWork **ret)
{
        FingerWork *work = calloc(1, sizeof(*work));
        FprintState state;
        int finger;

        if (!work)
                return -ENOMEM;
        waiting->finger = work;
        *work = (FingerWork){.waiting = waiting, .what = what};
        if (get_state(waiting, &state) < 0)
                return no_reader(error);
        finger = what == FPRINT_ENROLL ? ctap_finger_unused(fingers_of(waiting)) : find_finger(waiting, &state, error);
        if (finger == -ENOSPC)
                return sd_bus_error_set(error, KEYFOB_ERROR_LIMITS, "all ten fingers are enrolled: delete one first");
        if (finger < 0)
                return finger;
        work->finger = (unsigned)finger;
        work->left = state.stages;
        *ret = work;
        return 0;
}

static int enroll(Waiting *waiting, sd_bus_error *error)
{
        FingerWork *work = NULL;
        int r;

        r = work_new(waiting, FPRINT_ENROLL, error, &work);
        if (r < 0)
                return r;
        if (!waiting->daemon->settings->remote_fingerprint)
                return where_start(waiting->daemon, caller_pid(waiting->resource.caller), on_where, work, &work->where);
        take_reader(work);
        return 0;
}

static int delete(Waiting *waiting, sd_bus_error *error)
{
        FingerWork *work = NULL;
        int r;

        r = work_new(waiting, FPRINT_DELETE, error, &work);
        if (r >= 0)
                take_reader(work);
        return r < 0 ? r : 0;
}

static int enroll_proved(Waiting *waiting, sd_bus_error *error)
{
        return authenticator1_proved(waiting, enroll, error);
}

static int delete_proved(Waiting *waiting, sd_bus_error *error)
{
        return authenticator1_proved(waiting, delete, error);
}

static int rename_finger(Waiting *waiting, sd_bus_error *error)
{
        FprintState state;
        int finger, r;

        (void)get_state(waiting, &state);
        finger = find_finger(waiting, &state, error);
        if (finger < 0)
                return finger;
        r = finger_name_set(waiting->daemon, (unsigned)finger, waiting->text);
        if (r != 0)
                return daemon_error(waiting->daemon, error, r);
        ctap_changed(waiting->daemon->ctap);
        return waiting_finish(waiting, NULL);
}

/* ---- methods ---- */

/* The arguments that come before the options: an id, a name. */
static int begin(Daemon *daemon, sd_bus_message *m, bool has_id, bool has_name, const char *const *allowed,
                 sd_bus_error *error, Waiting **ret)
{
        const char *name = NULL;
        const void *id = NULL;
        Waiting *waiting;
        size_t id_size = 0;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0 && has_id)
                r = sd_bus_message_read_array(m, 'y', &id, &id_size);
        if (r >= 0 && has_name)
                r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        if (name && strlen(name) > FINGER_NAME_MAX)
                return store1_invalid(error, "a finger's name has at most %u bytes", FINGER_NAME_MAX);
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        waiting->id = malloc(id_size + 1);
        waiting->text = strdup(name ?: "");
        if (!waiting->id || !waiting->text) {
                waiting_free(waiting);
                return -ENOMEM;
        }
        if (id_size > 0)
                memcpy(waiting->id, id, id_size);
        waiting->id_size = id_size;
        *ret = waiting;
        return 0;
}

static const char *const fresh_options[] = {"auth", "interactive", NULL};

int authenticator1_enroll_finger(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        FprintState state;
        Waiting *waiting = NULL;
        int r;

        r = begin(userdata, m, /* has_id= */ false, /* has_name= */ true, fresh_options, error, &waiting);
        if (r < 0)
                return r;
        r = get_state(waiting, &state) < 0
                    ? no_reader(error)
                    : waiting_open(waiting, /* collection= */ 0, waiting->options.auth, /* slot= */ NULL,
                                   /* unlock= */ false, "verify",
                                   "Enter a password of your Keyfob vault, to enroll a finger.", enroll_proved);
        return waiting_started(waiting, r);
}

int authenticator1_delete_finger(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Waiting *waiting = NULL;
        int r;

        r = begin(userdata, m, /* has_id= */ true, /* has_name= */ false, fresh_options, error, &waiting);
        if (r < 0)
                return r;
        r = waiting_open(waiting, /* collection= */ 0, waiting->options.auth, /* slot= */ NULL, /* unlock= */ false,
                         "verify", "Enter a password of your Keyfob vault, to delete a finger.", delete_proved);
        return waiting_started(waiting, r);
}

int authenticator1_rename_finger(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"interactive", NULL};
        Waiting *waiting = NULL;
        int r;

        r = begin(userdata, m, /* has_id= */ true, /* has_name= */ true, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = waiting_unlock(waiting, "Enter the password of your Keyfob vault, to name a finger.", rename_finger, error);
        return waiting_started(waiting, r);
}

static int append_finger(sd_bus_message *reply, const Daemon *daemon, unsigned finger)
{
        char name[FINGER_NAME_MAX + 1];
        int r;

        finger_name_get(daemon, finger, name);
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = authenticator1_append_bytes(reply, "id", finger_word(finger), strlen(finger_word(finger)));
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "name", "s", name);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* fprintd tells every program of this user as much. */
int authenticator1_list_fingers(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Daemon *daemon = userdata;
        FprintState state = {0};
        int r;

        if (daemon->ctap->fingers)
                fprint_state(daemon->ctap->fingers->fprint, &state);
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (unsigned finger = 0; r >= 0 && finger < FINGERS_MAX; finger++)
                if (state.fingers & 1U << finger)
                        r = append_finger(reply, daemon, finger);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : batch_reply(daemon, m, reply);
}
