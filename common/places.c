/*
 * Where things are
 *
 * The runtime directory has two fall-backs because a login over ssh without logind, a container, or cron has no
 * XDG_RUNTIME_DIR: the place logind would have made, then one of our own below /tmp, whose owner is checked each time.
 */
#include "common/places.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int places_home(char **ret)
{
        const char *home = getenv("HOME");
        struct passwd *user;

        if (!home || home[0] != '/') {
                user = getpwuid(getuid());
                home = user ? user->pw_dir : NULL;
        }
        if (!home || home[0] != '/')
                return -ENOENT;
        *ret = strdup(home);
        return *ret ? 0 : -ENOMEM;
}

static int xdg_dir(const char *variable, const char *below_home, const char *suffix, char **ret)
{
        _cleanup_free_ char *home = NULL;
        const char *base = getenv(variable);
        int r;

        if (base && base[0] == '/')
                return asprintf(ret, "%s%s", base, suffix) < 0 ? -ENOMEM : 0;

        r = places_home(&home);
        if (r < 0)
                return r;
        return asprintf(ret, "%s/%s%s", home, below_home, suffix) < 0 ? -ENOMEM : 0;
}

int places_data_dir(char **ret)
{
        return xdg_dir("XDG_DATA_HOME", ".local/share", "/keyfob", ret);
}

int places_state_dir(char **ret)
{
        return xdg_dir("XDG_STATE_HOME", ".local/state", "/keyfob", ret);
}

int places_data_home(char **ret)
{
        return xdg_dir("XDG_DATA_HOME", ".local/share", "", ret);
}

int places_config_home(char **ret)
{
        return xdg_dir("XDG_CONFIG_HOME", ".config", "", ret);
}

int places_runtime_dir(char **ret)
{
        const char *base = getenv("XDG_RUNTIME_DIR");
        struct stat st;
        char run[64];

        if (base && base[0] == '/')
                return asprintf(ret, "%s/keyfob", base) < 0 ? -ENOMEM : 0;

        (void)snprintf(run, sizeof(run), "/run/user/%u", getuid());
        if (lstat(run, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid())
                return asprintf(ret, "%s/keyfob", run) < 0 ? -ENOMEM : 0;

        return asprintf(ret, "/tmp/keyfob-%u", getuid()) < 0 ? -ENOMEM : 0;
}

int places_socket(unsigned turn, const char *name, char **ret)
{
        const char *base = getenv("XDG_RUNTIME_DIR");
        int r = -1;

        if (base && base[0] == '/') {
                if (turn > 0)
                        return -ENOENT;
                r = asprintf(ret, "%s/keyfob/%s", base, name);
        } else if (turn == 0) {
                r = asprintf(ret, "/run/user/%u/keyfob/%s", geteuid(), name);
        } else if (turn == 1) {
                r = asprintf(ret, "/tmp/keyfob-%u/%s", geteuid(), name);
        } else {
                return -ENOENT;
        }
        return r < 0 ? -ENOMEM : 0;
}

int places_make_parents(const char *path)
{
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                if (mkdir(copy, 0700) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        return 0;
}

int places_sync_parent(const char *path)
{
        _cleanup_free_ char *parent = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
        _cleanup_close_ int fd = -1;

        if (!parent)
                return -ENOMEM;
        fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int open_dir(const char *path)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int places_open_private_dir(const char *path)
{
        _cleanup_close_ int fd = -1;
        struct stat st;
        int r;

        r = places_make_parents(path);
        if (r < 0)
                return r;
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return -errno;

        fd = open_dir(path);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != geteuid())
                return -EPERM;
        if ((st.st_mode & 077) && fchmod(fd, 0700) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int places_check_private_dir(const char *path)
{
        _cleanup_close_ int fd = -1;
        struct stat st;

        fd = open_dir(path);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != geteuid() || (st.st_mode & 022))
                return -EPERM;
        return 0;
}
