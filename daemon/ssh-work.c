/*
 * Signatures that take long
 *
 * An RSA signature takes milliseconds, which others would wait for, so workers make them (job.h), as many at a time as there
 * are processors. The workers are given little ahead of what they do: what else there is waits here, and processes take
 * turns, so that one with a thousand requests holds no other up by more than one signature.
 */
#include <errno.h>

#include "daemon/ssh-internal.h"

#define AHEAD 2U /* signatures that a worker has, with the one that it makes */

struct SshSignature {
        SshConnection *connection; /* NULL: nobody waits any more */
        SshWork *work;
        Job *job; /* NULL: it waits */
        SshSignature *next;
};

static void signature_free(void *data)
{
        SshSignature *signature = data;

        ssh_work_free(signature->work);
        free(signature);
}

static void run(void *data)
{
        SshSignature *signature = data;

        ssh_work_run(signature->work);
}

static void on_done(void *data)
{
        SshSignature *signature = data;
        SshConnection *connection = signature->connection;
        SshDoor *door = connection->door;

        connection->signature = NULL;
        door->n_working--;
        ssh_client_worked(connection->client, TAKE_PTR(signature->work));
        ssh_connection_settle(connection);
        ssh_signatures_start(door);
}

/* ---- turns ---- */

static unsigned working_max(const SshDoor *door)
{
        return AHEAD * jobs_workers(door->daemon->signers);
}

static void enter(SshPeer *peer, SshSignature *signature)
{
        SshDoor *door = signature->connection->door;
        SshPeer **p = &door->waiting;

        if (!peer->first) {
                while (*p)
                        p = &(*p)->next_waiting;
                *p = peer;
                peer->next_waiting = NULL;
        }
        *peer->last = signature;
        peer->last = &signature->next;
}

static SshSignature *take_first(SshDoor *door)
{
        SshPeer *peer = door->waiting, **p = &door->waiting;
        SshSignature *signature = peer->first;

        peer->first = signature->next;
        if (!peer->first)
                peer->last = &peer->first;
        signature->next = NULL;
        /* To the end of the line, or out of it. */
        door->waiting = TAKE_PTR(peer->next_waiting);
        if (peer->first) {
                while (*p)
                        p = &(*p)->next_waiting;
                *p = peer;
        }
        return signature;
}

void ssh_signatures_start(SshDoor *door)
{
        while (door->waiting && door->n_working < working_max(door)) {
                SshSignature *signature = take_first(door);

                if (job_start(door->daemon->signers, run, on_done, signature_free, signature, &signature->job) >= 0) {
                        door->n_working++;
                        continue;
                }
                /* Better late, in the loop, than never. */
                run(signature);
                door->n_working++;
                on_done(signature);
                signature_free(signature);
                return;
        }
}

static void leave(SshSignature *signature)
{
        SshPeer *peer = signature->connection->peer, **line;
        SshSignature **p = &peer->first;

        while (*p != signature)
                p = &(*p)->next;
        *p = signature->next;
        if (peer->last == &signature->next)
                peer->last = p;
        if (peer->first)
                return;
        for (line = &signature->connection->door->waiting; *line != peer;)
                line = &(*line)->next_waiting;
        *line = TAKE_PTR(peer->next_waiting);
}

/* ---- operations ---- */

int ssh_compute(void *userdata, SshClient *client, SshWork *work)
{
        SshConnection *connection = ssh_client_userdata(client);
        SshDoor *door = connection->door;
        SshSignature *signature = calloc(1, sizeof(*signature));
        int r;

        if (!signature)
                return -ENOMEM;
        *signature = (SshSignature){.connection = connection, .work = work};
        if (door->n_working >= working_max(door)) {
                enter(connection->peer, signature);
                connection->signature = signature;
                return SSH_LATER;
        }
        r = job_start(door->daemon->signers, run, on_done, signature_free, signature, &signature->job);
        if (r < 0) {
                free(signature); /* the work is the agent's still */
                return r;
        }
        door->n_working++;
        connection->signature = signature;
        return SSH_LATER;
}

void ssh_signature_cancel(SshConnection *connection)
{
        SshSignature *signature = TAKE_PTR(connection->signature);

        if (!signature)
                return;
        if (signature->job) {
                /* A worker may have it: it is freed when that is done. */
                connection->door->n_working--;
                job_cancel(signature->job);
                ssh_door_called(connection->door);
                return;
        }
        leave(signature);
        signature_free(signature);
}
