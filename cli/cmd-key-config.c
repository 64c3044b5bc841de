/*
 * keyfob key config: settings of a key
 */
#include <string.h>

#include "cli/key.h"
#include "cli/text.h"

#define PIN_LENGTH_MAX 63U

enum { OPTION_ALWAYS_UV = 0x500, OPTION_MIN_PIN_LENGTH, OPTION_FORCE_PIN_CHANGE, OPTION_ENTERPRISE };

typedef struct Settings {
        unsigned settings, min_pin_length;
} Settings;

/* -1 when it was one of these, PASSWORD_NOT_MINE, else the exit code. */
static int read_setting(int c, Settings *to)
{
        uint64_t length;

        switch (c) {
        case OPTION_ALWAYS_UV:
                to->settings &= ~(unsigned)(KEYFOB_KEY_ALWAYS_UV | KEYFOB_KEY_NOT_ALWAYS_UV);
                if (strcmp(optarg, "yes") == 0)
                        to->settings |= KEYFOB_KEY_ALWAYS_UV;
                else if (strcmp(optarg, "no") == 0)
                        to->settings |= KEYFOB_KEY_NOT_ALWAYS_UV;
                else
                        return cli_error(EXIT_USAGE, "--always-uv is yes or no, not \"%s\"", optarg);
                return -1;
        case OPTION_MIN_PIN_LENGTH:
                if (text_number(optarg, 1, PIN_LENGTH_MAX, &length) < 0)
                        return cli_error(EXIT_USAGE, "\"%s\" is not a PIN's length: 1 to %u", optarg, PIN_LENGTH_MAX);
                to->min_pin_length = (unsigned)length;
                return -1;
        case OPTION_FORCE_PIN_CHANGE:
                to->settings |= KEYFOB_KEY_FORCE_PIN_CHANGE;
                return -1;
        case OPTION_ENTERPRISE:
                to->settings |= KEYFOB_KEY_ENTERPRISE;
                return -1;
        default:
                return PASSWORD_NOT_MINE;
        }
}

int key_config(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {
                KEY_OPTIONS,
                {"always-uv", required_argument, NULL, OPTION_ALWAYS_UV},
                {"min-pin-length", required_argument, NULL, OPTION_MIN_PIN_LENGTH},
                {"force-pin-change", no_argument, NULL, OPTION_FORCE_PIN_CHANGE},
                {"enterprise-attestation", no_argument, NULL, OPTION_ENTERPRISE},
                CLI_END,
        };
        _cleanup_(key_command_done) KeyCommand command = KEY_COMMAND_NULL(cli);
        Settings settings = {0};
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                r = read_setting(c, &settings);
                if (r == PASSWORD_NOT_MINE)
                        r = key_option(&command, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc)
                return cli_usage(cli);
        if (!settings.settings && !settings.min_pin_length)
                return cli_error(EXIT_USAGE, "which setting? Give --always-uv, --min-pin-length, --force-pin-change or "
                                             "--enterprise-attestation");
        r = key_begin_with_pin(&command);
        if (r != 0)
                return r;
        r = keyfob_key_configure(command.k, command.key, settings.settings, settings.min_pin_length, key_pin(&command),
                                 key_pin_size(&command));
        return r == 0 ? 0 : cli_fail(command.k, r);
}
