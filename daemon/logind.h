/*
 * Logind: what systemd-logind (or elogind) tells of the person's sessions and of the machine, on the system bus
 *
 * It is believed because it is root's: the socket of the bus and the owner of the name must be, and a signal counts only
 * from that owner.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"

typedef struct Logind Logind;

/* From the loop. */
typedef struct LogindEvents {
        void (*locked)(void *userdata);               /* the screen of a session of this user is locked, or is to be */
        void (*sleep)(void *userdata, bool about_to); /* the machine is about to sleep, or awake again */
} LogindEvents;

/* `delay`: has the machine wait before it sleeps until logind_let_sleep(), as long as logind lets it (some seconds). Without a
 * system bus nothing is ever told. `events` stays. */
int logind_new(sd_event *event, const LogindEvents *events, bool delay, void *userdata, Logind **ret);
Logind *logind_free(Logind *logind);
DEFINE_CLEANUP(Logind *, logind_free)

/* After sleep(about_to): it may sleep now. */
void logind_let_sleep(Logind *logind);
