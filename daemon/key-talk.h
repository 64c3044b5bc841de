/*
 * KeyTalk: what a security key of another maker is to do, with the person beside it
 *
 * The helper speaks to the key (helper/key.h). Whoever is to touch it is told so; where it wants its PIN, the person is asked for
 * that, a few times, and the order is given again: the key itself counts tries. A PIN is kept for the orders that follow.
 */
#pragma once

#include "daemon/ask.h"
#include "daemon/helper-link.h"
#include "helper/key.h"

typedef struct KeyTalk KeyTalk;

typedef struct KeyTalkRequest {
        Caller *caller; /* NULL: the daemon itself, or who is named in `about`; ends the talk before it goes */
        AskAbout about;
        const char *message; /* why, as a sentence */
        const char *key;     /* which security key; NULL: whichever is meant by what it is asked */
        const Secret *pin;   /* NULL: asked for, where it is needed */
} KeyTalkRequest;

typedef enum KeyTalkResult {
        KEY_TALK_DONE = 0,
        KEY_TALK_NOT_FOUND, /* none that is plugged in is meant */
        KEY_TALK_REFUSED,   /* by the person */
        KEY_TALK_FAILED,
} KeyTalkResult;

typedef struct KeyTalkAnswer {
        KeyTalkResult result;
        ByteReader *fields; /* DONE: of the helper's answer, good only inside the callback */
        KeyError error;     /* else: what is wrong, */
        const char *why;    /* and the same in one line, never NULL */
} KeyTalkAnswer;

/* The order is done with: the owner gives another one, or frees the talk. Never runs inside key_talk_order(). */
typedef void (*KeyTalkDone)(void *userdata, const KeyTalkAnswer *answer);

typedef struct KeyTalkOrder {
        KeyOperation operation;
        const char *name, *display_name; /* NULL: "" */
        const void *id, *content;
        size_t id_size, content_size;
        uint32_t given;    /* KeyGiven */
        bool without_pin;  /* a PIN that is known is not handed on */
        const char *touch; /* what the person is told, a constant sentence; NULL: to touch it */
} KeyTalkOrder;

/* What is named in the request is copied. */
int key_talk_new(Daemon *daemon, const KeyTalkRequest *request, KeyTalkDone done, void *userdata, KeyTalk **ret);
/* While none is under way. All but `touch` is copied. */
int key_talk_order(KeyTalk *talk, const KeyTalkOrder *order);
/* Takes questions away, and the security key stops waiting; done() is not called. NULL allowed. Returns NULL. */
KeyTalk *key_talk_free(KeyTalk *talk);
DEFINE_CLEANUP(KeyTalk *, key_talk_free)
