/*
 * keyfob restore: a backup in the place of the vault
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/request.h"
#include "cli/status.h"
#include "cli/text.h"

/* Whether that is the log of a database which was not closed: then the file alone is not what it was. */
static bool has_log(const char *path)
{
        static const char *const beside[] = {"-wal", "-journal"};
        bool found = false;

        for (size_t i = 0; i < ELEMENTSOF(beside) && !found; i++) {
                _cleanup_free_ char *log = text_format("%s%s", path, beside[i]);
                _cleanup_close_ int fd = log ? open(log, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
                static const char zeros[32];
                char header[sizeof(zeros)];

                found = fd >= 0 && read(fd, header, sizeof(header)) == sizeof(header) &&
                        memcmp(header, zeros, sizeof(zeros)) != 0;
        }
        return found;
}

static int open_backup(const char *path, int *ret_fd, struct stat *ret_stat)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0)
                return cli_error(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_OTHER, "%s can't be read: %s", path,
                                 strerror(errno));
        if (fstat(fd, ret_stat) < 0 || !S_ISREG(ret_stat->st_mode))
                return cli_error(EXIT_OTHER, "%s is no regular file", path);
        if (has_log(path))
                return cli_error(EXIT_OTHER,
                                 "%s has a log beside it, so it is no backup but a vault that was not closed: end what "
                                 "has it open",
                                 path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static void print(struct json_object *report)
{
        const char *kept = json_string(report, "kept");
        char modified[32];

        text_time(json_number(report, "modified"), modified);
        printf("Restored %llu items, last changed %s; %llu records were checked\n",
               (unsigned long long)json_number(report, "items"), modified,
               (unsigned long long)json_number(report, "checked"));
        if (json_number(report, "damaged") > 0)
                printf("%llu records are damaged: see \"keyfob check\"\n",
                       (unsigned long long)json_number(report, "damaged"));
        if (json_number(report, "locked") > 0)
                printf("%llu collections with a password of their own could not be checked\n",
                       (unsigned long long)json_number(report, "locked"));
        if (kept[0])
                printf("What was there is kept: %s\n", kept);
}

static int run_restore(Cli *cli, int argc, char *argv[])
{
        enum { OPTION_TOUCH = 0x400, OPTION_ACCEPT };
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                PASSWORD_OPTIONS,
                                                {"yes", no_argument, NULL, 'y'},
                                                {"touch", no_argument, NULL, OPTION_TOUCH},
                                                {"accept", no_argument, NULL, OPTION_ACCEPT},
                                                CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_(secret_freep) Secret *secret = NULL;
        _cleanup_json_ struct json_object *report = NULL;
        _cleanup_close_ int fd = -1;
        PasswordSource source = PASSWORD_SOURCE_NULL;
        bool confirmed = false, touch = false, accept = false;
        struct stat st;
        int c, r;

        while ((c = getopt_long(argc, argv, "hy", options, NULL)) >= 0) {
                switch (c) {
                case 'y':
                        confirmed = true;
                        break;
                case OPTION_TOUCH:
                        touch = true;
                        break;
                case OPTION_ACCEPT:
                        accept = true;
                        break;
                default:
                        r = password_option(&source, NULL, c, optarg);
                        if (r == PASSWORD_NOT_MINE)
                                r = cli_option(cli, c);
                        if (r >= 0)
                                return r;
                }
        }
        if (argc - optind != 1 || !argv[optind][0])
                return cli_usage(cli);
        r = password_read(&source, &secret);
        if (r == 0)
                r = open_backup(argv[optind], &fd, &st);
        if (r == 0)
                r = cli_connect(&k);
        /* The daemon would close it again, and so let go of its lock on it. */
        if (r == 0)
                r = status_not_the_vault(k, argv[optind], &st);
        if (r != 0)
                return r;
        cli_use_terminal(k);

        request_init(&request, k, "Restore");
        request.nobody = "nobody to ask: give --password-file FILE for the backup's password, and --yes";
        request_append(&request, "h", fd);
        request_secret(&request, "secret", secret);
        request_bool(&request, "confirmed", confirmed);
        request_bool(&request, "touch", touch);
        request_bool(&request, "accept", accept);
        request_end_options(&request);
        r = request_call_json(&request, CLIENT_ASKS, &report);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(json_object_get(report));
        print(report);
        return output_flush();
}

const Command command_restore = {
        .name = "restore",
        .usage = "FILE [--yes]",
        .summary = "Put a backup in the place of the vault",
        .help = "Somebody has to open the backup; everything in it is checked first. What is there is kept in snapshots/.\n\n"
                "  --yes                                   don't ask whether to replace the vault\n"
                "  --password-file FILE, --password-fd N   a password, key file or recovery code that opens the backup\n"
                "  --touch                                 open it with a security key\n"
                "  --accept                                take a backup that is damaged, as it is\n"
                "  --json\n",
        .run = run_restore,
};
