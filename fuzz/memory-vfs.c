/* One table of files; the handle that SQLite has is an index into it */
#include "fuzz/memory-vfs.h"

#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sanitizer.h"
#include "fuzz/fail.h"
#include "fuzz/fuzz.h"
#include "fuzz/sqlite-memory.h"
#include "store/internal.h"

#define FILES_MAX 8U
#define FILE_MAX  ((size_t)128 * 1024 * 1024)
#define NAME_MAX_ 160U

typedef struct File {
        char name[NAME_MAX_]; /* empty: a free place */
        uint8_t *data;
        size_t size, capacity;
} File;

typedef struct Handle {
        sqlite3_file base;
        unsigned i;
        bool delete;
        int persist;
} Handle;

/* The vault and its log have places of their own, so that a kept handle is still theirs. */
enum { VAULT, VAULT_LOG, OTHERS };

static File files[FILES_MAX];
static char dir[64], vault[80], vault_log[88];
static unsigned written;
static bool dir_used; /* something may be in the real one */

static File *find(const char *name)
{
        for (unsigned i = 0; i < FILES_MAX; i++)
                if (files[i].name[0] && strcmp(files[i].name, name) == 0)
                        return files + i;
        return NULL;
}

static File *make(const char *name)
{
        File *file = find(name);

        if (!file && strcmp(name, vault) == 0)
                file = files + VAULT;
        else if (!file && strcmp(name, vault_log) == 0)
                file = files + VAULT_LOG;
        for (unsigned i = OTHERS; !file && i < FILES_MAX; i++)
                if (!files[i].name[0])
                        file = files + i;
        PROMISE(file && strlen(name) < sizeof(file->name));
        memcpy(file->name, name, strlen(name) + 1);
        return file;
}

/* The memory of a file that has gone is kept for the next one. */
static void forget(File *file)
{
        written++;
        file->name[0] = 0;
        file->size = 0;
}

static bool resize(File *file, size_t size)
{
        written++;
        if (size > FILE_MAX)
                return false;
        if (size > file->capacity) {
                size_t capacity = size + size / 2 + 65536;
                bool inside = fail_pause();
                uint8_t *data;

                data = realloc(file->data, capacity);
                fail_resume(inside);
                if (!data)
                        return false;
                file->data = data;
                file->capacity = capacity;
        }
        if (size > file->size)
                memset(file->data + file->size, 0, size - file->size);
        file->size = size;
        return true;
}

/* ---- a file ---- */

static File *file_of(sqlite3_file *base)
{
        return files + ((Handle *)base)->i;
}

static int on_close(sqlite3_file *base)
{
        if (((Handle *)base)->delete)
                forget(file_of(base));
        return SQLITE_OK;
}

static int on_read(sqlite3_file *base, void *ret, int n, sqlite3_int64 at)
{
        const File *file = file_of(base);
        size_t there = (size_t)at < file->size ? file->size - (size_t)at : 0;

        if (fail_now())
                return SQLITE_IOERR_READ;
        if (there >= (size_t)n) {
                memcpy(ret, file->data + at, (size_t)n);
                return SQLITE_OK;
        }
        if (there > 0)
                memcpy(ret, file->data + at, there);
        memset((uint8_t *)ret + there, 0, (size_t)n - there);
        return SQLITE_IOERR_SHORT_READ;
}

static int on_write(sqlite3_file *base, const void *data, int n, sqlite3_int64 at)
{
        File *file = file_of(base);
        bool fails = fail_now();

        written++;
        if (fails)
                n /= 2;
        if (n > 0) {
                if ((size_t)at + (size_t)n > file->size && !resize(file, (size_t)at + (size_t)n))
                        return SQLITE_FULL;
                memcpy(file->data + at, data, (size_t)n);
        }
        return fails ? SQLITE_FULL : SQLITE_OK;
}

static int on_truncate(sqlite3_file *base, sqlite3_int64 size)
{
        if (fail_now())
                return SQLITE_IOERR_TRUNCATE;
        return resize(file_of(base), (size_t)size) ? SQLITE_OK : SQLITE_FULL;
}

static int on_sync(sqlite3_file *base, int flags)
{
        return fail_now() ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int on_size(sqlite3_file *base, sqlite3_int64 *ret)
{
        *ret = (sqlite3_int64)file_of(base)->size;
        return SQLITE_OK;
}

static int on_lock(sqlite3_file *base, int level)
{
        return SQLITE_OK;
}

static int on_check_lock(sqlite3_file *base, int *ret)
{
        *ret = 0;
        return SQLITE_OK;
}

static int on_control(sqlite3_file *base, int what, void *argument)
{
        Handle *handle = (Handle *)base;
        int *value = argument;

        if (what != SQLITE_FCNTL_PERSIST_WAL)
                return SQLITE_NOTFOUND;
        if (*value < 0)
                *value = handle->persist;
        else
                handle->persist = *value;
        return SQLITE_OK;
}

static int on_sector(sqlite3_file *base)
{
        return 4096;
}

static int on_device(sqlite3_file *base)
{
        return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
        .iVersion = 1,
        .xClose = on_close,
        .xRead = on_read,
        .xWrite = on_write,
        .xTruncate = on_truncate,
        .xSync = on_sync,
        .xFileSize = on_size,
        .xLock = on_lock,
        .xUnlock = on_lock,
        .xCheckReservedLock = on_check_lock,
        .xFileControl = on_control,
        .xSectorSize = on_sector,
        .xDeviceCharacteristics = on_device,
};

/* ---- the system ---- */

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *ret_flags)
{
        Handle *handle = (Handle *)base;

        base->pMethods = NULL;
        if (!name || fail_now())
                return SQLITE_CANTOPEN;
        *handle = (Handle){.base.pMethods = &methods,
                           .i = (unsigned)(make(name) - files),
                           .delete = flags & SQLITE_OPEN_DELETEONCLOSE};
        if (ret_flags)
                *ret_flags = flags;
        return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
        File *file = find(name);

        if (!file)
                return SQLITE_IOERR_DELETE_NOENT;
        if (fail_now())
                return SQLITE_IOERR_DELETE;
        forget(file);
        return SQLITE_OK;
}

static int on_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
        *ret = find(name) != NULL;
        return SQLITE_OK;
}

static int on_full_path(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
        return snprintf(ret, (size_t)size, "%s", name) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* ---- life ---- */

static void remove_below(const char *path)
{
        DIR *d = opendir(path);
        struct dirent *entry;

        while (d && (entry = readdir(d))) {
                char below[512];

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                (void)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
                if (unlink(below) < 0) {
                        remove_below(below);
                        (void)rmdir(below);
                }
        }
        if (d)
                (void)closedir(d);
}

static void leave(void)
{
        remove_below(dir);
        (void)rmdir(dir);
}

static void set_up(void)
{
        static sqlite3_vfs vfs;
        const sqlite3_vfs *usual;

        sqlite_memory_set_up();
        usual = sqlite3_vfs_find(NULL);
        PROMISE(usual);
        vfs = *usual;
        vfs.iVersion = 1;
        vfs.szOsFile = sizeof(Handle);
        vfs.zName = "memory";
        vfs.xOpen = on_open;
        vfs.xDelete = on_delete;
        vfs.xAccess = on_access;
        vfs.xFullPathname = on_full_path;
        PROMISE(sqlite3_vfs_register(&vfs, /* makeDflt= */ 1) == SQLITE_OK);

        (void)snprintf(dir, sizeof(dir), "/dev/shm/keyfob-fuzz-XXXXXX");
        if (!mkdtemp(dir)) {
                (void)snprintf(dir, sizeof(dir), "/tmp/keyfob-fuzz-XXXXXX");
                PROMISE(mkdtemp(dir));
        }
        (void)snprintf(vault, sizeof(vault), "%s/vault.db", dir);
        (void)snprintf(vault_log, sizeof(vault_log), "%s-wal", vault);
        (void)atexit(leave);
}

const char *memory_vfs_dir(void)
{
        if (!dir[0])
                set_up();
        return dir;
}

const char *memory_vfs_vault(void)
{
        (void)memory_vfs_dir();
        return vault;
}

unsigned memory_vfs_written(void)
{
        return written;
}

const uint8_t *memory_vfs_log(size_t *ret_size)
{
        *ret_size = files[VAULT_LOG].size;
        return files[VAULT_LOG].data;
}

/* Four words at a time; it is no enemy that it has to tell files apart for. */
uint64_t memory_vfs_sum(uint64_t sum, const void *data, size_t size)
{
        const uint8_t *p = data;
        uint64_t lanes[4] = {sum ^ size, sum + 1, sum + 2, sum + 3}, words[4];

        for (; size > 0; p += sizeof(words)) {
                size_t n = size < sizeof(words) ? size : sizeof(words);

                memset(words, 0, sizeof(words));
                memcpy(words, p, n);
                size -= n;
                for (unsigned i = 0; i < 4; i++) {
                        lanes[i] = (lanes[i] ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
                        lanes[i] ^= lanes[i] >> 29;
                }
        }
        for (unsigned i = 1; i < 4; i++)
                lanes[0] = (lanes[0] ^ lanes[i] ^ lanes[i] >> 32) * UINT64_C(0xbf58476d1ce4e5b9);
        return lanes[0] ^ lanes[0] >> 32;
}

bool memory_vfs_seen(uint64_t with)
{
        static uint64_t seen[65536];
        uint64_t sum = memory_vfs_sum(with, files[VAULT].data, files[VAULT].size), *place;

        sum = memory_vfs_sum(sum, files[VAULT_LOG].data, files[VAULT_LOG].size) | 1;
        place = seen + (sum >> 16) % ELEMENTSOF(seen);
        if (*place == sum)
                return !WITH_SANITIZER;
        *place = sum;
        return false;
}

void memory_vfs_make_log(void)
{
        (void)make(vault_log);
}

bool memory_vfs_has(const char *path, const char *suffix)
{
        char name[NAME_MAX_];

        return snprintf(name, sizeof(name), "%s%s", path, suffix) < (int)sizeof(name) && find(name);
}

void memory_vfs_put(const char *path, const void *data, size_t size)
{
        File *file = make(path);

        file->size = 0;
        PROMISE(resize(file, size));
        memcpy(file->data, data, size);
}

const uint8_t *memory_vfs_get(const char *path, size_t *ret_size)
{
        const File *file = find(path);

        if (!file)
                return NULL;
        *ret_size = file->size;
        return file->data;
}

void memory_vfs_clear(void)
{
        for (unsigned i = 0; i < FILES_MAX; i++)
                if (files[i].name[0])
                        forget(files + i);
        if (dir_used)
                remove_below(dir);
        dir_used = false;
        /* SQLite's own dice, of which the log's salts are made. */
        PROMISE(sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, (sqlite3 *)NULL) == SQLITE_OK);
}

/* ---- what store/file.c does with a real one ---- */

int __wrap_file_check(const char *path, bool missing_ok, char **ret_real);
int __wrap_file_check(const char *path, bool missing_ok, char **ret_real)
{
        if (!missing_ok && !find(path))
                return VAULT_E_NO_VAULT;
        *ret_real = fail_now() ? NULL : strdup(path);
        return *ret_real ? 0 : -ENOMEM;
}

int __wrap_file_publish(const char *path, const void *data, size_t size);
int __wrap_file_publish(const char *path, const void *data, size_t size)
{
        if (find(path))
                return VAULT_E_EXISTS;
        if (fail_now())
                return -ENOSPC;
        memory_vfs_put(path, data, size);
        return 0;
}

int __wrap_file_sync_dir(const char *path);
int __wrap_file_sync_dir(const char *path)
{
        return fail_now() ? -EIO : 0;
}

/* keyfob-helper is where it is looked for. */
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
        const char *name = strrchr(path, '/');

        return find(path) || (name && strcmp(name, "/keyfob-helper") == 0) ? 0 : __real_access(path, mode);
}

/* What is made in the real directory is a directory or a socket at first. */
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
        dir_used = true;
        return __real_mkdir(path, mode);
}

int __real_bind(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size)
{
        dir_used = true;
        return __real_bind(fd, address, size);
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
        if (dir_used || strncmp(path, dir, strlen(dir)) != 0)
                return __real_unlink(path);
        errno = ENOENT;
        return -1;
}

static File *find_wal(const char *path)
{
        char name[NAME_MAX_];

        (void)snprintf(name, sizeof(name), "%s-wal", path);
        return find(name);
}

/* Not filled: only overwritten. */
int __wrap_file_grow_wal(const char *path, bool wipe);
int __wrap_file_grow_wal(const char *path, bool wipe)
{
        File *wal = find_wal(path);

        if (fail_now())
                return -ENOSPC;
        if (wipe && wal && wal->size > 0) {
                memset(wal->data, 0, wal->size);
                written++;
        }
        return 0;
}

/* What is in memory is written already; only a full disk has something to say. */
int __wrap_file_renew_wal(const char *path);
int __wrap_file_renew_wal(const char *path)
{
        static const uint8_t no_head[32];
        const File *wal = find_wal(path);

        if (!wal || wal->size < sizeof(no_head) || memcmp(wal->data, no_head, sizeof(no_head)) == 0)
                return 0;
        return fail_now() ? -ENOSPC : 0;
}

void __wrap_file_forget_wal(const char *path);
void __wrap_file_forget_wal(const char *path)
{
        File *wal = find_wal(path);

        if (wal && wal->size >= 32 && !fail_now()) {
                memset(wal->data, 0, 32);
                written++;
        }
}

/* One or the other is there, whole; what was there is kept by name only. */
int __wrap_vault_replace(const char *path, int fd, char **ret_kept);
int __wrap_vault_replace(const char *path, int fd, char **ret_kept)
{
        static const char *const beside[] = {"-wal", "-journal"};
        _cleanup_free_ char *kept = NULL;
        File *file = find(path);
        struct stat st;

        if (file && asprintf(&kept, "%s/snapshots/kept", dir) < 0) {
                kept = NULL;
                return -ENOMEM;
        }
        if (fail_now())
                return -ENOSPC;
        file = make(path);
        PROMISE(fstat(fd, &st) == 0 && resize(file, (size_t)st.st_size));
        PROMISE(pread(fd, file->data, file->size, 0) == st.st_size);
        for (unsigned i = 0; i < ELEMENTSOF(beside); i++) {
                char name[NAME_MAX_];
                File *other;

                (void)snprintf(name, sizeof(name), "%s%s", path, beside[i]);
                other = find(name);
                if (other)
                        forget(other);
        }
        *ret_kept = TAKE_PTR(kept);
        return 0;
}
