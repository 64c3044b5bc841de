/*
 * System peer: a service on the system bus, for as long as it is root's
 *
 * Only root may own such names, but that is a rule of a file. Here the owner's uid is asked for each time that the owner changes;
 * from then on it is called by its unique name, and only its signals are to be heard.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "common/cleanup.h"

typedef struct SystemPeer SystemPeer;

/* `changed` says, from the loop, that who it is has changed, or is being asked for. It must not free the peer. The bus and `name`
 * outlive it. */
int system_peer_new(sd_bus *bus, const char *name, void (*changed)(void *userdata), void *userdata, SystemPeer **ret);
SystemPeer *system_peer_free(SystemPeer *peer);
DEFINE_CLEANUP(SystemPeer *, system_peer_free)

/* Its unique name. NULL: it is not running, or not to be trusted; of a NULL peer, too. */
const char *system_peer_name(const SystemPeer *peer);
/* Whether somebody has the name whose uid is being asked for. */
bool system_peer_is_asking(const SystemPeer *peer);
