/*
 * A database in a descriptor
 *
 * SQLite opens by name, and a copy of a vault should have none: nobody can put another file in its place, nothing is left
 * when the process dies, and it can be looked at where no directory may be opened. So this is an SQLite VFS for one
 * descriptor: its main database, and nothing beside it. A journal or a log can't be opened, which also means that none
 * that lies beside a file is ever taken for its own. Nothing is locked, because nobody else has the file.
 */
#include "store/db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"

typedef struct FdFile {
        sqlite3_file file; /* first */
        int fd;
} FdFile;

struct FdVfs {
        sqlite3_vfs vfs; /* first */
        char name[40];
        int fd;
};

static int fd_close(sqlite3_file *file)
{
        return SQLITE_OK; /* the descriptor is its owner's */
}

static int fd_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
        const FdFile *self = (FdFile *)file;
        uint8_t *p = data;

        while (size > 0) {
                ssize_t n = pread(self->fd, p, (size_t)size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return SQLITE_IOERR_READ;
                if (n == 0) {
                        memset(p, 0, (size_t)size);
                        return SQLITE_IOERR_SHORT_READ;
                }
                p += n;
                offset += n;
                size -= (int)n;
        }
        return SQLITE_OK;
}

static int fd_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
        const FdFile *self = (FdFile *)file;
        const uint8_t *p = data;

        while (size > 0) {
                ssize_t n = pwrite(self->fd, p, (size_t)size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 && errno != ENOSPC && errno != EDQUOT ? SQLITE_IOERR_WRITE : SQLITE_FULL;
                p += n;
                offset += n;
                size -= (int)n;
        }
        return SQLITE_OK;
}

static int fd_truncate(sqlite3_file *file, sqlite3_int64 size)
{
        return ftruncate(((FdFile *)file)->fd, size) < 0 ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

/* Who made the copy makes it durable, when it is whole. */
static int fd_sync(sqlite3_file *file, int flags)
{
        return SQLITE_OK;
}

static int fd_size(sqlite3_file *file, sqlite3_int64 *ret)
{
        struct stat st;

        if (fstat(((FdFile *)file)->fd, &st) < 0)
                return SQLITE_IOERR_FSTAT;
        *ret = st.st_size;
        return SQLITE_OK;
}

static int fd_lock(sqlite3_file *file, int level)
{
        return SQLITE_OK;
}

static int fd_reserved(sqlite3_file *file, int *ret)
{
        *ret = 0;
        return SQLITE_OK;
}

static int fd_control(sqlite3_file *file, int operation, void *argument)
{
        return SQLITE_NOTFOUND;
}

static int fd_sector_size(sqlite3_file *file)
{
        return 4096;
}

static int fd_characteristics(sqlite3_file *file)
{
        return 0;
}

static const sqlite3_io_methods methods = {
        .iVersion = 1,
        .xClose = fd_close,
        .xRead = fd_read,
        .xWrite = fd_write,
        .xTruncate = fd_truncate,
        .xSync = fd_sync,
        .xFileSize = fd_size,
        .xLock = fd_lock,
        .xUnlock = fd_lock,
        .xCheckReservedLock = fd_reserved,
        .xFileControl = fd_control,
        .xSectorSize = fd_sector_size,
        .xDeviceCharacteristics = fd_characteristics,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
        FdFile *self = (FdFile *)file;

        *self = (FdFile){.fd = ((FdVfs *)vfs)->fd};
        if (!(flags & SQLITE_OPEN_MAIN_DB))
                return SQLITE_CANTOPEN;
        self->file.pMethods = &methods;
        if (ret_flags)
                *ret_flags = flags;
        return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
        return SQLITE_OK;
}

/* There is nothing beside it. */
static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
        *ret = 0;
        return SQLITE_OK;
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
        (void)snprintf(ret, (size_t)size, "%s", name);
        return SQLITE_OK;
}

static sqlite3_vfs *system_vfs(sqlite3_vfs *vfs)
{
        return vfs->pAppData;
}

static int vfs_random(sqlite3_vfs *vfs, int size, char *ret)
{
        return system_vfs(vfs)->xRandomness(system_vfs(vfs), size, ret);
}

static int vfs_sleep(sqlite3_vfs *vfs, int usec)
{
        return system_vfs(vfs)->xSleep(system_vfs(vfs), usec);
}

static int vfs_time(sqlite3_vfs *vfs, double *ret)
{
        return system_vfs(vfs)->xCurrentTime(system_vfs(vfs), ret);
}

FdVfs *db_fd_free(FdVfs *vfs)
{
        if (!vfs)
                return NULL;
        (void)sqlite3_vfs_unregister(&vfs->vfs);
        free(vfs);
        return NULL;
}
DEFINE_CLEANUP(FdVfs *, db_fd_free)

int db_open_fd(int fd, FdVfs **ret_vfs, sqlite3 **ret)
{
        _cleanup_(db_fd_freep) FdVfs *vfs = calloc(1, sizeof(*vfs));
        int r;

        if (!vfs)
                return -ENOMEM;
        vfs->fd = fd;
        (void)snprintf(vfs->name, sizeof(vfs->name), "keyfob-fd-%p", (void *)vfs);
        vfs->vfs = (sqlite3_vfs){
                .iVersion = 1,
                .szOsFile = sizeof(FdFile),
                .mxPathname = 64,
                .zName = vfs->name,
                .pAppData = sqlite3_vfs_find(NULL),
                .xOpen = vfs_open,
                .xDelete = vfs_delete,
                .xAccess = vfs_access,
                .xFullPathname = vfs_full_name,
                .xRandomness = vfs_random,
                .xSleep = vfs_sleep,
                .xCurrentTime = vfs_time,
        };
        if (!vfs->vfs.pAppData || sqlite3_vfs_register(&vfs->vfs, /* makeDflt= */ 0) != SQLITE_OK) {
                free(TAKE_PTR(vfs));
                return -ENOMEM;
        }
        r = db_open_with(vfs->name, ret);
        if (r == 0)
                *ret_vfs = TAKE_PTR(vfs);
        return r;
}
