/*
 * keyfob ssh copy-id: a key of the agent into a host's authorized_keys
 *
 * ssh-copy-id knows all about other people's hosts. It wants a file: it takes the public line out of FILE.pub, and gives FILE to
 * ssh, to see whether the key is there already. ssh takes a public line there as well, and then asks the agent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/exec.h"
#include "cli/output.h"
#include "cli/ssh-keys.h"
#include "cli/ssh.h"
#include "cli/text.h"

#define PROGRAM       "ssh-copy-id"
#define ARGUMENTS_MAX 64

/* ---- the files ---- */

typedef struct Files {
        char folder[32], key[48], public[48];
} Files;

static void files_done(Files *files)
{
        if (!files->folder[0])
                return;
        (void)unlink(files->key);
        (void)unlink(files->public);
        (void)rmdir(files->folder);
}

static int write_line(const char *path, const char *line)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
                return -errno;
        r = output_write(fd, line, strlen(line));
        return r < 0 ? r : output_write(fd, "\n", 1);
}

/* In /tmp, because the script puts the path into a command line of a shell's. */
static int files_write(const keyfob_ssh_key *key, Files *files)
{
        _cleanup_free_ char *line = ssh_key_line(key);
        int r;

        if (!line)
                return cli_no_memory();
        (void)strcpy(files->folder, "/tmp/keyfob-ssh-XXXXXX");
        if (!mkdtemp(files->folder)) {
                files->folder[0] = 0;
                return cli_error(EXIT_OTHER, "cannot make a folder in /tmp: %s", strerror(errno));
        }
        (void)snprintf(files->key, sizeof(files->key), "%s/id", files->folder);
        (void)snprintf(files->public, sizeof(files->public), "%s/id.pub", files->folder);
        r = write_line(files->key, line);
        if (r >= 0)
                r = write_line(files->public, line);
        return r < 0 ? cli_error(EXIT_OTHER, "cannot write %s: %s", files->folder, strerror(-r)) : 0;
}

/* ---- the script ---- */

/* What ssh needs to find the agent where no configuration says so; what says something else is left alone. */
static int prepare(keyfob *k)
{
        _cleanup_free_ char *path = NULL, *provider = ssh_provider(), *folder = NULL;
        const char *home = getenv("HOME");
        int r;

        r = ssh_socket(k, &path);
        if (r != 0)
                return r;
        if (setenv("SSH_AUTH_SOCK", path, /* overwrite= */ 0) < 0 ||
            (provider && setenv("SSH_SK_PROVIDER", provider, /* overwrite= */ 0) < 0))
                return cli_no_memory();
        /* the script keeps its own files there, and does not make it */
        folder = home ? text_format("%s/.ssh", home) : NULL;
        if (home && !folder)
                return cli_no_memory();
        if (folder && mkdir(folder, 0700) < 0 && errno != EEXIST)
                return cli_error(EXIT_OTHER, "cannot make %s: %s", folder, strerror(errno));
        return 0;
}

static int choose(SshTarget *target, const char *which)
{
        int r;

        if (which)
                return ssh_target_find(target, which);
        r = ssh_target_list(target, /* deleted= */ false);
        if (r != 0)
                return r;
        if (target->list->n == 0)
                return cli_error(EXIT_NOT_FOUND, "there is no key yet: make one with keyfob ssh add");
        if (target->list->n > 1)
                return cli_error(EXIT_USAGE, "which key? Give --key KEY: see keyfob ssh list");
        target->key = target->list->keys;
        return 0;
}

/* The script's own options, as they were given, then its file and the host. */
static int copy(const SshTarget *target, char *argv[], int n, char *hosts[])
{
        _cleanup_(files_done) Files files = {{0}, {0}, {0}};
        int r, first = 0;

        r = files_write(target->key, &files);
        if (r == 0)
                r = prepare(target->k);
        if (r != 0)
                return r;
        argv[n++] = (char[]){"-i"};
        argv[n++] = files.public;
        argv[n++] = (char[]){"--"};
        argv[n + 1] = NULL;
        for (; *hosts; hosts++) {
                argv[n] = *hosts;
                r = exec_and_wait(argv);
                if (r != 0 && first == 0)
                        first = r;
        }
        return first;
}

int ssh_copy_id(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, {"key", required_argument, NULL, 'k'}, CLI_END};
        _cleanup_(ssh_target_done) SshTarget target = SSH_TARGET_NULL;
        char name[] = PROGRAM, letters[ARGUMENTS_MAX][3], *given[ARGUMENTS_MAX + 8] = {name};
        const char *key = NULL;
        int c, r, n = 1;

        while ((c = getopt_long(argc, argv, "hp:o:F:fns", options, NULL)) >= 0) {
                if (c == 'k') {
                        key = optarg;
                } else if (strchr("poFfns", c)) {
                        if (n + 2 > ARGUMENTS_MAX)
                                return cli_error(EXIT_USAGE, "too many options for " PROGRAM);
                        (void)snprintf(letters[n], sizeof(letters[n]), "-%c", c);
                        given[n] = letters[n];
                        n++;
                        if (strchr("poF", c))
                                given[n++] = optarg;
                } else {
                        r = cli_option(cli, c);
                        if (r >= 0)
                                return r;
                }
        }
        if (optind == argc)
                return cli_usage(cli);
        r = choose(&target, key);
        return r == 0 ? copy(&target, given, n, argv + optind) : r;
}
