/*
 * keyfob enable, keyfob disable: who the person's Secret Service is
 *
 * D-Bus reads a user's activation files before the system's, so one file decides who is started for
 * org.freedesktop.secrets. A desktop's autostart entry that would start another keyring first is hidden the same way,
 * for this user alone. Where the user has a systemd, keyfobd's socket unit is enabled too. disable takes back exactly
 * these.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/managed.h"
#include "cli/output.h"
#include "cli/status.h"
#include "cli/systemd.h"
#include "common/places.h"

#define SETTLE_TRIES 20U
#define SETTLE_MS    100
#define AUTOSTART    "gnome-keyring-secrets.desktop"

typedef struct Files {
        char *activation;
        char *autostart;
} Files;

static void files_done(Files *files)
{
        free(files->activation);
        free(files->autostart);
}

static int files_find(Files *ret)
{
        _cleanup_free_ char *data = NULL, *config = NULL;

        if (places_data_home(&data) < 0 || places_config_home(&config) < 0)
                return cli_error(EXIT_OTHER, "there is no home directory");
        if (asprintf(&ret->activation, "%s/dbus-1/services/" SECRETS_BUS_NAME ".service", data) < 0) {
                ret->activation = NULL;
                return cli_no_memory();
        }
        if (asprintf(&ret->autostart, "%s/autostart/" AUTOSTART, config) < 0) {
                ret->autostart = NULL;
                return cli_no_memory();
        }
        return 0;
}

/* ---- systemd ---- */

/* A user manager that runs and knows our units. */
static bool have_units(void)
{
        return systemd_user("cat", NULL, "keyfobd.service");
}

/* systemd unlinks a socket that is in its way. Of a daemon that somebody else started, which has the vault, that would
 * leave clients only a second daemon that cannot have it. */
static void enable_socket(void)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        bool now = systemd_user("is-active", NULL, "keyfobd.socket") || keyfob_connect(KEYFOB_SOCKET_ONLY, &k) != 0;

        if (systemd_user("enable", now ? "--now" : NULL, "keyfobd.socket"))
                printf("Enabled keyfobd.socket (systemd)%s.\n",
                       now ? "" : " for the next login: until then the keyfobd that runs keeps its socket");
}

/* ---- the bus ---- */

static bool have_bus(void)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;

        return sd_bus_open_user(&bus) >= 0;
}

static void reload_bus(void)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;

        if (sd_bus_open_user(&bus) >= 0)
                (void)sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                         "ReloadConfig", NULL, NULL, NULL);
}

static int said(const char *path, int r, bool changed, const char *did, const char *nothing)
{
        if (r < 0)
                return cli_error(EXIT_OTHER, "%s: %s", path, strerror(-r));
        if (changed)
                printf("%s %s\n", did, path);
        else if (nothing)
                printf("%s %s\n", nothing, path);
        return 0;
}

/* ---- enable ---- */

static char *quote(const char *path)
{
        char *quoted = malloc(strlen(path) * 2 + 3), *p = quoted;

        if (!quoted)
                return NULL;
        *p++ = '"';
        for (; *path; path++) {
                if (strchr("\"\\$`", *path))
                        *p++ = '\\';
                *p++ = *path;
        }
        *p++ = '"';
        *p = 0;
        return quoted;
}

static int write_activation(const Files *files, bool units)
{
        _cleanup_free_ char *daemon = NULL, *quoted = NULL, *text = NULL;
        bool changed = false, simple;
        int r;

        r = client_find_daemon(&daemon);
        if (r < 0)
                return cli_error(EXIT_OTHER, "keyfobd is neither beside keyfob nor in " KEYFOB_BINDIR);
        simple = strspn(daemon, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+") ==
                 strlen(daemon);
        quoted = simple ? strdup(daemon) : quote(daemon);
        if (!quoted || asprintf(&text, "[D-BUS Service]\nName=" SECRETS_BUS_NAME "\nExec=%s\n%s", quoted,
                                units ? "SystemdService=keyfobd.service\n" : "") < 0) {
                text = NULL;
                return cli_no_memory();
        }
        r = managed_write(files->activation, text, &changed);
        return said(files->activation, r, changed, "Wrote", "Already there:");
}

static int write_autostart(const Files *files)
{
        bool changed = false;
        int r;

        if (access("/etc/xdg/autostart/" AUTOSTART, F_OK) < 0)
                return 0;
        r = managed_write(files->autostart,
                          "[Desktop Entry]\nType=Application\nName=Secret Storage Service\nHidden=true\n", &changed);
        return said(files->autostart, r, changed, "Wrote", "Already there:");
}

/* A daemon that has just begun listens before it has a name on the bus: gives it a moment to settle. */
static int settled_status(keyfob *k, struct json_object **ret)
{
        bool bus = have_bus();

        for (unsigned tries = 0;; tries++) {
                _cleanup_json_ struct json_object *status = NULL;
                int r;

                r = status_get(k, &status);
                if (r != 0)
                        return r;
                if (!bus || tries >= SETTLE_TRIES || strcmp(json_string(status, "secrets_name"), "none") != 0) {
                        *ret = TAKE_PTR(status);
                        return 0;
                }
                (void)poll(NULL, 0, SETTLE_MS);
        }
}

static int tell_owner(keyfob *k)
{
        _cleanup_json_ struct json_object *status = NULL;
        struct json_object *owner;
        const char *name;
        int r;

        r = settled_status(k, &status);
        if (r != 0)
                return r;
        name = json_string(status, "secrets_name");
        owner = json_member(status, "secrets_owner");
        if (strcmp(name, "owned") == 0)
                printf("Keyfob owns " SECRETS_BUS_NAME " now.\n");
        else if (!json_flag(status, "bus"))
                printf("There is no session bus here: programs reach Keyfob with eval $(keyfob env).\n");
        else if (strcmp(name, "taken") == 0)
                printf("%s (pid %llu) still owns " SECRETS_BUS_NAME
                       ": Keyfob takes over as soon as that ends (kill %llu, or log in again).\n",
                       json_string(owner, "comm"), (unsigned long long)json_number(owner, "pid"),
                       (unsigned long long)json_number(owner, "pid"));
        else
                printf("Nobody owns " SECRETS_BUS_NAME " yet: Keyfob is started when it is asked for.\n");
        return output_flush();
}

/* A daemon that runs keeps its vault open and is left alone; one that has to be started may as well take the name. */
static int take_name(bool units)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        int r;

        r = keyfob_connect(0, &k);
        if (r == KEYFOB_E_UNREACHABLE && units)
                (void)systemd_user("start", NULL, "keyfobd.service");
        else if (r == KEYFOB_E_UNREACHABLE)
                (void)client_start_daemon("--replace");
        if (r == KEYFOB_E_UNREACHABLE)
                r = keyfob_connect(KEYFOB_START, &k);
        if (r != 0)
                return cli_explain(r, NULL);
        return tell_owner(k);
}

static int run_enable(Cli *cli, int argc, char *argv[])
{
        _cleanup_(files_done) Files files = {NULL};
        bool units;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);

        r = files_find(&files);
        if (r != 0)
                return r;
        units = have_units();
        r = write_activation(&files, units);
        if (r == 0)
                r = write_autostart(&files);
        if (r != 0)
                return r;
        reload_bus();
        if (units)
                enable_socket();
        return take_name(units);
}

static int take_back(const char *path, bool *any)
{
        bool changed = false;
        int r;

        r = managed_remove(path, &changed);
        *any = *any || changed;
        return said(path, r, changed, "Took back", NULL);
}

static int run_disable(Cli *cli, int argc, char *argv[])
{
        _cleanup_(files_done) Files files = {NULL};
        bool any = false;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);

        r = files_find(&files);
        if (r != 0)
                return r;
        r = take_back(files.activation, &any);
        if (r == 0)
                r = take_back(files.autostart, &any);
        if (r != 0)
                return r;
        reload_bus();
        if (systemd_user("is-enabled", NULL, "keyfobd.socket") && systemd_user("disable", NULL, "keyfobd.socket")) {
                printf("Disabled keyfobd.socket (systemd).\n");
                any = true;
        }
        if (!any)
                printf("Keyfob was not enabled.\n");
        else
                printf("A keyfobd that runs keeps the name until it ends.\n");
        return output_flush();
}

const Command command_enable = {
        .name = "enable",
        .usage = "",
        .summary = "Make Keyfob this user's Secret Service",
        .run = run_enable,
};

const Command command_disable = {
        .name = "disable",
        .usage = "",
        .summary = "Give the Secret Service back: undo keyfob enable",
        .run = run_disable,
};
