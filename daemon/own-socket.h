/*
 * Own socket: where it is, who may have it, and how it comes and goes
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/cleanup.h"

typedef struct OwnSocket {
        char *path;
        int fd;     /* listening */
        int lock;   /* the directory, locked as long as we serve it */
        bool bound; /* we made the file: it goes with us */
} OwnSocket;

#define OWN_SOCKET_NULL ((OwnSocket){.fd = -1, .lock = -1})

/* Binds the socket in the runtime directory, or takes the one that the service manager passed (LISTEN_FDS).
 * -EADDRINUSE when another keyfobd has it: ret_pid is its pid, or 0. */
int own_socket_open(OwnSocket *own, pid_t *ret_pid);
void own_socket_done(OwnSocket *own);
