/*
 * keyfob pam mirror: what a login must know of the vault's slots
 *
 * The user's half asks the daemon and prints; root's half reads that, checks it, and puts it where only root can
 * change it. So root opens nothing of the user's: "keyfob pam mirror | sudo keyfob pam mirror --install". Enrolment on
 * a terminal runs the same pair.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pam/login.h"
#include "pam/slots.h"
#include "pam/tool.h"

#define DIR_MODE 0755
#define SUDO     "/usr/bin/sudo"

/* ---- the user's half ---- */

int tool_mirror_read(keyfob *k, Secret **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const void *data;
        size_t size;
        int r;

        r = client_store_message(k, "MirrorSlots", /* sensitive= */ false, &call);
        if (r == 0)
                r = client_call(k, call, CLIENT_QUICK, &reply);
        if (r != 0)
                return r;
        r = sd_bus_message_read_array(reply, 'y', &data, &size);
        return r < 0 ? r : secret_new_from(ret, data, size);
}

static int print(void)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(secret_freep) Secret *mirror = NULL;
        int r;

        r = keyfob_connect(KEYFOB_START | KEYFOB_SOCKET_ONLY, &k);
        if (r == 0)
                r = tool_mirror_read(k, &mirror);
        if (r != 0)
                return tool_error(TOOL_OTHER, "the daemon does not tell: %s", tool_why(k, r));
        if (fwrite(mirror->data, 1, mirror->size, stdout) != mirror->size || fflush(stdout) != 0)
                return tool_error(TOOL_OTHER, "what the daemon told could not be written");
        return TOOL_DONE;
}

/* ---- root's half ---- */

/* Everybody may look there, whatever root's umask is: screen lockers do. One that is there already is left as it is. */
static int make_directory(void)
{
        if (mkdir(SLOT_MIRROR_DIR, DIR_MODE) < 0)
                return errno == EEXIST ? 0 : -errno;
        return chmod(SLOT_MIRROR_DIR, DIR_MODE) < 0 ? -errno : 0;
}

static int put(const Login *login, const Secret *data)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = NULL;
        _cleanup_close_ int lock = -1;
        int r;

        r = slot_mirror_read(data->data, data->size, &mirror);
        if (r < 0)
                return tool_error(r == -EBADMSG ? TOOL_USAGE : TOOL_OTHER,
                                  "that is not what keyfob pam mirror prints");
        r = login->options->mirror ? 0 : make_directory();
        if (r < 0)
                return tool_error(r == -EACCES ? TOOL_REFUSED : TOOL_OTHER, "%s can't be made: %s", SLOT_MIRROR_DIR, strerror(-r));
        lock = slots_lock(login, mirror->uid, /* wait= */ true);
        r = lock < 0 ? lock : slots_write(login, mirror);
        if (r < 0)
                return tool_error(r == -EACCES ? TOOL_REFUSED : TOOL_OTHER, "nothing is changed: %s", strerror(-r));
        fprintf(stderr, "keyfob: %zu slots of user %u are known to logins\n", mirror->n, mirror->uid);
        return TOOL_DONE;
}

static int install(const char *dir)
{
        _cleanup_(options_freep) Options *options = NULL;
        _cleanup_(secret_freep) Secret *data = NULL;
        int r;

        r = secret_read(STDIN_FILENO, SLOT_MIRROR_SIZE_MAX, &data);
        if (r == 0)
                r = options_new(&options);
        if (r == 0 && dir && !(options->mirror = strdup(dir)))
                r = -ENOMEM;
        if (r < 0)
                return tool_error(r == -EFBIG ? TOOL_USAGE : TOOL_OTHER, "standard input can't be read: %s",
                                  strerror(-r));
        return put(&(Login){.options = options}, data);
}

/* ---- both ---- */

/* The program in the child is this one, as root; sudo asks on the terminal for what it wants. */
static int put_by_sudo(const Login *login, const Secret *mirror)
{
        const char *dir = login->options->mirror;
        char self[PATH_MAX] = "";
        FILE *pipe;
        char *command;
        int r;

        if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || strpbrk(self, "'\n") ||
            (dir && strpbrk(dir, "'\n")))
                return -EINVAL;
        r = asprintf(&command, "exec " SUDO " -- '%s' mirror --install%s%s%s", self, dir ? " --directory '" : "",
                     dir ? dir : "", dir ? "'" : "");
        if (r < 0)
                return -ENOMEM;
        pipe = popen(command, "we");
        free(command);
        if (!pipe)
                return -errno;
        r = fwrite(mirror->data, 1, mirror->size, pipe) == mirror->size ? 0 : -EIO;
        return pclose(pipe) == 0 ? r : -EIO;
}

int tool_mirror_pass_on(const Login *login, const Secret *mirror)
{
        if (geteuid() == 0 || access(login->options->mirror ? login->options->mirror : SLOT_MIRROR_DIR, W_OK) == 0)
                return put(login, mirror);
        if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && access(SUDO, X_OK) == 0) {
                fprintf(stderr, "keyfob: now logins have to know of it, which is root's to say: by sudo\n");
                if (put_by_sudo(login, mirror) == 0)
                        return TOOL_DONE;
        }
        return tool_error(
                TOOL_REFUSED,
                "logins do not know of it before root says so: keyfob pam mirror | sudo keyfob pam mirror --install");
}

int tool_mirror(int argc, char *argv[])
{
        static const struct option options[] = {
                {"install", no_argument, NULL, 'i'}, {"directory", required_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
        const char *dir = NULL;
        bool installs = false;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c != 'i' && c != 'd')
                        return TOOL_USAGE;
                installs |= c == 'i';
                dir = c == 'd' ? optarg : dir;
        }
        if (optind != argc || (dir && !installs))
                return tool_error(TOOL_USAGE, "usage: keyfob pam mirror [--install [--directory DIRECTORY]]");
        return installs ? install(dir) : print();
}
