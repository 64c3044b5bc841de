/*
 * SlotKey: a security key that is asked for its part of a slot
 *
 * The helper speaks to it (helper/key.h, KEY_HMAC). Whoever is to touch it is told so, and where verification is wanted and the key
 * has none of its own, the person is asked for its PIN; the key itself counts tries.
 */
#pragma once

#include "daemon/key-talk.h"

#define SLOT_KEY_RP "keyfob" /* whose credentials are that are made for a slot */

typedef struct SlotKey SlotKey;

typedef struct SlotKeyCredential {
        const uint8_t *id;
        size_t size;
} SlotKeyCredential;

typedef struct SlotKeyRequest {
        Caller *caller; /* NULL: the daemon itself, or who is named in `about` */
        AskAbout about;
        const char *message; /* why, as a sentence */
        const char *key;     /* which security key; NULL: whichever has one of the credentials */
        const char *rp_id;
        bool uv;
        bool make;           /* makes a credential first: then there are none here */
        const char *user;    /* what its account is called */
        const SlotKeyCredential *credentials;
        size_t n;
        const uint8_t *salt; /* KEY_HMAC_SIZE bytes */
        const Secret *pin;   /* NULL: asked for, where it is needed */
} SlotKeyRequest;

typedef struct SlotKeyAnswer {
        KeyTalkResult result; /* NOT_FOUND: none that is plugged in has one of the credentials, or there is none */
        KeyError error;       /* unless it is done */
        const char *why;      /* the same in one line, with the remedy */
        const uint8_t *credential; /* when it is done: which it was */
        size_t credential_size;
        Secret *secret; /* KEY_HMAC_SIZE bytes; the callback owns it */
} SlotKeyAnswer;

typedef void (*SlotKeyDone)(void *userdata, const SlotKeyAnswer *answer);

/* done() never runs inside. */
int slot_key_start(Daemon *daemon, const SlotKeyRequest *request, SlotKeyDone done, void *userdata, SlotKey **ret);
/* Forgets it, and the security key stops waiting. NULL allowed. Returns NULL. The pointer is dead after done(). */
SlotKey *slot_key_cancel(SlotKey *key);
DEFINE_CLEANUP(SlotKey *, slot_key_cancel)
