/*
 * keyfob diagnose: what a report of a problem needs to say about the surroundings, and no secret
 *
 * It starts nothing and changes nothing, and it succeeds when nothing else does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "cli/ctap-probe.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/status.h"
#include "cli/text.h"
#include "common/places.h"

/* Variables and paths need not be text, and go to a terminal or into JSON. */
static void put(struct json_object *to, const char *key, const char *value)
{
        _cleanup_free_ char *name = strdup(key), *text = value ? strdup(value) : NULL;

        if (!name)
                return;
        text_clean(name);
        if (text)
                text_clean(text);
        json_object_object_add(to, name, text ? json_object_new_string(text) : NULL);
}

static void add_system(struct json_object *report)
{
        static const char *const variables[] = {
                "XDG_RUNTIME_DIR",       "XDG_DATA_HOME", "XDG_CONFIG_HOME", "DBUS_SESSION_BUS_ADDRESS",
                "CREDENTIALS_DIRECTORY", "DISPLAY",       "WAYLAND_DISPLAY", "GPG_TTY",
                "SSH_CONNECTION"};
        struct json_object *environment = json_object_new_object();
        struct utsname name;
        struct rlimit limit;

        put(report, "version", KEYFOB_VERSION);
        if (uname(&name) == 0)
                put(report, "kernel", name.release);
        json_object_object_add(report, "uid", json_object_new_int64(getuid()));
        if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0)
                json_object_object_add(report, "memlock_limit",
                                       limit.rlim_cur == RLIM_INFINITY ? json_object_new_string("unlimited")
                                                                       : json_object_new_uint64(limit.rlim_cur));
        json_object_object_add(report, "stdin_is_terminal", json_object_new_boolean(isatty(STDIN_FILENO)));
        json_object_object_add(report, "stderr_is_terminal", json_object_new_boolean(isatty(STDERR_FILENO)));
        for (size_t i = 0; i < ELEMENTSOF(variables); i++)
                if (getenv(variables[i]))
                        put(environment, variables[i], getenv(variables[i]));
        json_object_object_add(report, "environment", environment);
}

static void add_file(struct json_object *report, const char *key, const char *path)
{
        struct json_object *file = json_object_new_object();
        struct stat st;
        char mode[8];

        put(file, "path", path);
        if (lstat(path, &st) < 0) {
                put(file, "error", strerror(errno));
        } else {
                (void)snprintf(mode, sizeof(mode), "%04o", st.st_mode & 07777);
                put(file, "type",
                    S_ISREG(st.st_mode)    ? "file"
                    : S_ISDIR(st.st_mode)  ? "directory"
                    : S_ISSOCK(st.st_mode) ? "socket"
                                           : "other");
                put(file, "mode", mode);
                json_object_object_add(file, "owner", json_object_new_int64(st.st_uid));
                if (S_ISREG(st.st_mode))
                        json_object_object_add(file, "size", json_object_new_int64(st.st_size));
        }
        json_object_object_add(report, key, file);
}

static void add_ctap(struct json_object *report, const char *runtime)
{
        _cleanup_free_ char *path = text_format("%s/ctap", runtime);
        char answer[64];
        int r;

        if (!path)
                return;
        add_file(report, "ctap_socket", path);
        r = ctap_probe(path, answer);
        put(json_member(report, "ctap_socket"), "init", r < 0 ? strerror(-r) : answer);
}

static void add_files(struct json_object *report, const char *vault_path)
{
        _cleanup_free_ char *data = NULL, *runtime = NULL, *daemon = NULL;

        if (places_data_dir(&data) >= 0)
                add_file(report, "data_directory", data);
        if (vault_path && vault_path[0] == '/')
                add_file(report, "vault_file", vault_path);
        if (places_runtime_dir(&runtime) >= 0) {
                add_file(report, "runtime_directory", runtime);
                add_ctap(report, runtime);
        }
        if (client_find_daemon(&daemon) >= 0)
                add_file(report, "keyfobd", daemon);
        else
                put(report, "keyfobd", NULL);
}

static void add_bus(struct json_object *report)
{
        static const char *const names[] = {SECRETS_BUS_NAME, KEYFOB_BUS_NAME, "org.gnome.keyring.SystemPrompter"};
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        struct json_object *json = json_object_new_object(), *owners = json_object_new_object();
        int r;

        r = sd_bus_open_user(&bus);
        put(json, "state", r < 0 ? strerror(-r) : "connected");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(names); i++) {
                _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
                struct json_object *owner;
                const char *comm;
                pid_t pid;

                if (sd_bus_get_name_creds(bus, names[i], SD_BUS_CREDS_PID | SD_BUS_CREDS_COMM | SD_BUS_CREDS_AUGMENT,
                                          &creds) < 0) {
                        json_object_object_add(owners, names[i], NULL);
                        continue;
                }
                owner = json_object_new_object();
                if (sd_bus_creds_get_pid(creds, &pid) >= 0)
                        json_object_object_add(owner, "pid", json_object_new_int(pid));
                if (sd_bus_creds_get_comm(creds, &comm) >= 0)
                        put(owner, "comm", comm);
                json_object_object_add(owners, names[i], owner);
        }
        json_object_object_add(json, "owners", owners);
        json_object_object_add(report, "session_bus", json);
}

static void tried(void *userdata, const char *place, int result)
{
        put(userdata, place, keyfob_strerror(result));
}

static void add_daemon(struct json_object *report, char **ret_vault_path)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        struct json_object *attempts = json_object_new_object(), *status = NULL;
        int r;

        r = client_connect(0, tried, attempts, &k);
        json_object_object_add(report, "tried", attempts);
        put(report, "connected", r == 0 ? (k->socket ? "own socket" : "session bus") : keyfob_strerror(r));
        if (r != 0 || status_get(k, &status) != 0)
                return;
        *ret_vault_path = strdup(json_string(status, "vault_path"));
        /* names of collections are the person's own business */
        json_object_object_add(status, "collections",
                               json_object_new_uint64(json_length(json_member(status, "collections"))));
        json_object_object_add(report, "daemon", status);
}

static void print(struct json_object *json, int depth)
{
        json_object_object_foreach(json, key, value)
        {
                if (json_object_is_type(value, json_type_object)) {
                        printf("%*s%s:\n", depth * 2, "", key);
                        print(value, depth + 1);
                } else {
                        printf("%*s%s: %s\n", depth * 2, "", key, value ? json_object_get_string(value) : "none");
                }
        }
}

static int run_diagnose(Cli *cli, int argc, char *argv[])
{
        _cleanup_json_ struct json_object *report = NULL;
        _cleanup_free_ char *vault_path = NULL;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);

        report = json_object_new_object();
        if (!report)
                return cli_no_memory();
        add_system(report);
        add_daemon(report, &vault_path);
        add_files(report, vault_path);
        add_bus(report);
        if (cli->json)
                return output_json(json_object_get(report));
        print(report, 0);
        return output_flush();
}

const Command command_diagnose = {
        .name = "diagnose",
        .usage = "",
        .summary = "Show the facts that a report of a problem needs, and no secret",
        .help = "  --json\n",
        .run = run_diagnose,
};
