/*
 * authenticatorBioEnrollment (section 6.7), and its prototype (0x40)
 *
 * Fingers are kept by the sensor's side (AuthenticatorFingerprints); here is who may enrol one, and the conversation. A sample is
 * asked for like any other question, and what was wrong with it is an answer, not an error: the client shows it and asks for
 * the next one. Which finger is being enrolled belongs to the channel; it ends with any other command there, and when the
 * client has not asked for a sample for a while, so that nobody keeps the sensor to himself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "authenticator/subcommand.h"

#define MODALITY_FINGERPRINT 1U
#define NO_USER_ACTIVITY     0x0dU /* lastEnrollSampleStatus: nobody touched the sensor */
#define TEMPLATES_MAX        64U   /* that are listed: what a message holds */
#define STEP_SAMPLE          1
#define STEP_REMOVAL         2

enum Number {
        ENROLL_BEGIN = 1,
        ENROLL_NEXT = 2,
        ENROLL_CANCEL = 3,
        ENUMERATE = 4,
        SET_NAME = 5,
        REMOVE = 6,
        GET_SENSOR_INFO = 7,
};

enum RequestKey {
        KEY_MODALITY = 1,
        KEY_SUBCOMMAND = 2, /* and the three that follow it */
        KEY_GET_MODALITY = 6,
};

enum ParamsKey {
        PARAM_TEMPLATE = 1,
        PARAM_NAME = 2,
        PARAM_TIMEOUT = 3,
};

enum ReplyKey {
        REPLY_MODALITY = 1,
        REPLY_KIND = 2,
        REPLY_SAMPLES = 3,
        REPLY_TEMPLATE = 4,
        REPLY_SAMPLE_STATUS = 5,
        REPLY_SAMPLES_LEFT = 6,
        REPLY_TEMPLATES = 7,
        REPLY_NAME_MAX = 8,
};

typedef struct Request {
        Subcommand subcommand;
        const uint8_t *template_id;
        size_t template_size, name_size;
        const char *name;
        uint64_t timeout; /* milliseconds; 0: it is up to us */
} Request;

/* One finger that is being enrolled, in Channel.data. */
typedef struct Enrollment {
        AuthenticatorHost *host;
        uint8_t id[TEMPLATE_ID_MAX];
        size_t id_size;
        unsigned left; /* samples */
        bool begun;    /* the reply names the template: it is the first sample */
        bool done;
} Enrollment;

static int fingerprint_status(int r)
{
        switch (r) {
        case AUTHENTICATOR_E_NOT_FOUND:
                return CTAP2_ERR_INVALID_OPTION;
        case AUTHENTICATOR_E_FULL:
                return CTAP2_ERR_FP_DATABASE_FULL;
        default:
                return r > 0 ? -EIO : r;
        }
}

/* A sensor that can't be had is no refusal of the person's. */
static int sensor_status(AuthenticatorAnswer answer)
{
        return answer == AUTHENTICATOR_BLOCKED ? CTAP2_ERR_NOT_ALLOWED : presence_status(answer);
}

/* ---- decoding ---- */

static int read_template(const cbor_item_t *item, Request *q)
{
        return value_bytes(item, 0, AUTHENTICATOR_MESSAGE_MAX, &q->template_id, &q->template_size);
}

static int read_params(Request *q)
{
        const cbor_item_t *params = q->subcommand.params, *timeout;
        uint64_t number = q->subcommand.number;
        int r = CTAP_OK;

        if (!params)
                return number == ENROLL_BEGIN || number == ENUMERATE ? CTAP_OK : CTAP2_ERR_MISSING_PARAMETER;
        if (number == ENROLL_NEXT || number == SET_NAME || number == REMOVE)
                r = read_template(map_get(params, PARAM_TEMPLATE), q);
        if (r == CTAP_OK && number == SET_NAME)
                r = value_text(map_get(params, PARAM_NAME), AUTHENTICATOR_MESSAGE_MAX, &q->name, &q->name_size);
        timeout = map_get(params, PARAM_TIMEOUT);
        if (r == CTAP_OK && timeout && (number == ENROLL_BEGIN || number == ENROLL_NEXT))
                r = value_uint(timeout, UINT64_MAX, &q->timeout);
        return r;
}

/* Whatever the modality is wanted for, there is one. */
static int check_modality(const cbor_item_t *item)
{
        uint64_t modality;
        int r;

        r = value_uint(item, UINT64_MAX, &modality);
        return r == CTAP_OK && modality != MODALITY_FINGERPRINT ? CTAP1_ERR_INVALID_PARAMETER : r;
}

/* ---- enrolling ---- */

static void end_enrollment(void *data)
{
        Enrollment *e = data;
        Authenticator *a = e->host->a;

        if (!e->done)
                a->ops.fingerprints->cancel(a->userdata, e->host);
        free(e);
}

static Enrollment *current(const Channel *channel)
{
        return channel->enumeration == ENUMERATION_SAMPLES ? channel->data : NULL;
}

static int ask(Transaction *t, Enrollment *e, uint64_t timeout)
{
        unsigned most = t->a->config.presence_timeout_ms;
        AuthenticatorQuestion question = {
                .kind = AUTHENTICATOR_ASK_SAMPLE,
                .purpose = AUTHENTICATOR_TO_ENROLL,
                .timeout_ms = timeout > 0 && timeout < most ? (unsigned)timeout : most,
                .enrollment = e->id,
                .enrollment_size = e->id_size,
        };

        t->channel->deadline = authenticator_now(t->a) + question.timeout_ms + ENUMERATION_TIME;
        t->step = STEP_SAMPLE;
        return transaction_ask(t, &question);
}

/* How the sample was. */
static int reply_sample(Transaction *t, Enrollment *e)
{
        const AuthenticatorFingerprints *f = t->a->ops.fingerprints;
        unsigned status = NO_USER_ACTIVITY;
        int r;

        if (t->answer == AUTHENTICATOR_YES)
                r = fingerprint_status(f->sample(t->a->userdata, t->host, &status, &e->left));
        else
                r = t->answer == AUTHENTICATOR_TIMED_OUT ? CTAP_OK : sensor_status(t->answer);
        if (r != CTAP_OK) {
                channel_clear(t->channel);
                return r;
        }
        put_map(&t->reply, e->begun ? 3 : 2);
        if (e->begun) {
                put_uint(&t->reply, REPLY_TEMPLATE);
                put_bytes(&t->reply, e->id, e->id_size);
        }
        put_uint(&t->reply, REPLY_SAMPLE_STATUS);
        put_uint(&t->reply, status);
        put_uint(&t->reply, REPLY_SAMPLES_LEFT);
        put_uint(&t->reply, e->left);
        e->begun = false;
        e->done = e->left == 0;
        t->channel->deadline = authenticator_now(t->a) + ENUMERATION_TIME;
        if (e->done)
                channel_clear(t->channel);
        return CTAP_OK;
}

static int ask_and_reply(Transaction *t, Enrollment *e, uint64_t timeout)
{
        int r;

        r = ask(t, e, timeout);
        if (r == TRANSACTION_WAIT)
                return r;
        if (r < 0) {
                channel_clear(t->channel);
                return r;
        }
        return reply_sample(t, e);
}

/* The sensor's side knows hosts only, so a host has one enrolment at most (section 6.7.4: the one before is cancelled). */
static void end_enrollments(AuthenticatorHost *host)
{
        for (size_t i = 0; i < ELEMENTSOF(host->channels); i++)
                if (current(&host->channels[i]))
                        channel_clear(&host->channels[i]);
}

static int enroll_begin(Transaction *t, const Request *q)
{
        const AuthenticatorFingerprints *f = t->a->ops.fingerprints;
        unsigned kind, name_max;
        Enrollment *e;
        int r;

        end_enrollments(t->host);
        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        e->host = t->host;
        e->begun = true;
        r = fingerprint_status(f->sensor(t->a->userdata, &kind, &e->left, &name_max));
        if (r == CTAP_OK)
                r = fingerprint_status(f->begin(t->a->userdata, t->host, e->id, &e->id_size));
        if (r != CTAP_OK) {
                free(e);
                return r;
        }
        t->channel->enumeration = ENUMERATION_SAMPLES;
        t->channel->data = e;
        t->channel->data_free = end_enrollment;
        return ask_and_reply(t, e, q->timeout);
}

static int enroll_next(Transaction *t, const Request *q)
{
        Enrollment *e = current(t->channel);

        if (!e || q->template_size != e->id_size || memcmp(q->template_id, e->id, e->id_size) != 0)
                return CTAP2_ERR_INVALID_OPTION;
        if (authenticator_now(t->a) >= t->channel->deadline) {
                channel_clear(t->channel);
                return CTAP2_ERR_INVALID_OPTION;
        }
        return ask_and_reply(t, e, q->timeout);
}

/* ---- what is enrolled ---- */

typedef struct Template {
        uint8_t id[TEMPLATE_ID_MAX];
        size_t id_size;
        char name[FRIENDLY_NAME_MAX + 1];
} Template;

static int enumerate(Transaction *t)
{
        const AuthenticatorFingerprints *f = t->a->ops.fingerprints;
        _cleanup_free_ Template *templates = calloc(TEMPLATES_MAX, sizeof(*templates));
        size_t n = 0;
        int r = 0;

        if (!templates)
                return -ENOMEM;
        while (n < TEMPLATES_MAX) {
                r = f->get(t->a->userdata, (unsigned)n, templates[n].id, &templates[n].id_size, templates[n].name);
                if (r != 0)
                        break;
                n++;
        }
        if (r != 0 && r != AUTHENTICATOR_E_NOT_FOUND)
                return fingerprint_status(r);
        if (n == 0)
                return CTAP2_ERR_INVALID_OPTION;
        put_map(&t->reply, 1);
        put_uint(&t->reply, REPLY_TEMPLATES);
        put_array(&t->reply, n);
        for (size_t i = 0; i < n; i++) {
                put_map(&t->reply, 2);
                put_uint(&t->reply, PARAM_TEMPLATE);
                put_bytes(&t->reply, templates[i].id, templates[i].id_size);
                put_uint(&t->reply, PARAM_NAME);
                put_text(&t->reply, templates[i].name);
        }
        return CTAP_OK;
}

static int set_name(Transaction *t, const Request *q)
{
        const AuthenticatorFingerprints *f = t->a->ops.fingerprints;
        unsigned kind, samples, max;
        char name[FRIENDLY_NAME_MAX + 1];
        int r;

        r = fingerprint_status(f->sensor(t->a->userdata, &kind, &samples, &max));
        if (r != CTAP_OK)
                return r;
        if (q->name_size > max || q->name_size > FRIENDLY_NAME_MAX)
                return CTAP1_ERR_INVALID_LENGTH;
        name_copy(name, FRIENDLY_NAME_MAX, q->name, q->name_size);
        return fingerprint_status(f->rename(t->a->userdata, q->template_id, q->template_size, name));
}

static int get_sensor_info(Transaction *t)
{
        const AuthenticatorFingerprints *f = t->a->ops.fingerprints;
        unsigned kind, samples, name_max;
        int r;

        r = fingerprint_status(f->sensor(t->a->userdata, &kind, &samples, &name_max));
        if (r != CTAP_OK)
                return r;
        put_map(&t->reply, 4);
        put_uint(&t->reply, REPLY_MODALITY);
        put_uint(&t->reply, MODALITY_FINGERPRINT);
        put_uint(&t->reply, REPLY_KIND);
        put_uint(&t->reply, kind);
        put_uint(&t->reply, REPLY_SAMPLES);
        put_uint(&t->reply, samples);
        put_uint(&t->reply, REPLY_NAME_MAX);
        put_uint(&t->reply, name_max < FRIENDLY_NAME_MAX ? name_max : FRIENDLY_NAME_MAX);
        return CTAP_OK;
}

static int remove_template(Transaction *t, const Request *q)
{
        AuthenticatorQuestion question = {
                .kind = AUTHENTICATOR_ASK_REMOVAL,
                .purpose = AUTHENTICATOR_TO_ENROLL,
                .enrollment = q->template_id,
                .enrollment_size = q->template_size,
        };
        int r;

        r = t->a->ops.fingerprints->remove(t->a->userdata, q->template_id, q->template_size);
        if (r != AUTHENTICATOR_E_LATER)
                return fingerprint_status(r);
        t->step = STEP_REMOVAL;
        r = transaction_ask(t, &question);
        return r == CTAP_OK ? sensor_status(t->answer) : r;
}

/* ---- the command ---- */

static int run_permitted(Transaction *t, Request *q)
{
        const uint8_t prefix[2] = {MODALITY_FINGERPRINT, (uint8_t)q->subcommand.number};
        bool preview = t->command == &command_bio_enrollment_preview;
        Shown by;
        int r;

        if (!q->subcommand.mac)
                return CTAP2_ERR_PUAT_REQUIRED;
        r = check_modality(map_get(t->body, KEY_MODALITY));
        if (r == CTAP_OK)
                r = read_params(q);
        if (r == CTAP_OK)
                r = subcommand_permit(t, &q->subcommand, prefix, sizeof(prefix), PERMISSION_BE, /* read_only= */ false, preview,
                                      &by);
        if (r != CTAP_OK)
                return r;
        switch (q->subcommand.number) {
        case ENROLL_BEGIN:
                return enroll_begin(t, q);
        case ENROLL_NEXT:
                return enroll_next(t, q);
        case ENUMERATE:
                return enumerate(t);
        case SET_NAME:
                return set_name(t, q);
        default:
                return remove_template(t, q);
        }
}

static int run_subcommand(Transaction *t)
{
        Request q = {0};
        int r;

        r = subcommand_read(t->body, KEY_SUBCOMMAND, &q.subcommand);
        if (r != CTAP_OK || q.subcommand.number != ENROLL_NEXT)
                channel_clear(t->channel); /* also cancels the enrolment */
        if (r != CTAP_OK)
                return r;
        if (q.subcommand.number < ENROLL_BEGIN || q.subcommand.number > GET_SENSOR_INFO)
                return CTAP2_ERR_INVALID_SUBCOMMAND;
        if (q.subcommand.number != ENROLL_CANCEL && q.subcommand.number != GET_SENSOR_INFO)
                return run_permitted(t, &q);
        r = check_modality(map_get(t->body, KEY_MODALITY));
        return r == CTAP_OK && q.subcommand.number == GET_SENSOR_INFO ? get_sensor_info(t) : r;
}

static int run(Transaction *t)
{
        const cbor_item_t *get_modality;
        bool wanted = false;
        int r;

        if (!t->a->ops.fingerprints)
                return CTAP1_ERR_INVALID_COMMAND;
        if (t->step == STEP_REMOVAL)
                return sensor_status(t->answer);
        if (t->step == STEP_SAMPLE) {
                Enrollment *e = current(t->channel);

                return e ? reply_sample(t, e) : CTAP2_ERR_INVALID_OPTION;
        }
        get_modality = map_get(t->body, KEY_GET_MODALITY);
        if (get_modality) {
                r = value_bool(get_modality, &wanted);
                if (r != CTAP_OK)
                        return r;
        }
        if (!wanted)
                return run_subcommand(t);
        put_map(&t->reply, 1);
        put_uint(&t->reply, REPLY_MODALITY);
        put_uint(&t->reply, MODALITY_FINGERPRINT);
        return CTAP_OK;
}

const Command command_bio_enrollment = {0x09, COMMAND_ENUMERATION, run};
const Command command_bio_enrollment_preview = {0x40, COMMAND_ENUMERATION, run};
