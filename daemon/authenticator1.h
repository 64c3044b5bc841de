/* org.keyfob.Authenticator1 */
#pragma once

#include "daemon/daemon.h"

/* Adds the interface on /org/keyfob to a connection. */
int authenticator1_attach(Daemon *daemon, sd_bus *bus);
