/*
 * Hosts
 *
 * A policy binds a key to hosts by the keys that they show, because a name is only what a client says. What a host's keys are
 * is a question to ssh itself, which knows what the person calls it (its alias, port and files) and whom it has met.
 */
#include "cli/hosts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command-line.h"
#include "cli/text.h"
#include "common/base64.h"
#include "common/cleanup.h"

#define LOOKUP_TIMEOUT_MS 10000
#define FOUND_MAX         ((size_t)1024 * 1024)

void hosts_done(Hosts *hosts)
{
        for (size_t i = 0; i < hosts->n; i++) {
                free((void *)(uintptr_t)hosts->hosts[i].name);
                free((void *)(uintptr_t)hosts->hosts[i].key);
        }
        free(hosts->hosts);
        *hosts = HOSTS_NULL;
}

/* ---- what ssh-keygen found ---- */

static bool is_there(const Hosts *hosts, const char *name, const void *key, size_t size)
{
        for (size_t i = 0; i < hosts->n; i++)
                if (strcmp(hosts->hosts[i].name, name) == 0 && hosts->hosts[i].key_size == size &&
                    memcmp(hosts->hosts[i].key, key, size) == 0)
                        return true;
        return false;
}

static int add(Hosts *hosts, const char *name, const char *base64)
{
        _cleanup_free_ uint8_t *key = NULL;
        _cleanup_free_ char *copy = NULL;
        keyfob_ssh_host *larger;
        size_t size;
        int r;

        r = base64_decode(base64, strlen(base64), &key, &size);
        if (r == -EINVAL || (r == 0 && (size == 0 || is_there(hosts, name, key, size))))
                return 0;
        if (r < 0)
                return r;
        copy = strdup(name);
        larger = reallocarray(hosts->hosts, hosts->n + 1, sizeof(*larger));
        if (larger)
                hosts->hosts = larger;
        if (!copy || !larger)
                return -ENOMEM;
        hosts->hosts[hosts->n++] = (keyfob_ssh_host){.name = TAKE_PTR(copy), .key = TAKE_PTR(key), .key_size = size};
        return 0;
}

/* Whether the agent can tell a key of this type; ssh's files have older ones, too. */
static bool is_known(const char *type)
{
        static const char *const types[] = {"ssh-ed25519",         "ssh-rsa",
                                            "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                            "ecdsa-sha2-nistp521", "sk-ssh-ed25519@openssh.com",
                                            "sk-ecdsa-sha2-nistp256@openssh.com"};

        for (size_t i = 0; type && i < ELEMENTSOF(types); i++)
                if (strcmp(types[i], type) == 0)
                        return true;
        return false;
}

/* "[@MARKER] NAMES TYPE BASE64 [COMMENT]" */
static int add_line(Hosts *hosts, const char *name, char *line, bool *authority)
{
        char *rest = NULL, *word = strtok_r(line, " \t\r", &rest);
        bool marked = word && word[0] == '@';

        if (!word || word[0] == '#')
                return 0;
        if (marked) {
                *authority = *authority || strcmp(word, "@cert-authority") == 0;
                return 0;
        }
        if (!is_known(strtok_r(NULL, " \t\r", &rest)))
                return 0;
        word = strtok_r(NULL, " \t\r", &rest);
        return word ? add(hosts, name, word) : 0;
}

int hosts_add_found(Hosts *hosts, const char *name, const char *found, bool *authority)
{
        _cleanup_free_ char *copy = strdup(found);
        char *rest = NULL;
        int r = 0;

        if (!copy)
                return -ENOMEM;
        for (char *line = strtok_r(copy, "\n", &rest); line && r == 0; line = strtok_r(NULL, "\n", &rest))
                r = add_line(hosts, name, line, authority);
        return r;
}

/* ---- where to look ---- */

void host_places_done(HostPlaces *places)
{
        free(places->name);
        for (size_t i = 0; i < places->n_files; i++)
                free(places->files[i]);
        *places = (HostPlaces){0};
}

static int add_files(HostPlaces *places, char *words)
{
        char *rest = NULL;

        for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                if (word[0] != '/' || places->n_files == ELEMENTSOF(places->files))
                        continue;
                places->files[places->n_files] = strdup(word);
                if (!places->files[places->n_files])
                        return -ENOMEM;
                places->n_files++;
        }
        return 0;
}

int host_places_read(const char *printed, HostPlaces *ret)
{
        _cleanup_(host_places_done) HostPlaces places = {0};
        _cleanup_free_ char *copy = strdup(printed);
        const char *hostname = NULL, *port = "22", *alias = NULL;
        char *rest = NULL;
        int r;

        if (!copy)
                return -ENOMEM;
        for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                char *value = strchr(line, ' ');

                if (!value)
                        continue;
                *value++ = 0;
                r = 0;
                if (strcmp(line, "hostname") == 0)
                        hostname = value;
                else if (strcmp(line, "port") == 0)
                        port = value;
                else if (strcmp(line, "hostkeyalias") == 0)
                        alias = value;
                else if (strcmp(line, "userknownhostsfile") == 0 || strcmp(line, "globalknownhostsfile") == 0)
                        r = add_files(&places, value);
                if (r < 0)
                        return r;
        }
        if (!alias && !hostname)
                return -ENOENT;
        if (alias || strcmp(port, "22") == 0)
                places.name = strdup(alias ? alias : hostname);
        else
                places.name = text_format("[%s]:%s", hostname, port);
        if (!places.name)
                return -ENOMEM;
        *ret = places;
        places = (HostPlaces){0};
        return 0;
}

/* ---- one host ---- */

static int find_places(const char *name, HostPlaces *ret)
{
        _cleanup_free_ char *printed = NULL;
        int r;

        r = run_reading((const char *const[]){"ssh", "-G", "--", name, NULL}, LOOKUP_TIMEOUT_MS, FOUND_MAX, &printed);
        if (r == -ENOENT)
                return cli_error(EXIT_OTHER, "ssh is not installed: it knows the hosts' keys");
        if (r == 0)
                r = host_places_read(printed, ret);
        if (r == -ENOMEM)
                return cli_no_memory();
        if (r != 0)
                return cli_error(EXIT_OTHER, "ssh makes nothing of the host %s: see what \"ssh -G %s\" says", name, name);
        return 0;
}

static int look_up(void *to, const char *name)
{
        _cleanup_(host_places_done) HostPlaces places = {0};
        Hosts *hosts = to;
        size_t before = hosts->n;
        bool authority = false;
        int r;

        if (name[0] == '-')
                return cli_error(EXIT_USAGE, "\"%s\" is no host", name);
        for (size_t i = 0; i < hosts->n; i++)
                if (strcmp(hosts->hosts[i].name, name) == 0)
                        return 0;
        r = find_places(name, &places);
        for (size_t i = 0; r == 0 && i < places.n_files; i++) {
                const char *const argv[] = {"ssh-keygen", "-F", places.name, "-f", places.files[i], NULL};
                _cleanup_free_ char *found = NULL;

                r = run_reading(argv, LOOKUP_TIMEOUT_MS, FOUND_MAX, &found);
                if (r < 0 && r != -ENOMEM)
                        return cli_error(EXIT_OTHER, "cannot ask ssh-keygen for the keys of %s: %s", name, strerror(-r));
                /* else a file that is not there, or does not know the host */
                if (r == 0)
                        r = hosts_add_found(hosts, name, found, &authority);
                if (r < 0)
                        return cli_no_memory();
                r = 0;
        }
        if (r != 0 || hosts->n > before)
                return r;
        if (authority)
                return cli_error(EXIT_NOT_FOUND,
                                 "ssh knows %s by its certificate's authority only, and a policy wants the host's own key: "
                                 "put it into ~/.ssh/known_hosts (ssh-keyscan)", places.name);
        return cli_error(EXIT_NOT_FOUND,
                         "ssh does not know %s yet: log in there once, or check what ssh-keyscan says and put it into "
                         "~/.ssh/known_hosts", places.name);
}

int hosts_read(const char *list, Hosts *ret)
{
        _cleanup_(hosts_done) Hosts hosts = HOSTS_NULL;
        int r;

        r = cli_read_names(list, look_up, &hosts, "--hosts is a list of names, as example.org,git.example.org, or any");
        if (r != 0)
                return r;
        *ret = hosts;
        hosts = HOSTS_NULL;
        return 0;
}
