/*
 * Fprint: the fingerprint reader, through fprintd on the system bus
 *
 * fprintd is believed because it is root's: the socket of the bus and the owner of the name must be, and a signal counts
 * only from that owner. A match is a yes or a no that it gives; nothing secret comes from it. Nothing here waits: what is
 * known of the reader is kept and looked up in the background, and the reader is used by one task at a time.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "daemon/fprint-words.h"

typedef struct Fprint Fprint;
typedef struct FprintTask FprintTask;

typedef struct FprintState {
        bool known;       /* it has been looked up; else the rest says nothing yet */
        bool available;   /* there is a reader that can be used */
        bool swipe;       /* it wants a swipe, not a touch */
        unsigned stages;  /* scans that an enrolment takes */
        unsigned fingers; /* of this user: bit 1 << i for the i-th (fprint-words.h); also while no reader is there */
} FprintState;

/* Tells about a change of the state, from the loop. */
typedef void (*FprintChanged)(void *userdata);

/* Connects before the sandbox. Without a system bus there is simply no reader. */
int fprint_new(sd_event *event, FprintChanged changed, void *userdata, Fprint **ret);
/* All tasks must be gone. */
Fprint *fprint_free(Fprint *fprint);
DEFINE_CLEANUP(Fprint *, fprint_free)

/* What is known; when that is some seconds old, it is looked up anew for the next time. */
void fprint_state(Fprint *fprint, FprintState *ret);

typedef enum FprintWork {
        FPRINT_VERIFY, /* any finger of this user */
        FPRINT_ENROLL,
        FPRINT_DELETE,
} FprintWork;

/* Never runs inside fprint_task_start(). After an event that ends it, the task is dead. */
typedef void (*FprintHandler)(void *userdata, FprintEvent event, FprintSample sample);

/* -EBUSY: another task has the reader. The reader stays claimed between a task that ends and one that its handler starts. */
int fprint_task_start(Fprint *fprint, FprintWork work, unsigned finger, FprintHandler handler, void *userdata,
                      FprintTask **ret);
/* Gives the reader back; handler() is not called. NULL allowed. Returns NULL. */
FprintTask *fprint_task_cancel(FprintTask *task);
