/*
 * Attributes on the bus: a{ss}, in and out
 */
#pragma once

#include "daemon/daemon.h"

typedef struct SecretAttributes {
        VaultAttribute *attributes; /* the strings belong to the message they were read from */
        size_t n;
} SecretAttributes;

/* Reads an a{ss} within the vault's limits; a name that occurs twice is an error. 0, or a negative errno with `error` set
 * (org.freedesktop.DBus.Error.LimitsExceeded, .InvalidArgs). */
int secret_attributes_read(sd_bus_message *message, SecretAttributes *ret, sd_bus_error *error);
void secret_attributes_done(SecretAttributes *attributes);

/* Appends an item's attributes as a{ss}. */
int secret_attributes_append(sd_bus_message *message, const VaultAttribute *attributes, size_t n);
