/* Arguments of calls: made of the input by signature, with what programs really say mixed in */
#pragma once

#include "fuzz/dbus-world.h"

/* Appends values of the complete types in the signature. Stops at the first that the message won't take. */
void dbus_value_append(DbusWorld *world, sd_bus_message *m, const char *signature);
/* Values of a signature that the input chooses. */
void dbus_value_append_any(DbusWorld *world, sd_bus_message *m);
/* An object's path: mostly one that there is. */
const char *dbus_value_path(DbusWorld *world, Input *in);
