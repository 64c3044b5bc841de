/*
 * Peer: a connection to one of the daemon's sockets, once it is known whose it is
 *
 * Who listens is checked before a byte is sent, because passwords and PINs may be what is sent.
 */
#pragma once

#include <stdbool.h>

/*
 * Connects to the socket at `path`, an absolute one. `type` is as for socket(2); with SOCK_NONBLOCK a full queue is
 * -EAGAIN. Whoever listens must be this user or root, and with `place` the directory, too, must be this user's and
 * writable by nobody else. Returns the descriptor, closed on exec; -EPERM when it is someone else's, else what
 * connect(2) says.
 */
int peer_connect(const char *path, int type, bool place);
