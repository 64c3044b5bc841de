/*
 * Authenticator: how a security key stands, for the commands that show it: the daemon's own, or another
 */
#pragma once

#include <stdint.h>

#include "cli/cli.h"
#include "cli/password.h"
#include "client/client.h"

struct json_object;

typedef enum AuthenticatorWhose {
        AUTHENTICATOR_OWN,   /* the daemon's */
        AUTHENTICATOR_OTHER, /* another maker's */
} AuthenticatorWhose;

/* What the daemon says about its own, keys with '_' for '-' as in the daemon's other dictionaries. A result of keyfob.h:
 * nothing is printed, so that a command can do without. */
int authenticator_get(keyfob *k, struct json_object **ret);
/* The same for another GetInfo that is called. */
int authenticator_read(keyfob *k, sd_bus_message *call, ClientCall how, struct json_object **ret);

/* All of it, line by line. 0 or the exit code. */
int authenticator_print(struct json_object *info, AuthenticatorWhose whose);

/* The verb finger (cmd-authenticator-finger.c). */
int authenticator_finger(Cli *cli, int argc, char *argv[]);

/* The name of an algorithm as COSE numbers them: "ES256". NULL when unknown. */
const char *authenticator_algorithm(int32_t algorithm);

/* "set, 8 tries left" and the like. New string or NULL. */
char *authenticator_pin_text(struct json_object *info, AuthenticatorWhose whose);

/* A PIN from where it was told, else from the terminal; a new one twice. `option` is how it could have been
 * told. 0 or the exit code. */
int authenticator_read_pin(const PasswordSource *source, const char *prompt, const char *option, bool is_new,
                           Secret **ret);
