/*
 * Backend: a place that keeps passwords, as the everyday commands see it
 *
 * Results are those of keyfob.h. A backend that must not burden the others lives in a module of its own, which exports
 * one symbol, `keyfob_backend`, and shares nothing with the program but this header.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyfob/keyfob.h"

#define BACKEND_VERSION 1U

/* What went wrong, one line; empty when the result says it all. */
typedef struct BackendError {
        char text[512];
} BackendError;

typedef void (*BackendGot)(void *userdata, const keyfob_value *value);
typedef void (*BackendFound)(void *userdata, const keyfob_item *item);

typedef struct Backend {
        uint32_t version; /* BACKEND_VERSION */
        const char *name;
        const char *title;

        int (*open)(void **ret, BackendError *error);
        void (*close)(void *handle);

        /* Calls got() once. The value is gone (wiped, where that can be done) afterwards. */
        int (*get)(void *handle, const keyfob_attribute *attributes, size_t n, BackendGot got, void *userdata,
                   BackendError *error);
        int (*set)(void *handle, const keyfob_new_item *item, BackendError *error);
        int (*del)(void *handle, const keyfob_attribute *attributes, size_t n, BackendError *error);
        /* Calls found() for each; n 0 finds all. collection NULL: all of them. */
        int (*search)(void *handle, const keyfob_attribute *attributes, size_t n, const char *collection,
                      BackendFound found, void *userdata, BackendError *error);
        /* collection NULL: the default one, or all. May ask. */
        int (*unlock)(void *handle, const char *collection, BackendError *error);
        int (*lock)(void *handle, const char *collection, BackendError *error);
} Backend;

/* Our own. */
extern const Backend backend_keyfob;

/* The backend of that canonical name (NULL: our own); a module is loaded now and stays. 0, or the exit code. */
int backend_find(const char *name, const Backend **ret);
/* Prints the names of those that can be used here. */
void backend_list(void);
