/*
 * keyfob generate: a new random password, printed, or stored without being shown
 */
#include <stdio.h>
#include <string.h>

#include "cli/keyring.h"
#include "cli/output.h"
#include "cli/password-make.h"
#include "cli/text.h"

#define LENGTH_DEFAULT 24U

static int print(const Secret *password)
{
        int r = output_bytes(password->data, password->size);

        return r == 0 ? output_bytes("\n", 1) : r;
}

static int store(const Cli *cli, const char *service, const char *user, const Secret *password)
{
        _cleanup_(keyring_done) Keyring keyring = KEYRING_NULL;
        int r;

        r = keyring_open(cli, &keyring);
        if (r != 0)
                return r;
        r = keyring_set_password(&keyring, service, user,
                                 &(keyfob_new_item){.data = password->data, .size = password->size});
        return r == 0 ? 0 : keyring_fail(&keyring, r);
}

static int run_generate(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_BACKEND,
                                                {"charset", required_argument, NULL, 'c'},
                                                {"symbols", no_argument, NULL, 's'},
                                                {"set", required_argument, NULL, 'S'},
                                                CLI_END};
        _cleanup_(secret_freep) Secret *password = NULL;
        _cleanup_free_ char *set = NULL;
        const char *charset = password_letters_and_digits, *service = NULL, *user = NULL;
        uint64_t length = LENGTH_DEFAULT;
        bool symbols = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "hb:p:", options, NULL)) >= 0) {
                switch (c) {
                case 'c':
                        if (password_set_check(optarg) < 0)
                                return cli_error(EXIT_USAGE,
                                                 "--charset takes at least two ASCII characters, each once");
                        charset = optarg;
                        break;
                case 's':
                        symbols = true;
                        break;
                case 'S':
                        /* takes two arguments: the second is what comes next */
                        service = optarg;
                        if (optind >= argc)
                                return cli_usage(cli);
                        user = argv[optind++];
                        break;
                default:
                        r = cli_option(cli, c);
                        if (r >= 0)
                                return r;
                }
        }
        if (argc - optind > 1)
                return cli_usage(cli);
        if (optind < argc && text_number(argv[optind], 1, PASSWORD_MAKE_MAX, &length) < 0)
                return cli_error(EXIT_USAGE, "LENGTH is a number from 1 to %zu", PASSWORD_MAKE_MAX);
        if (symbols && charset != password_letters_and_digits)
                return cli_error(EXIT_USAGE, "--charset and --symbols exclude each other");

        if (asprintf(&set, "%s%s", charset, symbols ? password_symbols : "") < 0) {
                set = NULL;
                return cli_no_memory();
        }
        r = password_make(set, strlen(set), length, random_from_kernel, &password);
        if (r < 0)
                return cli_error(EXIT_OTHER, "cannot make a password: %s", strerror(-r));
        return service ? store(cli, service, user, password) : print(password);
}

const Command command_generate = {
        .name = "generate",
        .usage = "[LENGTH] [--set SERVICE USER]",
        .summary = "Make a random password (24 letters and digits unless told otherwise)",
        .help = "  --symbols            punctuation as well\n"
                "  --charset CHARS      from these characters only\n"
                "  --set SERVICE USER   store it instead of printing it\n"
                "  -b, --keyring-backend NAME\n",
        .run = run_generate,
};
