/*
 * keyfob run: a program with secrets in its environment, and nowhere else
 *
 * The program takes our place (no process waits beside it), so its exit status and the signals it gets are its own.
 * Secrets never were in an argument or a file; our own copies vanish with our image.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/exec.h"
#include "cli/keyring.h"
#include "cli/text.h"

#define ENV_MAX 256

typedef struct Variables {
        char *strings[ENV_MAX]; /* NAME=VALUE */
        size_t n;
} Variables;

static void variables_done(Variables *variables)
{
        for (size_t i = 0; i < variables->n; i++)
                string_wipe_free(variables->strings[i]);
        variables->n = 0;
}

static int add(Variables *variables, const char *name, const Secret *value)
{
        size_t size = strlen(name);
        char *string;

        if (memchr(value->data, 0, value->size))
                return cli_error(EXIT_OTHER, "the value for %s has a zero byte: it does not fit into the environment",
                                 name);
        string = malloc(size + 1 + value->size + 1);
        if (!string)
                return cli_no_memory();
        memcpy(string, name, size);
        string[size] = '=';
        memcpy(string + size + 1, value->data, value->size);
        string[size + 1 + value->size] = 0;
        variables->strings[variables->n++] = string;
        return 0;
}

typedef struct Reference {
        char *name, *service, *user;
} Reference;

typedef struct References {
        Reference items[ENV_MAX];
        size_t n;
} References;

static void references_done(References *references)
{
        for (size_t i = 0; i < references->n; i++) {
                free(references->items[i].name);
                free(references->items[i].service);
                free(references->items[i].user);
        }
}

static int references_add(References *references, const char *argument)
{
        Reference *reference = &references->items[references->n];
        int r;

        if (references->n == ENV_MAX)
                return cli_error(EXIT_USAGE, "at most %d variables", ENV_MAX);
        r = text_env_reference(argument, &reference->name, &reference->service, &reference->user);
        if (r == -ENOMEM)
                return cli_no_memory();
        if (r < 0)
                return cli_error(EXIT_USAGE, "\"%s\" is not NAME=SERVICE/USER", argument);
        references->n++;
        /* which of the two a program sees would be its own choice */
        for (size_t i = 0; i + 1 < references->n; i++)
                if (strcmp(references->items[i].name, reference->name) == 0)
                        return cli_error(EXIT_USAGE, "--env names %s twice", reference->name);
        return 0;
}

static int fetch(Keyring *keyring, const Reference *reference, Variables *variables)
{
        _cleanup_(got_done) Got got = {0};
        int r;

        r = keyring_get(keyring, reference->service, reference->user, &got);
        if (r == KEYFOB_E_NOT_FOUND)
                return cli_error(EXIT_NOT_FOUND, "no password for '%s' on '%s'", reference->user, reference->service);
        if (r != 0)
                return keyring_fail(keyring, r);
        return add(variables, reference->name, got.value);
}

static bool is_set_by(const char *string, const Variables *variables)
{
        for (size_t i = 0; i < variables->n; i++) {
                size_t name = (size_t)(strchr(variables->strings[i], '=') - variables->strings[i]) + 1;

                if (strncmp(string, variables->strings[i], name) == 0)
                        return true;
        }
        return false;
}

static int become(char *argv[], Variables *variables)
{
        _cleanup_free_ char **envp = NULL;
        size_t n = 0, all = 0;

        while (environ[all])
                all++;
        envp = calloc(all + variables->n + 1, sizeof(*envp));
        if (!envp)
                return cli_no_memory();
        for (size_t i = 0; i < all; i++)
                if (!is_set_by(environ[i], variables))
                        envp[n++] = environ[i];
        for (size_t i = 0; i < variables->n; i++)
                envp[n++] = variables->strings[i];

        return exec_command(argv, envp,
                            variables->n > 0 ? "the passwords are too large for an environment (128 KiB each)" : NULL);
}

static int run_run(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, CLI_BACKEND, {"env", required_argument, NULL, 'e'}, CLI_END};
        _cleanup_(variables_done) Variables variables = {.n = 0};
        _cleanup_(references_done) References references = {.n = 0};
        int c, r;

        while ((c = getopt_long(argc, argv, "+hb:p:e:", options, NULL)) >= 0) {
                if (c == 'e') {
                        r = references_add(&references, optarg);
                        if (r != 0)
                                return r;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (optind == argc)
                return cli_usage(cli);

        if (references.n > 0) {
                _cleanup_(keyring_done) Keyring keyring = KEYRING_NULL;

                r = keyring_open(cli, &keyring);
                for (size_t i = 0; i < references.n && r == 0; i++)
                        r = fetch(&keyring, &references.items[i], &variables);
                if (r != 0)
                        return r;
        }
        return become(argv + optind, &variables);
}

const Command command_run = {
        .name = "run",
        .usage = "--env NAME=SERVICE/USER... -- COMMAND [ARGUMENT...]",
        .summary = "Run COMMAND with passwords in its environment",
        .help = "  -e, --env NAME=SERVICE/USER   what follows the last slash is the user; may be given several times\n"
                "  -b, --keyring-backend NAME\n\n"
                "The exit code is COMMAND's; 127 when it is not found, 126 when it cannot be run.\n",
        .run = run_run,
};
