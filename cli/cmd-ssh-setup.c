/*
 * keyfob ssh setup: what has ssh, its tools and the session use the agent
 *
 * Three places, a block of ours in each. ~/.ssh/config is for ssh itself: its first word counts, and whatever follows a Host
 * line is for that host only, so the block is at the top. The user manager's environment is for what a desktop starts, and
 * ~/.profile for logins, where the block is at the end, behind what others say of the same variables; over ssh it leaves that
 * of a forwarded agent, which ssh itself then uses only when told to. Nothing is written before everything was read, and has
 * been shown.
 */
#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cli/block.h"
#include "cli/dotfile.h"
#include "cli/output.h"
#include "cli/ssh.h"
#include "cli/systemd.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "common/places.h"

#define SOCKET_UNIT "keyfob-ssh.socket"

typedef enum PlaceName { PLACE_CONFIG, PLACE_ENVIRONMENT, PLACE_PROFILE, _PLACE_MAX } PlaceName;

typedef struct Place {
        char *path;
        BlockPlace where;
        bool strict; /* its reader refuses what others can write */
        mode_t mode; /* of a new one */
        char *body;
        Dotfile file; /* as it is */
        char *text;   /* as it will be */
        bool changes;
} Place;

typedef struct Setup {
        Place places[_PLACE_MAX];
        char *home;
        bool unit; /* the socket unit is there and not enabled */
} Setup;

static void setup_done(Setup *setup)
{
        for (size_t i = 0; i < _PLACE_MAX; i++) {
                free(setup->places[i].path);
                free(setup->places[i].body);
                free(setup->places[i].text);
                dotfile_done(&setup->places[i].file);
        }
        free(setup->home);
}

/* ---- where ---- */

static int find_places(Setup *setup)
{
        _cleanup_free_ char *config = NULL;

        if (places_home(&setup->home) < 0 || places_config_home(&config) < 0)
                return cli_error(EXIT_OTHER, "there is no home directory");
        setup->places[PLACE_CONFIG] = (Place){
                .path = text_format("%s/.ssh/config", setup->home), .where = BLOCK_AT_TOP, .strict = true, .mode = 0600};
        setup->places[PLACE_ENVIRONMENT] = (Place){
                .path = text_format("%s/environment.d/60-keyfob-ssh.conf", config), .where = BLOCK_AT_END, .mode = 0644};
        setup->places[PLACE_PROFILE] =
                (Place){.path = text_format("%s/.profile", setup->home), .where = BLOCK_AT_END, .mode = 0644};
        for (size_t i = 0; i < _PLACE_MAX; i++)
                if (!setup->places[i].path)
                        return cli_no_memory();
        return 0;
}

static int fail_file(const char *path, int r)
{
        switch (r) {
        case -ENOMEM:
                return cli_no_memory();
        case DOTFILE_FOREIGN:
                return cli_error(EXIT_REFUSED, "%s belongs to someone else: have its owner put the lines in", path);
        case DOTFILE_OPEN:
                return cli_error(EXIT_REFUSED, "%s, or its folder, can be written by others, and ssh wants neither: chmod go-w",
                                 path);
        case DOTFILE_STRANGE:
                return cli_error(EXIT_OTHER, "%s is not a text file", path);
        case DOTFILE_NOWHERE:
                return cli_error(EXIT_OTHER, "%s is a link to what is not there", path);
        case DOTFILE_CHANGED:
                return cli_error(EXIT_OTHER, "%s has just been changed by somebody else: try again", path);
        default:
                return cli_error(EXIT_OTHER, "%s: %s", path, strerror(-r));
        }
}

static int fail_block(const char *path, int r)
{
        if (r == -ENOMEM)
                return cli_no_memory();
        return cli_error(EXIT_OTHER, "%s has the first line of Keyfob's and not the last one (%s): mend it by hand", path,
                         BLOCK_END);
}

/* ---- what ---- */

/* Every reader takes this between double quotes as it is. */
static bool is_plain(const char *path)
{
        for (; *path; path++)
                if (!isalnum((unsigned char)*path) && (unsigned char)*path < 0x80 && !strchr(" -_/.+@,:=", *path))
                        return false;
        return true;
}

static int write_bodies(Setup *setup, const char *path, const char *provider, const char *program)
{
        char **config = &setup->places[PLACE_CONFIG].body, **environment = &setup->places[PLACE_ENVIRONMENT].body,
             **profile = &setup->places[PLACE_PROFILE].body;
        const char *end = provider ? "\"\n" : "", *name = provider ? provider : "";

        *config = text_format("IdentityAgent \"%s\"\n%s%s%s", path, provider ? "SecurityKeyProvider \"" : "", name, end);
        *environment = text_format("SSH_AUTH_SOCK=\"%s\"\n%s%s%s", path, provider ? "SSH_SK_PROVIDER=\"" : "", name, end);
        *profile = text_format("if [ -z \"$SSH_CONNECTION\" ] || [ -z \"$SSH_AUTH_SOCK\" ]; then\n"
                               "        export SSH_AUTH_SOCK=\"%s\"\n"
                               "        [ -S \"$SSH_AUTH_SOCK\" ] || \"%s\" ssh env >/dev/null 2>&1\n"
                               "fi\n%s%s%s",
                               path, program, provider ? "export SSH_SK_PROVIDER=\"" : "", name, end);
        return *config && *environment && *profile ? 0 : cli_no_memory();
}

static int make_bodies(Setup *setup)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_free_ char *path = NULL, *provider = ssh_provider(), *own = realpath("/proc/self/exe", NULL);
        int r;

        r = cli_connect(&k);
        if (r == 0)
                r = ssh_socket(k, &path);
        if (r != 0)
                return r;
        if (!is_plain(path) || (provider && !is_plain(provider)))
                return cli_error(EXIT_OTHER, "ssh and shells would misread the path %s", is_plain(path) ? provider : path);
        return write_bodies(setup, path, provider, own && is_plain(own) ? own : "keyfob");
}

static int read_places(Setup *setup)
{
        for (size_t i = 0; i < _PLACE_MAX; i++) {
                Place *place = &setup->places[i];
                int r;

                r = dotfile_read(place->path, place->strict, &place->file);
                if (r != DOTFILE_OK)
                        return fail_file(place->path, r);
                r = place->body ? block_put(place->file.text, place->body, place->where, &place->text)
                                : block_take(place->file.text, &place->text);
                if (r != BLOCK_OK)
                        return fail_block(place->path, r);
                place->changes = strcmp(place->file.text, place->text) != 0;
        }
        return 0;
}

/* ---- telling ---- */

static void show_place(const Place *place)
{
        printf("%s %s:\n    %s\n", place->where == BLOCK_AT_TOP ? "At the top of" : "At the end of", place->path, BLOCK_BEGIN);
        for (const char *line = place->body; line && *line; line += strcspn(line, "\n") + 1)
                printf("    %.*s\n", (int)strcspn(line, "\n"), line);
        printf("    %s\n\n", BLOCK_END);
}

/* What the person has said of the same, which does not count any more. */
static void warn_of_others(const Place *config)
{
        static const char *const words[] = {"IdentityAgent", "SecurityKeyProvider"};
        _cleanup_free_ char *others = NULL;
        unsigned number = 1;

        if (block_take(config->file.text, &others) != BLOCK_OK)
                return;
        for (const char *line = others; *line; number++) {
                const char *word = line + strspn(line, " \t");
                size_t size = strcspn(word, " \t=\n");

                for (size_t i = 0; i < ELEMENTSOF(words); i++)
                        if (strlen(words[i]) == size && strncasecmp(word, words[i], size) == 0)
                                printf("Line %u of %s says %s as well, and will not count: the first one does.\n", number,
                                       config->path, words[i]);
                line += strcspn(line, "\n");
                line += *line == '\n';
        }
}

static void warn_of_readers(const Setup *setup)
{
        static const char *const instead[] = {".bash_profile", ".bash_login"};
        const struct passwd *user = getpwuid(geteuid());
        const char *shell = getenv("SHELL"), *name = shell ? strrchr(shell, '/') : NULL;

        if (user && strcmp(user->pw_dir, setup->home) != 0)
                printf("HOME is %s, but ssh reads %s/.ssh/config.\n", setup->home, user->pw_dir);
        if (name && (strcmp(name, "/zsh") == 0 || strcmp(name, "/fish") == 0))
                printf("%s does not read .profile: have its own file say %s.\n", name + 1,
                       name[1] == 'f' ? "keyfob ssh env --fish | source" : "eval $(keyfob ssh env)");
        for (size_t i = 0; i < ELEMENTSOF(instead); i++) {
                _cleanup_free_ char *path = text_format("%s/%s", setup->home, instead[i]);

                if (path && access(path, F_OK) == 0)
                        printf("bash reads %s instead of .profile: have it read that, too.\n", path);
        }
}

/* Whether there is anything to do. */
static bool show(const Setup *setup)
{
        bool any = setup->unit;

        for (size_t i = 0; i < _PLACE_MAX; i++) {
                if (!setup->places[i].changes)
                        continue;
                show_place(&setup->places[i]);
                any = true;
        }
        if (!any)
                return false;
        if (setup->unit)
                printf("For systemd: " SOCKET_UNIT ", enabled.\n\n");
        if (!strstr(setup->places[PLACE_CONFIG].body, "SecurityKeyProvider"))
                printf("The provider for security keys is not installed: ssh goes on with its own.\n");
        warn_of_others(&setup->places[PLACE_CONFIG]);
        warn_of_readers(setup);
        return true;
}

/* ---- doing it ---- */

static int write_places(const Setup *setup, const char *did)
{
        for (size_t i = 0; i < _PLACE_MAX; i++) {
                const Place *place = &setup->places[i];
                int r;

                if (!place->changes)
                        continue;
                r = !place->text[0] && !place->file.linked ? dotfile_remove(&place->file)
                                                           : dotfile_write(&place->file, place->text, place->mode);
                if (r != 0)
                        return fail_file(place->path, r);
                printf("%s %s\n", did, place->path);
        }
        return 0;
}

static int set_up(Setup *setup, bool yes)
{
        int r;

        r = make_bodies(setup);
        if (r == 0)
                r = read_places(setup);
        if (r != 0)
                return r;
        setup->unit = systemd_user("cat", NULL, SOCKET_UNIT) && !systemd_user("is-enabled", NULL, SOCKET_UNIT);
        if (!show(setup)) {
                printf("Everything is set up already.\n");
                return output_flush();
        }
        r = output_flush();
        if (r == 0 && !yes && !terminal_available())
                return cli_error(EXIT_LOCKED, "nobody to ask: run it on a terminal, or give --yes");
        if (r == 0 && !yes && !terminal_confirm("Write this?"))
                return cli_error(EXIT_REFUSED, "cancelled");
        if (r == 0)
                r = write_places(setup, "Wrote");
        if (r != 0)
                return r;
        /* from the next login on: the daemon that runs has the socket now */
        if (setup->unit && systemd_user("enable", NULL, SOCKET_UNIT))
                printf("Enabled " SOCKET_UNIT " (systemd)\n");
        printf("New sessions use the agent; this shell does after eval $(keyfob ssh env).\n");
        return output_flush();
}

static int undo(Setup *setup)
{
        bool any = false;
        int r;

        /* what is taken out is ours, whoever else can write there */
        setup->places[PLACE_CONFIG].strict = false;
        r = read_places(setup);
        if (r != 0)
                return r;
        for (size_t i = 0; i < _PLACE_MAX; i++)
                any = any || setup->places[i].changes;
        r = write_places(setup, "Took the lines out of");
        if (r != 0)
                return r;
        if (systemd_user("is-enabled", NULL, SOCKET_UNIT) && systemd_user("disable", NULL, SOCKET_UNIT)) {
                printf("Disabled " SOCKET_UNIT " (systemd)\n");
                any = true;
        }
        if (!any)
                printf("Nothing was set up.\n");
        return output_flush();
}

int ssh_setup(Cli *cli, int argc, char *argv[])
{
        static const struct option options[] = {
                CLI_HELP, {"yes", no_argument, NULL, 'y'}, {"undo", no_argument, NULL, 'u'}, CLI_END};
        _cleanup_(setup_done) Setup setup = {.home = NULL};
        bool yes = false, back = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 'y' || c == 'u') {
                        *(c == 'y' ? &yes : &back) = true;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        if (optind != argc)
                return cli_usage(cli);
        r = find_places(&setup);
        if (r != 0)
                return r;
        return back ? undo(&setup) : set_up(&setup, yes);
}
