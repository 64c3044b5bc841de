/*
 * Options of a call: -O device=…, -O user=…
 */
#pragma once

#include <stdbool.h>

#include "ssh/sk-api.h"

#define USER_ID_SIZE 32U

typedef struct Options {
        const char *device; /* which security key, or NULL; the caller's */
        bool keyfob;        /* it is Keyfob by name */
        const char *user;   /* NULL: none */
        uint8_t user_id[USER_ID_SIZE]; /* filled up with zeros */
} Options;

/* 0, SK_ERROR_UNSUPPORTED: one that must not be ignored is not known, SK_ERROR_GENERAL: a value that can't be; then why is
 * said. `enrolls`: a user may be named. */
int options_read(struct sk_option *const *list, bool enrolls, Options *ret);
