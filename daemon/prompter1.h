/* org.keyfob.Prompter1 */
#pragma once

#include "daemon/daemon.h"

/* Adds the interface on /org/keyfob to a connection. */
int prompter1_attach(Daemon *daemon, sd_bus *bus);

/* Whether a session agent is registered; ret_pid (may be NULL): whose, 0 unknown. */
bool ask_session_agent(const Daemon *daemon, pid_t *ret_pid);
