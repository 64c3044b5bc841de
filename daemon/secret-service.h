/*
 * The Secret Service's objects, and how a door gets them
 */
#pragma once

#include "daemon/daemon.h"

/* Makes sessions' and prompts' tables, the memory vault and its `session` collection. */
int secrets_new(Daemon *daemon, Secrets **ret);
Secrets *secrets_free(Secrets *secrets);
DEFINE_CLEANUP(Secrets *, secrets_free)

/* Adds the vtables of org.freedesktop.Secret.* to a connection (the session bus, or one of the own socket). */
int secrets_attach(Daemon *daemon, sd_bus *bus);

/* Ends prompts that hold a root key, as if the person had refused: the vault is being locked. */
void secret_prompts_end_with_keys(Daemon *daemon);
