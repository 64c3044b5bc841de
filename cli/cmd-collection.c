/*
 * keyfob collection: list, create, delete, and which one is the default
 */
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/request.h"
#include "cli/status.h"

static int collection_list(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_json_ struct json_object *status = NULL;
        struct json_object *collections;
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);
        r = cli_connect(&k);
        if (r == 0)
                r = status_get(k, &status);
        if (r != 0)
                return r;
        if (strcmp(json_string(status, "vault"), "absent") == 0)
                return cli_explain(KEYFOB_E_NO_VAULT, NULL);
        collections = json_member(status, "collections");
        if (cli->json)
                return output_json(collections ? json_object_get(collections) : json_object_new_array());
        r = status_print_collections(collections);
        return r != 0 ? r : output_flush();
}

static int collection_create(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                {"alias", required_argument, NULL, 'a'},
                                                {"own-password", no_argument, NULL, 'o'},
                                                PASSWORD_OPTIONS,
                                                PASSWORD_NEW_OPTIONS,
                                                CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_(secret_freep) Secret *auth = NULL, *own = NULL;
        _cleanup_json_ struct json_object *path = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL, own_source = PASSWORD_SOURCE_NULL;
        const char *alias = NULL, *name;
        bool own_password = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                switch (c) {
                case 'a':
                        alias = optarg;
                        break;
                case 'o':
                        own_password = true;
                        break;
                default:
                        r = password_option(&source, &own_source, c, optarg);
                        if (r == PASSWORD_NOT_MINE)
                                r = cli_option(cli, c);
                        if (r >= 0)
                                return r;
                }
        }
        if (argc - optind != 1)
                return cli_usage(cli);

        r = password_read(&source, &auth);
        if (r == 0)
                r = password_read(&own_source, &own);
        if (r == 0 && own && own->size == 0)
                return cli_error(EXIT_USAGE, "an empty password protects nothing");
        if (r == 0)
                r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);

        request_init(&request, k, "CreateCollection");
        request.nobody =
                "nobody to ask for a password: give --password-file FILE, and --new-password-file FILE for one of "
                "its own";
        request_append(&request, "s", argv[optind]);
        request_string(&request, "alias", alias);
        request_secret(&request, "own_secret", own);
        request_bool(&request, "own_password", own_password && !own);
        request_secret(&request, "auth", auth);
        r = request_call_json(&request, CLIENT_ASKS, &path);
        if (r != 0)
                return r;
        name = strrchr(json_object_get_string(path), '/');
        printf("%s\n", name ? name + 1 : json_object_get_string(path));
        return output_flush();
}

static int collection_delete(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP, {"yes", no_argument, NULL, 'y'}, CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        bool confirmed = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "hy", options, NULL)) >= 0) {
                if (c == 'y') {
                        confirmed = true;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (argc - optind != 1)
                return cli_usage(cli);
        r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);

        request_init(&request, k, "DeleteCollection");
        request.nobody = "nobody to ask whether to delete it: give --yes";
        request_append(&request, "s", argv[optind]);
        request_bool(&request, "confirmed", confirmed);
        request_end_options(&request);
        return request_call(&request, CLIENT_ASKS, NULL);
}

static int print_default(keyfob *k)
{
        _cleanup_json_ struct json_object *status = NULL;
        struct json_object *collections, *aliases;
        int r;

        r = status_get(k, &status);
        if (r != 0)
                return r;
        collections = json_member(status, "collections");
        for (size_t i = 0; i < json_length(collections); i++) {
                struct json_object *collection = json_object_array_get_idx(collections, i);

                aliases = json_member(collection, "aliases");
                for (size_t j = 0; j < json_length(aliases); j++) {
                        if (strcmp(json_object_get_string(json_object_array_get_idx(aliases, j)), "default") != 0)
                                continue;
                        printf("%s\n", json_string(collection, "name"));
                        return output_flush();
                }
        }
        return cli_error(EXIT_NOT_FOUND, "there is no default collection: keyfob collection default NAME");
}

static int collection_default(Cli *cli, int argc, char *argv[])
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind > 1)
                return cli_usage(cli);
        r = cli_connect(&k);
        if (r != 0)
                return r;
        if (optind == argc)
                return print_default(k);

        request_init(&request, k, "SetAlias");
        request_append(&request, "ss", "default", argv[optind]);
        r = request_call(&request, CLIENT_QUICK, NULL);
        return r;
}

static int run_collection(Cli *cli, int argc, char *argv[])
{
        static const Verb verbs[] = {{"list", collection_list},
                                     {"create", collection_create},
                                     {"delete", collection_delete},
                                     {"default", collection_default}};

        return cli_verb(cli, verbs, ELEMENTSOF(verbs), argc, argv);
}

const Command command_collection = {
        .name = "collection",
        .usage = "list | create LABEL | delete NAME | default [NAME]",
        .summary = "Show, make and delete collections, or choose the default one",
        .help = "  list [--json]\n"
                "  create LABEL [--alias ALIAS] [--own-password | --new-password-file FILE | --new-password-fd N]\n"
                "      [--password-file FILE] [--password-fd N]   one that opens the vault now\n"
                "  delete NAME [--yes]                            keyfob undelete brings it back\n"
                "  default [NAME]                                 print or choose the default collection\n",
        .run = run_collection,
};
