/*
 * Finger names: what the person calls his fingers
 *
 * fprintd knows only which finger it is. Names are sealed in the vault; while it is locked, and where none was given, a
 * finger is called what it is.
 */
#pragma once

#include "daemon/daemon.h"

#define FINGER_NAME_MAX 64U /* bytes */

void finger_name_get(const Daemon *daemon, unsigned finger, char ret[FINGER_NAME_MAX + 1]);
/* Durably; NULL or "": it has none any more. 0 or a vault result. */
int finger_name_set(Daemon *daemon, unsigned finger, const char *name);
