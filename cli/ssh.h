/*
 * ssh: what the commands about the ssh-agent share
 */
#pragma once

#include "cli/cli.h"
#include "cli/hosts.h"

/* Where the agent is: its socket, as the daemon says. New string. 0 or the exit code. */
int ssh_socket(keyfob *k, char **ret);
/* The provider of ssh's security keys. New string, or NULL when it is not installed. */
char *ssh_provider(void);

/* Programs that may use a key: absolute paths, as they are when their links are followed, and names of apps. */
typedef struct Programs {
        char **paths;
        size_t n;
} Programs;

#define PROGRAMS_NULL ((Programs){0})
void programs_done(Programs *programs);
/* Reads a list of names or paths, "ssh,/usr/bin/git" or "any" (none). 0 or the exit code. */
int programs_read(const char *list, Programs *ret);

/* For commands that take KEY: connects, and finds the one that is meant. 0 or the exit code. */
typedef struct SshTarget {
        keyfob *k;
        keyfob_ssh_keys *list;
        const keyfob_ssh_key *key;
        char *name; /* the base64 of the key itself: nothing else fits it */
} SshTarget;

#define SSH_TARGET_NULL ((SshTarget){0})
void ssh_target_done(SshTarget *target);
int ssh_target_find(SshTarget *target, const char *which);
/* Only connects, and lists the keys, or those that were deleted. */
int ssh_target_list(SshTarget *target, bool deleted);

/* Verbs, by file */
int ssh_add(Cli *cli, int argc, char *argv[]);
int ssh_policy(Cli *cli, int argc, char *argv[]);
int ssh_setup(Cli *cli, int argc, char *argv[]);
int ssh_copy_id(Cli *cli, int argc, char *argv[]);
