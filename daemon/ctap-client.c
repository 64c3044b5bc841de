/*
 * A client of the authenticator
 *
 * What a connection of the socket and a caller on the bus have in common: a question that may be open for them, a
 * moment at which the authenticator wants to be called, and a name. The name of a socket's peer is looked up when it
 * is shown, not when it connects; where the kernel can hand out a pidfd of the peer, a process that has taken over the
 * pid of one that ended is not mistaken for it.
 */
#include <string.h>

#include "common/clock.h"
#include "daemon/ctap-internal.h"

#define TIMER_ACCURACY_USEC 1000

uint64_t ctap_now(void *userdata)
{
        return clock_msec();
}

void ctap_client_done(CtapClient *client)
{
        client->opening = opening_cancel(client->opening);
        ctap_presence_cancel(client);
        client->touch = ctap_touch_cancel(client->touch);
        client->pin = ctap_pin_cancel(client->pin);
        client->work = ctap_work_cancel(client->work);
        client->sealed = ctap_seal_wait_cancel(client->sealed);
        client->timer = sd_event_source_disable_unref(client->timer);
        client->soon = sd_event_source_disable_unref(client->soon);
}

/* ---- deadlines ---- */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        CtapClient *client = userdata;

        client->deadline = CTAP_NEVER;
        client->due(client);
        return 0;
}

static int on_soon(sd_event_source *source, void *userdata)
{
        return on_timer(source, 0, userdata);
}

/* What is due already needs no timer, which costs more than to be called from the loop. */
static int arm_soon(CtapClient *client)
{
        if (client->timer)
                (void)sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
        if (!client->soon)
                return sd_event_add_defer(client->ctap->daemon->event, &client->soon, on_soon, client);
        return sd_event_source_set_enabled(client->soon, SD_EVENT_ONESHOT);
}

void ctap_client_arm(CtapClient *client, uint64_t deadline)
{
        uint64_t usec = deadline < UINT64_MAX / 1000 ? deadline * 1000 : UINT64_MAX;
        int r;

        if (deadline == client->deadline)
                return;
        client->deadline = deadline;
        if (deadline == 0) {
                if (arm_soon(client) < 0)
                        client->deadline = CTAP_NEVER;
                return;
        }
        if (client->soon)
                (void)sd_event_source_set_enabled(client->soon, SD_EVENT_OFF);
        if (usec == UINT64_MAX) {
                (void)sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
                return;
        }
        if (!client->timer) {
                r = sd_event_add_time(client->ctap->daemon->event, &client->timer, CLOCK_MONOTONIC, usec,
                                      TIMER_ACCURACY_USEC, on_timer, client);
        } else {
                r = sd_event_source_set_time(client->timer, usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                client->deadline = CTAP_NEVER;
}

/* ---- names ---- */

void ctap_client_identify(const CtapClient *client, char *ret_program, size_t size, pid_t *ret_pid)
{
        pid_t pid = client->caller ? caller_pid(client->caller) : client->pid;

        if (client->uhid) {
                ctap_uhid_identify(client->uhid, authenticator_host_channel(client->host), ret_program, size, ret_pid);
                return;
        }
        ret_program[0] = 0;
        if (client->caller)
                (void)strncat(ret_program, caller_program(client->caller), size - 1);
        else
                caller_read_comm(pid, ret_program, size);
        if (!client->caller && !own_socket_peer_is_there(client->fd)) {
                ret_program[0] = 0;
                pid = 0;
        }
        *ret_pid = pid;
}
