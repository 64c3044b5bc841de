/*
 * The session bus of dbus-world.h: what a broker says, and the programs behind it
 *
 * It listens where the daemon looks for a bus, and is dbus-daemon, a program that calls, and the desktop's prompters
 * in one. Names, owners and credentials are answered in its mood; what is asked of a prompter in the agent's.
 */
#pragma once

#include "fuzz/dbus-world.h"

/* Before the daemon is made, which looks for it then. */
DbusBroker *dbus_broker_new(DbusWorld *world);
/* Takes connections, when the daemon's loop is there. */
void dbus_broker_attach(DbusBroker *broker);
DbusBroker *dbus_broker_free(DbusBroker *broker);
/* Something happens on the bus that the daemon has not asked for: a name comes or goes, a prompter calls back, it
 * hangs up. */
void dbus_broker_step(DbusBroker *broker, Input *in);
