/*
 * Fingers that a key with a sensor knows
 *
 * Enrolling takes several samples; what each was worth is told at once, and whoever is told knows when to touch again.
 */
#include <fido/bio.h>

#include "helper/key-entry.h"
#include "helper/key-internal.h"
#include "helper/task.h"

#define SAMPLE_MS   20000U
#define SAMPLES_MAX 64U /* good and bad */
#define IDLE_MAX    2U  /* samples in a row that nobody gave */

static int need_fingers(KeyCall *call)
{
        int r;

        r = key_need(call, key_option(call, "bioEnroll") >= 0 || key_option(call, "userVerificationMgmtPreview") >= 0,
                     "fingerprint sensor");
        return r == FIDO_OK ? key_need_pin(call) : r;
}

/* Those it knows; *ret is to be freed. */
static int get_fingers(KeyCall *call, fido_bio_template_array_t **ret)
{
        int r;

        r = need_fingers(call);
        if (r != FIDO_OK)
                return r;
        *ret = fido_bio_template_array_new();
        if (!*ret)
                return FIDO_ERR_INTERNAL;
        r = fido_bio_dev_get_template_array(call->dev, *ret, key_pin(call));
        return r == FIDO_ERR_INVALID_OPTION ? FIDO_OK : r; /* how a key says that it knows none */
}

int key_fingers(KeyCall *call)
{
        fido_bio_template_array_t *fingers = NULL;
        int r;

        r = get_fingers(call, &fingers);
        for (size_t i = 0; r == FIDO_OK && i < fido_bio_template_array_count(fingers); i++) {
                const fido_bio_template_t *finger = fido_bio_template(fingers, i);
                const char *name = fido_bio_template_name(finger);
                ByteWriter item = key_progress(call, KEY_PROGRESS_ITEM);

                entry_bytes(&item, "id", fido_bio_template_id_ptr(finger), fido_bio_template_id_len(finger));
                entry_text(&item, "name", name ? name : "");
                task_progress(call->task, &item);
        }
        fido_bio_template_array_free(&fingers);
        return r;
}

/* ---- enrolling ---- */

static const char *status_text(uint8_t status)
{
        static const char *const texts[] = {
                [FIDO_BIO_ENROLL_FP_GOOD] = "good",
                [FIDO_BIO_ENROLL_FP_TOO_HIGH] = "too high",
                [FIDO_BIO_ENROLL_FP_TOO_LOW] = "too low",
                [FIDO_BIO_ENROLL_FP_TOO_LEFT] = "too far left",
                [FIDO_BIO_ENROLL_FP_TOO_RIGHT] = "too far right",
                [FIDO_BIO_ENROLL_FP_TOO_FAST] = "too fast",
                [FIDO_BIO_ENROLL_FP_TOO_SLOW] = "too slow",
                [FIDO_BIO_ENROLL_FP_POOR_QUALITY] = "not clear",
                [FIDO_BIO_ENROLL_FP_TOO_SKEWED] = "askew",
                [FIDO_BIO_ENROLL_FP_TOO_SHORT] = "too short",
                [FIDO_BIO_ENROLL_FP_MERGE_FAILURE] = "does not fit the others",
                [FIDO_BIO_ENROLL_FP_EXISTS] = "known already",
                [FIDO_BIO_ENROLL_NO_USER_ACTIVITY] = "no touch",
                [FIDO_BIO_ENROLL_NO_USER_PRESENCE_TRANSITION] = "lift the finger",
        };

        return status < ELEMENTSOF(texts) && texts[status] ? texts[status] : "not good";
}

static void say_sample(const KeyCall *call, const fido_bio_enroll_t *enrolment)
{
        ByteWriter packet = key_progress(call, KEY_PROGRESS_SAMPLE);

        byte_writer_u8(&packet, fido_bio_enroll_remaining_samples(enrolment));
        byte_writer_string(&packet, status_text(fido_bio_enroll_last_status(enrolment)));
        task_progress(call->task, &packet);
}

static int enroll(KeyCall *call, fido_bio_template_t *finger, fido_bio_enroll_t *enrolment)
{
        unsigned samples = 0, idle = 0;
        int r;

        key_touch(call);
        r = fido_bio_dev_enroll_begin(call->dev, finger, enrolment, SAMPLE_MS, key_pin(call));
        while (r == FIDO_OK && !task_ending()) {
                uint8_t status = fido_bio_enroll_last_status(enrolment);

                say_sample(call, enrolment);
                if (fido_bio_enroll_remaining_samples(enrolment) == 0)
                        return FIDO_OK;
                if (status == FIDO_BIO_ENROLL_FP_DATABASE_FULL)
                        return FIDO_ERR_FP_DATABASE_FULL;
                idle = status == FIDO_BIO_ENROLL_NO_USER_ACTIVITY ? idle + 1 : 0;
                if (idle >= IDLE_MAX || ++samples >= SAMPLES_MAX)
                        return FIDO_ERR_ACTION_TIMEOUT;
                r = fido_bio_dev_enroll_continue(call->dev, finger, enrolment, SAMPLE_MS);
        }
        return r == FIDO_OK ? FIDO_ERR_KEEPALIVE_CANCEL : r;
}

/* What was begun is taken back, so that the sensor goes dark. */
static void abandon(KeyCall *call)
{
        if (task_ending())
                (void)fido_dev_cancel(call->dev);
        if (fido_dev_set_timeout(call->dev, KEY_ABORT_MS) == FIDO_OK)
                (void)fido_bio_dev_enroll_cancel(call->dev);
}

/* One that can't be called as it was to be is taken back: whoever is told of a failure looks for nothing that is there. */
static int give_name(KeyCall *call, fido_bio_template_t *finger)
{
        int r;

        if (!call->request.name[0])
                return FIDO_OK;
        r = fido_bio_template_set_name(finger, call->request.name);
        if (r == FIDO_OK)
                r = fido_bio_dev_set_template_name(call->dev, finger, key_pin(call));
        if (r != FIDO_OK)
                (void)fido_bio_dev_enroll_remove(call->dev, finger, key_pin(call));
        return r;
}

int key_finger_enroll(KeyCall *call)
{
        fido_bio_template_array_t *fingers = NULL;
        fido_bio_template_t *finger = fido_bio_template_new();
        fido_bio_enroll_t *enrolment = fido_bio_enroll_new();
        int r;

        if (!finger || !enrolment) {
                fido_bio_template_free(&finger);
                fido_bio_enroll_free(&enrolment);
                return FIDO_ERR_INTERNAL;
        }
        /* A wrong PIN shows before anybody is told to touch the key. */
        r = get_fingers(call, &fingers);
        fido_bio_template_array_free(&fingers);
        if (r == FIDO_OK) {
                r = enroll(call, finger, enrolment);
                if (r != FIDO_OK)
                        abandon(call);
        }
        if (r == FIDO_OK)
                r = give_name(call, finger);
        if (r == FIDO_OK)
                byte_writer_blob(&call->fields, fido_bio_template_id_ptr(finger), fido_bio_template_id_len(finger));
        fido_bio_template_free(&finger);
        fido_bio_enroll_free(&enrolment);
        return r;
}

/* ---- one ---- */

static int with_finger(KeyCall *call, int (*change)(fido_dev_t *, const fido_bio_template_t *, const char *))
{
        const KeyRequest *request = &call->request;
        fido_bio_template_t *finger;
        int r;

        r = need_fingers(call);
        if (r != FIDO_OK)
                return r;
        finger = fido_bio_template_new();
        if (!finger)
                return FIDO_ERR_INTERNAL;
        r = fido_bio_template_set_id(finger, request->id, request->id_size);
        if (r == FIDO_OK && request->name[0])
                r = fido_bio_template_set_name(finger, request->name);
        if (r == FIDO_OK)
                r = change(call->dev, finger, key_pin(call));
        fido_bio_template_free(&finger);
        if (r == FIDO_ERR_INVALID_OPTION || r == FIDO_ERR_INVALID_PARAMETER)
                return key_refuse(call, KEY_E_NOT_FOUND,
                                  "the key knows no such finger, or takes no such name: see keyfob key finger list");
        return r;
}

int key_finger_rename(KeyCall *call)
{
        return with_finger(call, fido_bio_dev_set_template_name);
}

int key_finger_delete(KeyCall *call)
{
        return with_finger(call, fido_bio_dev_enroll_remove);
}
