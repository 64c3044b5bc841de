/*
 * keyfob pam mirror: what a login must know of the vault's slots
 *
 * The user's half asks the daemon and prints; root's half reads that, checks it, and puts it where only root can change it. So
 * root opens nothing of the user's: "keyfob pam mirror | sudo keyfob pam mirror --install".
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/client.h"
#include "pam/login.h"
#include "pam/slots.h"
#include "pam/tool.h"

#define DIR_MODE 0755

static int print(void)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        const void *data;
        size_t size;
        int r;

        r = keyfob_connect(KEYFOB_START | KEYFOB_SOCKET_ONLY, &k);
        if (r == 0)
                r = client_store_message(k, "MirrorSlots", /* sensitive= */ false, &call);
        if (r == 0)
                r = client_call(k, call, CLIENT_QUICK, &reply);
        if (r != 0)
                return tool_error(TOOL_OTHER, "the daemon does not tell: %s",
                                  k && keyfob_message(k)[0] ? keyfob_message(k) : keyfob_strerror(r));
        if (sd_bus_message_read_array(reply, 'y', &data, &size) < 0 || fwrite(data, 1, size, stdout) != size || fflush(stdout) != 0)
                return tool_error(TOOL_OTHER, "what the daemon told could not be written");
        return TOOL_DONE;
}

static int install(const char *dir)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = NULL;
        _cleanup_(options_freep) Options *options = NULL;
        _cleanup_(secret_freep) Secret *data = NULL;
        Login login = {0};
        int r;

        r = secret_read(STDIN_FILENO, SLOT_MIRROR_SIZE_MAX, &data);
        if (r == 0)
                r = slot_mirror_read(data->data, data->size, &mirror);
        if (r == 0)
                r = options_new(&options);
        if (r < 0)
                return tool_error(r == -EBADMSG ? TOOL_USAGE : TOOL_OTHER, "standard input is not what keyfob pam mirror prints");
        if (dir) {
                options->mirror = strdup(dir);
                if (!options->mirror)
                        return tool_error(TOOL_OTHER, "out of memory");
        } else if (mkdir(SLOT_MIRROR_DIR, DIR_MODE) < 0 && errno != EEXIST) {
                return tool_error(errno == EACCES ? TOOL_REFUSED : TOOL_OTHER, "%s can't be made: %s", SLOT_MIRROR_DIR, strerror(errno));
        }
        login.options = options;
        login.user.uid = mirror->uid;
        r = slots_write(&login, mirror);
        if (r < 0)
                return tool_error(r == -EACCES ? TOOL_REFUSED : TOOL_OTHER, "nothing is changed: %s", strerror(-r));
        fprintf(stderr, "keyfob: %zu slots of user %u are known to logins\n", mirror->n, mirror->uid);
        return TOOL_DONE;
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
