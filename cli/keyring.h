/*
 * Keyring: an open backend, which is unlocked once when a call finds it locked
 */
#pragma once

#include "cli/backend.h"
#include "cli/cli.h"

typedef struct Keyring {
        const Backend *backend;
        void *handle;
        BackendError error;
} Keyring;

#define KEYRING_NULL ((Keyring){0})

/* 0, or the exit code. */
int keyring_open(const Cli *cli, Keyring *ret);
void keyring_done(Keyring *keyring);
/* Says why a call failed; the exit code. */
int keyring_fail(Keyring *keyring, int result);

/* A value that was got. */
typedef struct Got {
        Secret *value;
        char *user; /* the attribute username, or NULL */
        char *content_type;
        int error;
} Got;
void got_done(Got *got);

/* These answer a result of keyfob.h, to be handed to keyring_fail(). */
int keyring_get(Keyring *keyring, const char *service, const char *user, Got *ret); /* user NULL: any */
int keyring_set(Keyring *keyring, const keyfob_new_item *item);
int keyring_del(Keyring *keyring, const char *service, const char *user);
int keyring_search(Keyring *keyring, const keyfob_attribute *attributes, size_t n, const char *collection,
                   BackendFound found, void *userdata);
int keyring_unlock(Keyring *keyring, const char *collection);

/* Stores a password of a user at a service, with python keyring's attributes; label NULL: python keyring's. */
int keyring_set_password(Keyring *keyring, const char *service, const char *user, const keyfob_new_item *more);
