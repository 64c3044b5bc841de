/*
 * Apps
 *
 * Flatpak leaves a file in the root of each sandbox that it makes, also in that of the proxy through which its apps reach
 * the session bus, so that others can tell whom they talk to. The file is looked at through /proc/PID/root. What is there
 * was made by a stranger: a file system in user space would make us wait for as long as it likes, and so would a fifo.
 * Snaps are told by the profile of AppArmor that they run under. Where neither can be seen, the unit of systemd tells.
 *
 * A program of the same user that is in no sandbox can make itself a root that has such a file. It gets itself the
 * restrictions of an app by that.
 */
#include "helper/app.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "helper/process.h"

#define INFO_MAX       65536U
#define LABEL_MAX      4096U
#define FUSE_MAGIC     0x65735546
#define APP_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static int put(const char *kind, const char *name, size_t n, char *ret, size_t size)
{
        if (n == 0 || strspn(name, APP_CHARACTERS) < n || strlen(kind) + n >= size)
                return -ENODATA;
        (void)snprintf(ret, size, "%s%.*s", kind, (int)n, name);
        return 0;
}

int app_parse_flatpak(const char *text, char *ret, size_t size)
{
        bool in_app = false;

        for (const char *line = text; *line;) {
                size_t n = strcspn(line, "\n");

                if (*line == '[')
                        in_app = (n == 13 && memcmp(line, "[Application]", n) == 0) ||
                                 (n == 9 && memcmp(line, "[Runtime]", n) == 0);
                else if (in_app && n > 5 && memcmp(line, "name=", 5) == 0)
                        return put("flatpak:", line + 5, n - 5, ret, size);
                line += n + (line[n] == '\n');
        }
        return -ENODATA;
}

int app_parse_snap(const char *label, char *ret, size_t size)
{
        if (strncmp(label, "snap.", 5) != 0)
                return -ENODATA;
        label += 5;
        /* "snap.name.app": a label without an app is no program's. */
        return label[strcspn(label, ".")] == '.' ? put("snap:", label, strcspn(label, "."), ret, size) : -ENODATA;
}

int app_parse_unit(const char *unit, char *ret, size_t size)
{
        static const char prefix[] = "app-flatpak-";
        char name[APP_NAME_MAX];
        size_t n = 0;
        const char *end;

        if (strncmp(unit, prefix, sizeof(prefix) - 1) != 0)
                return app_parse_snap(unit, ret, size);
        unit += sizeof(prefix) - 1;
        end = strrchr(unit, '-');
        if (!end)
                return -ENODATA;
        /* A hyphen of the name is escaped, so that it separates nothing. */
        for (; unit < end && n < sizeof(name) - 1; n++) {
                bool escaped = strncmp(unit, "\\x2d", 4) == 0;

                name[n] = escaped ? '-' : *unit;
                unit += escaped ? 4 : 1;
        }
        name[n] = 0;
        return put("flatpak:", name, n, ret, size);
}

static bool on_user_space(int fd)
{
        struct statfs fs;

        return fstatfs(fd, &fs) < 0 || fs.f_type == FUSE_MAGIC;
}

/* 0 with the text, -ENOENT when there is no such file, another error when there is one that can't be read. */
static int read_flatpak_info(int process, Secret **ret)
{
        _cleanup_close_ int root = -1, found = -1, file = -1;
        char path[32];
        struct stat st;

        root = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return -errno;
        if (on_user_space(root))
                return -EPERM;
        found = openat(root, ".flatpak-info", O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (found < 0)
                return -errno;
        if (fstat(found, &st) < 0 || !S_ISREG(st.st_mode) || on_user_space(found))
                return -EPERM;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
        file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        return file < 0 ? -errno : secret_read(file, INFO_MAX, ret);
}

/* Ours is the same one: then there is no sandbox to look into. */
static bool shares_our_root(int process)
{
        struct stat ours, theirs;

        return stat("/", &ours) == 0 && fstatat(process, "root/", &theirs, 0) == 0 && ours.st_dev == theirs.st_dev &&
               ours.st_ino == theirs.st_ino;
}

static bool flatpak_name(int process, char ret[static APP_NAME_MAX])
{
        _cleanup_(secret_freep) Secret *info = NULL;
        int r;

        if (shares_our_root(process))
                return true;
        r = read_flatpak_info(process, &info);
        if (r == -ENOENT)
                return true;
        return r >= 0 && app_parse_flatpak((const char *)info->data, ret, APP_NAME_MAX) == 0;
}

static bool snap_name(int process, char ret[static APP_NAME_MAX])
{
        static const char *const labels[] = {"attr/apparmor/current", "attr/current"};

        for (size_t i = 0; i < ELEMENTSOF(labels); i++) {
                _cleanup_(secret_freep) Secret *label = NULL;

                if (process_read(process, labels[i], LABEL_MAX, &label) >= 0)
                        return app_parse_snap((const char *)label->data, ret, APP_NAME_MAX) == 0;
        }
        return false;
}

bool app_name(int process, char ret[static APP_NAME_MAX])
{
        bool told;

        ret[0] = 0;
        if (snap_name(process, ret))
                return true;
        told = flatpak_name(process, ret);
        if (!told)
                ret[0] = 0;
        return told;
}
