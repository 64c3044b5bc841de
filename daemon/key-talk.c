/*
 * Talks with security keys
 *
 * An order is kept as the helper wants it, in front of the PIN and behind it, so that it can be given again with another PIN.
 */
#include "daemon/key-talk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PIN_TRIES 3

struct KeyTalk {
        Daemon *daemon;
        Caller *caller;
        AskAbout about;
        char *message, *key;
        Secret *pin;

        ByteWriter before, after; /* the order, but for its PIN */
        bool without_pin;
        const char *touch;
        int tries;

        HelperCall *call;
        Ask *shown, *asking;

        KeyTalkDone done;
        void *userdata;
};

KeyTalk *key_talk_free(KeyTalk *talk)
{
        if (!talk)
                return NULL;
        helper_call_cancel(talk->call);
        ask_cancel(talk->shown);
        ask_cancel(talk->asking);
        ask_about_done(&talk->about);
        secret_free(talk->pin);
        byte_writer_done(&talk->before);
        byte_writer_done(&talk->after);
        free(talk->message);
        free(talk->key);
        free(talk);
        return NULL;
}

/* May be the end of the talk. */
static void fail(KeyTalk *talk, KeyTalkResult result, KeyError error, const char *why)
{
        talk->done(talk->userdata, &(KeyTalkAnswer){.result = result, .error = error, .why = why});
}

/* ---- the person ---- */

static void on_shown(void *userdata, const AskAnswer *heard)
{
        KeyTalk *talk = userdata;

        secret_free(heard->secret);
        talk->shown = NULL;
        if (heard->outcome != ASK_DENIED)
                return;
        talk->call = helper_call_cancel(talk->call);
        fail(talk, KEY_TALK_REFUSED, KEY_E_CANCELLED, "cancelled");
}

/* The message, and what the person is to do; NULL when out of memory. */
static char *sentence(const KeyTalk *talk, const char *what)
{
        char *ret;

        return asprintf(&ret, "%s %s", talk->message, what) < 0 ? NULL : ret;
}

/* Nobody to tell is no error: the key blinks. */
static void show_touch(KeyTalk *talk)
{
        _cleanup_free_ char *message = NULL;

        if (talk->shown)
                return;
        message = sentence(talk, talk->touch ? talk->touch : "Touch your security key.");
        if (message)
                (void)ask_start(talk->daemon,
                                &(AskRequest){
                                        .kind = ASK_SHOW,
                                        .purpose = "user-presence",
                                        .title = "Touch your security key",
                                        .message = message,
                                        .retries = -1,
                                        .caller = talk->caller,
                                        .about = talk->about,
                                },
                                on_shown, talk, &talk->shown);
}

static int give(KeyTalk *talk);

static void on_pin(void *userdata, const AskAnswer *answer)
{
        KeyTalk *talk = userdata;

        talk->asking = NULL;
        if (answer->outcome == ASK_DENIED) {
                fail(talk, KEY_TALK_REFUSED, KEY_E_CANCELLED, "cancelled");
                return;
        }
        if (answer->outcome != ASK_ALLOWED) {
                fail(talk, KEY_TALK_FAILED, KEY_E_PIN_REQUIRED,
                     "the security key wants its PIN, and there is nobody to ask for it");
                return;
        }
        secret_free(talk->pin);
        talk->pin = answer->secret;
        if (give(talk) < 0)
                fail(talk, KEY_TALK_FAILED, KEY_E_IO, "out of memory");
}

static int ask_pin(KeyTalk *talk, const char *problem)
{
        _cleanup_free_ char *message = sentence(talk, "Enter the PIN of your security key.");

        if (!message)
                return -ENOMEM;
        talk->shown = ask_cancel(talk->shown);
        return ask_start(talk->daemon,
                         &(AskRequest){
                                 .kind = ASK_SECRET,
                                 .purpose = "user-verification",
                                 .title = "PIN of a security key",
                                 .message = message,
                                 .error = problem,
                                 .retries = -1,
                                 .caller = talk->caller,
                                 .about = talk->about,
                         },
                         on_pin, talk, &talk->asking);
}

/* ---- the key ---- */

static void on_progress(void *userdata, ByteReader *fields)
{
        if (byte_reader_u8(fields) == KEY_PROGRESS_TOUCH)
                show_touch(userdata);
}

static void on_failure(KeyTalk *talk, HelperResult result, ByteReader *fields)
{
        _cleanup_free_ char *why = result == HELPER_FAILED ? helper_why(fields) : NULL;
        KeyError error = why && fields->size > 0 ? byte_reader_u8(fields) : KEY_E_IO;
        bool wrong = error == KEY_E_WRONG_PIN && talk->pin && ++talk->tries < PIN_TRIES;

        if (result == HELPER_DENIED || error == KEY_E_CANCELLED)
                fail(talk, KEY_TALK_REFUSED, KEY_E_CANCELLED, why ? why : "cancelled");
        else if ((error == KEY_E_PIN_REQUIRED && !talk->pin) || wrong) {
                if (ask_pin(talk, wrong ? why : NULL) < 0)
                        fail(talk, KEY_TALK_FAILED, KEY_E_IO, "out of memory");
        } else
                fail(talk, error == KEY_E_NOT_FOUND ? KEY_TALK_NOT_FOUND : KEY_TALK_FAILED, error,
                     why ? why : "keyfob-helper has ended: start keyfobd again");
}

static void on_answer(void *userdata, HelperResult result, ByteReader *fields)
{
        KeyTalk *talk = userdata;

        talk->call = NULL;
        if (result == HELPER_OK)
                talk->done(talk->userdata, &(KeyTalkAnswer){.result = KEY_TALK_DONE, .fields = fields});
        else
                on_failure(talk, result, fields);
}

static int give(KeyTalk *talk)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        const Secret *pin = talk->without_pin ? NULL : talk->pin;
        int r;

        byte_writer_raw(&fields, talk->before.data, talk->before.size);
        byte_writer_blob(&fields, pin ? pin->data : NULL, pin ? pin->size : 0);
        byte_writer_raw(&fields, talk->after.data, talk->after.size);
        if (fields.failed)
                return -ENOMEM;
        r = helper_call(talk->daemon, HELPER_KEY, &fields, on_answer, talk, &talk->call);
        if (r >= 0)
                helper_call_on_progress(talk->call, on_progress);
        return r;
}

int key_talk_order(KeyTalk *talk, const KeyTalkOrder *order)
{
        byte_writer_done(&talk->before);
        byte_writer_done(&talk->after);
        byte_writer_u8(&talk->before, (uint8_t)order->operation);
        byte_writer_string(&talk->before, talk->key);
        byte_writer_blob(&talk->after, NULL, 0); /* a new PIN */
        byte_writer_blob(&talk->after, order->id, order->id_size);
        byte_writer_string(&talk->after, order->name ? order->name : "");
        byte_writer_string(&talk->after, order->display_name ? order->display_name : "");
        byte_writer_u32(&talk->after, order->given);
        byte_writer_u32(&talk->after, 0); /* smallest length of a PIN */
        byte_writer_blob(&talk->after, order->content, order->content_size);
        talk->without_pin = order->without_pin;
        talk->touch = order->touch;
        return talk->before.failed || talk->after.failed ? -ENOMEM : give(talk);
}

int key_talk_new(Daemon *daemon, const KeyTalkRequest *request, KeyTalkDone done, void *userdata, KeyTalk **ret)
{
        _cleanup_(key_talk_freep) KeyTalk *talk = calloc(1, sizeof(*talk));
        int r;

        if (!talk)
                return -ENOMEM;
        talk->daemon = daemon;
        talk->caller = request->caller;
        talk->done = done;
        talk->userdata = userdata;
        r = ask_about_copy(&talk->about, &request->about);
        if (r < 0)
                return r;
        talk->message = strdup(request->message);
        talk->key = strdup(request->key ? request->key : "");
        if (!talk->message || !talk->key)
                return -ENOMEM;
        if (request->pin) {
                r = secret_new_from(&talk->pin, request->pin->data, request->pin->size);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(talk);
        return 0;
}
