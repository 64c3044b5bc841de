/*
 * Ssh: the ssh-agent that Keyfob is
 *
 * One agent (sshagent/agent.h) whose stored keys are records of the vault, and those who use it: connections of its socket,
 * which speak ssh's own protocol, and the owner's tools, callers of org.keyfob.Ssh1.
 */
#pragma once

#include "daemon/daemon.h"
#include "sshagent/agent.h"

/* Makes the agent and binds its socket, unless the settings say that there is none; who connects waits until
 * ssh_door_open(). */
int ssh_door_new(Daemon *daemon, SshDoor **ret);
/* Lets clients in. */
int ssh_door_open(SshDoor *door);
/* Ends every client and question. */
SshDoor *ssh_door_free(SshDoor *door);
DEFINE_CLEANUP(SshDoor *, ssh_door_free)

/* The vault was locked: what was read of it goes. NULL allowed. */
void ssh_door_forget(SshDoor *door);
/* It was replaced, or its records changed behind the agent's back: what is stored is listed anew. NULL allowed. */
void ssh_door_reload(SshDoor *door);

SshAgent *ssh_door_agent(const SshDoor *door);
/* Where the socket is, or NULL. */
const char *ssh_door_socket_path(const SshDoor *door);
/* To be called after the agent was: what this has brought for its clients goes out a moment later. */
void ssh_door_called(SshDoor *door);
