/* Files of a disk that fails, put by and put back: see fault-disk.h. Holes stay holes, for speed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fault-internal.h"
#include "tests/unit/test.h"

static bool all_zero(const uint8_t *data, size_t size)
{
        return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

uint8_t *disk_read_file(const char *path, size_t *ret_size, size_t *ret_used)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        off_t at = 0, end = 0;
        struct stat st;
        uint8_t *data;

        CHECK(fd >= 0 && fstat(fd, &st) == 0);
        data = calloc(1, (size_t)st.st_size + 1);
        CHECK(data);
        while (end < st.st_size && (at = lseek(fd, end, SEEK_DATA)) >= 0) {
                end = lseek(fd, at, SEEK_HOLE);
                while (at < end) {
                        ssize_t n = pread(fd, data + at, (size_t)(end - at), at);

                        CHECK(n > 0);
                        at += n;
                }
        }
        (void)close(fd);
        *ret_size = (size_t)st.st_size;
        while (end > 0 && all_zero(data + (end - 1) / PAGE * PAGE, (size_t)((end - 1) % PAGE + 1)))
                end = (end - 1) / PAGE * PAGE;
        *ret_used = (size_t)end;
        return data;
}

/* With holes where there is nothing, for speed. */
static void write_file(const char *path, const uint8_t *data, size_t size, size_t used)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        size_t step;

        CHECK(fd >= 0);
        for (size_t at = 0; at < used; at += step) {
                step = used - at < PAGE ? used - at : PAGE;
                if (!all_zero(data + at, step))
                        CHECK_EQ(pwrite(fd, data + at, step, (off_t)at), step);
        }
        CHECK_EQ(ftruncate(fd, (off_t)size), 0);
        (void)close(fd);
}

void disk_walk(const char *directory, const char *prefix,
               void (*visit)(const char *path, const char *name, void *userdata), void *userdata)
{
        DIR *dir = opendir(directory);
        struct dirent *entry;

        CHECK(dir);
        while ((entry = readdir(dir))) {
                char path[PATH_MAX], name[64];
                struct stat st;

                if (entry->d_name[0] == '.')
                        continue;
                CHECK(snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) < (int)sizeof(path));
                CHECK(snprintf(name, sizeof(name), "%s%s", prefix, entry->d_name) < (int)sizeof(name) - 1);
                CHECK_EQ(lstat(path, &st), 0);
                if (S_ISDIR(st.st_mode)) {
                        (void)strcat(name, "/");
                        disk_walk(path, name, visit, userdata);
                } else
                        visit(path, name, userdata);
        }
        (void)closedir(dir);
}

void disk_put_file(const char *directory, const char *name, const uint8_t *data, size_t size, size_t used)
{
        char path[PATH_MAX + 64];
        const char *slash = strchr(name, '/');

        if (slash) {
                (void)snprintf(path, sizeof(path), "%s/%.*s", directory, (int)(slash - name), name);
                CHECK(mkdir(path, 0700) == 0 || errno == EEXIST);
        }
        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        write_file(path, data, size, used);
}

static void clear_one(const char *path, const char *name, void *userdata)
{
        CHECK_EQ(unlink(path), 0);
}

void disk_clear(const char *directory)
{
        char below[PATH_MAX];

        disk_walk(directory, "", clear_one, NULL);
        (void)snprintf(below, sizeof(below), "%s/snapshots", directory);
        CHECK(rmdir(below) == 0 || errno == ENOENT);
}

struct DiskImageFile {
        char name[64];
        uint8_t *data;
        size_t size, used;
};

static void take_one(const char *path, const char *name, void *userdata)
{
        DiskImage *image = userdata;
        struct DiskImageFile *file;

        image->files = reallocarray(image->files, image->n + 1, sizeof(*image->files));
        CHECK(image->files);
        file = image->files + image->n++;
        (void)snprintf(file->name, sizeof(file->name), "%s", name);
        file->data = disk_read_file(path, &file->size, &file->used);
}

void disk_image_take(const char *directory, DiskImage *ret)
{
        *ret = (DiskImage){0};
        disk_walk(directory, "", take_one, ret);
}

void disk_image_put(const DiskImage *image, const char *directory)
{
        disk_clear(directory);
        for (size_t i = 0; i < image->n; i++)
                disk_put_file(directory, image->files[i].name, image->files[i].data, image->files[i].size,
                              image->files[i].used);
}

void disk_image_done(DiskImage *image)
{
        for (size_t i = 0; i < image->n; i++)
                free(image->files[i].data);
        free(image->files);
        *image = (DiskImage){0};
}
