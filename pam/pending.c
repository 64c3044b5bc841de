/*
 * Pending
 *
 * Whoever watches sees the file being opened and closed. The place is pam_u2f's; it is a directory of the user that this
 * process belongs to, so nothing there is trusted: no link is followed and nothing is waited for.
 */
#include "pam/pending.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define PLACE "/var/run/user/%u/pam-u2f-authpending"
#define MODE  0664

int pending_begin(const Login *login)
{
        const char *path = login->options->authpending_file;
        char place[64];
        int fd;

        if (!path) {
                (void)snprintf(place, sizeof(place), PLACE, getuid());
                path = place;
        }
        if (!path[0])
                return -1;
        fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, MODE);
        if (fd < 0)
                log_debug(&login->log, "authpending_file can't be opened: %s", strerror(errno));
        return fd;
}
