/*
 * org.keyfob.Keys1 by file
 */
#pragma once

#include "daemon/caller.h"
#include "daemon/helper-link.h"
#include "helper/key.h"

#define KEYS_ITEMS_MAX 10000U
#define KEYS_LIST_MAX  ((size_t)32 * 1024 * 1024) /* bytes from the helper for one list */

/* A method call that waits for a key. */
struct KeysCall {
        CallerResource resource;
        Daemon *daemon;
        sd_bus_message *call;
        sd_bus_message *reply; /* of a list: open, filled as its items come */
        KeyOperation operation;
        HelperCall *helper;
        ByteWriter rest; /* of the request, after the key */
        char *path;      /* of the key, once it is known; one call per key at a time */
        size_t n_items, items_size;
        KeysCall *previous, *next; /* the daemon's */
};

/* keys1-request.c: the arguments of `operation` as `order` has them: k key, p PIN, q new PIN, i id, n name, c content, o options,
 * N names, S settings. *ret_key belongs to the message. 0, or a negative errno with `error` set. */
int keys1_read(sd_bus_message *m, const char *order, const char **ret_key, ByteWriter *rest, sd_bus_error *error);

/* keys1-answer.c: entries of the helper (helper/key.h) as an a{sv}. -EBADMSG when they make no sense. */
int keys1_append_entries(sd_bus_message *m, ByteReader *fields);
/* What a KeyError is called on the bus. */
const char *keys1_error_name(KeyError error);
/* Sets the error that a failure of the helper means. Returns a negative errno. */
int keys1_error(sd_bus_error *error, HelperResult result, ByteReader *fields);
