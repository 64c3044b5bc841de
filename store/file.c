/*
 * The vault's files
 *
 * SQLite opens by name, so the names are made safe first: the directory must be the user's alone, and nothing in it
 * that we open may be a link or somebody else's. A new vault is written whole to a file without a name and then
 * linked, so there is never half a vault, and no leftover. Nothing here opens and closes the database file while
 * SQLite has it open: closing any descriptor of it would drop the process's POSIX locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/places.h"
#include "store/internal.h"

static int check_one(const char *path, bool *ret_there)
{
        struct stat st;

        if (lstat(path, &st) < 0) {
                if (errno != ENOENT)
                        return -errno;
                *ret_there = false;
                return 0;
        }
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
                return VAULT_E_UNSAFE;
        *ret_there = true;
        return 0;
}

int file_check(const char *path, bool missing_ok, char **ret_real)
{
        _cleanup_free_ char *dir = NULL, *real_dir = NULL, *real = NULL;
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
        struct stat st;
        bool there = false;
        int r;

        if (base[0] == 0)
                return VAULT_E_INVALID;
        dir = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
        if (!dir)
                return -ENOMEM;
        if (lstat(dir, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR ? VAULT_E_NO_VAULT : -errno;
        if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
                return VAULT_E_UNSAFE;
        real_dir = realpath(dir, NULL);
        if (!real_dir)
                return -errno;
        if (asprintf(&real, "%s/%s", strcmp(real_dir, "/") == 0 ? "" : real_dir, base) < 0)
                return -ENOMEM;

        r = check_one(real, &there);
        if (r != 0)
                return r;
        if (!there && !missing_ok)
                return VAULT_E_NO_VAULT;
        for (size_t i = 0; i < 3; i++) {
                _cleanup_free_ char *beside = NULL;
                bool ignored;

                if (asprintf(&beside, "%s%s", real, (const char *[]){"-wal", "-shm", "-journal"}[i]) < 0)
                        return -ENOMEM;
                r = check_one(beside, &ignored);
                if (r != 0)
                        return r;
        }
        *ret_real = TAKE_PTR(real);
        return 0;
}

int file_sync_dir(const char *path)
{
        return places_sync_parent(path);
}

static int write_all(int fd, const void *data, size_t size)
{
        const uint8_t *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                p += n;
                size -= (size_t)n;
        }
        return 0;
}

int vault_private_file(const char *path, int *ret_fd)
{
        _cleanup_free_ char *dir = NULL, *named = NULL;
        _cleanup_close_ int fd = -1;

        if (asprintf(&dir, "%.*s", (int)(strrchr(path, '/') - path), path) < 0)
                return -ENOMEM;
        fd = open(dir[0] ? dir : "/", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
                return -errno;
        if (fd < 0) {
                /* A file system that has none. */
                if (asprintf(&named, "%s.XXXXXX", path) < 0)
                        return -ENOMEM;
                fd = mkostemp(named, O_CLOEXEC);
                if (fd < 0)
                        return -errno;
                (void)unlink(named);
        }
        if (fchmod(fd, 0600) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

#define COPY_CHUNK ((size_t)256 * 1024)

/* Up to a whole chunk, or what there is. Bytes, or -errno. */
static ssize_t read_chunk(int fd, uint8_t *ret, uint64_t offset)
{
        size_t size = 0;

        while (size < COPY_CHUNK) {
                ssize_t n = pread(fd, ret + size, COPY_CHUNK - size, (off_t)(offset + size));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t)n;
        }
        return (ssize_t)size;
}

int vault_copy_file(int from, int to, uint64_t max, uint64_t *ret_size)
{
        _cleanup_free_ uint8_t *chunk = malloc(COPY_CHUNK);
        uint64_t size = 0;
        int r;

        if (!chunk)
                return -ENOMEM;
        if (lseek(to, 0, SEEK_SET) < 0)
                return -errno;
        for (;;) {
                ssize_t n = read_chunk(from, chunk, size);

                if (n < 0)
                        return (int)n;
                if (n == 0)
                        break;
                size += (size_t)n;
                if (size > max)
                        return -EFBIG;
                r = write_all(to, chunk, (size_t)n);
                if (r < 0)
                        return r;
        }
        if (fsync(to) < 0)
                return -errno;
        *ret_size = size;
        return 0;
}

int vault_same_files(int a, int b)
{
        _cleanup_free_ uint8_t *chunks = malloc(2 * COPY_CHUNK);
        uint64_t offset = 0;
        ssize_t n = 1, m;

        if (!chunks)
                return -ENOMEM;
        /* What the disk has, and not what memory remembers of it. */
        (void)posix_fadvise(b, 0, 0, POSIX_FADV_DONTNEED);
        for (; n > 0; offset += (size_t)n) {
                n = read_chunk(a, chunks, offset);
                m = read_chunk(b, chunks + COPY_CHUNK, offset);
                if (n < 0 || m < 0)
                        return (int)(n < 0 ? n : m);
                if (n != m || memcmp(chunks, chunks + COPY_CHUNK, (size_t)n) != 0)
                        return -EIO;
        }
        return 0;
}

int file_name(int fd, const char *path)
{
        char self[64];

        (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
        return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* For file systems without nameless files. */
static int publish_named(const char *path, const void *data, size_t size)
{
        _cleanup_free_ char *temporary = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
                return -ENOMEM;
        fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = fchmod(fd, 0600) < 0 ? -errno : write_all(fd, data, size);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r == 0 && link(temporary, path) < 0)
                r = errno == EEXIST ? VAULT_E_EXISTS : -errno;
        (void)unlink(temporary);
        return r;
}

static int publish(const char *path, const void *data, size_t size)
{
        _cleanup_close_ int fd = -1;
        int r;

        r = vault_private_file(path, &fd);
        if (r == 0)
                r = write_all(fd, data, size);
        if (r < 0)
                return r;
        if (fsync(fd) < 0)
                return -errno;
        r = file_name(fd, path);
        if (r == -EEXIST)
                return VAULT_E_EXISTS;
        return r < 0 ? publish_named(path, data, size) : 0;
}

int file_publish(const char *path, const void *data, size_t size)
{
        int r = publish(path, data, size);

        if (r != 0)
                return r;
        r = file_sync_dir(path);
        if (r < 0 && unlink(path) < 0)
                return VAULT_E_UNSURE;
        return r;
}

/* From the kernel's table, because asking with fcntl() would mean to open and close the file. */
pid_t file_lock_holder(const char *path)
{
        FILE *locks;
        struct stat st;
        char line[256];
        pid_t holder = 0;

        if (lstat(path, &st) < 0)
                return 0;
        locks = fopen("/proc/locks", "re");
        if (!locks)
                return 0;
        while (holder == 0 && fgets(line, sizeof(line), locks)) {
                unsigned major_no, minor_no;
                unsigned long inode;
                int pid;

                if (sscanf(line, "%*u: POSIX %*s %*s %d %x:%x:%lu", &pid, &major_no, &minor_no, &inode) == 4 &&
                    inode == st.st_ino && major_no == major(st.st_dev) && minor_no == minor(st.st_dev) && pid > 0)
                        holder = pid;
        }
        (void)fclose(locks);
        return holder;
}

/* What stands where a log has its head, of one that has nothing to say. */
static const uint8_t no_head[LOG_HEAD_SIZE];

int file_grow_wal(const char *path, bool wipe)
{
        _cleanup_free_ char *wal = NULL, *zeros = NULL;
        _cleanup_close_ int fd = -1;
        struct stat st;
        off_t at;
        size_t chunk = 256 * 1024;

        if (asprintf(&wal, "%s-wal", path) < 0)
                return -ENOMEM;
        fd = open(wal, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
                return VAULT_E_UNSAFE;
        at = wipe ? 0 : st.st_size;
        if (at >= (off_t)LOG_SIZE && !wipe)
                return 0;
        if (st.st_size < (off_t)LOG_SIZE)
                st.st_size = (off_t)LOG_SIZE;
        /* The head first, and durably: a log of which the head is left and a later part is gone would put old pages over
         * newer ones. */
        if (wipe && (pwrite(fd, no_head, sizeof(no_head), 0) < 0 || fdatasync(fd) < 0))
                return -errno;

        /* Written, not allocated: the first write into an unwritten extent would be a change of the inode again. */
        zeros = calloc(1, chunk);
        if (!zeros)
                return -ENOMEM;
        while (at < st.st_size) {
                size_t size = (size_t)(st.st_size - at) < chunk ? (size_t)(st.st_size - at) : chunk;
                ssize_t n = pwrite(fd, zeros, size, at);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                at += n;
        }
        /* After a change of everything it would stay as large as that was. */
        if (wipe && fdatasync(fd) == 0 && ftruncate(fd, (off_t)LOG_SIZE) < 0)
                return -errno;
        return fdatasync(fd) < 0 ? -errno : 0;
}

int file_renew_wal(const char *path)
{
        _cleanup_free_ char *wal = NULL, *bytes = NULL;
        _cleanup_close_ int fd = -1;
        uint8_t head[sizeof(no_head)];
        size_t chunk = 256 * 1024;
        off_t at = 0;
        ssize_t n;

        if (asprintf(&wal, "%s-wal", path) < 0)
                return -ENOMEM;
        fd = open(wal, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        n = pread(fd, head, sizeof(head), 0);
        if (n < 0)
                return -errno;
        if ((size_t)n < sizeof(head) || memcmp(head, no_head, sizeof(head)) == 0)
                return 0;

        bytes = malloc(chunk);
        if (!bytes)
                return -ENOMEM;
        while ((n = pread(fd, bytes, chunk, at)) > 0) {
                ssize_t written = pwrite(fd, bytes, (size_t)n, at);

                if (written < 0 && errno != EINTR)
                        return -errno;
                if (written > 0)
                        at += written;
        }
        if (n < 0)
                return -errno;
        return fdatasync(fd) < 0 ? -errno : 0;
}

void file_forget_wal(const char *path)
{
        _cleanup_free_ char *wal = NULL;
        _cleanup_close_ int fd = -1;

        if (asprintf(&wal, "%s-wal", path) < 0)
                return;
        fd = open(wal, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && pwrite(fd, no_head, sizeof(no_head), 0) < 0)
                return; /* the log stays as it is, which is right too */
}
