/*
 * Looking at a caller
 *
 * Only processes of our own user are looked at. Root's helper could read anybody's environment, and what it found
 * there would decide where a password is typed.
 */
#include "helper/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#define STATUS_MAX 65536U

/* Real and effective uid, from the one file that is readable for every process. */
static int process_uids(int process, uid_t *ret_real, uid_t *ret_effective)
{
        _cleanup_(secret_freep) Secret *status = NULL;
        unsigned long real, effective;
        const char *line;
        int r;

        r = process_read(process, "status", STATUS_MAX, &status);
        if (r < 0)
                return r;

        line = strstr((const char *)status->data, "\nUid:");
        if (!line || sscanf(line, "\nUid: %lu %lu", &real, &effective) != 2)
                return -EBADMSG;

        *ret_real = (uid_t)real;
        *ret_effective = (uid_t)effective;
        return 0;
}

int process_open(uint32_t pid)
{
        _cleanup_close_ int process = -1;
        uid_t real, effective;
        char path[32];
        int r;

        if (pid == 0)
                return -ESRCH;

        (void)snprintf(path, sizeof(path), "/proc/%u", pid);
        process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (process < 0)
                return errno == ENOENT ? -ESRCH : -errno;

        r = process_uids(process, &real, &effective);
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        if (real != getuid() || effective != geteuid())
                return -EPERM;

        return TAKE_FD(process);
}

int process_read(int process, const char *name, size_t max, Secret **ret)
{
        _cleanup_close_ int fd = openat(process, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0)
                return -errno;
        return secret_read(fd, max, ret);
}

/* A name is printed at terminals: nothing in it may move the cursor. */
void process_name(int process, char ret[static PROCESS_NAME_MAX])
{
        _cleanup_(secret_freep) Secret *comm = NULL;
        size_t size;

        ret[0] = 0;
        if (process_read(process, "comm", PROCESS_NAME_MAX - 1, &comm) < 0)
                return;

        secret_chomp(comm);
        size = comm->size;
        memcpy(ret, comm->data, size);
        ret[size] = 0;
        for (size_t i = 0; i < size; i++)
                if ((unsigned char)ret[i] < 0x20 || (unsigned char)ret[i] >= 0x7f)
                        ret[i] = '?';
}

const char *process_getenv(const Secret *environment, const char *name)
{
        const char *p = (const char *)environment->data, *end = p + environment->size;
        size_t size = strlen(name);

        while (p < end) {
                if (strncmp(p, name, size) == 0 && p[size] == '=')
                        return p + size + 1;
                p += strlen(p) + 1;
        }
        return NULL;
}
