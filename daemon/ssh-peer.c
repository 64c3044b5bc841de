/*
 * Who may have how much of the ssh-agent
 *
 * Any program of the user may connect, as often as it likes, and say nothing, or half a message, or a thousand requests.
 * So nothing is shared out by who comes first: where there is no room left, the process that has most of it gives
 * something up, what it needs least first. A program with one connection never pays for one with a thousand.
 */
#include <stdlib.h>

#include "daemon/ssh-internal.h"

SshPeer *ssh_peer_enter(SshDoor *door, pid_t pid)
{
        SshPeer *peer = door->peers;

        while (peer && peer->pid != pid)
                peer = peer->next;
        if (!peer) {
                peer = calloc(1, sizeof(*peer));
                if (!peer)
                        return NULL;
                peer->pid = pid;
                peer->last = &peer->first;
                peer->next = door->peers;
                door->peers = peer;
        }
        peer->n_connections++;
        return peer;
}

/* Signatures that wait belong to connections, so none is left with the last of these. */
void ssh_peer_leave(SshDoor *door, SshPeer *peer)
{
        SshPeer **p;

        if (--peer->n_connections > 0)
                return;
        for (p = &door->waiting; *p && *p != peer;)
                p = &(*p)->next_waiting;
        if (*p)
                *p = peer->next_waiting;
        for (p = &door->peers; *p != peer;)
                p = &(*p)->next;
        *p = peer->next;
        free(peer);
}

bool ssh_connection_waits(const SshConnection *connection)
{
        return connection->ask || connection->opening || connection->verification || connection->identifying ||
               connection->signature || connection->token;
}

/* Of those with most connections the one that has been silent for longest, and one that waits for nothing before one whose
 * request is at work. */
SshConnection *ssh_spare_connection(SshDoor *door)
{
        SshConnection *working = NULL;
        unsigned most = 0;

        for (SshPeer *peer = door->peers; peer; peer = peer->next)
                if (peer->n_connections > most)
                        most = peer->n_connections;
        for (SshConnection *connection = door->last; connection; connection = connection->previous) {
                if (connection->peer->n_connections < most)
                        continue;
                if (!ssh_connection_waits(connection))
                        return connection;
                if (!working)
                        working = connection;
        }
        return working;
}

static size_t held_by(const SshDoor *door, const SshPeer *peer)
{
        size_t held = 0;

        for (SshConnection *connection = door->first; connection; connection = connection->next)
                if (connection->peer == peer)
                        held += connection->frame.held;
        return held;
}

SshConnection *ssh_spare_memory(SshDoor *door)
{
        SshPeer *greediest = NULL;
        size_t most = 0;

        for (SshPeer *peer = door->peers; peer; peer = peer->next) {
                size_t held = held_by(door, peer);

                if (held > most) {
                        most = held;
                        greediest = peer;
                }
        }
        for (SshConnection *connection = door->last; connection; connection = connection->previous)
                if (connection->peer == greediest && connection->frame.held > 0)
                        return connection;
        return NULL;
}
