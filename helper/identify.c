/*
 * Who is calling
 *
 * The daemon knows a pid and has locked itself out of /proc. What is told here is shown to the person and written to
 * the log; it identifies nobody who does not want to be identified, since a process chooses its name and what it
 * executes. An executable that can't be named (the process may not be inspected, or the path is no text) is the empty
 * string, and so is a unit that systemd doesn't know of.
 */
#include "helper/identify.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-login.h>

#include "helper/app.h"
#include "helper/process.h"
#include "helper/request.h"

static void read_executable(int process, char ret[static PATH_MAX])
{
        ssize_t n = readlinkat(process, "exe", ret, PATH_MAX);

        if (n <= 0 || n >= PATH_MAX || ret[0] != '/' || !utf8_valid(ret, (size_t)n))
                n = 0;
        ret[n] = 0;
}

/* A unit of the user's, as of an app or a service, else the system's. NULL when there is none. */
static char *unit_of(pid_t pid)
{
        char *unit = NULL;

        if (sd_booted() <= 0)
                return NULL;
        if (sd_pid_get_user_unit(pid, &unit) < 0 && sd_pid_get_unit(pid, &unit) < 0)
                return NULL;
        if (strlen(unit) >= HELPER_UNIT_MAX || !utf8_valid(unit, strlen(unit))) {
                free(unit);
                return NULL;
        }
        return unit;
}

/* Units tell where the sandbox can't be looked at; what is called like an app's and is not gets the app's restrictions. */
static HelperConfinement confinement_of(int process, const char *unit, char app[static APP_NAME_MAX])
{
        bool told = app_name(process, app);

        if (app[0] == 0 && unit)
                (void)app_parse_unit(unit, app, APP_NAME_MAX);
        return app[0] ? HELPER_CONFINED : told ? HELPER_FREE : HELPER_CONFINEMENT_UNKNOWN;
}

void identify(uint32_t id, uint32_t pid, ByteWriter *reply)
{
        char executable[PATH_MAX], comm[PROCESS_NAME_MAX], app[APP_NAME_MAX];
        _cleanup_close_ int process = process_open(pid);
        _cleanup_free_ char *unit = NULL;
        HelperConfinement confinement;

        if (process < 0) {
                reply_failed(reply, id, process == -EPERM ? "it belongs to another user" : strerror(-process));
                return;
        }

        read_executable(process, executable);
        unit = unit_of((pid_t)pid);
        confinement = confinement_of(process, unit, app);
        process_name(process, comm);
        if (comm[0] == 0) {
                reply_failed(reply, id, "it has ended");
                return;
        }

        reply_begin(reply, id, HELPER_OK);
        byte_writer_string(reply, executable);
        byte_writer_string(reply, comm);
        byte_writer_string(reply, unit ? unit : "");
        byte_writer_u8(reply, (uint8_t)confinement);
        byte_writer_string(reply, app);
}
