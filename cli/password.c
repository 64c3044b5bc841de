/*
 * Password sources: a file, a descriptor, a systemd credential
 *
 * In that order; the first that is there is the only one tried, so that a mistake in it is reported and not passed
 * over.
 */
#include "cli/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/text.h"

int password_option(PasswordSource *source, PasswordSource *new_source, int c, const char *argument)
{
        PasswordSource *meant = c == PASSWORD_OPTION_FILE || c == PASSWORD_OPTION_FD ? source : new_source;
        uint64_t fd;

        switch (c) {
        case PASSWORD_OPTION_FILE:
        case PASSWORD_OPTION_NEW_FILE:
                meant->file = argument;
                return -1;
        case PASSWORD_OPTION_FD:
        case PASSWORD_OPTION_NEW_FD:
                if (text_number(argument, 0, 65535, &fd) < 0)
                        return cli_error(EXIT_USAGE, "\"%s\" is not a file descriptor", argument);
                meant->fd = (int)fd;
                return -1;
        default:
                return PASSWORD_NOT_MINE;
        }
}

static int read_from(int fd, const char *name, size_t max, Secret **ret)
{
        int r = secret_read(fd, max, ret);

        if (r == -EFBIG)
                return cli_error(EXIT_USAGE, "%s is longer than %zu bytes", name, max);
        if (r < 0)
                return cli_error(EXIT_OTHER, "cannot read %s: %s", name, strerror(-r));
        return 0;
}

int password_read_file(const char *path, size_t max, Secret **ret)
{
        _cleanup_close_ int fd = -1;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return cli_error(EXIT_OTHER, "cannot open %s: %s", path, strerror(errno));
        return read_from(fd, path, max, ret);
}

static int credential_path(char **ret)
{
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL;

        *ret = NULL;
        if (!directory || directory[0] != '/')
                return 0;
        if (asprintf(&path, "%s/keyfob.password", directory) < 0)
                return cli_no_memory();
        if (access(path, F_OK) == 0)
                *ret = TAKE_PTR(path);
        return 0;
}

int password_read(const PasswordSource *source, Secret **ret)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        _cleanup_free_ char *credential = NULL;
        int r = 0;

        if (source->file && strcmp(source->file, "-") == 0) {
                r = read_from(STDIN_FILENO, "standard input", PASSWORD_MAX, &secret);
        } else if (source->file) {
                r = password_read_file(source->file, PASSWORD_MAX, &secret);
        } else if (source->fd >= 0) {
                r = read_from(source->fd, "the password's descriptor", PASSWORD_MAX, &secret);
        } else if (source->credential) {
                r = credential_path(&credential);
                if (r == 0 && credential)
                        r = password_read_file(credential, PASSWORD_MAX, &secret);
        }
        if (r != 0)
                return r;

        if (secret)
                secret_chomp(secret);
        *ret = TAKE_PTR(secret);
        return 0;
}
