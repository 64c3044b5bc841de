/*
 * Who is calling
 *
 * The daemon knows a pid and has locked itself out of /proc. What is told here is shown to the person and written to
 * the log; it identifies nobody who does not want to be identified, since a process chooses its name and what it
 * executes. An executable that can't be named (the process may not be inspected, or the path is no text) is the empty
 * string.
 */
#include "helper/identify.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "helper/process.h"
#include "helper/request.h"

static void read_executable(int process, char ret[static PATH_MAX])
{
        ssize_t n = readlinkat(process, "exe", ret, PATH_MAX);

        if (n <= 0 || n >= PATH_MAX || ret[0] != '/' || !utf8_valid(ret, (size_t)n))
                n = 0;
        ret[n] = 0;
}

void identify(uint32_t id, uint32_t pid, ByteWriter *reply)
{
        char executable[PATH_MAX], comm[PROCESS_NAME_MAX];
        _cleanup_close_ int process = process_open(pid);

        if (process < 0) {
                reply_failed(reply, id, process == -EPERM ? "it belongs to another user" : strerror(-process));
                return;
        }

        read_executable(process, executable);
        process_name(process, comm);
        if (comm[0] == 0) {
                reply_failed(reply, id, "it has ended");
                return;
        }

        reply_begin(reply, id, HELPER_OK);
        byte_writer_string(reply, executable);
        byte_writer_string(reply, comm);
}
