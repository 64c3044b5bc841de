/*
 * keyfob ssh add: a key that was never in a file
 *
 * Only the public line is printed, so that it can go where it belongs: keyfob ssh add | ssh host 'cat >> .ssh/authorized_keys'.
 */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cli/key.h"
#include "cli/output.h"
#include "cli/ssh.h"
#include "cli/text.h"

enum {
        OPTION_TYPE = 0x100,
        OPTION_BITS,
        OPTION_COMMENT,
        OPTION_CONFIRM,
        OPTION_VERIFY,
        OPTION_HOSTS,
        OPTION_PROGRAMS,
        OPTION_DEVICE,
        OPTION_APPLICATION,
        OPTION_USER,
        OPTION_RESIDENT,
        OPTION_VERIFY_REQUIRED,
        OPTION_NO_TOUCH_REQUIRED,
};

typedef struct Wish {
        keyfob_ssh_new_key key;
        Hosts hosts;
        Programs programs;
        char *comment;
        const char *first_sk; /* the first option that is about security keys */
        KeyCommand device;    /* another maker's key */
} Wish;

static void wish_done(Wish *wish)
{
        hosts_done(&wish->hosts);
        programs_done(&wish->programs);
        free(wish->comment);
        key_command_done(&wish->device);
}

static int read_type(const char *type, Wish *wish)
{
        static const char *const types[] = {"ed25519", "ecdsa", "rsa", "ed25519-sk", "ecdsa-sk"};

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                if (strcmp(types[i], type) != 0)
                        continue;
                wish->key.type = types[i];
                return -1;
        }
        return cli_error(EXIT_USAGE, "--type is ed25519, ecdsa, rsa, ed25519-sk or ecdsa-sk, not \"%s\"", type);
}

static int read_bits(const char *text, Wish *wish)
{
        uint64_t bits;

        if (text_number(text, 1, 65536, &bits) < 0)
                return cli_error(EXIT_USAGE, "\"%s\" is not a number of bits", text);
        wish->key.bits = (uint32_t)bits;
        return -1;
}

static int on_lists(int r)
{
        return r == 0 ? -1 : r;
}

/* -1 when it was taken, PASSWORD_NOT_MINE, or the exit code. */
static int take(Wish *wish, int c, const char *name)
{
        keyfob_ssh_new_key *key = &wish->key;

        if (c >= OPTION_DEVICE && c <= OPTION_NO_TOUCH_REQUIRED && !wish->first_sk)
                wish->first_sk = name;
        switch (c) {
        case OPTION_TYPE:
                return read_type(optarg, wish);
        case OPTION_BITS:
                return read_bits(optarg, wish);
        case OPTION_COMMENT:
                key->comment = optarg;
                return -1;
        case OPTION_CONFIRM:
                key->confirm = true;
                return -1;
        case OPTION_VERIFY:
                key->verify = true;
                return -1;
        case OPTION_HOSTS:
                hosts_done(&wish->hosts);
                return on_lists(hosts_read(optarg, &wish->hosts));
        case OPTION_PROGRAMS:
                programs_done(&wish->programs);
                return on_lists(programs_read(optarg, &wish->programs));
        case OPTION_DEVICE:
                key->device = optarg;
                return -1;
        case OPTION_APPLICATION:
                key->application = optarg;
                return -1;
        case OPTION_USER:
                key->user = optarg;
                return -1;
        case OPTION_RESIDENT:
                key->resident = true;
                return -1;
        case OPTION_VERIFY_REQUIRED:
                key->verify_required = true;
                return -1;
        case OPTION_NO_TOUCH_REQUIRED:
                key->no_touch_required = true;
                return -1;
        default:
                return PASSWORD_NOT_MINE;
        }
}

/* As ssh-keygen does. */
static int default_comment(Wish *wish)
{
        struct passwd *user = getpwuid(getuid());
        const char *name = user ? user->pw_name : getenv("USER");
        char host[256] = "localhost";

        (void)gethostname(host, sizeof(host) - 1);
        wish->comment = text_format("%s@%s", name ? name : "user", host);
        if (!wish->comment)
                return cli_no_memory();
        wish->key.comment = wish->comment;
        return 0;
}

static int check(const Wish *wish)
{
        const char *type = wish->key.type ? wish->key.type : "ed25519";
        bool on_key = strlen(type) > 3 && strcmp(type + strlen(type) - 3, "-sk") == 0;

        if (!on_key && wish->first_sk)
                return cli_error(EXIT_USAGE, "--%s is for keys on a security key: --type ed25519-sk or ecdsa-sk", wish->first_sk);
        if (on_key && wish->key.bits > 0)
                return cli_error(EXIT_USAGE, "a key on a security key has no --bits to choose");
        if (wish->key.application && strncmp(wish->key.application, "ssh:", 4) != 0)
                return cli_error(EXIT_USAGE, "--application begins with \"ssh:\", not \"%s\"", wish->key.application);
        return 0;
}

/* The daemon has the PIN asked for when the key wants one; one that is given saves that. */
static int get_pin(Wish *wish)
{
        KeyCommand *device = &wish->device;
        int r;

        r = password_read(&device->pin, &device->secret);
        wish->key.pin = key_pin(device);
        wish->key.pin_size = key_pin_size(device);
        return r;
}

/* Who is not there to be asked may have been wanted for the key's PIN, and not for the vault's password. */
static int fail(const Wish *wish, int result)
{
        const char *message = keyfob_message(wish->device.k), *device = wish->key.device;

        if (result != KEYFOB_E_NO_PROMPTER || !message[0] || strstr(message, "locked"))
                return cli_fail(wish->device.k, result);
        if (!device || strcmp(device, "keyfob") == 0)
                return cli_error(EXIT_LOCKED, "%s", message); /* Keyfob's own takes no PIN from here */
        if (wish->key.pin)
                return cli_error(EXIT_WRONG_SECRET, "wrong PIN of the security key, and nobody to ask for another");
        return cli_error(EXIT_LOCKED, "%s: give --pin-file FILE", message);
}

static int make(Wish *wish)
{
        _cleanup_(keyfob_value_freep) keyfob_value *line = NULL;
        keyfob_ssh_new_key *key = &wish->key;
        int r;

        key->hosts = wish->hosts.hosts;
        key->n_hosts = wish->hosts.n;
        key->programs = (const char *const *)wish->programs.paths;
        key->n_programs = wish->programs.n;
        r = get_pin(wish);
        if (r == 0)
                r = key_begin(&wish->device);
        if (r != 0)
                return r;
        cli_use_terminal(wish->device.k);
        r = keyfob_ssh_add(wish->device.k, key, &line);
        if (r != 0)
                return fail(wish, r);
        printf("%s\n", (const char *)line->data);
        return output_flush();
}

int ssh_add(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {
                CLI_HELP,
                PASSWORD_PIN_OPTIONS,
                {"type", required_argument, NULL, OPTION_TYPE},
                {"bits", required_argument, NULL, OPTION_BITS},
                {"comment", required_argument, NULL, OPTION_COMMENT},
                {"confirm", no_argument, NULL, OPTION_CONFIRM},
                {"verify", no_argument, NULL, OPTION_VERIFY},
                {"hosts", required_argument, NULL, OPTION_HOSTS},
                {"programs", required_argument, NULL, OPTION_PROGRAMS},
                {"device", required_argument, NULL, OPTION_DEVICE},
                {"application", required_argument, NULL, OPTION_APPLICATION},
                {"user", required_argument, NULL, OPTION_USER},
                {"resident", no_argument, NULL, OPTION_RESIDENT},
                {"verify-required", no_argument, NULL, OPTION_VERIFY_REQUIRED},
                {"no-touch-required", no_argument, NULL, OPTION_NO_TOUCH_REQUIRED},
                CLI_END,
        };
        _cleanup_(wish_done) Wish wish = {.device = KEY_COMMAND_NULL(cli)};
        int c, r, index = 0;

        while ((c = getopt_long(argc, argv, "h", options, &index)) >= 0) {
                r = password_option(NULL, &wish.device.pin, c, optarg);
                if (r == PASSWORD_NOT_MINE)
                        r = take(&wish, c, options[index].name);
                if (r == PASSWORD_NOT_MINE)
                        r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc)
                return cli_usage(cli);
        r = check(&wish);
        if (r == 0 && !wish.key.comment)
                r = default_comment(&wish);
        return r == 0 ? make(&wish) : r;
}
