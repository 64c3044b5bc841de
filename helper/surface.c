/*
 * Where the person is
 *
 * A question belongs where the program runs that caused it: on the display in that program's environment, else on its
 * terminal. Someone who is logged in over ssh must not be asked on the screen at home, so the helper's own display is
 * used only for programs that have neither, like services.
 */
#include "helper/surface.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "helper/process.h"

/* A variable of the caller, or with no environment given our own. */
static const char *lookup(const Secret *environment, const char *name)
{
        const char *value = environment ? process_getenv(environment, name) : getenv(name);

        return value && value[0] ? value : NULL;
}

static int copy(const char *value, char **ret)
{
        char *string = NULL;

        if (value) {
                string = strdup(value);
                if (!string)
                        return -ENOMEM;
        }
        free(*ret);
        *ret = string;
        return 0;
}

static int copy_display(Surface *surface, const Secret *environment)
{
        if (copy(lookup(environment, "DISPLAY"), &surface->display) < 0 ||
            copy(lookup(environment, "WAYLAND_DISPLAY"), &surface->wayland) < 0 ||
            copy(lookup(environment, "XAUTHORITY"), &surface->xauthority) < 0 ||
            copy(lookup(environment, "DBUS_SESSION_BUS_ADDRESS"), &surface->bus) < 0)
                return -ENOMEM;
        return 0;
}

/* The order in which the C library looks. */
static const char *locale_of(const Secret *environment, const char *category)
{
        const char *value = lookup(environment, "LC_ALL");

        if (!value)
                value = lookup(environment, category);
        return value ? value : lookup(environment, "LANG");
}

static int copy_terminal(Surface *surface, const Secret *environment, const char *tty)
{
        const char *type = lookup(environment, "TERM");

        if (copy(tty, &surface->tty) < 0 || copy(type ? type : "dumb", &surface->tty_type) < 0)
                return -ENOMEM;
        return 0;
}

static int copy_locale(Surface *surface, const Secret *environment)
{
        if (copy(locale_of(environment, "LC_CTYPE"), &surface->lc_ctype) < 0 ||
            copy(locale_of(environment, "LC_MESSAGES"), &surface->lc_messages) < 0)
                return -ENOMEM;
        return 0;
}

/*
 * The terminal behind one descriptor of the caller. Its path is a name in the caller's mount namespace: it is used
 * only if it means the same device here, and can be opened.
 */
static bool terminal_of(int process, const char *link, char ret[static PATH_MAX])
{
        _cleanup_close_ int fd = -1;
        struct stat theirs, ours;
        ssize_t n;

        n = readlinkat(process, link, ret, PATH_MAX);
        if (n <= 0 || n >= PATH_MAX)
                return false;
        ret[n] = 0;
        if (strncmp(ret, "/dev/", 5) != 0 || fstatat(process, link, &theirs, 0) < 0 || !S_ISCHR(theirs.st_mode))
                return false;

        fd = open(ret, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        return fd >= 0 && fstat(fd, &ours) == 0 && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino &&
               ours.st_rdev == theirs.st_rdev && isatty(fd);
}

/* What the caller has. -ESRCH and the like when it can't be looked at. */
static int find_callers(uint32_t pid, Surface *surface)
{
        static const char *const links[] = {"fd/0", "fd/1", "fd/2"};
        _cleanup_(secret_freep) Secret *environment = NULL;
        _cleanup_close_ int process = process_open(pid);
        char tty[PATH_MAX];
        int r;

        if (process < 0)
                return process;
        r = process_read(process, "environ", PROCESS_ENVIRONMENT_MAX, &environment);
        if (r < 0)
                return r;

        r = copy_display(surface, environment);
        if (r < 0)
                return r;
        r = copy_locale(surface, environment);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                if (terminal_of(process, links[i], tty))
                        return copy_terminal(surface, environment, tty);
        return 0;
}

int surface_find(uint32_t pid, Surface *ret)
{
        _cleanup_(surface_done) Surface surface = SURFACE_NULL;
        int r;

        if (pid != 0 && find_callers(pid, &surface) == -ENOMEM)
                return -ENOMEM;

        if (!surface_graphical(&surface) && !surface.tty) {
                r = copy_display(&surface, NULL);
                if (r >= 0 && !surface.lc_ctype)
                        r = copy_locale(&surface, NULL);
                if (r < 0)
                        return r;
        }
        if (!surface_graphical(&surface) && !surface.tty)
                return -ENOENT;

        *ret = surface;
        surface = SURFACE_NULL;
        return 0;
}

bool surface_graphical(const Surface *surface)
{
        return surface->display || surface->wayland;
}

void surface_done(Surface *surface)
{
        free(surface->display);
        free(surface->wayland);
        free(surface->xauthority);
        free(surface->bus);
        free(surface->tty);
        free(surface->tty_type);
        free(surface->lc_ctype);
        free(surface->lc_messages);
        *surface = SURFACE_NULL;
}
