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

#define STATUS_HEAD 2048U /* whose it is comes early in it; lists of any length come later */

/* Real and effective uid, from the one file that is readable for every process. */
static int process_uids(int process, uid_t *ret_real, uid_t *ret_effective)
{
        unsigned long real, effective;
        char status[STATUS_HEAD];
        const char *line;
        ssize_t n;

        n = process_read_text(process, "status", status, sizeof(status));
        if (n < 0)
                return (int)n;

        line = strstr(status, "\nUid:");
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

ssize_t process_read_text(int process, const char *name, char *ret, size_t size)
{
        _cleanup_close_ int fd = openat(process, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        size_t n = 0;

        if (fd < 0)
                return -errno;
        while (n < size - 1) {
                ssize_t k = read(fd, ret + n, size - 1 - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t)k;
        }
        ret[n] = 0;
        return (ssize_t)n;
}

/* A name is printed at terminals: nothing in it may move the cursor. */
void process_name(int process, char ret[static PROCESS_NAME_MAX])
{
        ssize_t n = process_read_text(process, "comm", ret, PROCESS_NAME_MAX);

        if (n < 0)
                n = 0;
        if (n > 0 && ret[n - 1] == '\n')
                n--;
        ret[n] = 0;
        for (ssize_t i = 0; i < n; i++)
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
