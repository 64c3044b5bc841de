/*
 * keyfob get: one value to stdout, and nothing else
 *
 * A newline follows only on a terminal, so that $(keyfob get …) and keyfob get … > file have exactly the bytes. The
 * forms
 * --mode creds and --output json are python keyring's, where scripts know them from.
 */
#include <stdio.h>
#include <string.h>

#include "cli/keyring.h"
#include "cli/output.h"

static int append(Secret *to, const char *text)
{
        return secret_append(to, text, strlen(text));
}

/* A member whose value need not be text: then it is base64, and its name says so. */
static int append_password(Secret *to, const Secret *value)
{
        int r;

        if (append(to, "\"password\": ") < 0)
                return -1;
        r = output_json_string(to, value->data, value->size);
        if (r >= 0)
                return r;
        to->size -= strlen("\"password\": ");
        if (append(to, "\"password_base64\": \"") < 0 || output_base64(to, value->data, value->size) < 0)
                return -1;
        return append(to, "\"");
}

static int print_json(const char *service, const Got *got, bool with_user, bool whole)
{
        _cleanup_(secret_freep) Secret *text = NULL;
        int r;

        r = secret_new(&text, got->value->size * 2 + 4096);
        if (r >= 0)
                r = append(text, "{");
        if (r >= 0 && whole) {
                r = append(text, "\"service\": ");
                if (r >= 0)
                        r = output_json_string(text, service, strlen(service));
                if (r >= 0)
                        r = append(text, ", \"content_type\": ");
                if (r >= 0)
                        r = output_json_string(text, got->content_type, strlen(got->content_type));
                if (r >= 0)
                        r = append(text, ", ");
        }
        if (r >= 0 && with_user && got->user) {
                r = append(text, "\"username\": ");
                if (r >= 0)
                        r = output_json_string(text, got->user, strlen(got->user));
                if (r >= 0)
                        r = append(text, ", ");
        }
        if (r >= 0)
                r = append_password(text, got->value);
        if (r >= 0)
                r = append(text, "}\n");
        if (r < 0)
                return cli_no_memory();
        return output_bytes(text->data, text->size);
}

static int print_plain(const Got *got, bool with_user)
{
        bool newline = with_user || isatty(STDOUT_FILENO);
        int r = 0;

        if (with_user && got->user) {
                r = output_bytes(got->user, strlen(got->user));
                if (r == 0)
                        r = output_bytes("\n", 1);
        }
        if (r == 0)
                r = output_bytes(got->value->data, got->value->size);
        return r == 0 && newline ? output_bytes("\n", 1) : r;
}

static int run_get(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                CLI_BACKEND,
                                                {"mode", required_argument, NULL, 'm'},
                                                {"output", required_argument, NULL, 'o'},
                                                CLI_END};
        _cleanup_(keyring_done) Keyring keyring = KEYRING_NULL;
        _cleanup_(got_done) Got got = {0};
        bool credentials = false, json = false;
        const char *service, *user;
        int c, r;

        while ((c = getopt_long(argc, argv, "hb:p:", options, NULL)) >= 0) {
                switch (c) {
                case 'm':
                        if (strcmp(optarg, "creds") != 0 && strcmp(optarg, "password") != 0)
                                return cli_error(EXIT_USAGE, "--mode is password or creds");
                        credentials = optarg[0] == 'c';
                        break;
                case 'o':
                        if (strcmp(optarg, "json") != 0 && strcmp(optarg, "plain") != 0)
                                return cli_error(EXIT_USAGE, "--output is plain or json");
                        json = optarg[0] == 'j';
                        break;
                default:
                        r = cli_option(cli, c);
                        if (r >= 0)
                                return r;
                }
        }
        if (argc - optind != 2 && !(argc - optind == 1 && credentials))
                return cli_usage(cli);
        service = argv[optind];
        user = argc - optind == 2 ? argv[optind + 1] : NULL;

        r = keyring_open(cli, &keyring);
        if (r != 0)
                return r;
        r = keyring_get(&keyring, service, user, &got);
        if (r == KEYFOB_E_NOT_FOUND)
                return user ? cli_error(EXIT_NOT_FOUND, "no password for '%s' on '%s'", user, service)
                            : cli_error(EXIT_NOT_FOUND, "no password on '%s'", service);
        if (r != 0)
                return keyring_fail(&keyring, r);

        if (json || cli->json)
                return print_json(service, &got, credentials || cli->json, cli->json);
        return print_plain(&got, credentials);
}

const Command command_get = {
        .name = "get",
        .usage = "SERVICE USER",
        .summary = "Print the password of USER at SERVICE",
        .help = "  --mode password|creds   creds prints the user name first; USER may be left out then\n"
                "  --output plain|json     as python keyring prints it\n"
                "  --json                  everything in one object\n"
                "  -b, --keyring-backend NAME\n",
        .run = run_get,
};
