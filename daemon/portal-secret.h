/*
 * The secret portal: a key for each sandboxed app, by the desktop's portal
 */
#pragma once

#include "daemon/daemon.h"

#define PORTAL_BUS_NAME "org.freedesktop.impl.portal.desktop.keyfob"

/* Adds org.freedesktop.impl.portal.Secret to the connection to the session bus. */
int portal_secret_attach(Daemon *daemon, sd_bus *bus);
