/*
 * keyfob passwd: another password for a slot
 *
 * Changing a password re-wraps one slot; an old copy of the file still opens with the old password and shows what it
 * held then. Where that matters, keyfob rekey makes new keys, and this command says so.
 */
#include <stdio.h>

#include "cli/kdf.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/request.h"

static int run_passwd(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,         {"slot", required_argument, NULL, 's'},
                                                PASSWORD_OPTIONS, PASSWORD_NEW_OPTIONS,
                                                KDF_OPTIONS,      CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_(secret_freep) Secret *old = NULL, *new = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL, new_source = PASSWORD_SOURCE_NULL;
        const char *slot = NULL;
        KdfOptions kdf = {0};
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 's') {
                        slot = optarg;
                        continue;
                }
                r = password_option(&source, &new_source, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = kdf_option(&kdf, c, optarg);
                if (r == KDF_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc)
                return cli_usage(cli);

        r = password_read(&source, &old);
        if (r == 0)
                r = password_read(&new_source, &new);
        if (r != 0)
                return r;
        if (new &&new->size == 0)
                return cli_error(EXIT_USAGE, "an empty password protects nothing");
        r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);

        request_init(&request, k, "ChangePassword");
        request.nobody = "nobody to ask for the passwords: give --password-file FILE and --new-password-file FILE";
        request_string(&request, "slot", slot);
        request_secret(&request, "old", old);
        request_secret(&request, "new", new);
        kdf_append(&request, &kdf);
        r = request_call(&request, CLIENT_ASKS, NULL);
        if (r != 0)
                return r;
        printf("Changed. An old copy of the vault still opens with the old password: \"keyfob rekey\" makes new "
               "keys.\n");
        return output_flush();
}

const Command command_passwd = {
        .name = "passwd",
        .usage = "[--slot ID]",
        .summary = "Change the password of the vault",
        .help = "  --slot ID                                       of this key slot: its beginning or its label will "
                "do\n"
                "  --password-file FILE, --password-fd N           the password as it is\n"
                "  --new-password-file FILE, --new-password-fd N   the new one\n" KDF_HELP,
        .run = run_passwd,
};
