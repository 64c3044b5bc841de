/*
 * Objects: what is behind every door, in groups
 *
 * A connection of the own socket mostly makes one call, and to tell sd-bus of every method there is takes longer than that.
 * So each group is added when somebody speaks to it. A group is an interface at a path, or those of the Secret Service.
 */
#pragma once

#include "daemon/daemon.h"

#define OBJECTS_OURS 0x3fU /* all groups there are here */
#define OBJECTS_BUS  0x40U /* org.freedesktop.DBus, which is the door's own (minibus.h) */
#define OBJECTS_ALL  (OBJECTS_OURS | OBJECTS_BUS)

/* The groups that have to be there for sd-bus to answer this message as if all were; OBJECTS_ALL where it can't be told, as
 * when objects are listed or properties read. */
unsigned objects_needed(sd_bus_message *message);

/* Adds groups to a connection that has none of them yet; those of OBJECTS_OURS. */
int objects_attach(Daemon *daemon, sd_bus *bus, unsigned groups);
