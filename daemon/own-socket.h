/*
 * Own sockets: where they are, who may have them, and how they come and go
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "common/cleanup.h"

typedef struct OwnSocket {
        char *path;
        int fd;     /* listening */
        int lock;   /* the directory, locked as long as we serve it */
        int packets, ssh, unlock; /* others that were passed as well: the security key's, the ssh-agent's, that of logins, or -1 */
        bool bound; /* we made the file: it goes with us */
} OwnSocket;

#define OWN_SOCKET_NULL ((OwnSocket){.fd = -1, .lock = -1, .packets = -1, .ssh = -1, .unlock = -1})

/* Binds the socket in the runtime directory, or takes the one that the service manager passed (LISTEN_FDS).
 * -EADDRINUSE when another keyfobd has it: ret_pid is its pid, or 0. */
int own_socket_open(OwnSocket *own, pid_t *ret_pid);
/* What the ssh-agent's socket is called, among those that are passed, too: by this name or as a file. */
#define OWN_SOCKET_SSH "ssh"

/* One more socket in the directory that `own` has locked: the one that was passed, or a new one called `name`. A
 * SOCK_STREAM one is the ssh-agent's; of SOCK_SEQPACKET, one that is not called UNLOCK_SOCKET is the security key's. */
int own_socket_open_beside(OwnSocket *own, const char *name, int type, OwnSocket *ret);
void own_socket_done(OwnSocket *own);

/* Accepts a connection of our own user's or root's. -EAGAIN when there is none (or it has gone), -EACCES when it was
 * somebody else's, and what accept() fails with otherwise. */
int own_socket_accept(int fd, struct ucred *ret_peer);

/* Whether the process that connected is still there; false when it is known to have ended. */
bool own_socket_peer_is_there(int fd);

/* A descriptor of the process that connected (a pidfd). -ESRCH when it has ended and nobody waits for it any more,
 * -EOPNOTSUPP when this kernel can't tell. */
int own_socket_peer_process(int fd);
