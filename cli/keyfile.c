/*
 * Key files
 *
 * One that is made for a slot must be durable before the slot is, and must not stay when the slot could not be made.
 */
#include "cli/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/password.h"
#include "common/places.h"

#define KEYFILE_SIZE ((size_t)64)
#define KEYFILE_MIN  ((size_t)32) /* what the vault takes */

static int absolute(const char *path, char **ret)
{
        char directory[PATH_MAX];

        if (path[0] == '/')
                return (*ret = strdup(path)) ? 0 : -ENOMEM;
        if (!getcwd(directory, sizeof(directory)))
                return -errno;
        return asprintf(ret, "%s/%s", directory, path) < 0 ? -ENOMEM : 0;
}

static int make(int fd, const char *path, Secret **ret)
{
        _cleanup_(secret_freep) Secret *content = NULL;
        int r;

        r = secret_new(&content, KEYFILE_SIZE);
        if (r < 0)
                return r;
        if (getrandom(content->data, KEYFILE_SIZE, 0) != (ssize_t)KEYFILE_SIZE)
                return -EIO;
        content->size = KEYFILE_SIZE;
        r = output_write(fd, content->data, content->size);
        if (r < 0)
                return r;
        if (fsync(fd) < 0)
                return -errno;
        r = places_sync_parent(path);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(content);
        return 0;
}

int keyfile_open(const char *path, Keyfile *ret)
{
        _cleanup_(keyfile_done) Keyfile keyfile = KEYFILE_NULL;
        _cleanup_close_ int fd = -1;
        int r;

        r = absolute(path, &keyfile.path);
        if (r < 0) {
                keyfile.path = NULL;
                return cli_error(EXIT_OTHER, "%s: %s", path, strerror(-r));
        }

        fd = open(keyfile.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0) {
                keyfile.made = true;
                r = make(fd, keyfile.path, &keyfile.content);
                if (r < 0)
                        return cli_error(EXIT_OTHER, "cannot make %s: %s", keyfile.path, strerror(-r));
        } else if (errno == EEXIST) {
                r = password_read_file(keyfile.path, PASSWORD_MAX, &keyfile.content);
                if (r != 0)
                        return r;
                if (keyfile.content->size < KEYFILE_MIN)
                        return cli_error(EXIT_USAGE, "%s is shorter than %zu bytes: a key file must not be guessable",
                                         keyfile.path, KEYFILE_MIN);
        } else {
                return cli_error(EXIT_OTHER, "cannot make %s: %s", keyfile.path, strerror(errno));
        }

        *ret = keyfile;
        keyfile = KEYFILE_NULL;
        return 0;
}

void keyfile_keep(Keyfile *keyfile)
{
        keyfile->made = false;
}

void keyfile_done(Keyfile *keyfile)
{
        if (keyfile->made)
                (void)unlink(keyfile->path);
        secret_free(keyfile->content);
        free(keyfile->path);
        *keyfile = KEYFILE_NULL;
}
