/*
 * Link: Keyfob's own security key as a device of libfido2
 *
 * Messages go over org.keyfob.Authenticator1.Transact on the daemon's own socket, so no device of the kernel's and no session bus
 * is needed; and the daemon asks the person, for the PIN too.
 */
#pragma once

#include <fido.h>

#include "client/client.h"

typedef struct Link Link;

/* Connects, and starts keyfobd when it does not run. 0, enum keyfob_error, or a negative errno. */
int link_new(Link **ret);
/* The same with a keyfobd that runs already: none is started. */
int link_new_running(Link **ret);
/* Devices that use it must be closed. NULL allowed. Returns NULL. */
Link *link_free(Link *link);
DEFINE_CLEANUP(Link *, link_free)

/* Opens a new device over it. FIDO_OK or FIDO_ERR_…. */
int link_open(Link *link, fido_dev_t *dev);

/* The same connection, for other calls. */
keyfob *link_client(const Link *link);
