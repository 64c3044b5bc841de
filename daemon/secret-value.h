/*
 * Secret values on the bus: (oayays), session, parameters, value, content type
 */
#pragma once

#include "daemon/secret-internal.h"

typedef struct SecretValue {
        const void *data; /* the message's memory, or `decrypted`'s */
        size_t size;
        const char *content_type; /* the message's */
        Secret *decrypted;
} SecretValue;

/* Reads one through the session it names, which must be the sender's. 0, or a negative errno with `error` set. */
int secret_value_read(Daemon *daemon, sd_bus_message *message, SecretValue *ret, sd_bus_error *error);
void secret_value_done(SecretValue *value);

/* Appends the value of an item for a session. The message should be marked sensitive. */
int secret_value_append(sd_bus_message *reply, const SecretSession *session, const ItemValue *value);
