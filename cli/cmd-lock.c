/*
 * keyfob unlock, keyfob lock
 *
 * Unlocking takes the password from where it was told, or lets the daemon ask: on this terminal, else whoever the
 * session has. Locking starts a daemon where none runs, like every command: one that starts later could open by
 * itself.
 */
#include <string.h>

#include "cli/keyring.h"
#include "cli/password.h"
#include "cli/request.h"

typedef struct Way {
        PasswordSource source;
        const char *slot; /* by this one only */
        bool touch;       /* by a security key, without asking for a password first */
} Way;

static int unlock_own(const char *collection, const Way *way)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_(secret_freep) Secret *secret = NULL;
        const PasswordSource *source = &way->source;
        int r;

        r = password_read(source, &secret);
        if (r != 0)
                return r;
        r = cli_connect(&k);
        if (r != 0)
                return r;
        if (!secret)
                cli_use_terminal(k);
        if (!way->slot && !way->touch) {
                r = keyfob_unlock(k, collection, secret ? secret->data : NULL, secret ? secret->size : 0);
                return r == 0 ? 0 : cli_fail(k, r);
        }
        request_init(&request, k, "Unlock");
        request_string(&request, "collection", collection);
        request_string(&request, "slot", way->slot);
        request_bool(&request, "touch", way->touch);
        request_secret(&request, "secret", secret);
        return request_call(&request, CLIENT_ASKS, NULL);
}

static int run_unlock(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_BACKEND,
                                                PASSWORD_OPTIONS,
                                                {"slot", required_argument, NULL, 's'},
                                                {"touch", no_argument, NULL, 't'},
                                                CLI_END};
        _cleanup_(keyring_done) Keyring keyring = KEYRING_NULL;
        Way way = {.source = {.fd = -1, .credential = true}};
        const char *collection;
        int c, r;

        while ((c = getopt_long(argc, argv, "hb:p:", options, NULL)) >= 0) {
                if (c == 's') {
                        way.slot = optarg;
                        continue;
                }
                if (c == 't') {
                        way.touch = true;
                        continue;
                }
                r = password_option(&way.source, NULL, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind > 1)
                return cli_usage(cli);
        collection = argv[optind];
        if (way.touch && (way.source.file || way.source.fd >= 0))
                return cli_error(EXIT_USAGE, "--touch takes no password");
        way.source.credential = !way.touch;

        if (!cli->backend || strcmp(cli->backend, "keyfob") == 0)
                return unlock_own(collection, &way);

        if (way.source.file || way.source.fd >= 0 || way.slot || way.touch)
                return cli_error(EXIT_USAGE, "another keyring asks for its password itself");
        r = keyring_open(cli, &keyring);
        if (r != 0)
                return r;
        r = keyring_unlock(&keyring, collection);
        return r == 0 ? 0 : keyring_fail(&keyring, r);
}

static int run_lock(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, CLI_BACKEND, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(keyring_done) Keyring keyring = KEYRING_NULL;
        const char *collection;
        int c, r;

        while ((c = getopt_long(argc, argv, "hb:p:", options, NULL)) >= 0) {
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind > 1)
                return cli_usage(cli);
        collection = argv[optind];

        if (cli->backend && strcmp(cli->backend, "keyfob") != 0) {
                r = keyring_open(cli, &keyring);
                if (r != 0)
                        return r;
                r = keyring.backend->lock(keyring.handle, collection, &keyring.error);
                return r == 0 ? 0 : keyring_fail(&keyring, r);
        }

        r = cli_connect(&k);
        if (r != 0)
                return r;
        r = keyfob_lock(k, collection);
        return r == 0 ? 0 : cli_fail(k, r);
}

const Command command_unlock = {
        .name = "unlock",
        .usage = "[COLLECTION]",
        .summary = "Unlock the vault, or a collection that has a password of its own",
        .help = "  --touch                by a security key, without asking for a password first\n"
                "  --slot ID              by this key slot only (see keyfob slot list)\n"
                "  --password-file FILE   read the password there (- is standard input)\n"
                "  --password-fd N        or from this descriptor\n"
                "  -b, --keyring-backend NAME\n\n"
                "Else $CREDENTIALS_DIRECTORY/keyfob.password, else this terminal, else the session's prompter or "
                "pinentry.\n",
        .run = run_unlock,
};

const Command command_lock = {
        .name = "lock",
        .usage = "[COLLECTION]",
        .summary = "Lock a collection, or everything",
        .help = "  -b, --keyring-backend NAME\n",
        .run = run_lock,
};
