/*
 * Ancestors
 *
 * Each process knows its parent, and /proc tells to everybody; a name is compared whole, so that a program which only
 * begins like one of these is not taken for it.
 */
#include "common/ancestors.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

#define ANCESTORS_MAX 64U
#define STAT_MAX      4096U

static const char *const remote_programs[] = {"sshd", "sshd-session", "dropbear", "mosh-server"};

/* Name and parent of any process: "12 (name) S 1 …"; a name may have anything in it but is the last thing in brackets. */
static int read_stat(uint32_t pid, char ret_name[STAT_MAX], uint32_t *ret_parent)
{
        char path[32], text[STAT_MAX], *name, *end;
        FILE *file;
        int error;
        size_t n;

        (void)snprintf(path, sizeof(path), "/proc/%u/stat", pid);
        file = fopen(path, "re");
        if (!file)
                return -errno;
        n = fread(text, 1, sizeof(text) - 1, file);
        error = ferror(file) ? errno : 0;
        (void)fclose(file);
        if (error)
                return -error;
        text[n] = 0;
        name = strchr(text, '(');
        end = strrchr(text, ')');
        if (!name || !end || sscanf(end + 1, " %*c %u", ret_parent) != 1)
                return -EBADMSG;
        *end = 0;
        (void)strcpy(ret_name, name + 1);
        return 0;
}

/* It ended meanwhile, or is not shown to everybody here: then nothing is known of those before it either. */
static bool is_hidden(int r)
{
        return r == -ENOENT || r == -ESRCH || r == -EACCES || r == -EPERM;
}

int ancestors_are_remote(uint32_t pid)
{
        char name[STAT_MAX];
        int r;

        for (unsigned i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
                r = read_stat(pid, name, &pid);
                if (r < 0)
                        return i > 0 && is_hidden(r) ? 0 : r;
                for (size_t k = 0; k < ELEMENTSOF(remote_programs); k++)
                        if (strcmp(name, remote_programs[k]) == 0)
                                return 1;
        }
        return 0;
}
