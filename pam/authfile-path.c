/*
 * The authfile's path
 *
 * The places are pam_u2f's. XDG_CONFIG_HOME counts only where the whole process is the user's own: elsewhere it is somebody else's.
 */
#include "pam/authfile-path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"

#define BELOW_CONFIG "Yubico/u2f_keys"
#define BELOW_HOME   ".config/" BELOW_CONFIG
#define SSH_KEY      ".ssh/id_ecdsa_sk"

static bool is_file_name(const char *name)
{
        return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int expand(const char *text, const User *user, char **ret, bool *ret_of_user)
{
        ByteWriter path = BYTE_WRITER_NULL;

        for (; *text; text++) {
                if (*text != '%') {
                        byte_writer_u8(&path, (uint8_t)*text);
                        continue;
                }
                text++;
                if (*text == '%') {
                        byte_writer_u8(&path, '%');
                } else if (*text == 'u' && is_file_name(user->name)) {
                        byte_writer_raw(&path, user->name, strlen(user->name));
                        *ret_of_user = true;
                } else {
                        byte_writer_done(&path);
                        return AUTHFILE_PATH_WRONG;
                }
        }
        byte_writer_u8(&path, 0);
        *ret = path.failed ? NULL : strdup((const char *)path.data);
        byte_writer_done(&path);
        return *ret ? 0 : -ENOMEM;
}

static int below(const char *directory, const char *name, char **ret)
{
        return asprintf(ret, "%s/%s", directory, name) < 0 ? -ENOMEM : 0;
}

static int default_path(const User *user, const Options *options, char **ret)
{
        const char *config = user_is_caller(user) ? getenv("XDG_CONFIG_HOME") : NULL;

        if (options->sshformat)
                return below(user->home, SSH_KEY, ret);
        if (config && config[0] == '/')
                return below(config, BELOW_CONFIG, ret);
        return below(user->home, BELOW_HOME, ret);
}

int authfile_path_find(const User *user, const Options *options, AuthfilePath *ret)
{
        _cleanup_free_ char *named = NULL;
        AuthfilePath path = {.as_user = options->openasuser};
        int r = 0;

        if (options->authfile && options->expand)
                r = expand(options->authfile, user, &named, &path.of_user);
        else if (options->authfile && !(named = strdup(options->authfile)))
                r = -ENOMEM;
        if (r != 0)
                return r;
        if (named && named[0] == '/') {
                path.path = TAKE_PTR(named);
                *ret = path;
                return 0;
        }
        path.of_user = path.as_user = true;
        r = named ? below(user->home, named, &path.path) : default_path(user, options, &path.path);
        if (r == 0)
                *ret = path;
        return r;
}

void authfile_path_done(AuthfilePath *path)
{
        free(path->path);
        path->path = NULL;
}
