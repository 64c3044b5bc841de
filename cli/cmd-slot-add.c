/*
 * keyfob slot add: one more way to open the vault
 *
 * The daemon wants a slot opened afresh for it. What a kind needs beside that is read or made here: the new password,
 * the key file, the recovery code.
 */
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/kdf.h"
#include "cli/keyfile.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/recovery.h"
#include "cli/request.h"
#include "cli/slot.h"
#include "cli/text.h"
#include "common/base64.h"

static int print_id(struct json_object *id)
{
        struct json_object *object = json_object_new_object();

        if (!object || json_object_object_add(object, "id", json_object_get(id)) < 0) {
                json_object_put(object);
                return cli_no_memory();
        }
        return output_json(object);
}

/* Nobody has its code, so nobody may think that there is one. By the code itself, which is what opens it. */
static void take_back(keyfob *k, const char *id, const Secret *code)
{
        _cleanup_(request_done) Request request = {0};

        request_init(&request, k, "RemoveSlot");
        request_append(&request, "s", id);
        request_secret(&request, "auth", code);
        if (request_call(&request, CLIENT_PATIENT, NULL) == 0)
                (void)cli_error(0, "slot %.8s was removed again, because its code could not be shown", id);
        else
                (void)cli_error(0, "slot %.8s is there, but its code could not be shown: \"keyfob slot remove %.8s\"", id, id);
}

/* "0,2,7" as bits. */
static int read_registers(const char *text, uint32_t *ret)
{
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *one;
        uint64_t number;

        if (!copy)
                return cli_no_memory();
        while ((one = strsep(&rest, ","))) {
                if (text_number(one, 0, 23, &number) < 0)
                        return cli_error(EXIT_USAGE, "\"%s\" is no list of registers from 0 to 23, as 0,2,7", text);
                *ret |= UINT32_C(1) << number;
        }
        return 0;
}

int slot_add(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {CLI_HELP,
                                                CLI_JSON,
                                                {"kind", required_argument, NULL, 'k'},
                                                {"key-file", required_argument, NULL, 'K'},
                                                {"label", required_argument, NULL, 'l'},
                                                {"collection", required_argument, NULL, 'c'},
                                                {"key", required_argument, NULL, 'd'},
                                                {"verify", no_argument, NULL, 'v'},
                                                {"rp-id", required_argument, NULL, 'R'},
                                                {"credential", required_argument, NULL, 'C'},
                                                {"pin", no_argument, NULL, 'P'},
                                                {"pcrs", required_argument, NULL, 'r'},
                                                PASSWORD_PIN_OPTIONS,
                                                PASSWORD_OPTIONS,
                                                PASSWORD_NEW_OPTIONS,
                                                KDF_OPTIONS,
                                                CLI_END};
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(request_done) Request request = {0};
        _cleanup_(keyfile_done) Keyfile keyfile = KEYFILE_NULL;
        _cleanup_(secret_freep) Secret *auth = NULL, *secret = NULL;
        _cleanup_json_ struct json_object *id = NULL;
        _cleanup_free_ uint8_t *credential_id = NULL;
        PasswordSource source = PASSWORD_SOURCE_NULL, new_source = PASSWORD_SOURCE_NULL;
        const char *kind = NULL, *key_path = NULL, *label = NULL, *collection = NULL, *key = NULL;
        const char *rp_id = NULL, *credential = NULL;
        KdfOptions kdf = {0};
        bool recovery, fido2, tpm2, verify = false, with_pin = false;
        uint32_t pcrs = 0;
        size_t credential_size = 0;
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
                case 'c':
                        collection = optarg;
                        break;
                case 'd':
                        key = optarg;
                        break;
                case 'v':
                        verify = true;
                        break;
                case 'R':
                        rp_id = optarg;
                        break;
                case 'C':
                        credential = optarg;
                        break;
                case 'P':
                        with_pin = true;
                        break;
                case 'r':
                        r = read_registers(optarg, &pcrs);
                        if (r != 0)
                                return r;
                        break;
                default:
                        r = password_option(&source, &new_source, c, optarg);
                        if (r == PASSWORD_NOT_MINE)
                                r = kdf_option(&kdf, c, optarg);
                        if (r == KDF_NOT_MINE)
                                r = cli_option(cli, c);
                        if (r >= 0)
                                return r;
                }
        }
        if (argc - optind == 1 && !kind)
                kind = argv[optind++];
        if (optind != argc)
                return cli_usage(cli);
        if (!kind)
                kind = key_path ? "credential" : "password";
        if ((strcmp(kind, "credential") == 0) != (key_path != NULL))
                return cli_error(EXIT_USAGE, "--kind credential and --key-file FILE go together");
        recovery = strcmp(kind, "recovery") == 0;
        fido2 = strcmp(kind, "fido2") == 0;
        tpm2 = strcmp(kind, "tpm2") == 0;
        if (!fido2 && (key || verify || rp_id || credential))
                return cli_error(EXIT_USAGE, "--key, --verify, --rp-id and --credential are for --kind fido2");
        if (!rp_id != !credential)
                return cli_error(EXIT_USAGE, "--rp-id and --credential go together: whom the credential was made for");
        if (credential && (base64_decode(credential, strlen(credential), &credential_id, &credential_size) < 0 ||
                           credential_size == 0))
                return cli_error(EXIT_USAGE, "--credential is an id in base64, as it stands in an authfile");
        if (!tpm2 && (pcrs != 0 || with_pin))
                return cli_error(EXIT_USAGE, "--pin and --pcrs are for --kind tpm2");
        if (strcmp(kind, "password") != 0 && strcmp(kind, "login") != 0 && !fido2 && !tpm2 &&
            (new_source.file || new_source.fd >= 0))
                return cli_error(EXIT_USAGE, "a slot of kind %s has no password", kind);

        r = password_read(&source, &auth);
        if (r == 0)
                r = password_read(&new_source, &secret);
        if (r == 0 && secret && secret->size == 0)
                return cli_error(EXIT_USAGE, "an empty password protects nothing");
        if (r == 0 && recovery)
                r = recovery_make(&secret);
        if (r == 0)
                r = cli_connect(&k);
        if (r == 0 && key_path)
                r = keyfile_open(key_path, &keyfile);
        if (r != 0)
                return r;
        cli_use_terminal(k);

        request_init(&request, k, "AddSlot");
        request.nobody =
                "nobody to ask for a password: give --password-file FILE, and --new-password-file FILE for a new "
                "one";
        request_string(&request, "kind", kind);
        request_secret(&request, fido2 || tpm2 ? "pin" : "secret", key_path ? keyfile.content : secret);
        request_string(&request, "key", key);
        request_bool(&request, "uv", verify);
        request_string(&request, "rp-id", rp_id);
        request_bytes(&request, "credential", credential_id, credential_size);
        request_bool(&request, "with-pin", with_pin);
        request_u32(&request, "pcrs", pcrs);
        request_string(&request, "path", keyfile.path);
        request_string(&request, "label", label);
        request_string(&request, "collection", collection);
        request_secret(&request, "auth", auth);
        kdf_append(&request, &kdf);
        r = request_call_json(&request, CLIENT_ASKS, &id);
        if (r != 0)
                return r;
        keyfile_keep(&keyfile);
        if (recovery) {
                r = recovery_show(cli, json_object_get_string(id), secret);
                if (r != 0)
                        take_back(k, json_object_get_string(id), secret);
                return r;
        }
        if (cli->json)
                return print_id(id);
        printf("%s\n", json_object_get_string(id));
        return output_flush();
}
