/*
 * Bus peer: a service on the session bus that may be there, may be startable, and may leave
 *
 * It is known by its unique name once it was found, so that nobody else can speak for it.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "common/cleanup.h"

typedef struct BusPeer BusPeer;

/* Whether the bus itself has sent a signal: a match for its name lets through what anybody sends to us alone. */
bool bus_has_sent(sd_bus_message *signal);

/* Neither runs inside bus_peer_new(); either may free the peer. */
typedef struct BusPeerEvents {
        void (*found)(void *userdata);
        void (*gone)(void *userdata); /* there is none, it could not be started, or it has left */
} BusPeerEvents;

/* Looks for the owner of a name, and has it started where it can be. `events` stays. */
int bus_peer_new(sd_bus *bus, const char *name, const BusPeerEvents *events, void *userdata, BusPeer **ret);
BusPeer *bus_peer_free(BusPeer *peer);
DEFINE_CLEANUP(BusPeer *, bus_peer_free)

sd_bus *bus_peer_bus(const BusPeer *peer);
/* Its unique name; NULL before it was found. */
const char *bus_peer_name(const BusPeer *peer);
