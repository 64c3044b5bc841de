/*
 * Canned answers: what the calls of a lookup cost where nothing has to be done for them
 *
 * The same messages as a provider's, there and back, by the same library: what a provider needs beyond that is its own work.
 */
#pragma once

#include <systemd/sd-bus.h>

/* The session that is in the answers. */
#define CANNED_SESSION "/org/freedesktop/secrets/session/1"

/* Adds SearchItems, GetSecret and Store1.Lookup to a connection. */
int canned_attach(sd_bus *bus);
