/*
 * A security key for a slot
 *
 * A talk of at most two orders: to make a credential, and to compute its secret. A PIN that was typed for the first is kept
 * for the second, so that one who enrols a key types it once.
 */
#include "daemon/slot-key.h"

#include <errno.h>
#include <string.h>

struct SlotKey {
        KeyTalk *talk;
        char *rp_id;
        ByteWriter content; /* the salt, and the credentials */
        bool uv, make;

        SlotKeyDone done;
        void *userdata;
};

SlotKey *slot_key_cancel(SlotKey *key)
{
        if (!key)
                return NULL;
        key_talk_free(key->talk);
        byte_writer_done(&key->content);
        free(key->rp_id);
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

static void fail_senseless(SlotKey *key)
{
        end(key, &(SlotKeyAnswer){.result = KEY_TALK_FAILED,
                                  .error = KEY_E_IO,
                                  .why = "the security key's answer makes no sense"});
}

static int order(SlotKey *key, const char *user)
{
        return key_talk_order(key->talk, &(KeyTalkOrder){
                                                 .operation = key->make ? KEY_HMAC_MAKE : KEY_HMAC,
                                                 .name = key->rp_id,
                                                 .display_name = user,
                                                 .given = key->uv ? KEY_GIVEN_VERIFICATION : 0,
                                                 .content = key->content.data,
                                                 .content_size = key->content.size,
                                                 .without_pin = !key->uv && !key->make,
                                                 .touch = key->make ? "Touch your security key, twice." : NULL,
                                         });
}

/* A credential is there: now it is asked. */
static void take_credential(SlotKey *key, ByteReader *fields)
{
        const uint8_t *id;
        size_t size;

        id = byte_reader_blob(fields, KEY_ID_MAX, &size);
        if (!byte_reader_done(fields) || size == 0) {
                fail_senseless(key);
                return;
        }
        byte_writer_blob(&key->content, id, size);
        key->make = false;
        if (key->content.failed || order(key, /* user= */ NULL) < 0)
                end(key, &(SlotKeyAnswer){.result = KEY_TALK_FAILED, .error = KEY_E_IO, .why = "out of memory"});
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
                fail_senseless(key);
                return;
        }
        memcpy(credential, id, id_size);
        end(key, &(SlotKeyAnswer){.credential = credential, .credential_size = id_size, .secret = secret});
}

static void on_answer(void *userdata, const KeyTalkAnswer *answer)
{
        SlotKey *key = userdata;

        if (answer->result != KEY_TALK_DONE)
                end(key, &(SlotKeyAnswer){.result = answer->result, .error = answer->error, .why = answer->why});
        else if (key->make)
                take_credential(key, answer->fields);
        else
                answer_secret(key, answer->fields);
}

int slot_key_start(Daemon *daemon, const SlotKeyRequest *request, SlotKeyDone done, void *userdata, SlotKey **ret)
{
        _cleanup_(slot_key_cancelp) SlotKey *key = NULL;
        int r;

        if (request->n > KEY_HMAC_IDS_MAX)
                return -ENOBUFS;
        key = calloc(1, sizeof(*key));
        if (!key)
                return -ENOMEM;
        key->uv = request->uv;
        key->make = request->make;
        key->done = done;
        key->userdata = userdata;
        byte_writer_raw(&key->content, request->salt, KEY_HMAC_SIZE);
        for (size_t i = 0; i < request->n; i++)
                byte_writer_blob(&key->content, request->credentials[i].id, request->credentials[i].size);
        key->rp_id = strdup(request->rp_id);
        if (!key->rp_id || key->content.failed)
                return -ENOMEM;
        r = key_talk_new(daemon,
                         &(KeyTalkRequest){
                                 .caller = request->caller,
                                 .about = request->about,
                                 .message = request->message,
                                 .key = request->key,
                                 .pin = request->pin,
                         },
                         on_answer, key, &key->talk);
        if (r >= 0)
                r = order(key, request->user);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(key);
        return 0;
}
