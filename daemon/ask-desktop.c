/*
 * Asking by the desktop's own prompter (org.gnome.keyring.SystemPrompter, the protocol of gcr)
 *
 * It calls back: PromptReady when it is our turn, which we answer with PerformPrompt, and PromptReady again with the
 * person's answer. What is typed comes encrypted (crypto/prompt-exchange.h). Only the owner of the name that we began
 * with is listened to. It shows one prompt at a time itself; we hand it one at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/prompt-exchange.h"
#include "daemon/ask-internal.h"
#include "daemon/bus-peer.h"
#include "daemon/door.h"
#include "daemon/present.h"
#include "daemon/settings.h"
#include "store/slot.h"

#define PROMPTER_NAME      "org.gnome.keyring.SystemPrompter"
#define PROMPTER_PATH      "/org/gnome/keyring/Prompter"
#define PROMPTER_INTERFACE "org.gnome.keyring.internal.Prompter"
#define CALLBACK_INTERFACE "org.gnome.keyring.internal.Prompter.Callback"

struct AskDesktop {
        BusPeer *peer;
        char path[64]; /* of our callback */
        sd_bus_slot *object, *call;
        ExchangeKey *key; /* made when it is our turn */
        bool begun;
};

static AskDesktop *desktop_free(AskDesktop *desktop)
{
        if (!desktop)
                return NULL;
        sd_bus_slot_unref(desktop->object);
        sd_bus_slot_unref(desktop->call);
        bus_peer_free(desktop->peer);
        exchange_key_free(desktop->key);
        free(desktop);
        return NULL;
}

static int new_call(const AskDesktop *desktop, const char *method, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus_peer_bus(desktop->peer), &call, bus_peer_name(desktop->peer),
                                           PROMPTER_PATH, PROMPTER_INTERFACE, method);
        if (r >= 0)
                r = sd_bus_message_append(call, "o", desktop->path);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(call);
        return 0;
}

/* Only a failure tells something: what is well is told by calls. */
static int on_called(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Ask *ask = userdata;

        ask->desktop->call = sd_bus_slot_unref(ask->desktop->call);
        if (sd_bus_message_is_method_error(reply, NULL))
                ask_pass_on(ask, /* failed= */ true);
        return 0;
}

static int call_and_watch(Ask *ask, sd_bus_message *call)
{
        AskDesktop *desktop = ask->desktop;

        desktop->call = sd_bus_slot_unref(desktop->call);
        return sd_bus_call_async(bus_peer_bus(desktop->peer), &desktop->call, call, on_called, ask, 0);
}

/* ---- the question ---- */

static int append_text(sd_bus_message *call, const char *key, const char *text)
{
        _cleanup_free_ char *shown = NULL;

        if (!text || !*text)
                return 0;
        shown = present_anywhere(text); /* some prompters read markup */
        return shown ? sd_bus_message_append(call, "{sv}", key, "s", shown) : -ENOMEM;
}

static int append_question(sd_bus_message *call, const Ask *ask)
{
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = append_text(call, "title", ask->title);
        if (r >= 0)
                r = append_text(call, "message", ask->title);
        if (r >= 0)
                r = append_text(call, "description", ask->message);
        if (r >= 0)
                r = append_text(call, "warning", ask->error);
        if (r >= 0 && ask->kind == ASK_CONFIRM)
                r = append_text(call, "continue-label", "Allow");
        if (r >= 0 && ask->kind == ASK_CONFIRM)
                r = append_text(call, "cancel-label", "Deny");
        if (r >= 0 && ask->kind == ASK_NEW_SECRET)
                r = sd_bus_message_append(call, "{sv}", "password-new", "b", 1);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* It is our turn. */
static int perform(Ask *ask, const char *exchange)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        AskDesktop *desktop = ask->desktop;
        _cleanup_free_ char *ours = NULL;
        int r;

        r = prompt_exchange_answer(exchange, &ours, &desktop->key);
        if (r >= 0)
                r = new_call(desktop, "PerformPrompt", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", ask->kind == ASK_CONFIRM ? "confirm" : "password");
        if (r >= 0)
                r = append_question(call, ask);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", ours);
        return r < 0 ? r : call_and_watch(ask, call);
}

/* ---- the answer ---- */

static void take_answer(Ask *ask, const char *reply, const char *exchange)
{
        AskAnswer answer = {.outcome = ASK_ALLOWED};
        int r = 0;

        if (strcmp(reply, "yes") != 0)
                answer.outcome = ASK_DENIED;
        else if (ask_wants_secret(ask))
                r = prompt_exchange_open(ask->desktop->key, exchange, &answer.secret);
        if (r == 0 && answer.secret && answer.secret->size > SLOT_SECRET_MAX) {
                answer.secret = secret_free(answer.secret);
                r = -EBADMSG;
        }
        if (r < 0 || (strcmp(reply, "yes") != 0 && strcmp(reply, "no") != 0))
                ask_pass_on(ask, /* failed= */ true);
        else
                ask_finish(ask, &answer);
}

static bool from_prompter(const Ask *ask, sd_bus_message *m)
{
        const char *sender = sd_bus_message_get_sender(m), *name = bus_peer_name(ask->desktop->peer);

        return sender && name && strcmp(sender, name) == 0;
}

static int handle_ready(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *reply, *exchange;
        Ask *ask = userdata;
        int r;

        if (!from_prompter(ask, m))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "only the prompter may answer");
        r = sd_bus_message_read(m, "s", &reply);
        if (r >= 0)
                r = sd_bus_message_skip(m, "a{sv}");
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &exchange);
        if (r >= 0)
                r = sd_bus_reply_method_return(m, NULL);
        if (r < 0)
                return r;
        if (ask->desktop->key)
                take_answer(ask, reply, exchange);
        else if (perform(ask, exchange) < 0)
                ask_pass_on(ask, /* failed= */ true);
        return 1;
}

/* It shows nothing more of ours, and nobody has answered. */
static int handle_done(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Ask *ask = userdata;
        int r;

        if (!from_prompter(ask, m))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "only the prompter may end this");
        r = sd_bus_reply_method_return(m, NULL);
        ask->desktop->begun = false;
        ask_pass_on(ask, /* failed= */ false);
        return r;
}

static const sd_bus_vtable callback_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("PromptReady", "sa{sv}s", NULL, handle_ready, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD("PromptDone", NULL, NULL, handle_done, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- the way ---- */

static void on_found(void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        Ask *ask = userdata;
        AskDesktop *desktop = ask->desktop;
        int r;

        r = sd_bus_add_object_vtable(bus_peer_bus(desktop->peer), &desktop->object, desktop->path, CALLBACK_INTERFACE,
                                     callback_vtable, ask);
        if (r >= 0)
                r = new_call(desktop, "BeginPrompting", &call);
        if (r >= 0)
                r = call_and_watch(ask, call);
        if (r < 0)
                ask_pass_on(ask, /* failed= */ true);
        else
                desktop->begun = true;
}

static void on_gone(void *userdata)
{
        Ask *ask = userdata;

        ask->desktop->begun = false;
        ask_pass_on(ask, /* failed= */ false);
}

static int ask_desktop(Ask *ask)
{
        static const BusPeerEvents events = {.found = on_found, .gone = on_gone};
        Asker *asker = ask->asker;
        sd_bus *bus = doors_session_bus(asker->daemon);
        AskDesktop *desktop;
        int r;

        if (!bus || !asker->daemon->settings->desktop || (ask->kind != ASK_CONFIRM && !ask_wants_secret(ask)))
                return -ENOENT;
        if (asker->at_desktop)
                return 0;
        desktop = calloc(1, sizeof(*desktop));
        if (!desktop)
                return -ENOMEM;
        (void)snprintf(desktop->path, sizeof(desktop->path), "/org/gnome/keyring/Prompt/p%u", ask->id);
        r = bus_peer_new(bus, PROMPTER_NAME, &events, ask, &desktop->peer);
        if (r < 0) {
                desktop_free(desktop);
                return r == -ENOENT ? -EIO : r;
        }
        ask->desktop = desktop;
        asker->at_desktop = ask;
        return 1;
}

static void end(Ask *ask, bool cancel)
{
        AskDesktop *desktop = TAKE_PTR(ask->desktop);

        ask->asker->at_desktop = NULL;
        if (desktop->begun)
                (void)sd_bus_call_method_async(bus_peer_bus(desktop->peer), NULL, bus_peer_name(desktop->peer),
                                               PROMPTER_PATH, PROMPTER_INTERFACE, "StopPrompting", NULL, NULL, "o",
                                               desktop->path);
        desktop_free(desktop);
}

const AskWay ask_by_desktop = {.ask = ask_desktop, .end = end};
