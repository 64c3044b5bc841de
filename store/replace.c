/*
 * Putting another file in the vault's place
 *
 * Nobody has either file open when this is done. What is there goes to snapshots/ under the time's name first, with its log
 * if there is anything in it; then the new file takes its name, in one step. A log that was left would be taken for the
 * new file's, so it is gone, durably, before that. Whenever this is cut short there is one vault or the other under the
 * name, whole, and nothing that was there is anywhere lost. (One that could not be closed may lie there without its log then: that is
 * beside the kept one.) What fails before the new file has the name is undone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "store/internal.h"

/* What may lie beside a database; and the name the kept one gets. */
static const char *const beside[] = {"-wal", "-journal", "-shm"};

static int copy_to(int from, const char *path)
{
        _cleanup_close_ int to = open(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
        uint64_t size;
        int r;

        if (to < 0)
                return -errno;
        r = fchmod(to, 0600) < 0 ? -errno : vault_copy_file(from, to, UINT64_MAX, &size);
        if (r < 0)
                (void)unlink(path);
        return r;
}

/* A name for a file that may have none. */
static int name_file(int fd, const char *path)
{
        int r = file_name(fd, path);

        return r == 0 || r == -EEXIST ? r : copy_to(fd, path);
}

/* A second name for a file, or a copy of it. */
static int keep_file(const char *path, const char *kept)
{
        _cleanup_close_ int fd = -1;

        if (link(path, kept) == 0)
                return 0;
        if (errno == EEXIST)
                return -EEXIST;
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : copy_to(fd, kept);
}

/* Whether a log has anything in it: a header of zeros begins none. */
static bool is_empty(const char *path)
{
        static const uint8_t zeros[32];
        uint8_t header[32];
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 || pread(fd, header, sizeof(header), 0) != sizeof(header) ||
               memcmp(header, zeros, sizeof(header)) == 0;
}

static int with_suffix(const char *path, const char *suffix, char **ret)
{
        if (asprintf(ret, "%s%s", path, suffix) >= 0)
                return 0;
        *ret = NULL;
        return -ENOMEM;
}

static int keep_beside(const char *path, const char *kept)
{
        for (size_t i = 0; i < 2; i++) {
                _cleanup_free_ char *from = NULL, *to = NULL;
                int r;

                r = with_suffix(path, beside[i], &from);
                if (r == 0)
                        r = with_suffix(kept, beside[i], &to);
                if (r == 0 && !is_empty(from))
                        r = keep_file(from, to);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int remove_beside(const char *path)
{
        for (size_t i = 0; i < ELEMENTSOF(beside); i++) {
                _cleanup_free_ char *one = NULL;
                int r = with_suffix(path, beside[i], &one);

                if (r < 0)
                        return r;
                if (unlink(one) < 0 && errno != ENOENT)
                        return -errno;
        }
        return file_sync_dir(path);
}

static void remove_kept(const char *kept)
{
        for (size_t i = 0; i < 2; i++) {
                _cleanup_free_ char *one = NULL;

                if (with_suffix(kept, beside[i], &one) == 0)
                        (void)unlink(one);
        }
        (void)unlink(kept);
}

/* Gives the log its name again. What was kept goes only when that is done. */
static int put_back(const char *path, const char *kept)
{
        int r;

        r = keep_beside(kept, path);
        if (r == 0 || r == -EEXIST)
                r = file_sync_dir(path);
        if (r == 0)
                remove_kept(kept);
        return r;
}

/* What is there: the file, or a log alone. snapshots/vault.db.20261130T120000Z, or with a number when that second has one. */
static int keep(const char *path, const char *dir, char **ret)
{
        const bool alone = access(path, F_OK) < 0;
        const char *name = strrchr(path, '/') + 1;
        time_t now = time(NULL);
        char stamp[32];
        struct tm tm;

        if (!gmtime_r(&now, &tm) || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm) == 0)
                return -EIO;
        for (unsigned n = 1; n < 1000; n++) {
                _cleanup_free_ char *kept = NULL;
                char number[16] = "";
                int r;

                if (n > 1)
                        (void)snprintf(number, sizeof(number), "-%u", n);
                if (asprintf(&kept, "%s/%s.%s%s", dir, name, stamp, number) < 0)
                        return -ENOMEM;
                r = alone ? 0 : keep_file(path, kept);
                if (r == -EEXIST)
                        continue;
                if (r == 0)
                        r = keep_beside(path, kept);
                if (r == -EEXIST) { /* of a log alone */
                        if (!alone)
                                (void)unlink(kept);
                        continue;
                }
                if (r == 0)
                        r = file_sync_dir(kept);
                if (r < 0) {
                        remove_kept(kept);
                        return r;
                }
                *ret = TAKE_PTR(kept);
                return 0;
        }
        return -EEXIST;
}

int file_set_log_aside(const char *path)
{
        _cleanup_free_ char *dir = NULL, *kept = NULL;
        bool any = false;
        int r = 0;

        for (size_t i = 0; r == 0 && i < 2; i++) {
                _cleanup_free_ char *one = NULL;

                r = with_suffix(path, beside[i], &one);
                any |= r == 0 && !is_empty(one);
        }
        if (r < 0 || !any)
                return r;
        r = file_snapshots(path, &dir);
        if (r == 0)
                r = keep(path, dir, &kept);
        return r == 0 ? remove_beside(path) : r;
}

static int put_in_place(const char *partial, const char *path, int fd)
{
        _cleanup_free_ char *near = NULL;
        int r;

        if (rename(partial, path) == 0)
                return 0;
        if (errno != EXDEV)
                return -errno;
        /* A kernel whose Landlock lets nothing go from one directory to another. */
        r = with_suffix(path, ".new", &near);
        if (r < 0)
                return r;
        (void)unlink(near);
        r = name_file(fd, near);
        if (r == 0 && rename(near, path) < 0) {
                r = -errno;
                (void)unlink(near);
        }
        return r;
}

/* The new file has a name already, in the same file system. */
static int swap(const char *partial, const char *path, int fd, const char *kept)
{
        int r;

        r = remove_beside(path);
        if (r == 0)
                r = put_in_place(partial, path, fd);
        if (r == 0)
                return file_sync_dir(path) < 0 ? VAULT_E_UNSURE : 0;
        if (kept && put_back(path, kept) < 0)
                return VAULT_E_UNSURE;
        return r;
}

int vault_replace(const char *path, int fd, char **ret_kept)
{
        _cleanup_free_ char *real = NULL, *dir = NULL, *partial = NULL, *kept = NULL;
        int r;

        r = file_check(path, /* missing_ok= */ true, &real);
        if (r == 0)
                r = file_snapshots(real, &dir);
        if (r != 0)
                return r;
        if (asprintf(&partial, "%s/" RESTORE_PARTIAL, dir) < 0) {
                partial = NULL;
                return -ENOMEM;
        }
        (void)unlink(partial);
        if (fsync(fd) < 0)
                return -errno;
        r = name_file(fd, partial);
        if (r == 0)
                r = access(real, F_OK) == 0 ? keep(real, dir, &kept) : file_set_log_aside(real);
        if (r == 0)
                r = swap(partial, real, fd, kept);
        /* There still when something failed, or a copy of it took the place. */
        (void)unlink(partial);
        if (r == 0)
                *ret_kept = TAKE_PTR(kept);
        return r;
}
