/*
 * keyfob set: store a password, typed twice or read from stdin
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/keyring.h"
#include "cli/terminal.h"
#include "cli/text.h"

/* Nobody should type a password twice only to hear that there is nowhere to put it. */
static int check_vault(Keyring *keyring)
{
        _cleanup_(keyfob_status_freep) keyfob_status *status = NULL;
        int r;

        if (keyring->backend != &backend_keyfob)
                return 0;
        r = keyfob_get_status(keyring->handle, &status);
        if (r != 0)
                return cli_fail(keyring->handle, r);
        return strcmp(status->vault, "absent") == 0 ? cli_explain(KEYFOB_E_NO_VAULT, NULL) : 0;
}

static int ask(const char *service, const char *user, Secret **ret)
{
        _cleanup_free_ char *prompt = text_format("Password for '%s' in '%s': ", user, service);
        int r;

        if (!prompt)
                return cli_no_memory();
        text_clean(prompt);
        r = terminal_ask_twice(prompt, ret);
        if (r == -ECANCELED)
                return cli_error(EXIT_REFUSED, "cancelled");
        return r < 0 ? cli_error(EXIT_OTHER, "cannot ask on the terminal: %s", strerror(-r)) : 0;
}

static int read_value(bool exact, Secret **ret)
{
        int r = secret_read(STDIN_FILENO, CLIENT_SECRET_MAX + 2, ret);

        if (r == -EFBIG)
                return cli_error(EXIT_OTHER, "a secret may have at most 4 MiB");
        if (r < 0)
                return cli_error(EXIT_OTHER, "cannot read standard input: %s", strerror(-r));
        /* one newline, and only that: a carriage return before it may be part of the value */
        if (!exact && (*ret)->size > 0 && (*ret)->data[(*ret)->size - 1] == '\n')
                (*ret)->data[--(*ret)->size] = 0;
        return 0;
}

static int run_set(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_BACKEND,
                                                {"collection", required_argument, NULL, 'c'},
                                                {"label", required_argument, NULL, 'l'},
                                                {"exact", no_argument, NULL, 'e'},
                                                {"content-type", required_argument, NULL, 't'},
                                                CLI_END};
        _cleanup_(keyring_done) Keyring keyring = KEYRING_NULL;
        _cleanup_(secret_freep) Secret *value = NULL;
        keyfob_new_item item = {0};
        const char *service, *user;
        bool exact = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "hb:p:", options, NULL)) >= 0) {
                switch (c) {
                case 'c':
                        item.collection = optarg;
                        break;
                case 'l':
                        item.label = optarg;
                        break;
                case 'e':
                        exact = true;
                        break;
                case 't':
                        item.content_type = optarg;
                        break;
                default:
                        r = cli_option(cli, c);
                        if (r >= 0)
                                return r;
                }
        }
        if (argc - optind != 2)
                return cli_usage(cli);
        service = argv[optind];
        user = argv[optind + 1];

        r = keyring_open(cli, &keyring);
        if (r != 0)
                return r;
        if (isatty(STDIN_FILENO)) {
                r = check_vault(&keyring);
                if (r == 0)
                        r = ask(service, user, &value);
        } else {
                r = read_value(exact, &value);
        }
        if (r != 0)
                return r;
        item.data = value->data;
        item.size = value->size;
        r = keyring_set_password(&keyring, service, user, &item);
        return r == 0 ? 0 : keyring_fail(&keyring, r);
}

const Command command_set = {
        .name = "set",
        .usage = "SERVICE USER",
        .summary = "Store the password of USER at SERVICE",
        .help = "The password is asked for twice on a terminal; else it is standard input without one newline at its "
                "end.\n\n"
                "  --collection NAME     where a new item goes (default: the default collection)\n"
                "  --label TEXT          of a new item\n"
                "  --exact               keep every byte of standard input\n"
                "  --content-type TYPE   default: text/plain\n"
                "  -b, --keyring-backend NAME\n",
        .run = run_set,
};
