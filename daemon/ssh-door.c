/*
 * The ssh-agent of this user
 *
 * One instance for as long as the daemon runs: keys that clients add to it live as long, those that are stored are listed again
 * from the vault. It is there when no socket is wanted, too, for the owner's tools.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "daemon/log.h"
#include "daemon/settings.h"
#include "daemon/ssh-internal.h"

#define CONNECTIONS_MAX   1024U
#define CONNECTIONS_LEAST 64U
#define DESCRIPTORS_ELSE  512U /* that the rest of the daemon may need */

/* A key that was added for an hour is not there after a night, wherever the machine slept. */
static uint64_t boot_clock(void *userdata)
{
        return clock_boot_usec() / 1000;
}

static uint64_t wall_clock(void *userdata)
{
        time_t now = time(NULL);

        return now > 0 ? (uint64_t)now : 0;
}

static bool keeps(void *userdata)
{
        const SshDoor *door = userdata;

        return door->daemon->settings->ssh_keep;
}

/* ---- changes ---- */

static int on_changed(sd_event_source *source, void *userdata)
{
        SshDoor *door = userdata;

        (void)batch_signal(door->daemon, KEYFOB_PATH, KEYFOB_SSH_INTERFACE, "KeysChanged", NULL);
        return 0;
}

/* Many in a row are one signal, and no reply waits for a bus. */
static void changed(void *userdata)
{
        SshDoor *door = userdata;

        (void)sd_event_source_set_enabled(door->changed, SD_EVENT_ONESHOT);
}

/* ---- life ---- */

/* As many connections as there are descriptors for, with what the limit may be raised to. */
static unsigned find_room(void)
{
        struct rlimit limit;
        rlim_t wanted = CONNECTIONS_MAX + DESCRIPTORS_ELSE;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return CONNECTIONS_LEAST;
        if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
                limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
                if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                        return CONNECTIONS_LEAST;
        }
        if (limit.rlim_cur >= wanted)
                return CONNECTIONS_MAX;
        return limit.rlim_cur > DESCRIPTORS_ELSE + CONNECTIONS_LEAST ? (unsigned)(limit.rlim_cur - DESCRIPTORS_ELSE)
                                                                     : CONNECTIONS_LEAST;
}

int ssh_door_new(Daemon *daemon, SshDoor **ret)
{
        _cleanup_(ssh_door_freep) SshDoor *door = calloc(1, sizeof(*door));
        static const SshAgentOps ops = {
                .now = boot_clock,
                .wall = wall_clock,
                .ask = ssh_ask,
                .withdraw = ssh_withdraw,
                .compute = ssh_compute,
                .sk_sign = ssh_sk_sign,
                .keeps = keeps,
                .changed = changed,
        };
        int r;

        if (!door)
                return -ENOMEM;
        door->daemon = daemon;
        door->socket = OWN_SOCKET_NULL;
        door->deadline = SSH_NEVER;
        door->connections_max = find_room();
        r = sd_event_add_defer(daemon->event, &door->changed, on_changed, door);
        if (r >= 0)
                r = sd_event_source_set_enabled(door->changed, SD_EVENT_OFF);
        if (r < 0)
                return r;
        door->ops = ops;
        ssh_storage_ops(&door->ops);
        r = ssh_agent_new(&door->ops, door, &door->agent);
        if (r != 0)
                return r < 0 ? r : -EINVAL;
        if (daemon->settings->ssh_agent) {
                /* Passwords are served all the same. */
                r = ssh_socket_new(door);
                if (r < 0)
                        log_line(LOG_ERR, "the ssh-agent has no socket: %s", strerror(-r));
        }
        *ret = TAKE_PTR(door);
        return 0;
}

int ssh_door_open(SshDoor *door)
{
        return ssh_socket_open(door);
}

SshDoor *ssh_door_free(SshDoor *door)
{
        if (!door)
                return NULL;
        ssh_socket_free(door);
        ssh_agent_free(door->agent);
        sd_event_source_disable_unref(door->changed);
        free(door);
        return NULL;
}

void ssh_door_forget(SshDoor *door)
{
        if (!door)
                return;
        ssh_agent_forget(door->agent, /* all= */ false);
        ssh_door_called(door);
}

void ssh_door_reload(SshDoor *door)
{
        if (!door)
                return;
        ssh_agent_forget(door->agent, /* all= */ true);
        ssh_storage_list(door);
        ssh_door_called(door);
}

SshAgent *ssh_door_agent(const SshDoor *door)
{
        return door->agent;
}

const char *ssh_door_socket_path(const SshDoor *door)
{
        return door->socket.path;
}
