/*
 * System bus: a connection to the bus of the machine, if it is root's
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* Connects, and attaches to the loop. Whoever chooses the daemon's environment could name a bus of his own, so the socket
 * must be one that root listens on, which the kernel says: else -EPERM. */
int system_bus_open(sd_event *event, sd_bus **ret);
