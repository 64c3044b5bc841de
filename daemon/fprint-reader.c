/*
 * The reader in use
 *
 * One task at a time. What there is to do next follows from what is the case (is it claimed, does it run, who wants it),
 * and is decided in one place, each time a call has been answered or a wish has come or gone. So every way out leads
 * through stop and release, whoever ended it and wherever it was; and a task that follows another at once finds the
 * reader still claimed. If we vanish, fprintd releases it by itself.
 */
#include <errno.h>
#include <string.h>

#include "daemon/fprint-internal.h"
#include "daemon/log.h"

void fprint_reader_turn(Fprint *fprint)
{
        (void)sd_event_source_set_enabled(fprint->turn, SD_EVENT_ONESHOT);
}

static bool has_ended(FprintEvent event)
{
        return event >= FPRINT_DONE;
}

/* Tells the task; an end makes room for the next one before it is told. */
static void tell(Fprint *fprint, FprintEvent event, FprintSample sample)
{
        FprintTask *task = fprint->task;
        FprintHandler handler;
        void *userdata;

        if (!task)
                return;
        handler = task->handler;
        userdata = task->userdata;
        if (has_ended(event)) {
                if (event == FPRINT_DONE && task->work == FPRINT_ENROLL)
                        fprint->fingers |= 1U << task->finger;
                if (event == FPRINT_DONE && task->work == FPRINT_DELETE)
                        fprint->fingers &= ~(1U << task->finger);
                fprint->over = true;
                fprint->task = NULL;
                free(task);
                fprint_tell(fprint);
                fprint_reader_turn(fprint);
        }
        handler(userdata, event, sample);
}

static void fail(Fprint *fprint, sd_bus_message *reply)
{
        const sd_bus_error *error = reply ? sd_bus_message_get_error(reply) : NULL;

        if (error)
                log_line(LOG_NOTICE, "the fingerprint reader can't be used: %s", error->message ?: error->name);
        tell(fprint, FPRINT_UNAVAILABLE, SAMPLE_GOOD);
}

/* The answer to the one call; false: it failed. */
static bool answered(Fprint *fprint, sd_bus_message *reply)
{
        fprint->call = sd_bus_slot_unref(fprint->call);
        fprint_reader_turn(fprint);
        return !sd_bus_message_is_method_error(reply, NULL);
}

/* ---- giving back ---- */

static int on_stopped(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;

        (void)answered(fprint, reply);
        fprint->runs = false;
        return 0;
}

static int on_released(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;

        (void)answered(fprint, reply);
        free(TAKE_PTR(fprint->claimed));
        return 0;
}

/* ---- taking ---- */

static int on_started(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;

        if (answered(fprint, reply)) {
                if (!fprint->over)
                        tell(fprint, FPRINT_WAITS, SAMPLE_GOOD);
                return 0;
        }
        fprint->runs = false;
        if (!fprint->over)
                fail(fprint, reply);
        return 0;
}

static int on_deleted(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;
        bool done = answered(fprint, reply) ||
                    sd_bus_message_is_method_error(reply, FPRINT_ERROR "NoEnrolledPrints");

        if (done && !fprint->over)
                tell(fprint, FPRINT_DONE, SAMPLE_GOOD);
        else if (!fprint->over)
                fail(fprint, reply);
        fprint_look(fprint, /* start= */ false);
        return 0;
}

static int on_claimed(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;

        if (answered(fprint, reply))
                return 0;
        free(TAKE_PTR(fprint->claimed));
        fail(fprint, reply);
        return 0;
}

static int on_lid(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;

        (void)answered(fprint, reply);
        fprint_lid_read(fprint, reply);
        fprint->lid_seen = true;
        fprint_tell(fprint);
        return 0;
}

/* fprintd has come, or not; when it has, it may still have to be looked at. */
static int on_service(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Fprint *fprint = userdata;

        (void)answered(fprint, reply);
        if (!fprint_owner(fprint) && !system_peer_is_asking(fprint->service))
                fail(fprint, reply);
        return 0;
}

static int call_device(Fprint *fprint, const char *member, sd_bus_message_handler_t handler, const char *argument)
{
        return fprint_call(fprint, &fprint->call, fprint->claimed, FPRINT_DEVICE, member, handler,
                           argument ? "s" : NULL, argument);
}

static int claim(Fprint *fprint)
{
        fprint->claimed = strdup(fprint->device);
        if (!fprint->claimed)
                return -ENOMEM;
        fprint->lid_seen = false;
        return call_device(fprint, "Claim", on_claimed, FPRINT_SELF);
}

/* Signals may overtake the answer, so it counts as running from here. */
static int begin(Fprint *fprint)
{
        const FprintTask *task = fprint->task;
        int r;

        fprint->over = false;
        if (task->work == FPRINT_DELETE)
                return call_device(fprint, "DeleteEnrolledFinger", on_deleted, finger_word(task->finger));
        if (task->work == FPRINT_ENROLL)
                r = call_device(fprint, "EnrollStart", on_started, finger_word(task->finger));
        else
                r = call_device(fprint, "VerifyStart", on_started, "any");
        fprint->runs = r >= 0;
        fprint->running = task->work;
        return r;
}

/* What a wish needs next. */
static int pursue(Fprint *fprint)
{
        if (fprint->claimed)
                return begin(fprint);
        if (system_peer_is_asking(fprint->service))
                return 0; /* soon */
        if (!fprint_owner(fprint))
                return fprint->activatable ? fprint_start_owner(fprint, &fprint->call, on_service) : -ENODEV;
        if (!fprint->device)
                return fprint->looking ? 0 : -ENODEV;
        if (!fprint->lid_seen)
                return fprint_ask_lid(fprint, &fprint->call, on_lid);
        return fprint->lid_closed ? -EHOSTDOWN : claim(fprint);
}

static int on_turn(sd_event_source *source, void *userdata)
{
        Fprint *fprint = userdata;
        bool is_enrolling = fprint->running == FPRINT_ENROLL;

        if (fprint->broken)
                fprint_disconnect(fprint);
        if (fprint->call)
                return 0;
        if (fprint->runs && fprint->lid_closed && !fprint->over)
                fail(fprint, NULL);
        if (fprint->runs) {
                if (fprint->over &&
                    call_device(fprint, is_enrolling ? "EnrollStop" : "VerifyStop", on_stopped, NULL) < 0)
                        fprint->runs = false;
        } else if (fprint->task) {
                if (pursue(fprint) < 0)
                        fail(fprint, NULL);
        } else if (fprint->claimed && call_device(fprint, "Release", on_released, NULL) < 0) {
                free(TAKE_PTR(fprint->claimed));
        }
        return 0;
}

/* ---- what fprintd tells ---- */

int fprint_reader_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        bool enrolls = sd_bus_message_is_signal(message, FPRINT_DEVICE, "EnrollStatus");
        const char *path = sd_bus_message_get_path(message), *status;
        Fprint *fprint = userdata;
        FprintSample sample;
        FprintEvent event;
        int done;

        if ((!enrolls && !sd_bus_message_is_signal(message, FPRINT_DEVICE, "VerifyStatus")) ||
            sd_bus_message_read(message, "sb", &status, &done) < 0)
                return 0;
        event = enrolls ? fprint_enroll_event(status, done, &sample) : fprint_verify_event(status, done, &sample);
        if (has_ended(event) && (enrolls || event == FPRINT_UNAVAILABLE))
                fprint_look(fprint, /* start= */ false); /* whoever it was */
        if (!fprint->runs || fprint->over || !fprint->claimed || strcmp(fprint->claimed, path) != 0 ||
            fprint->running != (enrolls ? FPRINT_ENROLL : FPRINT_VERIFY))
                return 0;
        tell(fprint, event, sample);
        return 0;
}

void fprint_reader_lost(Fprint *fprint)
{
        fprint->call = sd_bus_slot_unref(fprint->call);
        fprint->runs = false;
        free(TAKE_PTR(fprint->claimed));
        tell(fprint, FPRINT_UNAVAILABLE, SAMPLE_GOOD);
}

/* ---- wishes ---- */

int fprint_task_start(Fprint *fprint, FprintWork work, unsigned finger, FprintHandler handler, void *userdata,
                      FprintTask **ret)
{
        FprintTask *task;

        if (fprint->task)
                return -EBUSY;
        task = calloc(1, sizeof(*task));
        if (!task)
                return -ENOMEM;
        *task = (FprintTask){
                .fprint = fprint, .work = work, .finger = finger, .handler = handler, .userdata = userdata};
        fprint->task = task;
        fprint->lid_seen = false;
        fprint_reader_turn(fprint);
        *ret = task;
        return 0;
}

FprintTask *fprint_task_cancel(FprintTask *task)
{
        Fprint *fprint;

        if (!task)
                return NULL;
        fprint = task->fprint;
        fprint->task = NULL;
        fprint->over = true;
        fprint_reader_turn(fprint);
        free(task);
        return NULL;
}

int fprint_reader_new(Fprint *fprint)
{
        int r;

        r = sd_event_add_defer(fprint->event, &fprint->turn, on_turn, fprint);
        return r < 0 ? r : sd_event_source_set_enabled(fprint->turn, SD_EVENT_OFF);
}

void fprint_reader_done(Fprint *fprint)
{
        fprint->call = sd_bus_slot_unref(fprint->call);
        fprint->turn = sd_event_source_disable_unref(fprint->turn);
        free(TAKE_PTR(fprint->claimed));
        free(TAKE_PTR(fprint->task));
}
