/*
 * A copy of the vault, made in the loop's free moments
 */
#pragma once

#include "daemon/daemon.h"

/* Begins one, in a file without a name beside the vault. done() is told how it ended, and may free it: 0, a VaultResult, a negative
 * errno; -ECANCELED: the vault was replaced meanwhile. Returns -EBUSY (there is one, or the vault is being wiped) or as done(). */
int copying_new(Daemon *daemon, void (*done)(void *userdata, int result), void *userdata, Copying **ret);
/* The same, for who can wait: it makes way for others, and is done with -EBUSY then. */
int copying_new_patient(Daemon *daemon, void (*done)(void *userdata, int result), void *userdata, Copying **ret);
/* Has it make way for what else the vault can't do beside a copy. */
void copying_make_way(Daemon *daemon);
/* Of one that is done: the file, which is the caller's from now on; and the vault in it, with the keys that are open. */
int copying_take(Copying *copying, int *ret_fd, Vault **ret);
Copying *copying_free(Copying *copying);
DEFINE_CLEANUP(Copying *, copying_free)

/* Sets Busy, and why, of -EBUSY and -ECANCELED. Negative errno, as daemon_error(). */
int copying_error(Daemon *daemon, sd_bus_error *error, int result);
