/*
 * The system bus
 */
#include "daemon/system-bus.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "common/cleanup.h"

static bool is_roots(sd_bus *bus)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);
        int fd = sd_bus_get_fd(bus);

        return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

int system_bus_open(sd_event *event, sd_bus **ret)
{
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system(&bus);
        if (r < 0)
                return r;
        if (!is_roots(bus))
                return -EPERM;
        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}
