/*
 * A whole keyfobd in this process: one thread, a disk in memory, no other program
 *
 * Daemon and clients are on one event loop and talk through the own socket, a real one. Jobs run on the loop. The helper is us: requests
 * are read from the other end of its socket. What reaches out of the process (the system bus, the relay, the journal, threads, the
 * configuration) is wrapped by the linker, and so is the key agreement of sessions.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "daemon/daemon.h"
#include "fuzz/input.h"
#include "fuzz/vault-base.h"
#include "helper/protocol.h"

#define DBUS_CLIENTS      2U
#define DBUS_BROKER       DBUS_CLIENTS /* one more, when there is a session bus: whoever calls through it */
#define DBUS_PATHS_MAX    48U
#define DBUS_WORDS_MAX    48U
#define DBUS_WORD_SIZE    64U
#define DBUS_REQUESTS_MAX 64U

typedef enum DbusVault {
        DBUS_VAULT_PASSWORD, /* locked at first */
        DBUS_VAULT_NONE,     /* opens by itself */
        DBUS_VAULT_ABSENT,   /* there is none yet */
        _DBUS_VAULT_MAX,
} DbusVault;

/* How questions are answered. */
typedef enum DbusMood {
        DBUS_RIGHT,   /* yes, and the right secret */
        DBUS_WRONG,   /* yes, and another one */
        DBUS_DENY,
        DBUS_ERROR,   /* with an error, or a failure */
        DBUS_NONSENSE,/* by what the input says, of whatever type */
        DBUS_SILENCE,
        _DBUS_MOOD_MAX,
} DbusMood;

/* What the helper says a client is. */
typedef enum DbusProgram {
        DBUS_ORDINARY,
        DBUS_UNKNOWN, /* it may not be looked at */
        DBUS_FLATPAK,
        DBUS_SNAP,
        DBUS_GONE,    /* it has ended, says the helper */
        DBUS_GARBLED, /* what the input has */
        DBUS_LATE,    /* nothing at once: it waits with the other requests, and is answered in the person's mood */
        _DBUS_PROGRAM_MAX,
} DbusProgram;

typedef struct DbusRequest {
        uint32_t id;
        uint8_t operation;
} DbusRequest;

typedef struct DbusWorld DbusWorld;
typedef struct DbusBroker DbusBroker; /* dbus-broker.h */

typedef struct DbusClient {
        DbusWorld *world;
        sd_bus *bus;
        unsigned waiting; /* calls without a reply */
} DbusClient;

struct DbusWorld {
        Daemon *daemon;
        DbusClient clients[DBUS_CLIENTS + 1];
        DbusBroker *broker; /* or NULL */
        int helper; /* our end of the helper's socket, or -1 */
        DbusRequest requests[DBUS_REQUESTS_MAX]; /* that it has read and not answered */
        unsigned n_requests;
        DbusProgram program;    /* who calls, from now on */
        DbusMood agent, person; /* the agent's and the desktop's prompters'; pinentry's and whatever else the helper does */
        DbusMood bus;           /* the broker's */
        Input *in;              /* what nonsense is made of */
        bool knows;             /* a right secret was given, or the vault opens by itself: secrets may be seen */
        bool foreign;           /* a backup was passed that may be damaged: the vault need not be in order */
        unsigned n_replies, n_errors;
        bool failed; /* something did */
        bool ended;  /* the daemon, because it can't know any more what its vault has */

        char paths[DBUS_PATHS_MAX][128]; /* of objects, learnt */
        unsigned n_paths;
        char words[DBUS_WORDS_MAX][DBUS_WORD_SIZE]; /* and other strings */
        unsigned n_words;
};

/* The file of a vault that is locked at first, or of one that opens by itself. */
const uint8_t *dbus_world_image(bool locked, size_t *ret_size);
/* With `session` there is a session bus. */
DbusWorld *dbus_world_new(DbusVault vault, bool pinentry, bool session, Input *in);
/* Ends the daemon as it ends itself. Its vault is found in order afterwards. */
void dbus_world_free(DbusWorld *world);

/* Connected; the client is made when it isn't there. Of DBUS_BROKER: NULL when it isn't. */
sd_bus *dbus_world_bus(DbusWorld *world, unsigned client);
/* A connection that was made elsewhere, which takes it over. */
void dbus_world_join(DbusWorld *world, unsigned client, sd_bus *bus);
void dbus_world_disconnect(DbusWorld *world, unsigned client);
/* Sends a call; what the reply has of paths and strings is learnt. Takes the message over. */
void dbus_world_call(DbusWorld *world, unsigned client, sd_bus_message *call);
/* Everybody does what there is to do now; who is asked about is told, unless that is DBUS_LATE. */
void dbus_world_run(DbusWorld *world);
/* Answers what the helper was asked, in the mood of the person. */
void dbus_world_help(DbusWorld *world);
/* The next request to the helper: its id and operation; false: there is none. */
bool dbus_world_take(DbusWorld *world, uint32_t *ret_id, uint8_t *ret_operation);
void dbus_world_reply(DbusWorld *world, uint32_t id, uint8_t result, const void *fields, size_t size);
/* The first client gets an agent. */
void dbus_world_register_agent(DbusWorld *world, bool session);
