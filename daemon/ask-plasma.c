/*
 * Asking by Plasma's own prompter (org.kde.secretprompter, the protocol of ksecretprompter)
 *
 * It calls back: Accepted with a descriptor that the password is read from, or Rejected; Dismissed when its window has gone.
 * Of the question it takes no more than the name of what is opened, in a sentence of its own, and asks for a new password
 * once only. So it is asked to unlock, and nothing else: what has to be explained, or typed twice, is for others.
 *
 * On Plasma it is the desktop's dialog and comes first. Where nobody says which desktop this is, it comes after gcr's;
 * on another desktop, where it may be installed as well, it is not asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ask-internal.h"
#include "daemon/bus-peer.h"
#include "daemon/door.h"
#include "daemon/present.h"
#include "daemon/settings.h"
#include "store/slot.h"

#define PROMPTER_NAME     "org.kde.secretprompter"
#define PROMPTER_PATH     "/SecretPrompter"
#define REQUEST_INTERFACE "org.kde.secretprompter.request"
#define REPLY_DISMISS     0 /* to Accepted: the window may go */

struct AskPlasma {
        Ask *ask; /* NULL: it has ended while its window was being made */
        BusPeer *peer;
        char path[64]; /* of our callback */
        sd_bus_slot *object, *call;
        bool begun;

        int fd; /* what was typed comes from here; -1: nothing yet */
        sd_event_source *io;
        Secret *typed;
};

static AskPlasma *plasma_free(AskPlasma *plasma)
{
        if (!plasma)
                return NULL;
        sd_bus_slot_unref(plasma->object);
        sd_bus_slot_unref(plasma->call);
        bus_peer_free(plasma->peer);
        sd_event_source_disable_unref(plasma->io);
        if (plasma->fd >= 0)
                (void)close(plasma->fd);
        secret_free(plasma->typed);
        free(plasma);
        return NULL;
}

/* ---- the answer ---- */

/* Until its end; at most a secret and one byte, so that too much is seen. */
static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Ask *ask = userdata;
        AskPlasma *plasma = ask->plasma;
        Secret *typed = plasma->typed;
        AskAnswer answer = {.outcome = ASK_ALLOWED};
        ssize_t n;

        n = read(fd, typed->data + typed->size, typed->capacity - typed->size);
        if (n > 0)
                typed->size += (size_t)n;
        if ((n < 0 && errno != EAGAIN && errno != EINTR) || typed->size > SLOT_SECRET_MAX) {
                ask_pass_on(ask, /* failed= */ true);
        } else if (n == 0) {
                answer.secret = TAKE_PTR(plasma->typed);
                ask_finish(ask, &answer);
        }
        return 0;
}

static int take_answer(Ask *ask, int fd)
{
        AskPlasma *plasma = ask->plasma;
        int r;

        plasma->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (plasma->fd < 0)
                return -errno;
        r = secret_new(&plasma->typed, SLOT_SECRET_MAX + 1);
        return r < 0 ? r
                     : sd_event_add_io(ask->asker->daemon->event, &plasma->io, plasma->fd, EPOLLIN, on_readable, ask);
}

static bool from_prompter(const Ask *ask, sd_bus_message *m)
{
        const char *sender = sd_bus_message_get_sender(m), *name = bus_peer_name(ask->plasma->peer);

        return sender && name && strcmp(sender, name) == 0;
}

static int refuse(sd_bus_error *error)
{
        return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "only the prompter may answer");
}

static int handle_accepted(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Ask *ask = userdata;
        int fd, r;

        if (!from_prompter(ask, m))
                return refuse(error);
        if (ask->plasma->fd >= 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_FAILED, "this is answered already");
        r = sd_bus_message_read(m, "h", &fd);
        if (r >= 0)
                r = sd_bus_reply_method_return(m, "i", REPLY_DISMISS);
        if (r < 0)
                return r;
        ask->plasma->begun = false;
        if (take_answer(ask, fd) < 0)
                ask_pass_on(ask, /* failed= */ true);
        return 1;
}

static int handle_rejected(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Ask *ask = userdata;
        int r;

        if (!from_prompter(ask, m))
                return refuse(error);
        r = sd_bus_reply_method_return(m, "i", REPLY_DISMISS);
        ask->plasma->begun = false;
        ask_finish(ask, &(AskAnswer){.outcome = ASK_DENIED});
        return r;
}

/* The window has gone. If that was no answer, nobody has seen it. */
static int handle_dismissed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Ask *ask = userdata;
        int r;

        if (!from_prompter(ask, m))
                return refuse(error);
        r = sd_bus_reply_method_return(m, NULL);
        if (ask->plasma->fd < 0) {
                ask->plasma->begun = false;
                ask_pass_on(ask, /* failed= */ false);
        }
        return r;
}

static const sd_bus_vtable request_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Accepted", "h", "i", handle_accepted, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Rejected", NULL, "i", handle_rejected, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Dismissed", NULL, NULL, handle_dismissed, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("Retry", "s", 0),
        SD_BUS_SIGNAL("Dismiss", NULL, 0),
        SD_BUS_VTABLE_END,
};

/* ---- the question ---- */

static int dismiss(const AskPlasma *plasma, sd_bus *bus)
{
        return sd_bus_emit_signal(bus, plasma->path, REQUEST_INTERFACE, "Dismiss", NULL);
}

/* The window stands, and only now does it listen to our signals: what was wrong with the last answer can be said, or that it may
 * go again. */
static int on_shown(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        AskPlasma *plasma = userdata;
        Ask *ask = plasma->ask;

        if (!ask) {
                if (!sd_bus_message_is_method_error(reply, NULL))
                        (void)dismiss(plasma, sd_bus_message_get_bus(reply));
                return 0;
        }
        plasma->call = sd_bus_slot_unref(plasma->call);
        if (sd_bus_message_is_method_error(reply, NULL))
                ask_pass_on(ask, /* failed= */ true);
        else if (ask->error && *ask->error)
                (void)sd_bus_emit_signal(bus_peer_bus(plasma->peer), plasma->path, REQUEST_INTERFACE, "Retry", "s",
                                         ask->error);
        return 0;
}

static int show(Ask *ask)
{
        _cleanup_free_ char *name = NULL, *shown = NULL;
        AskPlasma *plasma = ask->plasma;
        bool known = ask->about.program && *ask->about.program;

        if (asprintf(&name, known ? "Keyfob (for %s)" : "Keyfob", known ? ask->about.program : "") < 0) {
                name = NULL;
                return -ENOMEM;
        }
        shown = present_anywhere(name); /* it is put into a sentence with markup */
        if (!shown)
                return -ENOMEM;
        return sd_bus_call_method_async(bus_peer_bus(plasma->peer), &plasma->call, bus_peer_name(plasma->peer),
                                        PROMPTER_PATH, PROMPTER_NAME, "UnlockCollectionPrompt", on_shown, plasma, "osss",
                                        plasma->path, /* window= */ "", /* activation token= */ "", shown);
}

static void on_found(void *userdata)
{
        Ask *ask = userdata;
        AskPlasma *plasma = ask->plasma;
        int r;

        r = sd_bus_add_object_vtable(bus_peer_bus(plasma->peer), &plasma->object, plasma->path, REQUEST_INTERFACE,
                                     request_vtable, ask);
        if (r >= 0)
                r = show(ask);
        if (r < 0)
                ask_pass_on(ask, /* failed= */ true);
        else
                plasma->begun = true;
}

static void on_gone(void *userdata)
{
        Ask *ask = userdata;

        ask->plasma->begun = false;
        ask_pass_on(ask, /* failed= */ false);
}

/* ---- the ways ---- */

/* Whether one of the names in $XDG_CURRENT_DESKTOP is KDE. */
static bool desktop_is_plasma(const char *desktops)
{
        for (const char *p = desktops; p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL)
                if (strcspn(p, ":") == strlen("KDE") && strncmp(p, "KDE", strlen("KDE")) == 0)
                        return true;
        return false;
}

static int ask_plasma(Ask *ask)
{
        static const BusPeerEvents events = {.found = on_found, .gone = on_gone};
        Asker *asker = ask->asker;
        sd_bus *bus = doors_session_bus(asker->daemon);
        AskPlasma *plasma;
        int r;

        if (!bus || !asker->daemon->settings->desktop || ask->kind != ASK_SECRET || strcmp(ask->purpose, "unlock") != 0)
                return -ENOENT;
        if (asker->at_plasma)
                return 0;
        plasma = calloc(1, sizeof(*plasma));
        if (!plasma)
                return -ENOMEM;
        plasma->ask = ask;
        plasma->fd = -1;
        (void)snprintf(plasma->path, sizeof(plasma->path), KEYFOB_PATH "/prompt/p%u", ask->id);
        r = bus_peer_new(bus, PROMPTER_NAME, &events, ask, &plasma->peer);
        if (r < 0) {
                plasma_free(plasma);
                return r == -ENOENT ? -EIO : r;
        }
        ask->plasma = plasma;
        asker->at_plasma = ask;
        return 1;
}

static int ask_on_plasma(Ask *ask)
{
        return desktop_is_plasma(getenv("XDG_CURRENT_DESKTOP")) ? ask_plasma(ask) : -ENOENT;
}

static int ask_somewhere(Ask *ask)
{
        return getenv("XDG_CURRENT_DESKTOP") ? -ENOENT : ask_plasma(ask);
}

static void leaving_done(void *userdata)
{
        plasma_free(userdata);
}

/* The connection keeps what is needed to have the window go when it stands, and forgets it with the answer or with itself. */
static void leave(AskPlasma *plasma)
{
        sd_bus_slot *call = TAKE_PTR(plasma->call);

        plasma->ask = NULL;
        plasma->object = sd_bus_slot_unref(plasma->object);
        plasma->peer = bus_peer_free(plasma->peer);
        if (sd_bus_slot_set_destroy_callback(call, leaving_done) < 0 || sd_bus_slot_set_floating(call, true) < 0) {
                (void)sd_bus_slot_set_destroy_callback(call, NULL);
                plasma_free(plasma);
        }
        sd_bus_slot_unref(call);
}

static void end(Ask *ask, bool cancel)
{
        AskPlasma *plasma = TAKE_PTR(ask->plasma);

        ask->asker->at_plasma = NULL;
        if (plasma->begun && plasma->call) {
                leave(plasma);
                return;
        }
        if (plasma->begun)
                (void)dismiss(plasma, bus_peer_bus(plasma->peer));
        plasma_free(plasma);
}

const AskWay ask_by_plasma = {.ask = ask_on_plasma, .end = end};
const AskWay ask_by_plasma_perhaps = {.ask = ask_somewhere, .end = end};
