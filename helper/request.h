/*
 * Request: a packet from the daemon, decoded (protocol.h); and the beginnings of replies
 */
#pragma once

#include "common/bytes.h"
#include "common/secret.h"
#include "helper/protocol.h"

typedef struct Request {
        uint32_t id;
        HelperOperation operation;
        HelperAskKind kind; /* ASK */
        uint32_t pid;       /* ASK (0: unknown), IDENTIFY, WHERE */
        uint32_t target;    /* CANCEL: the id of the task */
        char *title;        /* ASK */
        char *message;      /* ASK */
        char *error;        /* ASK: "" for none */
        char *path;         /* READ_KEY: absolute; WHO_HAS: the device's uniq */
        int channel;        /* in a child: task_progress() sends there */
        Secret *body;       /* KEY, TPM: what follows the operation, for their own parsers; PINs may be in it */
} Request;

#define REQUEST_NULL ((Request){0})

/* The id of a packet, even of one that cannot be understood. -EBADMSG when it is too short to have one. */
int request_id(const void *packet, size_t size, uint32_t *ret);

/* 0, or -EBADMSG. */
int request_parse(const void *packet, size_t size, Request *ret);

void request_done(Request *request);

/* The head of a reply; what the result carries is appended by the caller. */
void reply_begin(ByteWriter *writer, uint32_t id, HelperResult result);

/* A whole HELPER_FAILED reply. `why` is cut to HELPER_TEXT_MAX. */
void reply_failed(ByteWriter *writer, uint32_t id, const char *why);
