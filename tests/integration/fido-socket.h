/*
 * libfido2 on the daemon's socket, without a preload
 */
#pragma once

#include <fido.h>

/* A device that speaks over the socket at `path`. NULL when it can't be opened; *ret_error (or NULL) is libfido2's
 * error then. Free with fido_dev_close() and fido_dev_free(). */
fido_dev_t *fido_socket_open(const char *path, int *ret_error);
