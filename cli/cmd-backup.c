/*
 * keyfob backup: a sealed copy of the vault, while everything goes on
 *
 * The daemon can open no file but its own, so the file is opened here and passed to it. It has no name until it is whole,
 * synced and was read again; then it gets the one that was asked for, or takes the place of what has that name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/request.h"
#include "cli/status.h"
#include "cli/text.h"

typedef struct Target {
        const char *path;
        char *named; /* its name until it is whole, where files must have one */
        char *dir;
        int fd;
} Target;

static void target_done(Target *target)
{
        if (target->named)
                (void)unlink(target->named);
        closep(&target->fd);
        free(target->named);
        free(target->dir);
}

static int target_open(Target *target)
{
        const char *slash = strrchr(target->path, '/');

        target->dir = !slash                   ? strdup(".")
                      : slash == target->path ? strdup("/")
                                              : strndup(target->path, (size_t)(slash - target->path));
        if (!target->dir)
                return -ENOMEM;
        target->fd = open(target->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (target->fd < 0 && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
                return -errno;
        if (target->fd < 0) {
                target->named = text_format("%s.XXXXXX", target->path);
                if (!target->named)
                        return -ENOMEM;
                target->fd = mkostemp(target->named, O_CLOEXEC);
                if (target->fd < 0) {
                        free(TAKE_PTR(target->named));
                        return -errno;
                }
        }
        return fchmod(target->fd, 0600) < 0 ? -errno : 0;
}

static int give_name(Target *target, const char *name)
{
        char self[64];
        int r;

        if (target->named)
                r = link(target->named, name);
        else {
                (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", target->fd);
                r = linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
        }
        return r < 0 ? -errno : 0;
}

/* Where a file can't have two names, as on FAT. Some can't rename without replacing, either: there the name is claimed first. */
static int take_name(Target *target)
{
        _cleanup_close_ int claim = -1;
        int r;

        r = renameat2(AT_FDCWD, target->named, AT_FDCWD, target->path, RENAME_NOREPLACE) < 0 ? -errno : 0;
        if (r == -EINVAL || r == -ENOSYS) {
                claim = open(target->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
                if (claim < 0)
                        return -errno;
                r = rename(target->named, target->path) < 0 ? -errno : 0;
                if (r < 0)
                        (void)unlink(target->path);
        }
        if (r == 0)
                free(TAKE_PTR(target->named));
        return r;
}

/* Without --force the name must be free still. */
static int target_publish(Target *target, bool force)
{
        _cleanup_free_ char *beside = NULL;
        _cleanup_close_ int dir = -1;
        int r;

        if (!force) {
                r = give_name(target, target->path);
                if ((r == -EPERM || r == -EOPNOTSUPP || r == -ENOSYS) && target->named)
                        r = take_name(target);
        } else {
                if (!target->named) {
                        beside = text_format("%s.%d", target->path, (int)getpid());
                        if (!beside)
                                return -ENOMEM;
                        (void)unlink(beside);
                        r = give_name(target, beside);
                        if (r < 0)
                                return r;
                        target->named = TAKE_PTR(beside);
                }
                r = rename(target->named, target->path) < 0 ? -errno : 0;
                if (r == 0)
                        free(TAKE_PTR(target->named));
        }
        if (r < 0)
                return r;
        dir = open(target->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return dir < 0 || fsync(dir) < 0 ? -errno : 0;
}

static void print(const char *path, struct json_object *report)
{
        char modified[32];
        uint64_t locked = json_number(report, "locked");

        text_time(json_number(report, "modified"), modified);
        printf("%s: %llu items in %llu collections, last changed %s, %llu bytes\n", path,
               (unsigned long long)json_number(report, "items"), (unsigned long long)json_number(report, "collections"),
               modified, (unsigned long long)json_number(report, "size"));
        if (json_number(report, "checked") > 0)
                printf("Checked: the file, and %llu records in it\n",
                       (unsigned long long)json_number(report, "checked"));
        else
                printf("Checked: the file; what is sealed in it could not be, because the vault is locked\n");
        if (locked > 0 && json_number(report, "checked") > 0)
                printf("%llu locked collections could not be checked\n", (unsigned long long)locked);
}

static int run_backup(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, CLI_JSON, {"force", no_argument, NULL, 'f'}, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_json_ struct json_object *report = NULL;
        _cleanup_(target_done) Target target = {.fd = -1};
        struct stat st;
        bool force = false, there;
        int c, r;

        while ((c = getopt_long(argc, argv, "hf", options, NULL)) >= 0) {
                if (c == 'f') {
                        force = true;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind != 1 || !argv[optind][0])
                return cli_usage(cli);
        target.path = argv[optind];
        there = lstat(target.path, &st) == 0;
        if (there && !force)
                return cli_error(EXIT_OTHER, "%s is there already: give --force to replace it", target.path);
        if (there && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
                return cli_error(EXIT_OTHER, "%s is no regular file", target.path);

        r = cli_connect(&k);
        /* The daemon would go on with a file that has no name any more. */
        if (r == 0 && there)
                r = status_not_the_vault(k, target.path, &st);
        if (r != 0)
                return r;
        r = target_open(&target);
        if (r < 0)
                return cli_error(EXIT_OTHER, "%s can't be made: %s", target.path, strerror(-r));
        request_init(&request, k, "Backup");
        request_append(&request, "h", target.fd);
        request_end_options(&request);
        r = request_call_json(&request, CLIENT_PATIENT, &report);
        if (r != 0)
                return r;
        r = target_publish(&target, force);
        if (r == -EEXIST)
                return cli_error(EXIT_OTHER, "%s is there already: give --force to replace it", target.path);
        if (r < 0)
                return cli_error(EXIT_OTHER, "%s can't be made: %s", target.path, strerror(-r));

        if (cli->json)
                r = output_json(json_object_get(report));
        else {
                print(target.path, report);
                r = output_flush();
        }
        if (r == 0 && !json_flag(report, "sound"))
                return cli_error(EXIT_DAMAGED,
                                 "the backup is what the vault is, but the vault is not as it was stored: see \"keyfob "
                                 "check\"");
        return r;
}

const Command command_backup = {
        .name = "backup",
        .usage = "FILE [--force]",
        .summary = "Write a sealed copy of the vault into a file",
        .help = "It opens with what opens the vault now. \"keyfob restore FILE\" puts it in the vault's place.\n\n"
                "  --force   replace FILE if it is there\n"
                "  --json\n",
        .run = run_backup,
};
