/*
 * org.keyfob.Ssh1 on a connection
 */
#pragma once

#include "daemon/daemon.h"

int ssh1_attach(Daemon *daemon, sd_bus *bus);
