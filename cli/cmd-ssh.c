/*
 * keyfob ssh: the keys of the ssh-agent, and how ssh gets to them
 */
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/shell.h"
#include "cli/ssh-keys.h"
#include "cli/ssh.h"
#include "cli/text.h"
#include "common/base64.h"

/* ---- list ---- */

static int list_keys(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                {"deleted", no_argument, NULL, 'd'},
                                                {"public", no_argument, NULL, 'L'},
                                                CLI_END};
        _cleanup_(ssh_target_done) SshTarget target = SSH_TARGET_NULL;
        bool deleted = false, public = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "hL", options, NULL)) >= 0) {
                if (c == 'd' || c == 'L') {
                        *(c == 'd' ? &deleted : &public) = true;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc || (public && cli->json))
                return cli_usage(cli);
        r = ssh_target_list(&target, deleted);
        if (r != 0)
                return r;
        if (public)
                return ssh_keys_print_public(target.list);
        return cli->json ? ssh_keys_print_json(target.list) : ssh_keys_print(target.list, deleted);
}

/* ---- keep, remove, undelete ---- */

static int say(const char *what, const keyfob_ssh_key *key, const char *then)
{
        _cleanup_free_ char *title = ssh_key_title(key);

        if (!title)
                return cli_no_memory();
        printf("%s %s%s\n", what, title, then);
        return output_flush();
}

static int keep(Cli *cli, int argc, char *argv[])
{
        _cleanup_(ssh_target_done) SshTarget target = SSH_TARGET_NULL;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind != 1)
                return cli_usage(cli);
        r = ssh_target_find(&target, argv[optind]);
        if (r != 0)
                return r;
        r = keyfob_ssh_keep(target.k, target.name);
        return r == 0 ? say("Stored", target.key, "") : cli_fail(target.k, r);
}

static int remove_one(SshTarget *target, const char *which)
{
        int r;

        r = ssh_target_find(target, which);
        if (r != 0)
                return r;
        r = keyfob_ssh_remove(target->k, target->name);
        if (r != 0)
                return cli_fail(target->k, r);
        return say("Removed", target->key,
                   target->key->stored ? ": \"keyfob ssh undelete\" brings it back within 30 days" : "");
}

/* Each by its own bytes, which nothing else fits. */
static int remove_all(SshTarget *target)
{
        int r, first = 0;

        r = ssh_target_list(target, /* deleted= */ false);
        if (r != 0)
                return r;
        for (size_t i = 0; i < target->list->n; i++) {
                _cleanup_free_ char *which = base64_encode(target->list->keys[i].blob, target->list->keys[i].blob_size);

                r = which ? remove_one(target, which) : cli_no_memory();
                if (r != 0 && first == 0)
                        first = r;
        }
        return first;
}

static int remove_keys(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, {"all", no_argument, NULL, 'a'}, CLI_END};
        _cleanup_(ssh_target_done) SshTarget target = SSH_TARGET_NULL;
        bool all = false;
        int c, r, first = 0;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 'a') {
                        all = true;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if ((optind == argc) != all)
                return cli_usage(cli);
        if (all)
                return remove_all(&target);
        for (int i = optind; i < argc; i++) {
                r = remove_one(&target, argv[i]);
                if (r != 0 && first == 0)
                        first = r;
        }
        return first;
}

static int undelete(Cli *cli, int argc, char *argv[])
{
        _cleanup_(ssh_target_done) SshTarget target = SSH_TARGET_NULL;
        const keyfob_ssh_keys *list;
        uint64_t number;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind > 1)
                return cli_usage(cli);
        if (argv[optind] && text_number(argv[optind], 0, UINT64_MAX, &number) < 0)
                return cli_error(EXIT_USAGE, "\"%s\" is no number of keyfob ssh list --deleted", argv[optind]);
        r = ssh_target_list(&target, /* deleted= */ true);
        if (r != 0)
                return r;
        list = target.list;
        if (optind == argc)
                return cli->json ? ssh_keys_print_json(list) : ssh_keys_print(list, /* deleted= */ true);
        for (size_t i = 0; i < list->n; i++) {
                if (list->keys[i].number != number)
                        continue;
                r = keyfob_ssh_undelete(target.k, number);
                return r == 0 ? say("Restored", &list->keys[i], "") : cli_fail(target.k, r);
        }
        return cli_error(EXIT_NOT_FOUND, "no deleted key has this number: see keyfob ssh list --deleted");
}

/* ---- env ---- */

static int env(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_free_ char *path = NULL, *provider = ssh_provider();
        int r, shell;

        r = shell_read(cli, argc, argv, &shell);
        if (r >= 0)
                return r;
        r = cli_connect(&k);
        if (r == 0)
                r = ssh_socket(k, &path);
        if (r != 0)
                return r;
        return shell_export(shell, (const ShellVariable[]){{"SSH_AUTH_SOCK", path}, {"SSH_SK_PROVIDER", provider}},
                            provider ? 2 : 1);
}

static int run_ssh(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {{"list", list_keys}, {"add", ssh_add},         {"keep", keep},
                                     {"remove", remove_keys}, {"undelete", undelete}, {"policy", ssh_policy},
                                     {"setup", ssh_setup}, {"env", env},            {"copy-id", ssh_copy_id}};

        return cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv);
}

const Command command_ssh = {
        .name = "ssh",
        .usage = "list | add | keep KEY | remove KEY... | undelete [N] | policy KEY | setup | env | copy-id HOST...",
        .summary = "Manage the keys of the ssh-agent, and have ssh use it",
        .help = "  list [--deleted] [--json | -L, --public]        -L: as authorized_keys has them\n"
                "  add [OPTIONS]                                  make a key in the vault and print its public line\n"
                "      [--type ed25519|ecdsa|rsa] [--bits N] [--comment TEXT]\n"
                "      [--type ed25519-sk|ecdsa-sk]               on a security key:\n"
                "      [--device KEY] [--application ssh:NAME] [--user NAME] [--resident]\n"
                "      [--verify-required] [--no-touch-required]  KEY: Keyfob's own, or one of keyfob key list\n"
                "      [--pin-file FILE] [--pin-fd N]             of another maker's key; else it is asked for\n"
                "      [--confirm] [--verify] [--hosts LIST] [--programs LIST]   as policy has them\n"
                "  keep KEY                                       store one that a program added\n"
                "  remove KEY... | --all                          a stored one can be restored for 30 days\n"
                "  undelete [N] [--json]                          list what was removed, or bring one back\n"
                "  policy KEY [--json]                            who may use it; with options it changes:\n"
                "      [--confirm yes|no] [--verify yes|no]       ask before each use; have the owner verified\n"
                "      [--hosts H,...|any] [--programs P,...|any] where it logs in, and for whom\n"
                "      [--comment TEXT]\n"
                "      [--password-file FILE] [--password-fd N]   one that opens the vault, wanted where it is loosened\n"
                "  setup [--yes] | --undo                         have ssh and this session use the agent\n"
                "  env [--sh | --fish | --csh]                    the line that has this shell do so\n"
                "  copy-id [--key KEY] HOST... [-p PORT] [-o OPTION] [-F FILE] [-f] [-n] [-s]\n"
                "                                                 by ssh-copy-id, whose exit code it has\n"
                "\n"
                "KEY is a fingerprint, a comment, or a public line.\n",
        .run = run_ssh,
};
