/*
 * Failures of libsystemd, and of what libfido2 says about a signature
 *
 * Where a library calls the module back (a signal has come, a message is to be sent), the module's calls count again. Functions with a
 * variable number of arguments are called by their v sisters.
 *
 * Two things are the test's. A reader of fprintd's that the connection before has not quite given back is claimed again; and when
 * nothing comes any more after a failure, the clock says that the patience is over. Where a finger is put on the reader after the
 * failure something comes, be it late.
 */
#include "tests/unit/pam-fail-bus.h"

#include <fido.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-login.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/pam-fail.h"

#define IN_USE       "net.reactivated.Fprint.Error.AlreadyInUse"
#define PAUSE_USEC   (10U * 1000U)
#define NOTHING_USEC (2U * 1000U * 1000U)
#define LATER_S      3600
#define TRIES_MAX    1000U

/* ---- the bus ---- */

FAIL_WRAP(int, sd_bus_new, (sd_bus **ret), (ret), -ENOMEM, 0)
FAIL_WRAP(int, sd_bus_set_fd, (sd_bus *bus, int in, int out), (bus, in, out), -EBADF, 0)
FAIL_WRAP(int, sd_bus_start, (sd_bus *bus), (bus), -ECONNRESET, 0)
FAIL_WRAP(int, sd_bus_open_system, (sd_bus **ret), (ret), -ECONNREFUSED, 0)
FAIL_WRAP(int, sd_bus_get_fd, (sd_bus *bus), (bus), -EPERM, 0)
FAIL_WRAP(int, sd_bus_process, (sd_bus *bus, sd_bus_message **ret), (bus, ret), -ECONNRESET, 0)
FAIL_WRAP(int, sd_bus_message_new_method_call, (sd_bus *bus, sd_bus_message **ret, const char *destination, const char *path,
          const char *interface, const char *member), (bus, ret, destination, path, interface, member), -ENOMEM, 0)
FAIL_WRAP(int, sd_bus_message_sensitive, (sd_bus_message *m), (m), -ENOMEM, 0)
FAIL_WRAP(int, sd_bus_message_append_array, (sd_bus_message *m, char type, const void *data, size_t size), (m, type, data, size),
          -ENOMEM, 0)
FAIL_WRAP(int, sd_bus_message_read_array, (sd_bus_message *m, char type, const void **ret, size_t *size), (m, type, ret, size),
          -EBADMSG, 0)
FAIL_WRAP(const char *, sd_bus_message_get_sender, (sd_bus_message *m), (m), NULL, 0)

int __real_sd_bus_call(sd_bus *bus, sd_bus_message *m, uint64_t usec, sd_bus_error *error, sd_bus_message **ret);
int __wrap_sd_bus_call(sd_bus *bus, sd_bus_message *m, uint64_t usec, sd_bus_error *error, sd_bus_message **ret);
int __wrap_sd_bus_call(sd_bus *bus, sd_bus_message *m, uint64_t usec, sd_bus_error *error, sd_bus_message **ret)
{
        bool was;
        int r;

        if (fail_now("sd_bus_call"))
                return sd_bus_error_set_errno(error, -ECONNRESET);
        was = fail_pause();
        r = __real_sd_bus_call(bus, m, usec, error, ret);
        fail_resume(was);
        return r;
}

int __wrap_sd_bus_message_read(sd_bus_message *m, const char *types, ...);
int __wrap_sd_bus_message_read(sd_bus_message *m, const char *types, ...)
{
        va_list args;
        int r;

        if (fail_now("sd_bus_message_read"))
                return -EBADMSG;
        va_start(args, types);
        r = sd_bus_message_readv(m, types, args);
        va_end(args);
        return r;
}

/* On the reader as soon as the module waits for it: what happens when is the same every time. */
static bool finger_wanted, finger_counts;

static void put_finger(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        static const char command[] = "SCAN right";
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)strncpy(address.sun_path, getenv(FAIL_READER), sizeof(address.sun_path) - 1);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
            send(fd, command, strlen(command), MSG_NOSIGNAL) < 0)
                abort();
        (void)close(fd);
}

int __wrap_sd_bus_call_method(sd_bus *bus, const char *destination, const char *path, const char *interface, const char *member,
                              sd_bus_error *error, sd_bus_message **ret, const char *types, ...);
int __wrap_sd_bus_call_method(sd_bus *bus, const char *destination, const char *path, const char *interface, const char *member,
                              sd_bus_error *error, sd_bus_message **ret, const char *types, ...)
{
        sd_bus_error problem = SD_BUS_ERROR_NULL;
        va_list args;
        bool was;
        int r;

        if (fail_now("sd_bus_call_method"))
                return sd_bus_error_set_errno(error, -ECONNRESET);
        was = fail_pause();
        for (unsigned i = 0; i < TRIES_MAX; i++) {
                va_start(args, types);
                r = sd_bus_call_methodv(bus, destination, path, interface, member, &problem, ret, types, args);
                va_end(args);
                if (r >= 0 || strcmp(member, "Claim") != 0 || !sd_bus_error_has_name(&problem, IN_USE))
                        break;
                sd_bus_error_free(&problem);
                (void)usleep(PAUSE_USEC);
        }
        if (r >= 0 && strcmp(member, "VerifyStart") == 0)
                finger_wanted = true;
        if (error)
                *error = problem;
        else
                sd_bus_error_free(&problem);
        fail_resume(was);
        return r;
}

/* ---- time ---- */

static bool later;

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
        int r;

        if (fail_now("clock_gettime")) {
                errno = EINVAL;
                return -1;
        }
        r = __real_clock_gettime(clock, ret);
        if (later)
                ret->tv_sec += LATER_S;
        return r;
}

int __real_sd_bus_wait(sd_bus *bus, uint64_t usec);
int __wrap_sd_bus_wait(sd_bus *bus, uint64_t usec);
int __wrap_sd_bus_wait(sd_bus *bus, uint64_t usec)
{
        bool was;
        int r;

        if (fail_now("sd_bus_wait"))
                return -ECONNRESET;
        was = fail_pause();
        if (finger_wanted) {
                put_finger();
                finger_counts = fail_happened() != NULL;
        }
        finger_wanted = false;
        r = __real_sd_bus_wait(bus, fail_happened() && !finger_counts && usec > NOTHING_USEC ? NOTHING_USEC : usec);
        fail_resume(was);
        later = r == 0;
        return r;
}

void fail_bus_begin(void)
{
        later = finger_wanted = finger_counts = false;
}

/* ---- the module is called back ---- */

static sd_bus_message_handler_t on_signal;

static int signal_came(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        int r;

        fail_enter();
        r = on_signal(m, userdata, error);
        fail_leave();
        return r;
}

int __real_sd_bus_match_signal(sd_bus *bus, sd_bus_slot **ret, const char *sender, const char *path, const char *interface,
                               const char *member, sd_bus_message_handler_t handler, void *userdata);
int __wrap_sd_bus_match_signal(sd_bus *bus, sd_bus_slot **ret, const char *sender, const char *path, const char *interface,
                               const char *member, sd_bus_message_handler_t handler, void *userdata);
int __wrap_sd_bus_match_signal(sd_bus *bus, sd_bus_slot **ret, const char *sender, const char *path, const char *interface,
                               const char *member, sd_bus_message_handler_t handler, void *userdata)
{
        bool was;
        int r;

        if (fail_now("sd_bus_match_signal"))
                return -ENOMEM;
        on_signal = handler;
        was = fail_pause();
        r = __real_sd_bus_match_signal(bus, ret, sender, path, interface, member, signal_came, userdata);
        fail_resume(was);
        return r;
}

/* The other match: its handler. */
static sd_bus_message_handler_t on_match;

static int match_came(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        int r;

        fail_enter();
        r = on_match(message, userdata, error);
        fail_leave();
        return r;
}

int __real_sd_bus_add_match(sd_bus *bus, sd_bus_slot **ret, const char *match, sd_bus_message_handler_t handler, void *userdata);
int __wrap_sd_bus_add_match(sd_bus *bus, sd_bus_slot **ret, const char *match, sd_bus_message_handler_t handler, void *userdata);
int __wrap_sd_bus_add_match(sd_bus *bus, sd_bus_slot **ret, const char *match, sd_bus_message_handler_t handler, void *userdata)
{
        bool was;
        int r;

        if (fail_now("sd_bus_add_match"))
                return -ENOMEM;
        on_match = handler;
        was = fail_pause();
        r = __real_sd_bus_add_match(bus, ret, match, match_came, userdata);
        fail_resume(was);
        return r;
}

static fido_dev_transport_t transport;

static int receive(struct fido_dev *dev, uint8_t command, unsigned char *data, size_t size, int ms)
{
        int r;

        fail_enter();
        r = transport.rx(dev, command, data, size, ms);
        fail_leave();
        return r;
}

static int transmit(struct fido_dev *dev, uint8_t command, const unsigned char *data, size_t size)
{
        int r;

        fail_enter();
        r = transport.tx(dev, command, data, size);
        fail_leave();
        return r;
}

int __real_fido_dev_set_transport_functions(fido_dev_t *dev, const fido_dev_transport_t *functions);
int __wrap_fido_dev_set_transport_functions(fido_dev_t *dev, const fido_dev_transport_t *functions);
int __wrap_fido_dev_set_transport_functions(fido_dev_t *dev, const fido_dev_transport_t *functions)
{
        static const fido_dev_transport_t ours = {receive, transmit};

        if (fail_now("fido_dev_set_transport_functions"))
                return FIDO_ERR_INTERNAL;
        transport = *functions;
        return __real_fido_dev_set_transport_functions(dev, &ours);
}

/* ---- libfido2 and the rest ---- */

FAIL_WRAP(int, fido_dev_set_io_functions, (fido_dev_t *dev, const fido_dev_io_t *io), (dev, io), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(int, fido_dev_open, (fido_dev_t *dev, const char *path), (dev, path), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(int, fido_dev_info_manifest, (fido_dev_info_t *list, size_t max, size_t *ret), (list, max, ret), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(int, fido_assert_set_authdata, (fido_assert_t *a, size_t i, const unsigned char *data, size_t size), (a, i, data, size),
          FIDO_ERR_INVALID_ARGUMENT, 0)
FAIL_WRAP(int, fido_assert_set_sig, (fido_assert_t *a, size_t i, const unsigned char *data, size_t size), (a, i, data, size),
          FIDO_ERR_INVALID_ARGUMENT, 0)
FAIL_WRAP(const unsigned char *, fido_assert_authdata_ptr, (const fido_assert_t *a, size_t i), (a, i), NULL, 0)
FAIL_WRAP(size_t, fido_assert_authdata_len, (const fido_assert_t *a, size_t i), (a, i), 0, 0)
FAIL_WRAP(const unsigned char *, fido_assert_sig_ptr, (const fido_assert_t *a, size_t i), (a, i), NULL, 0)
FAIL_WRAP(size_t, fido_assert_sig_len, (const fido_assert_t *a, size_t i), (a, i), 0, 0)
FAIL_WRAP(uint32_t, fido_assert_sigcount, (const fido_assert_t *a, size_t i), (a, i), 0, 0)
FAIL_WRAP(size_t, fread, (void *to, size_t size, size_t n, FILE *file), (to, size, n, file), 0, EIO)
FAIL_WRAP(int, lstat64, (const char *path, struct stat64 *ret), (path, ret), -1, EIO)
FAIL_WRAP(int, sd_pid_get_owner_uid, (pid_t pid, uid_t *ret), (pid, ret), -EIO, 0)
FAIL_WRAP(int, sd_uid_get_sessions, (uid_t uid, int active, char ***ret), (uid, active, ret), -EIO, 0)
FAIL_WRAP(int, sd_session_get_class, (const char *session, char **ret), (session, ret), -EIO, 0)
FAIL_WRAP(int, sd_session_is_remote, (const char *session), (session), -EIO, 0)

/* The module starts no daemon, whatever failed. */
int __wrap_client_start_daemon(const char *argument);
int __wrap_client_start_daemon(const char *argument)
{
        static const char text[] = "a daemon would be started\n";

        (void)!write(STDERR_FILENO, text, strlen(text));
        kill(getppid(), SIGABRT);
        abort();
}
