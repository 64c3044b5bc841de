/*
 * ssh
 *
 * The daemon finds a key by what a person calls it, and so do we, by the same rules: that gives an answer with the candidates
 * where more than one fits, and the rest of what is known of the key. Then the daemon is told the key itself.
 */
#include "cli/ssh.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/module.h"
#include "cli/program.h"
#include "cli/ssh-keys.h"
#include "common/app-name.h"
#include "common/base64.h"

#define PROVIDER "libsk-keyfob.so"

int ssh_socket(keyfob *k, char **ret)
{
        _cleanup_(keyfob_ssh_agent_freep) keyfob_ssh_agent *agent = NULL;
        int r;

        r = keyfob_ssh_agent_info(k, &agent);
        if (r != 0)
                return cli_fail(k, r);
        if (!agent->socket[0])
                return cli_error(EXIT_UNREACHABLE, "the daemon has no socket for ssh");
        *ret = strdup(agent->socket);
        return *ret ? 0 : cli_no_memory();
}

char *ssh_provider(void)
{
        return module_find_library(PROVIDER);
}

/* ---- programs ---- */

void programs_done(Programs *programs)
{
        for (size_t i = 0; i < programs->n; i++)
                free(programs->paths[i]);
        free(programs->paths);
        *programs = PROGRAMS_NULL;
}

static int add_program(void *to, const char *name)
{
        _cleanup_free_ char *path = app_name_is(name) ? strdup(name) : program_find(name);
        Programs *programs = to;
        char **larger;

        if (!path && errno != ENOMEM)
                return cli_error(EXIT_NOT_FOUND, "there is no program %s: give its path", name);
        larger = path ? reallocarray(programs->paths, programs->n + 1, sizeof(*larger)) : NULL;
        if (!larger)
                return cli_no_memory();
        programs->paths = larger;
        programs->paths[programs->n++] = TAKE_PTR(path);
        return 0;
}

int programs_read(const char *list, Programs *ret)
{
        _cleanup_(programs_done) Programs programs = PROGRAMS_NULL;
        int r;

        r = cli_read_names(list, add_program, &programs, "--programs is a list of names, paths and apps, as ssh,git, or any");
        if (r != 0)
                return r;
        *ret = programs;
        programs = PROGRAMS_NULL;
        return 0;
}

/* ---- the key that is meant ---- */

void ssh_target_done(SshTarget *target)
{
        free(target->name);
        keyfob_ssh_keys_free(target->list);
        keyfob_close(target->k);
        *target = SSH_TARGET_NULL;
}

int ssh_target_list(SshTarget *target, bool deleted)
{
        int r;

        if (!target->k) {
                r = cli_connect(&target->k);
                if (r != 0)
                        return r;
                cli_use_terminal(target->k);
        }
        if (target->list)
                return 0;
        r = keyfob_ssh_list(target->k, deleted, &target->list);
        return r == 0 ? 0 : cli_fail(target->k, r);
}

int ssh_target_find(SshTarget *target, const char *which)
{
        int r;

        r = ssh_target_list(target, /* deleted= */ false);
        if (r != 0)
                return r;
        free(target->name);
        target->name = NULL;
        r = ssh_keys_find(target->list, which, &target->key);
        if (r != 0)
                return r;
        target->name = base64_encode(target->key->blob, target->key->blob_size);
        return target->name ? 0 : cli_no_memory();
}
