/*
 * keyfob init: make the vault
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "cli/json.h"
#include "cli/keyfile.h"
#include "cli/kdf.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/request.h"

static int report(struct json_object *result, bool json)
{
        const char *kind = json_string(result, "kind");
        int r;

        if (json)
                return output_json(json_object_get(result));
        if (strcmp(kind, "none") == 0)
                printf("The vault is made. It is UNPROTECTED: whoever gets its file can read it.\n");
        else if (json_number(result, "kdf_memory") > 0)
                printf("The vault is made and unlocked (%s, Argon2id with %llu MiB, %llu passes).\n", kind,
                       (unsigned long long)json_number(result, "kdf_memory") / 1024,
                       (unsigned long long)json_number(result, "kdf_passes"));
        else
                printf("The vault is made and unlocked (%s).\n", kind);
        r = output_flush();
        return r;
}

static int run_init(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                {"kind", required_argument, NULL, 'k'},
                                                {"key-file", required_argument, NULL, 'K'},
                                                PASSWORD_OPTIONS,
                                                {"label", required_argument, NULL, 'l'},
                                                KDF_OPTIONS,
                                                CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(keyfile_done) Keyfile keyfile = KEYFILE_NULL;
        _cleanup_(secret_freep) Secret *secret = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_json_ struct json_object *result = NULL;
        PasswordSource source = {.fd = -1, .credential = true};
        const char *kind = NULL, *key_path = NULL, *label = NULL;
        KdfOptions kdf = {0};
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                switch (c) {
                case 'k':
                        kind = optarg;
                        break;
                case 'K':
                        key_path = optarg;
                        break;
                case 'l':
                        label = optarg;
                        break;
                default:
                        r = password_option(&source, NULL, c, optarg);
                        if (r == PASSWORD_NOT_MINE)
                                r = kdf_option(&kdf, c, optarg);
                        if (r == KDF_NOT_MINE)
                                r = cli_option(cli, c);
                        if (r >= 0)
                                return r;
                }
        }
        if (optind != argc)
                return cli_usage(cli);
        if (!kind)
                kind = key_path ? "credential" : "password";
        if (strcmp(kind, "password") != 0 && strcmp(kind, "none") != 0 && strcmp(kind, "credential") != 0)
                return cli_error(EXIT_USAGE, "--kind is password, credential or none");
        if ((strcmp(kind, "credential") == 0) != (key_path != NULL))
                return cli_error(EXIT_USAGE, "--kind credential and --key-file FILE go together");
        if (strcmp(kind, "password") != 0 && (source.file || source.fd >= 0))
                return cli_error(EXIT_USAGE, "a vault of kind %s has no password", kind);

        if (strcmp(kind, "password") == 0) {
                r = password_read(&source, &secret);
                if (r != 0)
                        return r;
                if (secret && secret->size == 0)
                        return cli_error(EXIT_USAGE,
                                         "an empty password protects nothing: use --kind none if you mean it");
        }
        r = cli_connect(&k);
        if (r != 0)
                return r;
        if (key_path) {
                r = keyfile_open(key_path, &keyfile);
                if (r != 0)
                        return r;
        } else if (!secret) {
                cli_use_terminal(k);
        }

        request_init(&request, k, "Init");
        request.nobody = "no vault yet, and nobody to ask for its password: run \"keyfob init\" on a terminal, or "
                         "\"keyfob init --password-file FILE\"";
        request.exists = "there is a vault already: \"keyfob status\" tells where";
        request_string(&request, "kind", kind);
        request_secret(&request, "secret", key_path ? keyfile.content : secret);
        request_string(&request, "path", keyfile.path);
        request_string(&request, "label", label);
        kdf_append(&request, &kdf);
        r = request_call_json(&request, CLIENT_ASKS, &result);
        if (r != 0)
                return r;
        keyfile_keep(&keyfile);
        return report(result, cli->json);
}

const Command command_init = {
        .name = "init",
        .usage = "[--kind password|credential|none]",
        .summary = "Make the vault",
        .help = "  --kind KIND            password (the default), credential (a key file), or none (unprotected)\n"
                "  --key-file FILE        the key file; made when it is not there\n"
                "  --password-file FILE   read the password there (- is standard input)\n"
                "  --password-fd N        or from this descriptor\n"
                "  --label TEXT           of the default collection\n" KDF_HELP "  --json\n\n"
                "Without a source the password is $CREDENTIALS_DIRECTORY/keyfob.password, or asked for twice.\n",
        .run = run_init,
};
