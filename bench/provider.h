/*
 * A provider of the Secret Service as a client meets it: one connection, one session, plain or with Diffie-Hellman
 *
 * Everything that can go wrong here ends the measurement, with a line that says what did.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "crypto/exchange.h"

typedef struct Session {
        char *path;
        ExchangeKey *key; /* NULL: a plain one */
} Session;

typedef struct Provider {
        const char *name;
        char *address;
        bool on_bus; /* a message bus; else peer to peer */
        bool dh;
        const char *destination; /* NULL: peer to peer */
        const char *value;       /* of items; NULL: always the same */
        sd_bus *bus;
        Session session;
        sd_bus *floor; /* to a service with nothing in it, by the same way */
        char *floor_name;
} Provider;

/* The service with nothing in it, as a provider that always finds the same item. */
Provider provider_floor(const Provider *p);

_Noreturn void die(const char *what, int r);
double now_us(void);

/* NAME=ADDRESS[,bus][,dh]; `spec` is written to and stays in use. */
void provider_parse(Provider *p, char *spec);
/* A further connection to it, without a session. */
sd_bus *provider_connect(const Provider *p);
void provider_open(Provider *p);
/* Starts a service that answers Ping, and what canned.h says, behind the same kind of transport, and connects to it. */
void provider_open_floor(Provider *p);

sd_bus_message *provider_method(const Provider *p, sd_bus *bus, const char *path, const char *interface,
                                const char *member);
/* Sends, and takes the message; the reply is the caller's. An error ends the program. */
sd_bus_message *provider_call(const Provider *p, sd_bus *bus, sd_bus_message *m);
void session_open(Session *ret, const Provider *p, sd_bus *bus);
void session_done(Session *session);

/* The call that stores item `i` of `owner`, with three attributes, one of which all items share. */
sd_bus_message *provider_create(const Provider *p, sd_bus *bus, const Session *session, const char *owner,
                                int i, bool replace);
void append_query(sd_bus_message *m, const char *owner, int i);
