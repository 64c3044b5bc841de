/*
 * Places: where Keyfob keeps its files and finds its sockets (XDG Base Directory)
 *
 * Directories that hold state or sockets must belong to the user and be closed to others. Nothing here follows a
 * symbolic link in the last component.
 */
#pragma once

#include "common/cleanup.h"

/* $XDG_DATA_HOME/keyfob (default ~/.local/share/keyfob). New string, or -ENOMEM / -ENOENT when there is no home. */
int places_data_dir(char **ret);

/* $XDG_STATE_HOME/keyfob (default ~/.local/state/keyfob). The same. */
int places_state_dir(char **ret);

/* $HOME, or what the user database says. New string; -ENOENT, -ENOMEM. */
int places_home(char **ret);

/* $XDG_CONFIG_HOME (default ~/.config), without "keyfob". */
int places_config_home(char **ret);

/* $XDG_DATA_HOME (default ~/.local/share), without "keyfob". */
int places_data_home(char **ret);

/* The socket directory: $XDG_RUNTIME_DIR/keyfob, else /run/user/UID/keyfob, else /tmp/keyfob-UID. */
int places_runtime_dir(char **ret);

/*
 * Where a client looks for the daemon's socket `name`: in turn, from 0 on. An XDG_RUNTIME_DIR that is set is taken at its
 * word, it is the only place then: otherwise a trial in a scratch directory would end up with the person's real daemon.
 * New string; -ENOENT after the last place, or -ENOMEM.
 */
int places_socket(unsigned turn, const char *name, char **ret);

/*
 * Makes `path` and its missing parents (0700), opens it and checks that it is a directory, ours, and writable by nobody
 * else; a directory that others may read is narrowed to 0700. Returns the descriptor; -EPERM when it belongs to another user.
 */
int places_open_private_dir(const char *path);

/* As above, but nothing is made or changed: -ENOENT, -EPERM when owner or mode are wrong. */
int places_check_private_dir(const char *path);

/* Makes what is missing (0700) above the last component of a path. 0, or a negative errno. */
int places_make_parents(const char *path);

/* Makes the directory entry of an absolute path durable. 0, or a negative errno. */
int places_sync_parent(const char *path);
