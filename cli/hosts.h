/*
 * Hosts: the keys that hosts are known by to ssh
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "keyfob/keyfob.h"

typedef struct Hosts {
        keyfob_ssh_host *hosts; /* one for each key of each host; name and key are ours */
        size_t n;
} Hosts;

#define HOSTS_NULL ((Hosts){0})
void hosts_done(Hosts *hosts);

/* Where ssh looks for a host's key, and under which name. */
typedef struct HostPlaces {
        char *name; /* "example.org", "[example.org]:2222", or what HostKeyAlias says */
        char *files[16];
        size_t n_files;
} HostPlaces;

void host_places_done(HostPlaces *places);
/* Out of what `ssh -G` prints. 0, -ENOENT when no name is in it, -ENOMEM. */
int host_places_read(const char *printed, HostPlaces *ret);

/* Adds the keys that `ssh-keygen -F` found, under `name`; one that is there already is not added. *authority gets true when an
 * authority's key was passed over, which no host shows itself. 0 or -ENOMEM. */
int hosts_add_found(Hosts *hosts, const char *name, const char *found, bool *authority);

/* Reads a list of names, "a,b" or "any" (none), and looks up the keys of each. 0, or the exit code after saying why. */
int hosts_read(const char *list, Hosts *ret);
