/*
 * Lock: giving up the keys of the vault
 */
#pragma once

#include "daemon/daemon.h"

/* Whether the vault or a collection of it is open. */
bool lock_is_open(const Daemon *daemon);

/* Wipes every key of the vault, and what the security key and the ssh-agent have read of it, ends what has a key in its hands
 * as if it had been cancelled, and tells who listens. What was acknowledged is committed first. There must be a vault. */
void lock_everything(Daemon *daemon);
