/*
 * Apps
 *
 * Flatpak leaves a file in the root of each sandbox that it makes, also in that of the proxy through which its apps reach
 * the session bus, so that others can tell whom they talk to. The file is looked at through /proc/PID/root. What is there
 * was made by a stranger: a file system in user space would make us wait for as long as it likes, and so would a fifo. So what is
 * mounted there is read from the kernel first, and no file is touched unless that is plain.
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
#include <unistd.h>

#include "common/app-name.h"
#include "helper/process.h"

#define INFO_MAX       65536U
#define LABEL_MAX      4096U
#define MOUNTS_MAX     (1024U * 1024U)
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
                        return put(APP_FLATPAK, line + 5, n - 5, ret, size);
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
        return label[strcspn(label, ".")] == '.' ? put(APP_SNAP, label, strcspn(label, "."), ret, size) : -ENODATA;
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
        return put(APP_FLATPAK, name, n, ret, size);
}

/* "36 35 98:0 /root /mount/point options - type source": of a line, where it is and of what type. */
static bool read_mount(char *line, const char **ret_place, const char **ret_type)
{
        char *rest = NULL, *type = strstr(line, " - ");
        const char *field = strtok_r(line, " ", &rest);

        for (unsigned i = 0; i < 4 && field; i++)
                field = strtok_r(NULL, " ", &rest);
        if (!field || !type || type < field)
                return false;
        *ret_place = field;
        *ret_type = strtok_r(type + 3, " ", &rest);
        return *ret_type;
}

bool app_mounts_are_plain(char *mountinfo)
{
        bool plain = false;
        char *rest = NULL;

        for (char *line = strtok_r(mountinfo, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                const char *place, *type;
                bool root;

                if (!read_mount(line, &place, &type))
                        return false;
                root = strcmp(place, "/") == 0;
                if (!root && strcmp(place, "/.flatpak-info") != 0)
                        continue;
                if (strncmp(type, "fuse", 4) == 0)
                        return false;
                plain |= root;
        }
        return plain;
}

static bool has_plain_root(int process)
{
        _cleanup_(secret_freep) Secret *mounts = NULL;

        return process_read(process, "mountinfo", MOUNTS_MAX, &mounts) >= 0 && app_mounts_are_plain((char *)mounts->data);
}

/* 0 with the text, -ENOENT when there is no such file, another error when there is one that can't be read. */
static int read_flatpak_info(int process, Secret **ret)
{
        _cleanup_close_ int root = -1, found = -1, file = -1;
        char path[32];
        struct stat st;

        if (!has_plain_root(process))
                return -EPERM;
        root = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        found = openat(root, ".flatpak-info", O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (found < 0)
                return -errno;
        if (fstat(found, &st) < 0 || !S_ISREG(st.st_mode))
                return -EPERM;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
        file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        return file < 0 ? -errno : secret_read(file, INFO_MAX, ret);
}

/* Ours is the same one, in the same mounts: then there is no sandbox to look into. Reading the links touches no file. */
static bool shares_our_root(int process)
{
        char ours[64], theirs[64], root[4];
        ssize_t n_ours = readlink("/proc/self/ns/mnt", ours, sizeof(ours));
        ssize_t n_theirs = readlinkat(process, "ns/mnt", theirs, sizeof(theirs));

        return n_ours > 0 && n_ours == n_theirs && memcmp(ours, theirs, (size_t)n_ours) == 0 &&
               readlinkat(process, "root", root, sizeof(root)) == 1 && root[0] == '/';
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
                char label[LABEL_MAX];
                ssize_t n = process_read_text(process, labels[i], label, sizeof(label));

                if (n >= 0 && (size_t)n < sizeof(label) - 1)
                        return app_parse_snap(label, ret, APP_NAME_MAX) == 0;
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
