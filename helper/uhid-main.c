/*
 * keyfob-uhid: a security key of the kernel's for one user
 *
 * Programs look for security keys among the kernel's HID devices. Making such a device takes /dev/uhid, and whoever
 * has that can make a keyboard, too, and type on it; so no user is given it. This relay is started for each connection
 * to its system socket, and the kernel tells it whose that is: it makes one FIDO device for that user, gives up
 * everything else (uhid-confine.c) and passes reports (uhid-relay.c). The device ends with the connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "common/cleanup.h"
#include "helper/uhid-confine.h"
#include "helper/uhid-relay.h"

#define DEVICE_PATH    "/dev/uhid"
#define LOCK_DIRECTORY "/run/keyfob-uhid"

/* Where the connection is, sd_listen_fds(3). */
#define LISTEN_FD 3

/* Owns no file, and no user is it: 65534 is also what users are shown as that have no number here. */
#define NOBODY 65534U

/* A relay that has just lost its daemon goes within this time. */
#define LOCK_TRIES   50
#define LOCK_WAIT_MS 20

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
        va_list ap;

        fputs("keyfob-uhid: ", stderr);
        va_start(ap, format);
        (void)vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
}

static bool is_number(const char *text, long number)
{
        char expected[24];

        (void)snprintf(expected, sizeof(expected), "%ld", number);
        return text && strcmp(text, expected) == 0;
}

/* Whether the connection is where it should be. */
static bool was_started_for_a_connection(void)
{
        int domain = 0, type = 0, listens = 1;
        socklen_t size = sizeof(int);

        return is_number(getenv("LISTEN_PID"), getpid()) && is_number(getenv("LISTEN_FDS"), 1) &&
               getsockopt(LISTEN_FD, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
               getsockopt(LISTEN_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET &&
               getsockopt(LISTEN_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && !listens;
}

/* Signals and descriptors as this program needs them, whatever it was started with. */
static int prepare(void)
{
        sigset_t none;
        int fd;

        (void)sigemptyset(&none);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGTERM, SIG_DFL);
        if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 || close_range(LISTEN_FD + 1, ~0U, 0) < 0)
                return -errno;
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
                return -errno;
        if (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(fd, STDERR_FILENO) < 0)
                return -errno;
        if (fd > LISTEN_FD)
                (void)close(fd);
        return 0;
}

/* In a directory that only root can write to, so that nobody takes another's place. */
static int open_lock(uid_t uid)
{
        _cleanup_close_ int directory = -1;
        struct stat st;
        char name[16];
        int fd;

        if (mkdir(LOCK_DIRECTORY, 0700) < 0 && errno != EEXIST)
                return -errno;
        directory = open(LOCK_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (directory < 0 || fstat(directory, &st) < 0)
                return -errno;
        if (st.st_uid != 0 || st.st_mode & 0022)
                return -EPERM;
        (void)snprintf(name, sizeof(name), "%u", uid);
        fd = openat(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        return fd < 0 ? -errno : fd;
}

/* Held as long as this process runs. -EWOULDBLOCK when another one goes on holding it. */
static int take_lock(uid_t uid)
{
        const struct timespec wait = {.tv_nsec = LOCK_WAIT_MS * 1000000L};
        _cleanup_close_ int fd = open_lock(uid);

        if (fd < 0)
                return TAKE_FD(fd);
        for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
                if (errno != EWOULDBLOCK || tries >= LOCK_TRIES)
                        return -errno;
                (void)nanosleep(&wait, NULL);
        }
        return TAKE_FD(fd);
}

static int refuse(UhidRefusal why)
{
        (void)relay_tell(LISTEN_FD, UHID_EVENT_REFUSED, why);
        return 1;
}

static int serve(void)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);
        int lock, device, r;

        if (getsockopt(LISTEN_FD, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid == NOBODY ||
            peer.uid == (uid_t)-1) {
                complain("a connection of nobody's was refused");
                return refuse(UHID_REFUSED_FAILED);
        }
        lock = take_lock(peer.uid);
        if (lock == -EWOULDBLOCK) {
                /* A second daemon of theirs; it says so itself. */
                (void)refuse(UHID_REFUSED_IN_USE);
                return 0;
        }
        if (lock < 0) {
                complain("%s: %s", LOCK_DIRECTORY, strerror(-lock));
                return refuse(UHID_REFUSED_FAILED);
        }
        device = open(DEVICE_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (device < 0) {
                complain("%s: %m: the kernel has no uhid, or it may not be used here", DEVICE_PATH);
                return refuse(UHID_REFUSED_NO_DEVICE);
        }
        r = confine(NOBODY, NOBODY);
        if (r < 0) {
                complain("privileges cannot be given up: %s", strerror(-r));
                return refuse(UHID_REFUSED_FAILED);
        }
        return relay_run(LISTEN_FD, device, peer.uid) < 0 ? 1 : 0;
}

int main(int argc, char *argv[])
{
        int r;

        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                puts("keyfob-uhid " KEYFOB_VERSION);
                return 0;
        }
        if (argc > 1 || !was_started_for_a_connection()) {
                complain("keyfob-uhid.socket starts this program; it does nothing by itself");
                return 2;
        }
        if (geteuid() != 0) {
                complain("only root can make a device: let keyfob-uhid.socket start it");
                return 2;
        }
        r = prepare();
        if (r < 0) {
                complain("%s", strerror(-r));
                return 1;
        }
        /* Not exit(): it would close what has to be closed by the kernel anyway, and need calls that are gone. */
        _exit(serve());
}
