/* SQLite's part of a disk that fails: a VFS over the default one. See fault-disk.h */
#include <malloc.h>
#include <sqlite3.h>

#include "tests/unit/fault-internal.h"
#include "tests/unit/test.h"

#define KEPT_MEMORY (256 * 1024 * 1024)

typedef struct DiskFile {
        sqlite3_file base;
        const char *path; /* SQLite's, which keeps it; or NULL */
        sqlite3_file *real;
} DiskFile;

static sqlite3_vfs *real_vfs;

static DiskFile *mine(sqlite3_file *file)
{
        return (DiskFile *)file;
}

/* NULL: on the real disk, or one that is not mounted. */
static Node *file_node(sqlite3_file *file)
{
        const char *name = mine(file)->path ? disk_name(mine(file)->path) : NULL;

        return name ? disk_node(name) : NULL;
}

static int file_close(sqlite3_file *file)
{
        return mine(file)->real->pMethods->xClose(mine(file)->real);
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
        DiskFault fault;

        if (file_node(file) && disk_step(KIND_READ, &fault))
                return SQLITE_IOERR_READ;
        return mine(file)->real->pMethods->xRead(mine(file)->real, data, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
        sqlite3_file *real = mine(file)->real;
        DiskFault fault;
        size_t part;
        int rc;

        if (!file_node(file))
                return real->pMethods->xWrite(real, data, size, offset);
        if (!disk_step(KIND_WRITE, &fault)) {
                rc = real->pMethods->xWrite(real, data, size, offset);
                if (rc == SQLITE_OK)
                        disk_note(file_node(file), (size_t)offset, data, (size_t)size);
                return rc;
        }
        part = disk_part(fault, (size_t)offset, (size_t)size);
        if (part > 0) {
                CHECK_EQ(real->pMethods->xWrite(real, data, (int)part, offset), SQLITE_OK);
                disk_note(file_node(file), (size_t)offset, data, part);
        }
        return fault == DISK_FULL || fault == DISK_SHORT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
        sqlite3_file *real = mine(file)->real;
        DiskFault fault;
        int rc;

        if (file_node(file) && disk_step(KIND_OTHER, &fault))
                return SQLITE_IOERR_TRUNCATE;
        rc = real->pMethods->xTruncate(real, size);
        if (rc == SQLITE_OK && file_node(file))
                disk_note(file_node(file), 0, NULL, (size_t)size);
        return rc;
}

static int file_sync(sqlite3_file *file, int flags)
{
        DiskFault fault;

        if (!file_node(file))
                return mine(file)->real->pMethods->xSync(mine(file)->real, flags);
        if (disk_step(KIND_SYNC, &fault)) {
                disk_sync_failed(file_node(file));
                return SQLITE_IOERR_FSYNC;
        }
        disk_synced(file_node(file), /* name= */ true);
        return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
        DiskFault fault;

        if (file_node(file) && disk_step(KIND_OTHER, &fault))
                return SQLITE_IOERR_FSTAT;
        return mine(file)->real->pMethods->xFileSize(mine(file)->real, ret);
}

static int file_lock(sqlite3_file *file, int lock)
{
        DiskFault fault;

        if (file_node(file) && disk_step(KIND_OTHER, &fault))
                return SQLITE_IOERR_LOCK;
        return mine(file)->real->pMethods->xLock(mine(file)->real, lock);
}

static int file_unlock(sqlite3_file *file, int lock)
{
        return mine(file)->real->pMethods->xUnlock(mine(file)->real, lock);
}

static int file_reserved(sqlite3_file *file, int *ret)
{
        return mine(file)->real->pMethods->xCheckReservedLock(mine(file)->real, ret);
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
        return mine(file)->real->pMethods->xFileControl(mine(file)->real, op, argument);
}

static int file_sector_size(sqlite3_file *file)
{
        return mine(file)->real->pMethods->xSectorSize(mine(file)->real);
}

static int file_characteristics(sqlite3_file *file)
{
        return mine(file)->real->pMethods->xDeviceCharacteristics(mine(file)->real);
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
        return mine(file)->real->pMethods->xShmMap(mine(file)->real, page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
        return mine(file)->real->pMethods->xShmLock(mine(file)->real, offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
        mine(file)->real->pMethods->xShmBarrier(mine(file)->real);
}

static int file_shm_unmap(sqlite3_file *file, int delete)
{
        return mine(file)->real->pMethods->xShmUnmap(mine(file)->real, delete);
}

static const sqlite3_io_methods file_methods = {
        .iVersion = 2,
        .xClose = file_close,
        .xRead = file_read,
        .xWrite = file_write,
        .xTruncate = file_truncate,
        .xSync = file_sync,
        .xFileSize = file_size,
        .xLock = file_lock,
        .xUnlock = file_unlock,
        .xCheckReservedLock = file_reserved,
        .xFileControl = file_control,
        .xSectorSize = file_sector_size,
        .xDeviceCharacteristics = file_characteristics,
        .xShmMap = file_shm_map,
        .xShmLock = file_shm_lock,
        .xShmBarrier = file_shm_barrier,
        .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
        const char *name = path ? disk_name(path) : NULL;
        DiskFault fault;
        int rc;

        *mine(file) = (DiskFile){.real = (sqlite3_file *)(mine(file) + 1)};
        if (name && disk_step(flags & SQLITE_OPEN_CREATE && !disk_node(name)->there ? KIND_ROOM : KIND_OTHER, &fault))
                return SQLITE_CANTOPEN;
        rc = real_vfs->xOpen(real_vfs, path, mine(file)->real, flags, ret_flags);
        if (rc != SQLITE_OK)
                return rc;
        mine(file)->path = path;
        if (name)
                disk_node(name)->there = true;
        file->pMethods = &file_methods;
        return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
        const char *name = disk_name(path);
        DiskFault fault;
        Node *node;
        int rc;

        if (name && disk_step(KIND_NAME, &fault))
                return SQLITE_IOERR_DELETE;
        rc = real_vfs->xDelete(real_vfs, path, sync_directory);
        if (!name || rc != SQLITE_OK)
                return rc;
        node = disk_node(name);
        node->there = false;
        if (sync_directory)
                node->there_for_certain = false;
        return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
        DiskFault fault;

        if (disk_name(path) && disk_step(KIND_OTHER, &fault))
                return SQLITE_IOERR_ACCESS;
        return real_vfs->xAccess(real_vfs, path, flags, ret);
}

void disk_install(void)
{
        static sqlite3_vfs vfs;

        if (real_vfs)
                return;
        /* Files pass through memory thousands of times: to get it anew each time would cost more than what is done with it. */
        (void)mallopt(M_MMAP_MAX, 0);
        (void)mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY);
        CHECK_EQ(sqlite3_initialize(), SQLITE_OK);
        real_vfs = sqlite3_vfs_find(NULL);
        CHECK(real_vfs);
        vfs = *real_vfs;
        vfs.zName = "fault-disk";
        vfs.szOsFile = (int)sizeof(DiskFile) + real_vfs->szOsFile;
        vfs.xOpen = vfs_open;
        vfs.xDelete = vfs_delete;
        vfs.xAccess = vfs_access;
        CHECK_EQ(sqlite3_vfs_register(&vfs, /* makeDflt= */ 1), SQLITE_OK);
}
