/*
 * Transport: libfido2's four functions for a device, on the daemon's CTAP socket
 *
 * A device's path is "keyfob:", which means the daemon of this user, or "keyfob:" and the path of a socket.
 */
#pragma once

#include <stdbool.h>

#include <fido.h>

#define TRANSPORT_PATH "keyfob:"

/* Names the socket that "keyfob:" means. */
#define TRANSPORT_VARIABLE "KEYFOB_CTAP_SOCKET"

/* For fido_dev_set_io_functions(): reports of 64 bytes. Whatever one thread does while another waits is safe, and so is a
 * signal: nothing is shared but the descriptor. */
extern const fido_dev_io_t transport_io;

/* Whether a device's path is one of ours; NULL is not. */
bool transport_is_path(const char *path);

/* Whether "keyfob:" can be opened now. */
bool transport_is_there(void);
