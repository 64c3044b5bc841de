/* org.keyfob.Store1 */
#pragma once

#include "daemon/daemon.h"

/* Adds the interface on /org/keyfob to a connection. */
int store1_attach(Daemon *daemon, sd_bus *bus);
