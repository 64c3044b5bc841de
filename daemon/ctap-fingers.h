/*
 * What the files of the authenticator's fingers share
 */
#pragma once

#include "daemon/ctap-internal.h"
#include "daemon/fprint.h"

#define SCANS_MAX 64U /* that a client has not asked for yet */

typedef struct CtapScan {
        FprintSample sample;
        unsigned left;
        bool full; /* it was the last: the reader has no room */
} CtapScan;

/* A finger that a client enrols. */
typedef struct CtapEnrollment {
        AuthenticatorHost *host;
        unsigned finger, stages, left;
        FprintTask *task; /* NULL: it has not begun, or the reader has ended it */
        CtapScan scans[SCANS_MAX];
        size_t n_scans;
        CtapTouch *touch; /* the client waits for a scan */
} CtapEnrollment;

struct CtapFingers {
        Ctap *ctap;
        Fprint *fprint;
        CtapEnrollment *enrollment; /* there is one reader */
        const CtapClient *again;    /* is being told that its finger did not match, and may ask for another one */
};

/* A finger that is not enrolled, or -ENOSPC. */
int ctap_finger_unused(CtapFingers *fingers);
/* Has the reader take scans for the enrolment, unless it does. */
int ctap_enrollment_start(CtapFingers *fingers);
/* Something was heard of the enrolment's finger: for the touch that waits for it, if there is one. */
void ctap_touch_scanned(CtapFingers *fingers, FprintEvent event, FprintSample sample);
