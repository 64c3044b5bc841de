/*
 * Unlock door: where a login hands over the key of a slot (common/unlock-frame.h)
 */
#pragma once

#include "daemon/daemon.h"

/* Binds the socket, or takes the one that was passed; a daemon that can't has the log say so and none. */
int unlock_door_new(Daemon *daemon, UnlockDoor **ret);
/* Lets callers in. */
int unlock_door_open(UnlockDoor *door);
UnlockDoor *unlock_door_free(UnlockDoor *door);
DEFINE_CLEANUP(UnlockDoor *, unlock_door_free)
