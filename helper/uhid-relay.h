/* Relay: reports between a daemon and the kernel */
#pragma once

#include <sys/types.h>

#include "helper/uhid.h"

/* An event for the daemon. 0 or -errno. */
int relay_tell(int peer, UhidEvent kind, unsigned number);

/*
 * Makes the device of `uid` on `device`, an open /dev/uhid that does not block, says that it is there, and passes
 * reports until the connection ends (0) or something fails (-errno). What was not there yet then has been refused.
 */
int relay_run(int peer, int device, uid_t uid);
