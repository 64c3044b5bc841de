/*
 * AutoLock: the vault is locked by itself
 *
 * When no secret was used for some time, when the screen is locked, before the machine sleeps: as keyfobd.conf(5) says.
 */
#pragma once

#include "daemon/daemon.h"

/* Connects to the system bus, so it comes before the sandbox. */
int auto_lock_new(Daemon *daemon, AutoLock **ret);
AutoLock *auto_lock_free(AutoLock *lock);
DEFINE_CLEANUP(AutoLock *, auto_lock_free)
