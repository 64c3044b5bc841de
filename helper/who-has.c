/*
 * Who has a device open
 *
 * The device is found by the uniq that the kernel was given for it, among those that were made through /dev/uhid: one
 * on a wire may claim any. Then each process of this user is looked at for a descriptor of that node. What can't be
 * looked at (a process that is not traceable, as ssh-agent) is left out. Descriptors are told by where their links
 * lead: to follow one could wait for a file server that doesn't answer.
 */
#include "helper/who-has.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "helper/process.h"
#include "helper/protocol.h"
#include "helper/request.h"

#define HIDRAW_CLASS   "/sys/class/hidraw"
#define VIRTUAL_DEVICE "/devices/virtual/misc/uhid/"
#define UEVENT_MAX     4096U
#define NODE_MAX       64U
#define LINK_MAX       512U

DEFINE_CLEANUP(DIR *, closedir)

/* ---- the device ---- */

static bool is_virtual(int class, const char *name)
{
        char target[LINK_MAX];
        ssize_t n = readlinkat(class, name, target, sizeof(target) - 1);

        if (n <= 0 || n >= (ssize_t)sizeof(target) - 1)
                return false;
        target[n] = 0;
        return strstr(target, VIRTUAL_DEVICE) != NULL;
}

static bool has_uniq(int class, const char *name, const char *uniq)
{
        _cleanup_(secret_freep) Secret *uevent = NULL;
        char path[NODE_MAX + 32], *line, *rest;
        _cleanup_close_ int fd = -1;

        (void)snprintf(path, sizeof(path), "%s/device/uevent", name);
        fd = openat(class, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || secret_read(fd, UEVENT_MAX, &uevent) < 0)
                return false;
        for (line = strtok_r((char *)uevent->data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                if (strncmp(line, "HID_UNIQ=", 9) == 0)
                        return strcmp(line + 9, uniq) == 0;
        return false;
}

/* Its node in /dev. */
static int find_device(const char *uniq, char ret_node[static NODE_MAX])
{
        _cleanup_(closedirp) DIR *class = opendir(HIDRAW_CLASS);
        const struct dirent *entry;

        if (!class)
                return -errno;
        while ((entry = readdir(class)))
                if (strlen(entry->d_name) < NODE_MAX - 8 && is_virtual(dirfd(class), entry->d_name) &&
                    has_uniq(dirfd(class), entry->d_name, uniq)) {
                        (void)snprintf(ret_node, NODE_MAX, "/dev/%s", entry->d_name);
                        return 0;
                }
        return -ENODEV;
}

/* ---- the processes ---- */

static bool process_has(int process, const char *node)
{
        _cleanup_(closedirp) DIR *fds = NULL;
        const struct dirent *entry;
        char target[NODE_MAX];
        int fd;

        fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return false;
        fds = fdopendir(fd);
        if (!fds) {
                (void)close(fd);
                return false;
        }
        while ((entry = readdir(fds))) {
                ssize_t n = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

                if (n <= 0)
                        continue;
                target[n] = 0;
                if (strcmp(target, node) == 0)
                        return true;
        }
        return false;
}

static unsigned find_processes(const char *node, ByteWriter *ret)
{
        _cleanup_(closedirp) DIR *proc = opendir("/proc");
        const struct dirent *entry;
        unsigned n = 0;

        while (proc && n < HELPER_WHO_MAX && (entry = readdir(proc))) {
                _cleanup_close_ int process = -1;
                char name[PROCESS_NAME_MAX];
                uint32_t pid;

                if (!isdigit((unsigned char)entry->d_name[0]))
                        continue;
                pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
                process = process_open(pid);
                if (process < 0 || !process_has(process, node))
                        continue;
                process_name(process, name);
                byte_writer_u32(ret, pid);
                byte_writer_string(ret, name);
                n++;
        }
        return n;
}

void who_has(uint32_t id, const char *uniq, ByteWriter *reply)
{
        ByteWriter processes = BYTE_WRITER_NULL;
        char node[NODE_MAX];
        unsigned n;
        int r;

        r = find_device(uniq, node);
        if (r < 0) {
                reply_failed(reply, id, strerror(-r));
                return;
        }
        n = find_processes(node, &processes);
        reply_begin(reply, id, HELPER_OK);
        byte_writer_u16(reply, (uint16_t)n);
        if (processes.size > 0)
                byte_writer_raw(reply, processes.data, processes.size);
        reply->failed |= processes.failed;
        byte_writer_done(&processes);
}
