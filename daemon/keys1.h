/* org.keyfob.Keys1: security keys of other makers */
#pragma once

#include "daemon/daemon.h"

/* Adds the interface on /org/keyfob to a connection. */
int keys1_attach(Daemon *daemon, sd_bus *bus);
