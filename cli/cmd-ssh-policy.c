/*
 * keyfob ssh policy: who may use a stored key, for what
 */
#include <string.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/ssh-keys.h"
#include "cli/ssh.h"

enum { OPTION_CONFIRM = 0x100, OPTION_VERIFY, OPTION_HOSTS, OPTION_PROGRAMS, OPTION_COMMENT };

typedef struct Wish {
        keyfob_ssh_policy policy;
        const char *hosts, *programs; /* lists */
        Hosts hosts_read;
        Programs programs_read;
        bool any;
} Wish;

static void wish_done(Wish *wish)
{
        hosts_done(&wish->hosts_read);
        programs_done(&wish->programs_read);
}

/* -1 when it was taken, PASSWORD_NOT_MINE, or the exit code. */
static int take(Wish *wish, int c, char *argument)
{
        if (c >= OPTION_CONFIRM && c <= OPTION_COMMENT)
                wish->any = true;
        switch (c) {
        case OPTION_CONFIRM:
                return cli_read_yes("confirm", argument, &wish->policy.confirm);
        case OPTION_VERIFY:
                return cli_read_yes("verify", argument, &wish->policy.verify);
        case OPTION_HOSTS:
                wish->hosts = argument;
                return -1;
        case OPTION_PROGRAMS:
                wish->programs = argument;
                return -1;
        case OPTION_COMMENT:
                wish->policy.comment = argument;
                return -1;
        default:
                return PASSWORD_NOT_MINE;
        }
}

static int show(const Cli *cli, const SshTarget *target)
{
        const keyfob_ssh_key *key = target->key;

        if (!key->stored)
                return cli_error(EXIT_OTHER, "the key is in memory only, and has no policy: \"keyfob ssh keep\" stores it");
        if (!key->policy_known)
                return cli_error(EXIT_LOCKED, "locked: run \"keyfob unlock\"");
        return cli->json ? output_json(ssh_key_json(key)) : ssh_key_print_policy(key);
}

/* An array that is empty says "all"; one that is not there, "as before". */
static int read_lists(Wish *wish)
{
        static const keyfob_ssh_host no_hosts[1];
        static const char *const no_programs[1];
        keyfob_ssh_policy *policy = &wish->policy;
        int r = 0;

        if (wish->hosts) {
                r = hosts_read(wish->hosts, &wish->hosts_read);
                policy->hosts = wish->hosts_read.hosts ? wish->hosts_read.hosts : no_hosts;
                policy->n_hosts = wish->hosts_read.n;
        }
        if (r == 0 && wish->programs) {
                r = programs_read(wish->programs, &wish->programs_read);
                policy->programs = wish->programs_read.paths ? (const char *const *)wish->programs_read.paths : no_programs;
                policy->n_programs = wish->programs_read.n;
        }
        return r;
}

/* A password that was given opens a locked vault, and nobody is asked. */
static int unlock_by(SshTarget *target, const char *which, const Secret *auth)
{
        int r;

        if (!auth || !target->key->stored || target->key->policy_known)
                return 0;
        r = keyfob_unlock(target->k, NULL, auth->data, auth->size);
        if (r != 0)
                return cli_fail(target->k, r);
        target->list = keyfob_ssh_keys_free(target->list);
        return ssh_target_find(target, which);
}

static int change(const SshTarget *target, const Wish *wish, const Secret *auth)
{
        int r;

        r = keyfob_ssh_set_policy(target->k, target->name, &wish->policy, auth ? auth->data : NULL, auth ? auth->size : 0);
        /* of a vault that is open, it is not the lock that wants a password */
        if (r == KEYFOB_E_NO_PROMPTER && target->key->policy_known)
                return cli_error(EXIT_LOCKED, "nobody to ask for the vault's password: give --password-file FILE");
        return r == 0 ? 0 : cli_fail(target->k, r);
}

int ssh_policy(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                PASSWORD_OPTIONS,
                                                {"confirm", required_argument, NULL, OPTION_CONFIRM},
                                                {"verify", required_argument, NULL, OPTION_VERIFY},
                                                {"hosts", required_argument, NULL, OPTION_HOSTS},
                                                {"programs", required_argument, NULL, OPTION_PROGRAMS},
                                                {"comment", required_argument, NULL, OPTION_COMMENT},
                                                CLI_END};
        _cleanup_(wish_done) Wish wish = {.policy = {.confirm = -1, .verify = -1}};
        _cleanup_(ssh_target_done) SshTarget target = SSH_TARGET_NULL;
        _cleanup_(secret_freep) Secret *auth = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                r = password_option(&source, NULL, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = take(&wish, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind != 1)
                return cli_usage(cli);
        r = read_lists(&wish);
        if (r == 0)
                r = password_read(&source, &auth);
        if (r == 0)
                r = ssh_target_find(&target, argv[optind]);
        if (r == 0)
                r = unlock_by(&target, argv[optind], auth);
        if (r != 0)
                return r;
        return wish.any ? change(&target, &wish, auth) : show(cli, &target);
}
