/*
 * libfido2 on the daemon's socket: the functions that fido_dev_set_io_functions() wants
 *
 * One message is one report of 64 bytes; libfido2 puts a report number (0) before what it writes.
 */
#pragma once

#include <fido.h>

/* A device that speaks over the socket at `path` (good as long as the device). NULL when it can't be opened; *ret_error (or NULL)
 * is libfido2's error then. Free with fido_dev_close() and fido_dev_free(). */
fido_dev_t *fido_socket_open(const char *path, int *ret_error);
