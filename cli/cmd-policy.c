/*
 * keyfob passkey policy: what new passkeys are made like
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/passkeys.h"
#include "cli/password.h"
#include "cli/text.h"

#define ALGORITHMS_MAX 16U

enum {
        OPTION_KEYS = 0x100,
        OPTION_SEAL,
        OPTION_ALGORITHMS,
        OPTION_ALWAYS_UV,
        OPTION_ATTESTATION,
        OPTION_ENTERPRISE,
        OPTION_ABANDON,
};

typedef struct Wish {
        keyfob_policy_change change;
        const char *algorithms[ALGORITHMS_MAX];
        bool any;
} Wish;

/* ---- showing it ---- */

static char *join(const keyfob_policy *policy)
{
        char *text = NULL;
        size_t size;
        FILE *to;

        to = open_memstream(&text, &size);
        if (!to)
                return NULL;
        for (size_t i = 0; i < policy->n_algorithms; i++)
                (void)fprintf(to, "%s%s", i > 0 ? ", " : "", policy->algorithms[i]);
        if (fclose(to) < 0) {
                free(text);
                return NULL;
        }
        return text;
}

static int print(const keyfob_policy *policy)
{
        _cleanup_free_ char *algorithms = join(policy), *tpm = NULL;

        tpm = *policy->tpm ? strdup(policy->tpm)
                           : text_format("%s, firmware %s%s", policy->tpm_manufacturer, policy->tpm_firmware,
                                         policy->tpm_locked_out ? "; locked out for others' wrong tries" : "");
        if (!tpm || !algorithms)
                return cli_no_memory();
        output_line("keys", strcmp(policy->keys, "tpm") == 0 ? "tpm: new keys are made in the TPM and never leave it"
                                                             : "software: new keys are kept in the vault");
        output_line("seal", strcmp(policy->seal, "tpm") == 0 ? "tpm: passkeys open with this machine's TPM only"
                                                             : "none: passkeys open with the vault");
        output_line("algorithms", algorithms);
        output_line("always-uv", policy->always_uv ? "yes" : "no");
        output_line("attestation", policy->attestation);
        output_line("enterprise", policy->enterprise_attestation ? "yes" : "no");
        output_line("tpm", tpm);
        return output_flush();
}

static int print_json(const keyfob_policy *policy)
{
        _cleanup_json_ struct json_object *json = json_object_new_object();
        struct json_object *list = json_object_new_array();

        if (!json || !list) {
                json_object_put(list);
                return cli_no_memory();
        }
        for (size_t i = 0; i < policy->n_algorithms; i++)
                json_object_array_add(list, json_object_new_string(policy->algorithms[i]));
        json_object_object_add(json, "keys", json_object_new_string(policy->keys));
        json_object_object_add(json, "seal", json_object_new_string(policy->seal));
        json_object_object_add(json, "algorithms", list);
        json_object_object_add(json, "always_uv", json_object_new_boolean(policy->always_uv));
        json_object_object_add(json, "attestation", json_object_new_string(policy->attestation));
        json_object_object_add(json, "enterprise_attestation",
                               json_object_new_boolean(policy->enterprise_attestation));
        json_object_object_add(json, "tpm_usable", json_object_new_boolean(!*policy->tpm));
        json_object_object_add(json, *policy->tpm ? "tpm_problem" : "tpm_manufacturer",
                               json_object_new_string(*policy->tpm ? policy->tpm : policy->tpm_manufacturer));
        if (!*policy->tpm) {
                json_object_object_add(json, "tpm_firmware", json_object_new_string(policy->tpm_firmware));
                json_object_object_add(json, "tpm_locked_out", json_object_new_boolean(policy->tpm_locked_out));
        }
        return output_json(TAKE_PTR(json));
}

static int show(const Cli *cli)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(keyfob_policy_freep) keyfob_policy *policy = NULL;
        int r;

        r = cli_connect(&k);
        if (r != 0)
                return r;
        r = keyfob_policy_get(k, &policy);
        if (r != 0)
                return cli_fail(k, r);
        return cli->json ? print_json(policy) : print(policy);
}

/* ---- changing it ---- */

/* Cuts `text` at its commas. */
static int read_algorithms(char *text, Wish *wish)
{
        char *rest = NULL;

        wish->change.n_algorithms = 0;
        wish->change.algorithms = wish->algorithms;
        for (char *name = strtok_r(text, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
                if (wish->change.n_algorithms == ALGORITHMS_MAX)
                        return cli_error(EXIT_USAGE, "too many algorithms");
                wish->algorithms[wish->change.n_algorithms++] = name;
        }
        if (wish->change.n_algorithms == 0)
                return cli_error(EXIT_USAGE, "--algorithms is a list: es256,eddsa,es384");
        return -1;
}

/* -1 when it was taken, PASSWORD_NOT_MINE, or the exit code. */
static int take(Wish *wish, int c, char *argument)
{
        keyfob_policy_change *change = &wish->change;

        if (c >= OPTION_KEYS && c <= OPTION_ABANDON)
                wish->any = true;
        switch (c) {
        case OPTION_KEYS:
                change->keys = argument;
                return -1;
        case OPTION_SEAL:
                change->seal = argument;
                return -1;
        case OPTION_ATTESTATION:
                change->attestation = argument;
                return -1;
        case OPTION_ALGORITHMS:
                return read_algorithms(argument, wish);
        case OPTION_ALWAYS_UV:
                return cli_read_yes("always-uv", argument, &change->always_uv);
        case OPTION_ENTERPRISE:
                return cli_read_yes("enterprise", argument, &change->enterprise_attestation);
        case OPTION_ABANDON:
                change->abandon_sealed = true;
                return -1;
        default:
                return PASSWORD_NOT_MINE;
        }
}

static int change(const Wish *wish, const PasswordSource *source)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(secret_freep) Secret *auth = NULL;
        int r;

        r = password_read(source, &auth);
        if (r == 0)
                r = cli_connect(&k);
        if (r != 0)
                return r;
        cli_use_terminal(k);
        r = keyfob_policy_set(k, &wish->change, auth ? auth->data : NULL, auth ? auth->size : 0);
        if (r == KEYFOB_E_NO_PROMPTER)
                return cli_error(EXIT_LOCKED, "nobody to ask for the vault's password: give --password-file FILE");
        return r == 0 ? 0 : cli_fail(k, r);
}

int passkey_policy(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                PASSWORD_OPTIONS,
                                                {"keys", required_argument, NULL, OPTION_KEYS},
                                                {"seal", required_argument, NULL, OPTION_SEAL},
                                                {"algorithms", required_argument, NULL, OPTION_ALGORITHMS},
                                                {"always-uv", required_argument, NULL, OPTION_ALWAYS_UV},
                                                {"attestation", required_argument, NULL, OPTION_ATTESTATION},
                                                {"enterprise", required_argument, NULL, OPTION_ENTERPRISE},
                                                {"abandon-sealed", no_argument, NULL, OPTION_ABANDON},
                                                CLI_END};
        Wish wish = {.change = {.always_uv = -1, .enterprise_attestation = -1}};
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
        if (optind != argc)
                return cli_usage(cli);
        return wish.any ? change(&wish, &source) : show(cli);
}
