/*
 * A finger
 *
 * fprintd says whether a finger matched, and is believed because the socket of the system bus, and the owner of fprintd's name, are
 * root's, as the kernel and the bus say. From then on calls go to that owner alone and only its signals are heard. Closing the
 * connection gives the reader back, whatever happened before.
 */
#include "pam/finger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define BUS_NAME      "org.freedesktop.DBus"
#define BUS_PATH      "/org/freedesktop/DBus"
#define FPRINT_NAME   "net.reactivated.Fprint"
#define MANAGER_PATH  "/net/reactivated/Fprint/Manager"
#define MANAGER       FPRINT_NAME ".Manager"
#define DEVICE        FPRINT_NAME ".Device"
#define MATCH         "verify-match"
#define NO_MATCH      "verify-no-match"
#define NO_PRINTS     FPRINT_NAME ".Error.NoEnrolledPrints"
#define OWNER_CHANGED "type='signal',sender='" BUS_NAME "',interface='" BUS_NAME "',member='NameOwnerChanged',arg0='%s'"
#define TURNS_MAX     3U
#define PATIENCE_USEC (30U * 1000000ULL)
#define SHOW          "Put your finger on the reader."

enum { FINGER_AGAIN = 100 }; /* not known; never leaves this file */

typedef struct Finger {
        const Login *login;
        sd_bus *bus;
        char *owner, *device;
        bool ended, matched; /* this turn */
        bool failed, gone;   /* the reader; fprintd */
} Finger;

static void finger_done(Finger *finger)
{
        sd_bus_close_unref(finger->bus);
        free(finger->owner);
        free(finger->device);
}

static int unavailable(const Login *login, const char *why)
{
        log_debug(&login->log, "no fingerprint: %s", why);
        return LOGIN_REFUSED;
}

/* ---- whom to believe ---- */

static bool bus_is_roots(sd_bus *bus)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);
        int fd = sd_bus_get_fd(bus);

        return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

static int ask_bus(sd_bus *bus, const char *member, const char *types, const char *name, sd_bus_message **ret)
{
        if (types[1])
                return sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_NAME, member, NULL, ret, types, name, UINT32_C(0));
        return sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_NAME, member, NULL, ret, types, name);
}

static int find_owner(Finger *finger)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *started = NULL, *named = NULL, *owned = NULL;
        const char *owner = NULL;
        uint32_t uid = UINT32_MAX;

        if (sd_bus_open_system(&finger->bus) < 0)
                return unavailable(finger->login, "there is no system bus");
        if (!bus_is_roots(finger->bus))
                return unavailable(finger->login, "the system bus is not root's");
        (void)ask_bus(finger->bus, "StartServiceByName", "su", FPRINT_NAME, &started);
        if (ask_bus(finger->bus, "GetNameOwner", "s", FPRINT_NAME, &named) < 0 || sd_bus_message_read(named, "s", &owner) < 0)
                return unavailable(finger->login, "fprintd does not run");
        if (ask_bus(finger->bus, "GetConnectionUnixUser", "s", owner, &owned) < 0 || sd_bus_message_read(owned, "u", &uid) < 0 ||
            uid != 0) {
                log_error(&finger->login->log, "fprintd's name on the system bus is not root's");
                return LOGIN_REFUSED;
        }
        finger->owner = strdup(owner);
        return finger->owner ? 0 : -ENOMEM;
}

/* ---- the reader ---- */

static int find_device(Finger *finger)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path = NULL;

        if (sd_bus_call_method(finger->bus, finger->owner, MANAGER_PATH, MANAGER, "GetDefaultDevice", NULL, &reply, NULL) < 0 ||
            sd_bus_message_read(reply, "o", &path) < 0)
                return unavailable(finger->login, "there is no reader");
        finger->device = strdup(path);
        return finger->device ? 0 : -ENOMEM;
}

/* Everybody may use fingers of their own; naming somebody else is for root. */
static const char *name_of(const Login *login)
{
        return geteuid() == 0 || geteuid() != login->user.uid ? login->user.name : "";
}

static int claim(Finger *finger)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (sd_bus_call_method(finger->bus, finger->owner, finger->device, DEVICE, "Claim", &error, NULL, "s",
                               name_of(finger->login)) < 0)
                return unavailable(finger->login, error.name ? error.name : "the reader is not to be had");
        return 0;
}

static int on_status(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Finger *finger = userdata;
        const char *sender = sd_bus_message_get_sender(signal), *status;
        int done;

        if (!sender || strcmp(sender, finger->owner) != 0)
                return 0;
        /* One that can't be read may have been the last: no match, and nobody waits for another. */
        if (sd_bus_message_read(signal, "sb", &status, &done) < 0) {
                finger->ended = true;
                return 0;
        }
        if (!done) {
                talk_say(&finger->login->talk, "That scan was no good: try again.");
                return 0;
        }
        finger->ended = true;
        finger->matched = strcmp(status, MATCH) == 0;
        finger->failed = !finger->matched && strcmp(status, NO_MATCH) != 0;
        return 0;
}

/* Who owned the name when this began has left the bus: nothing comes from there any more. */
static int on_owner(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Finger *finger = userdata;
        const char *sender = sd_bus_message_get_sender(signal), *name, *old, *new;

        if (!sender || strcmp(sender, BUS_NAME) != 0 || sd_bus_message_read(signal, "sss", &name, &old, &new) < 0)
                return 0;
        if (strcmp(name, finger->owner) == 0 && !*new)
                finger->ended = finger->failed = finger->gone = true;
        return 0;
}

static int listen_to(Finger *finger)
{
        _cleanup_free_ char *match = NULL;

        if (asprintf(&match, OWNER_CHANGED, finger->owner) < 0) {
                match = NULL;
                return -ENOMEM;
        }
        if (sd_bus_match_signal(finger->bus, NULL, finger->owner, finger->device, DEVICE, "VerifyStatus", on_status, finger) < 0 ||
            sd_bus_add_match(finger->bus, NULL, match, on_owner, finger) < 0)
                return LOGIN_REFUSED;
        return 0;
}

static uint64_t now_usec(void)
{
        struct timespec now;

        return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 : UINT64_MAX;
}

/* 0 when the turn has ended; -ETIMEDOUT. */
static int wait_for_end(Finger *finger, uint64_t until)
{
        int r;

        while (!finger->ended) {
                uint64_t now = now_usec();

                r = sd_bus_process(finger->bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                if (now >= until)
                        return -ETIMEDOUT;
                r = sd_bus_wait(finger->bus, until - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return 0;
}

static int turn(Finger *finger, uint64_t until)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        finger->ended = finger->matched = false;
        if (sd_bus_call_method(finger->bus, finger->owner, finger->device, DEVICE, "VerifyStart", &error, NULL, "s", "any") < 0)
                return error.name && strcmp(error.name, NO_PRINTS) == 0 ? LOGIN_NO_KEYS :
                                                                         unavailable(finger->login, "the reader does not start");
        r = wait_for_end(finger, until);
        (void)sd_bus_call_method(finger->bus, finger->owner, finger->device, DEVICE, "VerifyStop", NULL, NULL, NULL);
        if (r == -ETIMEDOUT)
                return unavailable(finger->login, "nobody put a finger on the reader in time");
        if (r == 0 && finger->failed)
                talk_complain(&finger->login->talk, "The reader failed.");
        if (r < 0 || finger->gone)
                return unavailable(finger->login, "fprintd went away");
        if (finger->failed)
                return unavailable(finger->login, "the reader failed");
        return finger->matched ? 0 : FINGER_AGAIN;
}

int finger_login(const Login *login)
{
        _cleanup_(finger_done) Finger finger = {.login = login};
        uint64_t until;
        int r;

        if (login->remote)
                return unavailable(login, "the reader is at this machine, and who asks is not");
        r = find_owner(&finger);
        if (r == 0)
                r = find_device(&finger);
        if (r == 0)
                r = claim(&finger);
        if (r != 0)
                return r;
        r = listen_to(&finger);
        if (r != 0)
                return r;
        until = now_usec() + PATIENCE_USEC;
        for (unsigned i = 0; i < TURNS_MAX; i++) {
                talk_say(&login->talk, "%s", SHOW);
                r = turn(&finger, until);
                if (r != FINGER_AGAIN)
                        return r;
                talk_complain(&login->talk, "The reader did not know the finger.");
        }
        return LOGIN_REFUSED;
}
