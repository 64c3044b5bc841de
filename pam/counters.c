/*
 * Counters
 *
 * A key that counts never answers the same number twice, nor a smaller one; one that does not count answers 0 always. What is kept is
 * written before anybody is let in, in place, because a number has always ten digits: a line is changed whole or not at all. Two logins at
 * once wait for each other.
 */
#include "pam/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/hex.h"

#define END       ".counters"
#define FILE_MAX  (1024U * 1024U)
#define MODE      0600
#define DIGITS    10U
#define NAME_SIZE (2U * CREDENTIAL_ID_MAX)
#define LINE_SIZE (NAME_SIZE + 1 + DIGITS + 2)

/* The directory is root's, and root has made it: without it nothing is kept. */
static int open_file(const Login *login)
{
        const char *dir = login->options->mirror ? login->options->mirror : SLOT_MIRROR_DIR;
        _cleanup_free_ char *path = NULL;
        struct stat st;
        int fd;

        if (geteuid() != 0)
                return -ENOENT;
        if (stat(dir, &st) < 0)
                return errno == ENOTDIR ? -ENOENT : -errno;
        if (!S_ISDIR(st.st_mode) || st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH))
                return -EPERM;
        if (asprintf(&path, "%s/%u" END, dir, login->user.uid) < 0)
                return -ENOMEM;
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, MODE);
        return fd < 0 ? -errno : fd;
}

static int read_all(int fd, Secret **ret)
{
        struct stat st;

        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH) || st.st_size > FILE_MAX)
                return -EPERM;
        return secret_read(fd, FILE_MAX, ret);
}

/* Where the digits of a credential begin, or NULL. */
static const char *find(const Secret *text, const char *name)
{
        const char *p = (const char *)text->data, *end = p + text->size;
        size_t size = strlen(name);

        while (p < end) {
                const char *line_end = memchr(p, '\n', (size_t)(end - p));

                if (!line_end)
                        return NULL;
                if ((size_t)(line_end - p) == size + 1 + DIGITS && memcmp(p, name, size) == 0 && p[size] == ' ')
                        return p + size + 1;
                p = line_end + 1;
        }
        return NULL;
}

static int write_at(int fd, off_t at, const char *text)
{
        size_t size = strlen(text);

        if (pwrite(fd, text, size, at) != (ssize_t)size)
                return -EIO;
        return fdatasync(fd) < 0 ? -errno : 0;
}

/* Behind the last line that has an end: one that was cut off is none, and would take the next one's beginning with it. */
static int append(int fd, const Secret *text, const char *name, uint32_t counter)
{
        size_t at = text->size;
        char line[LINE_SIZE];

        if (counter == 0)
                return 0;
        while (at > 0 && text->data[at - 1] != '\n')
                at--;
        if (text->size + sizeof(line) > FILE_MAX)
                return -EFBIG;
        (void)snprintf(line, sizeof(line), "%s %010u\n", name, counter);
        return write_at(fd, (off_t)at, line);
}

static int compare(const Login *login, int fd, const Secret *text, const char *name, uint32_t counter)
{
        const char *at = find(text, name);
        char digits[DIGITS + 1];
        unsigned long long kept;
        char *end;

        if (!at)
                return append(fd, text, name, counter);
        memcpy(digits, at, DIGITS);
        digits[DIGITS] = 0;
        kept = strtoull(digits, &end, 10);
        if (*end)
                return -EBADMSG;
        if (counter <= kept) {
                log_error(&login->log, "the signature counter of a security key did not grow: there may be a copy of it");
                return LOGIN_REFUSED;
        }
        (void)snprintf(digits, sizeof(digits), "%010u", counter);
        return write_at(fd, at - (const char *)text->data, digits);
}

int counters_check(const Login *login, const uint8_t *id, size_t id_size, uint32_t counter)
{
        _cleanup_(secret_freep) Secret *text = NULL;
        _cleanup_close_ int fd = -1;
        char name[NAME_SIZE + 1];
        int r;

        if (id_size == 0 || id_size > CREDENTIAL_ID_MAX)
                return 0;
        fd = open_file(login);
        if (fd == -ENOENT)
                return 0;
        r = fd < 0 ? fd : read_all(fd, &text);
        if (r == 0) {
                hex_encode(id, id_size, name);
                r = compare(login, fd, text, name, counter);
        }
        if (r < 0)
                log_error(&login->log, "the signature counter can't be compared, so nobody is let in: %s", strerror(-r));
        return r;
}
