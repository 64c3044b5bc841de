/*
 * The machine's TPM
 *
 * What the helper says of it is kept as one line, for those who ask how it stands. A call that nobody waits for any
 * more stays first in line until it has ended: its successor must not meet it inside the TPM.
 */
#include "daemon/tpm.h"

#include <errno.h>
#include <string.h>

#include "daemon/helper-link.h"
#include "daemon/log.h"
#include "daemon/settings.h"

struct TpmCall {
        Tpm *tpm;
        ByteWriter body;
        TpmOperation operation;
        TpmDone done; /* NULL: forgotten */
        void *userdata;
        TpmCall *next;
};

struct Tpm {
        Daemon *daemon;
        TpmCall *calls, **last; /* the first is under way when `helping` is set */
        unsigned n_calls;
        HelperCall *helping;
        sd_event_source *start; /* what starts the first, from the loop */
        char problem[HELPER_TEXT_MAX + 1];
};

static TpmCall *call_free(TpmCall *call)
{
        if (!call)
                return NULL;
        byte_writer_done(&call->body);
        free(call);
        return NULL;
}
DEFINE_CLEANUP(TpmCall *, call_free)

/* Takes the first off the line and answers it. */
static void finish(Tpm *tpm, const TpmAnswer *answer)
{
        _cleanup_(call_freep) TpmCall *call = tpm->calls;

        tpm->calls = call->next;
        if (!tpm->calls)
                tpm->last = &tpm->calls;
        tpm->n_calls--;
        if (tpm->calls)
                (void)sd_event_source_set_enabled(tpm->start, SD_EVENT_ONESHOT);
        if (call->done)
                call->done(call->userdata, answer);
}

static void finish_failed(Tpm *tpm, TpmProblem problem, const char *why)
{
        finish(tpm, &(TpmAnswer){.problem = problem, .why = why});
}

/* Says it once, not with every request that meets it. A key's own fault is not the TPM's, and who only asks how it is
 * gets the answer himself. */
static void note(Tpm *tpm, TpmProblem problem, const char *why)
{
        if (problem != 0 && tpm->calls->operation == TPM_INFO)
                return;
        if (tpm->calls->operation >= TPM_COUNTER_READ) /* the epoch says how that stands */
                return;
        if (problem == TPM_PROBLEM_FOREIGN || problem == TPM_PROBLEM_UNSUPPORTED || problem == TPM_PROBLEM_NOT_BUILT ||
            problem == TPM_PROBLEM_WRONG_PIN || problem == TPM_PROBLEM_REGISTERS)
                return;
        if (problem != 0 && strcmp(tpm->problem, why) != 0)
                log_line(LOG_WARNING, "%s", why);
        tpm->problem[0] = 0;
        (void)strncat(tpm->problem, why, sizeof(tpm->problem) - 1);
}

static void on_done(void *userdata, HelperResult result, ByteReader *fields)
{
        _cleanup_free_ char *why = NULL;
        Tpm *tpm = userdata;
        uint8_t problem = TPM_PROBLEM_FAILED;

        tpm->helping = NULL;
        switch (result) {
        case HELPER_OK:
                note(tpm, 0, "");
                finish(tpm, &(TpmAnswer){.fields = fields});
                return;
        case HELPER_NO_PROMPTER:
                finish_failed(tpm, problem, "keyfob-helper has ended: start keyfobd again");
                return;
        default:
                why = helper_why(fields);
                problem = byte_reader_u8(fields);
                break;
        }
        if (!why || !byte_reader_done(fields) || problem == 0 || problem >= _TPM_PROBLEM_MAX) {
                /* Its process ended on the way. */
                free(why);
                why = strdup("the TPM does not answer: another program may be keeping it busy, try again");
                problem = TPM_PROBLEM_BUSY;
        }
        note(tpm, problem, why ?: "");
        finish_failed(tpm, problem, why ?: "out of memory");
}

static int on_start(sd_event_source *source, void *userdata)
{
        Tpm *tpm = userdata;
        int r;

        if (!tpm->calls || tpm->helping)
                return 0;
        if (!tpm->calls->done) {
                finish_failed(tpm, TPM_PROBLEM_FAILED, ""); /* forgotten before it began */
                return 0;
        }
        r = helper_call(tpm->daemon, HELPER_TPM, &tpm->calls->body, on_done, tpm, &tpm->helping);
        if (r < 0)
                finish_failed(tpm, TPM_PROBLEM_FAILED, strerror(-r));
        return 0;
}

int tpm_call(Daemon *daemon, TpmOperation operation, const ByteWriter *fields, TpmDone done, void *userdata,
             TpmCall **ret)
{
        _cleanup_(call_freep) TpmCall *call = NULL;
        Tpm *tpm = daemon->tpm;

        if (tpm->n_calls >= TPM_CALLS_MAX)
                return -ENOBUFS;
        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (TpmCall){.tpm = tpm, .operation = operation, .done = done, .userdata = userdata};
        byte_writer_u8(&call->body, operation);
        byte_writer_string(&call->body, daemon->settings->tpm);
        if (fields && fields->size > 0)
                byte_writer_raw(&call->body, fields->data, fields->size);
        if (call->body.failed || (fields && fields->failed))
                return -ENOMEM;

        *tpm->last = call;
        tpm->last = &call->next;
        tpm->n_calls++;
        (void)sd_event_source_set_enabled(tpm->start, SD_EVENT_ONESHOT);
        *ret = TAKE_PTR(call);
        return 0;
}

TpmCall *tpm_call_cancel(TpmCall *call)
{
        if (call)
                call->done = NULL;
        return NULL;
}

const char *tpm_problem(const Daemon *daemon)
{
        return daemon->tpm->problem;
}

int tpm_new(Daemon *daemon, Tpm **ret)
{
        _cleanup_(tpm_freep) Tpm *tpm = calloc(1, sizeof(*tpm));
        int r;

        if (!tpm)
                return -ENOMEM;
        tpm->daemon = daemon;
        tpm->last = &tpm->calls;
        r = sd_event_add_defer(daemon->event, &tpm->start, on_start, tpm);
        if (r >= 0)
                r = sd_event_source_set_enabled(tpm->start, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(tpm);
        return 0;
}

Tpm *tpm_free(Tpm *tpm)
{
        if (!tpm)
                return NULL;
        helper_call_cancel(tpm->helping);
        while (tpm->calls) {
                TpmCall *call = tpm->calls;

                tpm->calls = call->next;
                call_free(call);
        }
        sd_event_source_disable_unref(tpm->start);
        free(tpm);
        return NULL;
}

/* ---- what it answers ---- */

static void read_text(ByteReader *fields, char ret[TPM_TEXT_MAX + 1])
{
        _cleanup_free_ char *text = byte_reader_string(fields, TPM_TEXT_MAX);

        ret[0] = 0;
        if (text)
                (void)strncat(ret, text, TPM_TEXT_MAX);
}

int tpm_read_facts(ByteReader *fields, TpmFacts *ret)
{
        TpmFacts facts;

        read_text(fields, facts.manufacturer);
        read_text(fields, facts.firmware);
        facts.curves = byte_reader_u8(fields);
        facts.locked_out = byte_reader_u8(fields);
        facts.seconds = byte_reader_u32(fields);
        if (!byte_reader_done(fields))
                return -EBADMSG;
        *ret = facts;
        return 0;
}

int tpm_read_made(ByteReader *fields, const uint8_t auth[TPM_AUTH_SIZE], ByteWriter *ret_key,
                  uint8_t ret_point[2 * TPM_COORDINATE_MAX], size_t *ret_point_size)
{
        static const size_t limits[] = {TPM_PARENT_MAX, TPM_PUBLIC_MAX, TPM_PRIVATE_MAX};
        const uint8_t *blob;
        size_t size = 0;

        byte_writer_u8(ret_key, TPM_KEY_VERSION);
        byte_writer_raw(ret_key, auth, TPM_AUTH_SIZE);
        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                blob = byte_reader_blob(fields, limits[i], &size);
                if (!blob)
                        return -EBADMSG;
                byte_writer_blob(ret_key, blob, size);
        }
        blob = byte_reader_blob(fields, (size_t)2 * TPM_COORDINATE_MAX, &size);
        if (!blob || !byte_reader_done(fields))
                return -EBADMSG;
        memcpy(ret_point, blob, size);
        *ret_point_size = size;
        return ret_key->failed ? -ENOMEM : 0;
}
