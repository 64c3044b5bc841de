/*
 * A security key for a slot
 *
 * A row of at most two requests to the helper, making a credential and asking for its secret, each of which may have
 * to be asked again with the PIN. The PIN is kept for the second only, so that one who enrols a key types it once.
 */
#include "daemon/slot-key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PIN_TRIES 3

struct SlotKey {
        Daemon *daemon;
        Caller *caller; /* the owner of this ends it before that one goes */
        AskAbout about;
        char *message, *key, *rp_id, *user;
        ByteWriter content;             /* the salt, and the credentials */
        uint8_t credential[KEY_ID_MAX]; /* the one that was made */
        size_t credential_size;
        bool uv, make;
        Secret *pin;
        int tries;

        HelperCall *call;
        Ask *shown, *asking;

        SlotKeyDone done;
        void *userdata;
};

SlotKey *slot_key_cancel(SlotKey *key)
{
        if (!key)
                return NULL;
        helper_call_cancel(key->call);
        ask_cancel(key->shown);
        ask_cancel(key->asking);
        ask_about_done(&key->about);
        secret_free(key->pin);
        byte_writer_done(&key->content);
        free(key->message);
        free(key->key);
        free(key->rp_id);
        free(key->user);
        free(key);
        return NULL;
}

static void end(SlotKey *key, const SlotKeyAnswer *answer)
{
        SlotKeyDone done = key->done;
        void *userdata = key->userdata;

        slot_key_cancel(key);
        done(userdata, answer);
}

static void fail(SlotKey *key, SlotKeyResult result, KeyError error, const char *why)
{
        end(key, &(SlotKeyAnswer){.result = result, .error = error, .why = why});
}

/* ---- the person ---- */

static void on_shown(void *userdata, const AskAnswer *heard)
{
        SlotKey *key = userdata;

        secret_free(heard->secret);
        key->shown = NULL;
        if (heard->outcome == ASK_DENIED)
                fail(key, SLOT_KEY_REFUSED, KEY_E_CANCELLED, "cancelled");
}

/* Nobody to tell is no error: the key blinks. */
static void show_touch(SlotKey *key)
{
        _cleanup_free_ char *message = NULL;

        if (key->shown)
                return;
        if (asprintf(&message, "%s Touch your security key%s.", key->message, key->make ? ", twice" : "") < 0) {
                message = NULL;
                return;
        }
        (void)ask_start(key->daemon,
                        &(AskRequest){
                                .kind = ASK_SHOW,
                                .purpose = "user-presence",
                                .title = "Touch your security key",
                                .message = message,
                                .retries = -1,
                                .caller = key->caller,
                                .about = key->about,
                        },
                        on_shown, key, &key->shown);
}

static int run(SlotKey *key);

static void on_pin(void *userdata, const AskAnswer *answer)
{
        SlotKey *key = userdata;

        key->asking = NULL;
        if (answer->outcome == ASK_DENIED) {
                fail(key, SLOT_KEY_REFUSED, KEY_E_CANCELLED, "cancelled");
                return;
        }
        if (answer->outcome != ASK_ALLOWED) {
                fail(key, SLOT_KEY_FAILED, KEY_E_PIN_REQUIRED,
                     "the security key wants its PIN, and there is nobody to ask for it");
                return;
        }
        secret_free(key->pin);
        key->pin = answer->secret;
        if (run(key) < 0)
                fail(key, SLOT_KEY_FAILED, KEY_E_IO, "out of memory");
}

static int ask_pin(SlotKey *key, const char *problem)
{
        _cleanup_free_ char *message = NULL;

        if (asprintf(&message, "%s Enter the PIN of your security key.", key->message) < 0) {
                message = NULL;
                return -ENOMEM;
        }
        key->shown = ask_cancel(key->shown);
        return ask_start(key->daemon,
                         &(AskRequest){
                                 .kind = ASK_SECRET,
                                 .purpose = "user-verification",
                                 .title = "PIN of a security key",
                                 .message = message,
                                 .error = problem,
                                 .retries = -1,
                                 .caller = key->caller,
                                 .about = key->about,
                         },
                         on_pin, key, &key->asking);
}

/* ---- the key ---- */

static void on_progress(void *userdata, ByteReader *fields)
{
        if (byte_reader_u8(fields) == KEY_PROGRESS_TOUCH)
                show_touch(userdata);
}

/* A credential is there: now it is asked. */
static bool take_credential(SlotKey *key, ByteReader *fields)
{
        const uint8_t *id = byte_reader_blob(fields, sizeof(key->credential), &key->credential_size);

        if (!byte_reader_done(fields) || key->credential_size == 0)
                return false;
        memcpy(key->credential, id, key->credential_size);
        byte_writer_blob(&key->content, id, key->credential_size);
        key->make = false;
        return true;
}

static void answer_secret(SlotKey *key, ByteReader *fields)
{
        uint8_t credential[KEY_ID_MAX];
        const uint8_t *id, *bytes;
        size_t id_size, size;
        Secret *secret = NULL;

        id = byte_reader_blob(fields, sizeof(credential), &id_size);
        bytes = byte_reader_blob(fields, KEY_HMAC_SIZE, &size);
        if (!byte_reader_done(fields) || id_size == 0 || size != KEY_HMAC_SIZE ||
            secret_new_from(&secret, bytes, size) < 0) {
                fail(key, SLOT_KEY_FAILED, KEY_E_IO, "the security key's answer makes no sense");
                return;
        }
        memcpy(credential, id, id_size);
        end(key, &(SlotKeyAnswer){.credential = credential, .credential_size = id_size, .secret = secret});
}

static void on_failure(SlotKey *key, HelperResult result, ByteReader *fields)
{
        _cleanup_free_ char *why = result == HELPER_FAILED ? byte_reader_string(fields, HELPER_TEXT_MAX) : NULL;
        KeyError error = why && fields->size > 0 ? byte_reader_u8(fields) : KEY_E_IO;
        bool wrong = error == KEY_E_WRONG_PIN && key->pin && ++key->tries < PIN_TRIES;

        if (result == HELPER_DENIED || error == KEY_E_CANCELLED)
                fail(key, SLOT_KEY_REFUSED, KEY_E_CANCELLED, "cancelled");
        else if ((error == KEY_E_PIN_REQUIRED && !key->pin) || wrong) {
                if (ask_pin(key, wrong ? why : NULL) < 0)
                        fail(key, SLOT_KEY_FAILED, KEY_E_IO, "out of memory");
        } else
                fail(key, error == KEY_E_NOT_FOUND ? SLOT_KEY_NOT_FOUND : SLOT_KEY_FAILED, error,
                     why ?: "keyfob-helper has ended: start keyfobd again");
}

static void on_answer(void *userdata, HelperResult result, ByteReader *fields)
{
        SlotKey *key = userdata;

        key->call = NULL;
        if (result != HELPER_OK)
                on_failure(key, result, fields);
        else if (!key->make)
                answer_secret(key, fields);
        else if (!take_credential(key, fields) || run(key) < 0)
                fail(key, SLOT_KEY_FAILED, KEY_E_IO, "the security key's answer makes no sense");
}

static int run(SlotKey *key)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        bool pin = key->pin && (key->uv || key->make);
        int r;

        byte_writer_u8(&fields, key->make ? KEY_HMAC_MAKE : KEY_HMAC);
        byte_writer_string(&fields, key->key);
        byte_writer_blob(&fields, pin ? key->pin->data : NULL, pin ? key->pin->size : 0);
        byte_writer_blob(&fields, NULL, 0);
        byte_writer_blob(&fields, NULL, 0);
        byte_writer_string(&fields, key->rp_id);
        byte_writer_string(&fields, key->user);
        byte_writer_u32(&fields, key->uv ? KEY_GIVEN_VERIFICATION : 0);
        byte_writer_u32(&fields, 0);
        byte_writer_blob(&fields, key->content.data, key->content.size);
        if (fields.failed || key->content.failed)
                return -ENOMEM;
        r = helper_call(key->daemon, HELPER_KEY, &fields, on_answer, key, &key->call);
        if (r >= 0)
                helper_call_on_progress(key->call, on_progress);
        return r;
}

static int copy(char **ret, const char *text)
{
        *ret = strdup(text ?: "");
        return *ret ? 0 : -ENOMEM;
}

int slot_key_start(Daemon *daemon, const SlotKeyRequest *request, SlotKeyDone done, void *userdata, SlotKey **ret)
{
        _cleanup_(slot_key_cancelp) SlotKey *key = calloc(1, sizeof(*key));
        int r;

        if (!key)
                return -ENOMEM;
        if (request->n > KEY_HMAC_IDS_MAX)
                return -ENOBUFS;
        key->daemon = daemon;
        key->caller = request->caller;
        key->uv = request->uv;
        key->make = request->make;
        key->done = done;
        key->userdata = userdata;
        byte_writer_raw(&key->content, request->salt, KEY_HMAC_SIZE);
        for (size_t i = 0; i < request->n; i++)
                byte_writer_blob(&key->content, request->credentials[i].id, request->credentials[i].size);
        r = ask_about_copy(&key->about, &request->about);
        if (r >= 0)
                r = copy(&key->message, request->message);
        if (r >= 0)
                r = copy(&key->key, request->key);
        if (r >= 0)
                r = copy(&key->rp_id, request->rp_id);
        if (r >= 0)
                r = copy(&key->user, request->user);
        if (r >= 0 && request->pin)
                r = secret_new_from(&key->pin, request->pin->data, request->pin->size);
        if (r >= 0)
                r = run(key);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(key);
        return 0;
}
