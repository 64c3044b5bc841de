/*
 * keyfob completion: the completion script of a shell, for those who did not install it
 */
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"

#include "completions.h"

static int run_completion(Cli *cli, int argc, char *argv[])
{
        static const struct {
                const char *shell;
                const unsigned char *text;
                size_t size;
        } scripts[] = {
                {"bash", completion_bash, sizeof(completion_bash)},
                {"zsh", completion_zsh, sizeof(completion_zsh)},
                {"fish", completion_fish, sizeof(completion_fish)},
        };
        int r;

        r = cli_plain_options(cli, argc, argv);
        if (r >= 0)
                return r;
        if (argc - optind != 1)
                return cli_usage(cli);
        for (size_t i = 0; i < ELEMENTSOF(scripts); i++) {
                if (strcmp(scripts[i].shell, argv[optind]) != 0)
                        continue;
                return output_bytes(scripts[i].text, scripts[i].size);
        }
        return cli_error(EXIT_USAGE, "there are completions for bash, zsh and fish");
}

const Command command_completion = {
        .name = "completion",
        .usage = "bash | zsh | fish",
        .summary = "Print the completion script of a shell",
        .run = run_completion,
};
