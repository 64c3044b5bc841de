/*
 * Dotfile
 *
 * Many people keep their dotfiles elsewhere and link to them, so what is replaced is what the link leads to, in its own
 * folder. A program that reads the file sees the old text or the new one, never half of it.
 */
#include "cli/dotfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "common/cleanup.h"
#include "common/places.h"

#define TEXT_MAX ((size_t)1024 * 1024)

void dotfile_done(Dotfile *file)
{
        free(file->target);
        free(file->text);
}

/* The folder that a path is in. New string or NULL. */
static char *folder_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
}

static int check_folder(const char *path)
{
        _cleanup_free_ char *folder = folder_of(path);
        struct stat st;

        if (!folder)
                return -ENOMEM;
        if (stat(folder[0] ? folder : "/", &st) < 0)
                return errno == ENOENT ? DOTFILE_OK : -errno;
        if (st.st_uid != geteuid() && st.st_uid != 0)
                return DOTFILE_FOREIGN;
        return st.st_mode & (S_IWGRP | S_IWOTH) ? DOTFILE_OPEN : DOTFILE_OK;
}

static int read_text(int fd, size_t size, char **ret)
{
        _cleanup_free_ char *text = malloc(size + 1);
        size_t n = 0;
        ssize_t got;

        if (!text)
                return -ENOMEM;
        while (n < size && (got = read(fd, text + n, size - n)) != 0) {
                if (got < 0 && errno != EINTR)
                        return -errno;
                if (got > 0)
                        n += (size_t)got;
        }
        if (memchr(text, 0, n))
                return DOTFILE_STRANGE;
        text[n] = 0;
        *ret = TAKE_PTR(text);
        return DOTFILE_OK;
}

static int read_there(Dotfile *file, bool strict)
{
        _cleanup_close_ int fd = open(file->target, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        int r;

        if (fd < 0 || fstat(fd, &file->state) < 0)
                return -errno;
        if (!S_ISREG(file->state.st_mode) || file->state.st_size > (off_t)TEXT_MAX)
                return DOTFILE_STRANGE;
        if (file->state.st_uid != geteuid())
                return DOTFILE_FOREIGN;
        if (strict && file->state.st_mode & (S_IWGRP | S_IWOTH))
                return DOTFILE_OPEN;
        r = strict ? check_folder(file->target) : DOTFILE_OK;
        return r == DOTFILE_OK ? read_text(fd, (size_t)file->state.st_size, &file->text) : r;
}

int dotfile_read(const char *path, bool strict, Dotfile *ret)
{
        _cleanup_(dotfile_done) Dotfile file = DOTFILE_NULL;
        struct stat st;
        int r;

        r = strict ? check_folder(path) : DOTFILE_OK;
        if (r != DOTFILE_OK)
                return r;
        file.there = lstat(path, &st) == 0;
        if (!file.there && errno != ENOENT && errno != ENOTDIR)
                return -errno;
        file.linked = file.there && S_ISLNK(st.st_mode);
        file.target = file.there ? realpath(path, NULL) : strdup(path);
        if (!file.target)
                return file.linked && errno == ENOENT ? DOTFILE_NOWHERE : -errno;
        if (file.there) {
                r = read_there(&file, strict);
        } else {
                file.text = strdup("");
                r = file.text ? DOTFILE_OK : -ENOMEM;
        }
        if (r != DOTFILE_OK)
                return r;
        *ret = file;
        file = DOTFILE_NULL;
        return DOTFILE_OK;
}

/* Whether it is as it was read: between that and now a person was asked. */
static int check_unchanged(const Dotfile *file)
{
        struct stat st;

        if (lstat(file->target, &st) < 0)
                return errno != ENOENT ? -errno : file->there ? DOTFILE_CHANGED : DOTFILE_OK;
        return file->there && st.st_ino == file->state.st_ino && st.st_dev == file->state.st_dev &&
                               st.st_size == file->state.st_size && st.st_mtim.tv_sec == file->state.st_mtim.tv_sec &&
                               st.st_mtim.tv_nsec == file->state.st_mtim.tv_nsec
                       ? DOTFILE_OK
                       : DOTFILE_CHANGED;
}

static int fill(const Dotfile *file, int fd, const char *text, mode_t mode)
{
        int r;

        r = output_write(fd, text, strlen(text));
        if (r < 0)
                return r;
        /* its group is kept where that is allowed; before the mode, which a change of owner may cut */
        if (file->there && fchown(fd, (uid_t)-1, file->state.st_gid) < 0 && errno != EPERM)
                return -errno;
        if (fchmod(fd, file->there ? file->state.st_mode & 07777 : mode) < 0 || fsync(fd) < 0)
                return -errno;
        return check_unchanged(file);
}

int dotfile_write(const Dotfile *file, const char *text, mode_t mode)
{
        _cleanup_free_ char *temporary = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        r = places_make_parents(file->target);
        if (r < 0)
                return r;
        if (asprintf(&temporary, "%s.XXXXXX", file->target) < 0) {
                temporary = NULL;
                return -ENOMEM;
        }
        fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = fill(file, fd, text, mode);
        if (r == DOTFILE_OK && rename(temporary, file->target) < 0)
                r = -errno;
        if (r != DOTFILE_OK) {
                (void)unlink(temporary);
                return r;
        }
        return places_sync_parent(file->target);
}

int dotfile_remove(const Dotfile *file)
{
        int r = check_unchanged(file);

        if (r != DOTFILE_OK)
                return r;
        return unlink(file->target) < 0 ? -errno : places_sync_parent(file->target);
}
