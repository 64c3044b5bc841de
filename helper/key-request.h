/*
 * KeyRequest: a HELPER_KEY request, decoded (helper/key.h)
 */
#pragma once

#include <stdint.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "helper/key.h"
#include "helper/request.h"

typedef struct KeyRequest {
        KeyOperation operation;
        char *key;
        Secret *pin, *new_pin; /* NULL: none; never with a NUL byte inside */
        uint8_t *id;
        size_t id_size;
        char *name, *display_name;
        uint32_t given; /* KeyGiven */
        uint32_t min_pin_length;
        Secret *content;
} KeyRequest;

#define KEY_REQUEST_NULL ((KeyRequest){0})

/* 0, -EBADMSG, -ENOMEM. */
int key_request_parse(const void *body, size_t size, KeyRequest *ret);
void key_request_done(KeyRequest *request);

/* The task: writes the whole reply. */
void key(const Request *request, ByteWriter *reply);

/* A whole HELPER_FAILED reply with its code. */
void key_reply_failed(ByteWriter *reply, uint32_t id, KeyError error, const char *why);
