/*
 * Minibus: org.freedesktop.DBus on the own socket
 *
 * The few calls by which clients of a message bus introduce themselves, ask who is there, and subscribe to signals.
 * With them a program that was written for the session bus works on a peer-to-peer connection.
 */
#pragma once

#include "daemon/door.h"

/* Adds the interface to a connection of the own socket. */
int minibus_attach(Connection *connection, sd_bus *bus);
