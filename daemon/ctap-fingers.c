/*
 * Fingers of the authenticator
 *
 * What the authenticator knows as templates are the fingers that fprintd has of this user, whoever enrolled them; their
 * ids are fprintd's own words for them. Which finger it will be is chosen when an enrolment begins. fprintd takes scan
 * after scan without waiting for the client to ask for the next one, so how they were is kept until it does.
 */
#include <errno.h>
#include <string.h>

#include "daemon/ctap-fingers.h"
#include "daemon/finger-names.h"
#include "daemon/settings.h"

static CtapFingers *fingers_of(void *userdata)
{
        return ((Ctap *)userdata)->fingers;
}

static int find_enrolled(const CtapFingers *fingers, const uint8_t *id, size_t id_size)
{
        FprintState state;
        int finger = finger_find(id, id_size);

        fprint_state(fingers->fprint, &state);
        return finger >= 0 && (state.fingers & 1U << finger) ? finger : -ENOENT;
}

static void copy_id(unsigned finger, uint8_t ret_id[32], size_t *ret_id_size)
{
        *ret_id_size = strlen(finger_word(finger));
        memcpy(ret_id, finger_word(finger), *ret_id_size);
}

/* ---- operations ---- */

/* Until something is known, the authenticator takes it for protected. */
static int finger_state(void *userdata, bool *ret_available, unsigned *ret_enrolled)
{
        FprintState state;

        fprint_state(fingers_of(userdata)->fprint, &state);
        if (!state.known)
                return -EAGAIN;
        *ret_available = state.available;
        *ret_enrolled = (unsigned)__builtin_popcount(state.fingers);
        return 0;
}

static int finger_sensor(void *userdata, unsigned *ret_kind, unsigned *ret_samples, unsigned *ret_name_max)
{
        FprintState state;

        fprint_state(fingers_of(userdata)->fprint, &state);
        *ret_kind = state.swipe ? 2 : 1;
        *ret_samples = state.stages;
        *ret_name_max = FINGER_NAME_MAX;
        return 0;
}

static int finger_get(void *userdata, unsigned i, uint8_t ret_id[32], size_t *ret_id_size, char ret_name[65])
{
        Ctap *ctap = userdata;
        FprintState state;

        fprint_state(ctap->fingers->fprint, &state);
        for (unsigned finger = 0; finger < FINGERS_MAX; finger++) {
                if (!(state.fingers & 1U << finger) || i-- > 0)
                        continue;
                copy_id(finger, ret_id, ret_id_size);
                finger_name_get(ctap->daemon, finger, ret_name);
                return 0;
        }
        return AUTHENTICATOR_E_NOT_FOUND;
}

int ctap_finger_unused(CtapFingers *fingers)
{
        FprintState state;

        fprint_state(fingers->fprint, &state);
        for (unsigned finger = 0; finger < FINGERS_MAX; finger++)
                if (!(state.fingers & 1U << finger))
                        return (int)finger;
        return -ENOSPC;
}

/* While another client enrols one, this client's first sample is answered that the reader can't be had. */
static int finger_begin(void *userdata, AuthenticatorHost *host, uint8_t ret_id[32], size_t *ret_id_size)
{
        CtapFingers *fingers = fingers_of(userdata);
        int finger = ctap_finger_unused(fingers);
        FprintState state;

        if (finger < 0)
                return AUTHENTICATOR_E_FULL;
        copy_id((unsigned)finger, ret_id, ret_id_size);
        if (fingers->enrollment)
                return 0;
        fprint_state(fingers->fprint, &state);
        fingers->enrollment = calloc(1, sizeof(*fingers->enrollment));
        if (!fingers->enrollment)
                return -ENOMEM;
        *fingers->enrollment = (CtapEnrollment){
                .host = host, .finger = (unsigned)finger, .stages = state.stages, .left = state.stages};
        return 0;
}

static CtapEnrollment *enrollment_of(CtapFingers *fingers, const AuthenticatorHost *host)
{
        CtapEnrollment *enrollment = fingers->enrollment;

        return enrollment && enrollment->host == host ? enrollment : NULL;
}

static void end_enrollment(CtapFingers *fingers)
{
        CtapEnrollment *enrollment = TAKE_PTR(fingers->enrollment);

        fprint_task_cancel(enrollment->task);
        free(enrollment);
}

/* The oldest scan that the client has not been told of. */
static int finger_sample(void *userdata, AuthenticatorHost *host, unsigned *ret_status, unsigned *ret_left)
{
        Ctap *ctap = userdata;
        CtapEnrollment *enrollment = enrollment_of(ctap->fingers, host);
        CtapScan scan;

        if (!enrollment || enrollment->n_scans == 0)
                return -EIO;
        scan = enrollment->scans[0];
        enrollment->n_scans--;
        memmove(enrollment->scans, enrollment->scans + 1, enrollment->n_scans * sizeof(scan));
        if (scan.full)
                return AUTHENTICATOR_E_FULL;
        *ret_status = scan.sample;
        *ret_left = scan.left;
        if (scan.left == 0) {
                /* A name that it had before another program deleted it. */
                (void)finger_name_set(ctap->daemon, enrollment->finger, NULL);
                end_enrollment(ctap->fingers);
        }
        return 0;
}

static void finger_cancel(void *userdata, AuthenticatorHost *host)
{
        if (enrollment_of(fingers_of(userdata), host))
                end_enrollment(fingers_of(userdata));
}

static int finger_rename(void *userdata, const uint8_t *id, size_t id_size, const char *name)
{
        Ctap *ctap = userdata;
        int finger = find_enrolled(ctap->fingers, id, id_size), r;

        if (finger < 0)
                return AUTHENTICATOR_E_NOT_FOUND;
        r = finger_name_set(ctap->daemon, (unsigned)finger, name);
        if (r == 0)
                ctap_changed(ctap);
        return r > 0 ? -EIO : r;
}

static int finger_remove(void *userdata, const uint8_t *id, size_t id_size)
{
        return find_enrolled(fingers_of(userdata), id, id_size) < 0 ? AUTHENTICATOR_E_NOT_FOUND
                                                                    : AUTHENTICATOR_E_LATER;
}

static const AuthenticatorFingerprints operations = {
        .state = finger_state,
        .sensor = finger_sensor,
        .get = finger_get,
        .begin = finger_begin,
        .sample = finger_sample,
        .cancel = finger_cancel,
        .rename = finger_rename,
        .remove = finger_remove,
};

const AuthenticatorFingerprints *ctap_fingers_ops(const Ctap *ctap)
{
        return ctap->fingers ? &operations : NULL;
}

/* ---- enrolling ---- */

static void keep_scan(CtapEnrollment *enrollment, CtapScan scan)
{
        if (enrollment->n_scans < ELEMENTSOF(enrollment->scans))
                enrollment->scans[enrollment->n_scans++] = scan;
}

static void on_enrolling(void *userdata, FprintEvent event, FprintSample sample)
{
        CtapFingers *fingers = userdata;
        CtapEnrollment *enrollment = fingers->enrollment;

        switch (event) {
        case FPRINT_WAITS:
                break;
        case FPRINT_STAGE:
                if (enrollment->left > 1)
                        enrollment->left--;
                keep_scan(enrollment, (CtapScan){.sample = SAMPLE_GOOD, .left = enrollment->left});
                break;
        case FPRINT_AGAIN:
                keep_scan(enrollment, (CtapScan){.sample = sample, .left = enrollment->left});
                break;
        case FPRINT_DONE:
                enrollment->task = NULL;
                keep_scan(enrollment, (CtapScan){.sample = SAMPLE_GOOD});
                break;
        case FPRINT_DUPLICATE: /* with the next sample it begins anew */
                enrollment->task = NULL;
                enrollment->left = enrollment->stages;
                keep_scan(enrollment, (CtapScan){.sample = SAMPLE_EXISTS, .left = enrollment->left});
                break;
        case FPRINT_FULL:
                enrollment->task = NULL;
                keep_scan(enrollment, (CtapScan){.full = true});
                break;
        default:
                enrollment->task = NULL;
        }
        ctap_touch_scanned(fingers, event, sample);
}

int ctap_enrollment_start(CtapFingers *fingers)
{
        CtapEnrollment *enrollment = fingers->enrollment;

        if (enrollment->task)
                return 0;
        return fprint_task_start(fingers->fprint, FPRINT_ENROLL, enrollment->finger, on_enrolling, fingers,
                                 &enrollment->task);
}

/* ---- life ---- */

static void on_changed(void *userdata)
{
        ctap_changed(userdata);
}

int ctap_fingers_new(Ctap *ctap)
{
        CtapFingers *fingers;
        int r;

        if (!ctap->daemon->settings->fingerprint)
                return 0;
        fingers = calloc(1, sizeof(*fingers));
        if (!fingers)
                return -ENOMEM;
        fingers->ctap = ctap;
        ctap->fingers = fingers;
        r = fprint_new(ctap->daemon->event, on_changed, ctap, &fingers->fprint);
        if (r < 0)
                ctap_fingers_free(ctap);
        return r;
}

void ctap_fingers_free(Ctap *ctap)
{
        CtapFingers *fingers = TAKE_PTR(ctap->fingers);

        if (!fingers)
                return;
        if (fingers->enrollment)
                end_enrollment(fingers);
        fprint_free(fingers->fprint);
        free(fingers);
}
