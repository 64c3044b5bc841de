/*
 * Asking by desktop notifications (org.freedesktop.Notifications)
 *
 * For what needs no typing: yes or no, one of a few, and what has to be done elsewhere. Only a server that shows
 * buttons is asked with. A button is an answer; closing a question refuses it, and closing what is only shown means
 * that it was seen. What a server closes by itself was seen by nobody, and the next in line is asked. Only the server's
 * own signals count.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ask-internal.h"
#include "daemon/bus-peer.h"
#include "daemon/door.h"
#include "daemon/present.h"
#include "daemon/settings.h"

#define NOTIFICATIONS_NAME "org.freedesktop.Notifications"
#define NOTIFICATIONS_PATH "/org/freedesktop/Notifications"
#define APP_NAME           "Keyfob"
#define ICON_NAME          "dialog-password"

#define BUTTONS_MAX        3U /* more are not shown everywhere */
#define NEVER_EXPIRES      0
#define CLOSED_BY_PERSON   2U
#define URGENCY_NORMAL     1U
#define URGENCY_CRITICAL   2U
#define WINK_MS            4000
#define WINK_PAUSE_SECONDS 5

struct AskNotice {
        BusPeer *peer;
        sd_bus_slot *call, *match;
        bool markup;
        bool asked;  /* to show it: */
        uint32_t id; /* then this is its number; 0: not known yet */
};

static AskNotice *notice_free(AskNotice *notice)
{
        if (!notice)
                return NULL;
        sd_bus_slot_unref(notice->call);
        sd_bus_slot_unref(notice->match);
        bus_peer_free(notice->peer);
        free(notice);
        return NULL;
}

static void withdraw(sd_bus *bus, const char *server, uint32_t id)
{
        (void)sd_bus_call_method_async(bus, NULL, server, NOTIFICATIONS_PATH, NOTIFICATIONS_NAME, "CloseNotification",
                                       NULL, NULL, "u", id);
}

/* ---- the answer ---- */

static void press(Ask *ask, const char *key)
{
        AskAnswer answer = {.outcome = ASK_ALLOWED};

        if (strcmp(key, "deny") == 0)
                answer.outcome = ASK_DENIED;
        else if (ask->kind == ASK_CHOOSE && key[0] >= '0' && key[0] < '0' + (int)ask->n_choices && !key[1])
                answer.choice = (unsigned)(key[0] - '0');
        else if (ask->kind != ASK_CONFIRM || strcmp(key, "allow") != 0)
                return; /* no button of ours */
        ask_finish(ask, &answer);
}

static int on_signal(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        uint32_t id, reason;
        Ask *ask = userdata;
        const char *key;

        if (sd_bus_message_read(signal, "u", &id) < 0 || id == 0 || id != ask->notice->id)
                return 0;
        if (sd_bus_message_is_signal(signal, NULL, "ActionInvoked") && sd_bus_message_read(signal, "s", &key) >= 0) {
                press(ask, key);
        } else if (sd_bus_message_is_signal(signal, NULL, "NotificationClosed") &&
                   sd_bus_message_read(signal, "u", &reason) >= 0) {
                ask->notice->id = 0;
                if (ask->kind == ASK_SHOW)
                        ask_seen_to(ask);
                else if (reason == CLOSED_BY_PERSON)
                        ask_finish(ask, &(AskAnswer){.outcome = ASK_DENIED});
                else
                        ask_pass_on(ask, /* failed= */ false);
        }
        return 0;
}

/* ---- the question ---- */

static int append_buttons(sd_bus_message *call, const Ask *ask)
{
        int r;

        r = sd_bus_message_open_container(call, 'a', "s");
        for (size_t i = 0; r >= 0 && i < ask->n_choices; i++) {
                const char key[] = {(char)('0' + i), 0};

                r = sd_bus_message_append(call, "ss", key, ask->choices[i]);
        }
        if (r >= 0 && ask->kind == ASK_CONFIRM)
                r = sd_bus_message_append(call, "ssss", "allow", "Allow", "deny", "Deny");
        if (r >= 0 && ask->kind == ASK_SHOW)
                r = sd_bus_message_append(call, "ss", "deny", "Cancel");
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* Without userdata: the question was taken back before its number was known. */
static int on_shown(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Ask *ask = userdata;
        uint32_t id;

        if (!ask) {
                if (!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_read(reply, "u", &id) >= 0)
                        withdraw(sd_bus_message_get_bus(reply), sd_bus_message_get_sender(reply), id);
                return 0;
        }
        ask->notice->asked = false;
        ask->notice->call = sd_bus_slot_unref(ask->notice->call);
        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "u", &ask->notice->id) < 0 ||
            ask->notice->id == 0)
                ask_pass_on(ask, /* failed= */ true);
        return 0;
}

static int new_notification(sd_bus *bus, const char *server, const char *summary, const char *body, sd_bus_message **ret)
{
        int r;

        r = sd_bus_message_new_method_call(bus, ret, server, NOTIFICATIONS_PATH, NOTIFICATIONS_NAME, "Notify");
        return r < 0 ? r : sd_bus_message_append(*ret, "susss", APP_NAME, 0, ICON_NAME, summary, body);
}

static int show(Ask *ask)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        uint8_t urgency = ask->kind == ASK_SHOW ? URGENCY_NORMAL : URGENCY_CRITICAL;
        AskNotice *notice = ask->notice;
        _cleanup_free_ char *body = notice->markup ? present_in_markup(ask->message) : strdup(ask->message);
        int r;

        if (!body)
                return -ENOMEM;
        r = new_notification(bus_peer_bus(notice->peer), bus_peer_name(notice->peer), ask->title, body, &call);
        if (r >= 0)
                r = append_buttons(call, ask);
        if (r >= 0)
                r = sd_bus_message_append(call, "a{sv}i", 1, "urgency", "y", urgency, NEVER_EXPIRES);
        if (r >= 0)
                r = sd_bus_call_async(bus_peer_bus(notice->peer), &notice->call, call, on_shown, ask, 0);
        notice->asked = r >= 0;
        return r;
}

static int on_capabilities(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        bool actions = false;
        Ask *ask = userdata;
        const char *name;
        int r;

        ask->notice->call = sd_bus_slot_unref(ask->notice->call);
        r = sd_bus_message_is_method_error(reply, NULL) ? -EIO : sd_bus_message_enter_container(reply, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(reply, "s", &name)) > 0) {
                actions |= strcmp(name, "actions") == 0;
                ask->notice->markup |= strcmp(name, "body-markup") == 0;
        }
        if (r >= 0 && !actions && ask->kind != ASK_SHOW)
                ask_pass_on(ask, /* failed= */ false);
        else if (r < 0 || show(ask) < 0)
                ask_pass_on(ask, /* failed= */ true);
        return 0;
}

static void on_found(void *userdata)
{
        Ask *ask = userdata;
        AskNotice *notice = ask->notice;
        sd_bus *bus = bus_peer_bus(notice->peer);
        const char *server = bus_peer_name(notice->peer);
        int r;

        r = sd_bus_match_signal_async(bus, &notice->match, server, NOTIFICATIONS_PATH, NOTIFICATIONS_NAME, NULL, on_signal,
                                      NULL, ask);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, &notice->call, server, NOTIFICATIONS_PATH, NOTIFICATIONS_NAME,
                                             "GetCapabilities", on_capabilities, ask, NULL);
        if (r < 0)
                ask_pass_on(ask, /* failed= */ true);
}

static void on_gone(void *userdata)
{
        Ask *ask = userdata;

        ask->notice->id = 0;
        ask->notice->asked = false;
        ask_pass_on(ask, /* failed= */ false);
}

/* ---- the way ---- */

static int ask_notification(Ask *ask)
{
        static const BusPeerEvents events = {.found = on_found, .gone = on_gone};
        Asker *asker = ask->asker;
        sd_bus *bus = doors_session_bus(asker->daemon);
        AskNotice *notice;
        int r;

        if (!bus || !asker->daemon->settings->notification || ask_wants_secret(ask) || ask->n_choices > BUTTONS_MAX)
                return -ENOENT;
        if (asker->at_notification && ask->kind != ASK_SHOW)
                return 0;
        notice = calloc(1, sizeof(*notice));
        if (!notice)
                return -ENOMEM;
        r = bus_peer_new(bus, NOTIFICATIONS_NAME, &events, ask, &notice->peer);
        if (r < 0) {
                notice_free(notice);
                return r == -ENOENT ? -EIO : r;
        }
        ask->notice = notice;
        if (ask->kind != ASK_SHOW)
                asker->at_notification = ask;
        return 1;
}

static void end(Ask *ask, bool cancel)
{
        AskNotice *notice = TAKE_PTR(ask->notice);
        sd_bus *bus = bus_peer_bus(notice->peer);

        if (ask->asker->at_notification == ask)
                ask->asker->at_notification = NULL;
        if (notice->id != 0) {
                withdraw(bus, bus_peer_name(notice->peer), notice->id);
        } else if (notice->asked) {
                (void)sd_bus_slot_set_userdata(notice->call, NULL);
                (void)sd_bus_slot_set_floating(notice->call, 1);
        }
        notice_free(notice);
}

const AskWay ask_by_notification = {.ask = ask_notification, .end = end};

/* ---- wink ---- */

void asker_wink(Daemon *daemon)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        sd_bus *bus = doors_session_bus(daemon);
        Asker *asker = daemon->asker;
        int r;

        if (!bus || !daemon->settings->notification ||
            (asker->winked > 0 && ask_now() - asker->winked < WINK_PAUSE_SECONDS))
                return;
        asker->winked = ask_now();
        r = new_notification(bus, NOTIFICATIONS_NAME, "Security key", "This is your security key, Keyfob.", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "asa{sv}i", 0, 2, "urgency", "y", URGENCY_NORMAL, "transient", "b", 1,
                                          WINK_MS);
        if (r >= 0)
                (void)sd_bus_send(bus, call, NULL);
}
