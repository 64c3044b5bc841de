/*
 * What the files of the fingerprint reader share
 */
#pragma once

#include <systemd/sd-bus.h>

#include "daemon/fprint.h"
#include "daemon/system-peer.h"

#define FPRINT_NAME    "net.reactivated.Fprint"
#define FPRINT_MANAGER "net.reactivated.Fprint.Manager"
#define FPRINT_DEVICE  "net.reactivated.Fprint.Device"
#define FPRINT_ERROR   "net.reactivated.Fprint.Error."
#define FPRINT_SELF    "" /* the user that asks */

struct FprintTask {
        Fprint *fprint;
        FprintWork work;
        unsigned finger;
        FprintHandler handler;
        void *userdata;
};

struct Fprint {
        sd_event *event;
        FprintChanged changed;
        void *userdata;
        sd_bus *bus; /* NULL: there is none */
        bool broken; /* it has ended, and is to be let go */

        /* fprint-owner.c: who fprintd is */
        SystemPeer *service;
        sd_bus_slot *from_owner; /* its signals */
        bool activatable;

        /* fprint-look.c: what is known */
        sd_bus_slot *looking; /* one call of a look at a time */
        bool look_again, start;
        sd_bus_slot *asking_lid; /* because it may have changed; again: and may have since */
        bool lid_again;
        uint64_t looked; /* usec */
        bool known, lid_closed, swipe;
        unsigned stages, fingers;
        char *device; /* object path of the reader, NULL: none */
        FprintState told;

        /* fprint-reader.c: the reader in use */
        FprintTask *task;
        sd_bus_slot *call; /* one call of the reader at a time */
        sd_event_source *turn;
        char *claimed;      /* the reader that is ours */
        FprintWork running; /* what it does, when: */
        bool runs;
        bool over; /* what it does has ended, or nobody wants it any more */
        bool lid_seen;
};

void fprint_disconnect(Fprint *fprint);

/* Calls a method of fprintd's owner. The slot is set, and unset when the reply is there, by the handler. */
int fprint_call(Fprint *fprint, sd_bus_slot **slot, const char *path, const char *interface, const char *member,
                sd_bus_message_handler_t handler, const char *types, ...);

/* What is known, as it is. */
void fprint_state_now(const Fprint *fprint, FprintState *ret);

/* ---- fprint-owner.c ---- */

int fprint_watch_owner(Fprint *fprint);
/* Has fprintd started. */
int fprint_start_owner(Fprint *fprint, sd_bus_slot **slot, sd_bus_message_handler_t handler);
void fprint_drop_owner(Fprint *fprint);
/* Its unique name. NULL: not running, or not to be trusted. */
const char *fprint_owner(const Fprint *fprint);

/* ---- fprint-look.c ---- */

/* Looks everything up anew; `start`: also when fprintd must be started for it. */
void fprint_look(Fprint *fprint, bool start);
void fprint_look_stop(Fprint *fprint);
/* Asks whether the lid is closed; the handler calls fprint_lid_read(). */
int fprint_ask_lid(Fprint *fprint, sd_bus_slot **slot, sd_bus_message_handler_t handler);
void fprint_lid_read(Fprint *fprint, sd_bus_message *reply);
int fprint_watch_lid(Fprint *fprint);
/* What is known may have changed: tells. */
void fprint_tell(Fprint *fprint);

/* ---- fprint-reader.c ---- */

int fprint_reader_new(Fprint *fprint);
void fprint_reader_done(Fprint *fprint);
/* Something has happened that the reader may have waited for. */
void fprint_reader_turn(Fprint *fprint);
/* fprintd is gone, and with it what it did. */
void fprint_reader_lost(Fprint *fprint);
int fprint_reader_signal(sd_bus_message *message, void *userdata, sd_bus_error *error);
