/*
 * TPM_COUNTER_*: a number that only goes up
 *
 * A counter is an NV index of the TPM's own kind for that. No command sets one back, and one that is defined anew begins above all
 * that this TPM has ever counted, so removing it gains nothing but that it is missing. Beside it is a note, an ordinary index, that says
 * when it went up last, which a counter can't.
 *
 * Both carry a tag where an index has its policy. No policy is ever used, so it can be any value, and it makes them known: the name of
 * an index covers it, and with it all that is asked for here. Handles are taken from the tag, a few in a row, because others
 * may be at one. A value that only the owner of the tag knows reads and moves them, in a session whose every answer it
 * authenticates: who has that value talks to the index itself, whatever lies between. Wrong values don't count, and a lockout that others
 * caused is none of theirs.
 *
 * Not "orderly", which would be faster: such a counter is in memory until the TPM is shut down in order, and jumps when it was not.
 *
 * The note is written before the counter moves. So a note that says nothing, or that says "made" with the very number, is
 * one of a counter that was never moved.
 */
#include <string.h>

#include "common/bytes.h"
#include "helper/tpm-error.h"
#include "helper/tpm-internal.h"

#define PLACES       8U /* handles that a tag may have */
#define COUNTER_SIZE 8U
#define NOTE_SIZE    17U
#define OPEN_TO_AUTH (TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA)

_Static_assert(TPM_TAG_SIZE == PLACES * 4, "a tag has a number for each place");

typedef struct Kind {
        uint32_t offset; /* from the handle */
        TPMA_NV attributes;
        uint16_t size;
} Kind;

static const Kind counter_kind = {0, OPEN_TO_AUTH | (TPMA_NV)TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT, COUNTER_SIZE};
static const Kind note_kind = {1, OPEN_TO_AUTH, NOTE_SIZE};

typedef struct Index {
        ESYS_TR object; /* ESYS_TR_NONE: not there, or another's */
        bool taken;     /* something is there */
        bool written;
} Index;

typedef struct Counter {
        uint32_t handle;
        Index counter, note;
} Counter;

typedef struct Note {
        uint64_t count, seconds;
        bool made; /* and not moved since */
} Note;

static const char no_owner[] = "the TPM's owner has set a password, so there can be no counter in it";

static uint32_t place(const uint8_t tag[TPM_TAG_SIZE], unsigned i)
{
        ByteReader reader = BYTE_READER(tag + (size_t)4 * i, 4);

        return TPM_COUNTER_FIRST + 2 * (byte_reader_u32(&reader) % ((TPM_COUNTER_LAST - TPM_COUNTER_FIRST) / 2 + 1));
}

/* ---- finding ---- */

static bool is_ours(const TPMS_NV_PUBLIC *area, const uint8_t *tag, const Kind *kind)
{
        return (area->attributes & ~(TPMA_NV)TPMA_NV_WRITTEN) == kind->attributes && area->dataSize == kind->size &&
               area->nameAlg == TPM2_ALG_SHA256 && area->authPolicy.size == TPM_TAG_SIZE &&
               memcmp(area->authPolicy.buffer, tag, TPM_TAG_SIZE) == 0;
}

static void close_index(Tpm *tpm, Index *index)
{
        if (index->object != ESYS_TR_NONE)
                (void)Esys_TR_Close(tpm->esys, &index->object);
        index->object = ESYS_TR_NONE;
}

static bool open_index(Tpm *tpm, const TpmRequest *request, uint32_t handle, const Kind *kind, Index *ret)
{
        TPM2B_AUTH auth = {.size = TPM_AUTH_SIZE};
        TPM2B_NV_PUBLIC *area = NULL;
        Index index = {.object = ESYS_TR_NONE};
        TSS2_RC rc;
        bool ok;

        *ret = index;
        rc = Esys_TR_FromTPMPublic(tpm->esys, handle + kind->offset, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &index.object);
        if (tpm_error_code(rc) == TPM2_RC_HANDLE)
                return true;
        if (!tpm_ok(tpm, rc))
                return false;
        index.taken = true;
        ok = tpm_ok(tpm, Esys_NV_ReadPublic(tpm->esys, index.object, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area, NULL));
        if (ok && !is_ours(&area->nvPublic, request->tag, kind))
                close_index(tpm, &index);
        else if (ok && request->auth) {
                index.written = area->nvPublic.attributes & TPMA_NV_WRITTEN;
                memcpy(auth.buffer, request->auth, TPM_AUTH_SIZE);
                ok = tpm_ok(tpm, Esys_TR_SetAuth(tpm->esys, index.object, &auth));
                explicit_bzero(&auth, sizeof(auth));
        }
        Esys_Free(area);
        if (!ok)
                close_index(tpm, &index);
        *ret = index;
        return ok;
}

static void close_counter(Tpm *tpm, Counter *counter)
{
        close_index(tpm, &counter->counter);
        close_index(tpm, &counter->note);
}

static bool open_counter(Tpm *tpm, const TpmRequest *request, uint32_t handle, Counter *ret)
{
        *ret = (Counter){.handle = handle, .counter.object = ESYS_TR_NONE, .note.object = ESYS_TR_NONE};
        return open_index(tpm, request, handle, &counter_kind, &ret->counter) &&
               open_index(tpm, request, handle, &note_kind, &ret->note);
}

/* One that counts. ret->handle 0: there is none. */
static bool find(Tpm *tpm, const TpmRequest *request, Counter *ret)
{
        for (unsigned i = 0; i < (request->handle ? 1 : PLACES); i++) {
                if (!open_counter(tpm, request, request->handle ?: place(request->tag, i), ret))
                        return false;
                if (ret->counter.object != ESYS_TR_NONE && ret->counter.written)
                        return true;
                close_counter(tpm, ret);
        }
        ret->handle = 0;
        return true;
}

/* ---- reading and moving ---- */

/* Who is refused has another value than the index. */
static bool used(Tpm *tpm, TSS2_RC rc)
{
        TSS2_RC code = tpm_error_code(rc);

        if (code == TPM2_RC_AUTH_FAIL || code == TPM2_RC_BAD_AUTH)
                return tpm_fail(tpm, TPM_PROBLEM_FOREIGN, "the TPM's counter is somebody else's");
        return tpm_ok(tpm, rc);
}

/* A session that has nothing to hide, but answers can't be made up. */
static bool open_session(Tpm *tpm)
{
        return tpm_session_start(tpm, TPM2_SE_HMAC, ESYS_TR_NONE, &tpm->session) &&
               tpm_ok(tpm, Esys_TRSess_SetAttributes(tpm->esys, tpm->session, TPMA_SESSION_CONTINUESESSION, 0xff));
}

static bool read_index(Tpm *tpm, const Index *index, uint16_t size, uint8_t *ret)
{
        TPM2B_MAX_NV_BUFFER *data = NULL;
        bool ok;

        ok = used(tpm, Esys_NV_Read(tpm->esys, index->object, index->object, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, size, 0,
                                    &data));
        if (ok && data->size != size)
                ok = tpm_fail(tpm, TPM_PROBLEM_FAILED, "the TPM answered what can't be understood");
        if (ok)
                memcpy(ret, data->buffer, size);
        Esys_Free(data);
        return ok;
}

/* The TPM's numbers have their largest byte first. */
static bool read_count(Tpm *tpm, const Counter *counter, uint64_t *ret)
{
        uint8_t bytes[COUNTER_SIZE];
        uint64_t count = 0;

        if (!read_index(tpm, &counter->counter, sizeof(bytes), bytes))
                return false;
        for (size_t i = 0; i < sizeof(bytes); i++)
                count = count << 8 | bytes[i];
        *ret = count;
        return true;
}

/* One that is gone, or was never written, says nothing. */
static bool read_note(Tpm *tpm, const Counter *counter, Note *ret)
{
        uint8_t bytes[NOTE_SIZE];
        ByteReader reader = BYTE_READER(bytes, sizeof(bytes));

        *ret = (Note){.made = counter->note.object != ESYS_TR_NONE};
        if (counter->note.object == ESYS_TR_NONE || !counter->note.written)
                return true;
        if (!read_index(tpm, &counter->note, sizeof(bytes), bytes))
                return false;
        ret->count = byte_reader_u64(&reader);
        ret->seconds = byte_reader_u64(&reader);
        ret->made = byte_reader_u8(&reader) == 1;
        return true;
}

static bool write_note(Tpm *tpm, const Counter *counter, const Note *note)
{
        TPM2B_MAX_NV_BUFFER data = {.size = NOTE_SIZE};
        ByteWriter writer = BYTE_WRITER_NULL;
        bool ok = false;

        if (counter->note.object == ESYS_TR_NONE)
                return true;
        byte_writer_u64(&writer, note->count);
        byte_writer_u64(&writer, note->seconds);
        byte_writer_u8(&writer, note->made);
        if (!writer.failed) {
                memcpy(data.buffer, writer.data, NOTE_SIZE);
                ok = used(tpm, Esys_NV_Write(tpm->esys, counter->note.object, counter->note.object, tpm->session, ESYS_TR_NONE,
                                             ESYS_TR_NONE, &data, 0));
        }
        byte_writer_done(&writer);
        return ok;
}

static bool increment(Tpm *tpm, const Counter *counter)
{
        return used(tpm, Esys_NV_Increment(tpm->esys, counter->counter.object, counter->counter.object, tpm->session, ESYS_TR_NONE,
                                           ESYS_TR_NONE));
}

static void tell(const Tpm *tpm, uint32_t handle, uint64_t count, const Note *note, ByteWriter *out)
{
        byte_writer_u32(out, handle);
        byte_writer_u64(out, count);
        byte_writer_u8(out, handle != 0 && note->made && (note->count == 0 || note->count == count));
        byte_writer_u64(out, note->count);
        byte_writer_u64(out, note->seconds);
        byte_writer_blob(out, tpm->parent_name.name, tpm->parent_name.size);
}

/* And whose TPM it is, where that can be found out. */
static void tell_none(Tpm *tpm, ByteWriter *out)
{
        if (!tpm_parent_open(tpm, NULL))
                tpm->parent_name.size = 0;
        tpm->problem = 0;
        tell(tpm, 0, 0, &(Note){0}, out);
}

static bool read_or_move(Tpm *tpm, const TpmRequest *request, ByteWriter *out)
{
        Counter counter;
        Note note;
        uint64_t count;
        bool ok;

        if (!find(tpm, request, &counter))
                return false;
        if (counter.handle == 0) {
                tell_none(tpm, out);
                return true;
        }
        ok = open_session(tpm) && read_count(tpm, &counter, &count) && read_note(tpm, &counter, &note);
        if (ok && request->operation == TPM_COUNTER_MOVE && count == request->count - 1) {
                note = (Note){.count = request->count, .seconds = request->seconds};
                ok = write_note(tpm, &counter, &note) && increment(tpm, &counter) && read_count(tpm, &counter, &count);
        }
        if (ok)
                tell(tpm, counter.handle, count, &note, out);
        close_counter(tpm, &counter);
        return ok;
}

/* ---- making and removing ---- */

static bool owned(Tpm *tpm, TSS2_RC rc)
{
        TSS2_RC code = tpm_error_code(rc);

        if (code == TPM2_RC_AUTH_FAIL || code == TPM2_RC_BAD_AUTH)
                return tpm_fail(tpm, TPM_PROBLEM_OWNER_AUTH, no_owner);
        return tpm_ok(tpm, rc);
}

static bool undefine(Tpm *tpm, Index *index)
{
        TSS2_RC rc;

        if (index->object == ESYS_TR_NONE)
                return true;
        rc = Esys_NV_UndefineSpace(tpm->esys, ESYS_TR_RH_OWNER, index->object, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE);
        if (!owned(tpm, rc))
                return false;
        index->object = ESYS_TR_NONE;
        index->taken = false;
        return true;
}

/* The counter first: a note alone is nothing. */
static bool clear_place(Tpm *tpm, const TpmRequest *request, uint32_t handle, bool *ret_free)
{
        Counter counter;
        bool ok;

        ok = open_counter(tpm, request, handle, &counter) && undefine(tpm, &counter.counter) && undefine(tpm, &counter.note);
        close_counter(tpm, &counter);
        *ret_free = ok && !counter.counter.taken && !counter.note.taken;
        return ok;
}

/* What is defined carries its value encrypted to the TPM. ret->object ESYS_TR_NONE: somebody else was there first. */
static bool define(Tpm *tpm, const TpmRequest *request, uint32_t handle, const Kind *kind, Index *ret)
{
        TPM2B_AUTH auth = {.size = TPM_AUTH_SIZE};
        TPM2B_NV_PUBLIC area = {
                .nvPublic =
                        {
                                .nvIndex = handle + kind->offset,
                                .nameAlg = TPM2_ALG_SHA256,
                                .attributes = kind->attributes,
                                .authPolicy.size = TPM_TAG_SIZE,
                                .dataSize = kind->size,
                        },
        };
        TSS2_RC rc;

        *ret = (Index){.object = ESYS_TR_NONE, .taken = true};
        memcpy(area.nvPublic.authPolicy.buffer, request->tag, TPM_TAG_SIZE);
        memcpy(auth.buffer, request->auth, TPM_AUTH_SIZE);
        rc = Esys_NV_DefineSpace(tpm->esys, ESYS_TR_RH_OWNER, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, &auth, &area,
                                 &ret->object);
        explicit_bzero(&auth, sizeof(auth));
        if (rc != TSS2_RC_SUCCESS)
                ret->object = ESYS_TR_NONE;
        return tpm_error_code(rc) == TPM2_RC_NV_DEFINED || owned(tpm, rc);
}

/* Both, or neither. */
static bool define_both(Tpm *tpm, const TpmRequest *request, uint32_t handle, Counter *ret)
{
        TpmProblem problem;
        const char *why;
        bool ok;

        *ret = (Counter){.handle = handle, .counter.object = ESYS_TR_NONE, .note.object = ESYS_TR_NONE};
        ok = define(tpm, request, handle, &note_kind, &ret->note) &&
             (ret->note.object == ESYS_TR_NONE || define(tpm, request, handle, &counter_kind, &ret->counter));
        if (ret->counter.object != ESYS_TR_NONE)
                return true;
        problem = tpm->problem;
        why = tpm->why;
        (void)undefine(tpm, &ret->note);
        close_index(tpm, &ret->note);
        return ok || tpm_fail(tpm, problem, why);
}

/* Nothing is left of one that could not be begun. */
static bool begin(Tpm *tpm, const TpmRequest *request, Counter *counter, ByteWriter *out)
{
        Note note = {.seconds = request->seconds, .made = true};
        TpmProblem problem;
        const char *why;

        if (tpm_ok(tpm, Esys_TRSess_SetAttributes(tpm->esys, tpm->session, TPMA_SESSION_CONTINUESESSION, 0xff)) &&
            increment(tpm, counter) && read_count(tpm, counter, &note.count) && write_note(tpm, counter, &note)) {
                tell(tpm, counter->handle, note.count, &note, out);
                return true;
        }
        problem = tpm->problem;
        why = tpm->why;
        (void)undefine(tpm, &counter->counter);
        (void)undefine(tpm, &counter->note);
        return tpm_fail(tpm, problem, why);
}

static bool make(Tpm *tpm, const TpmRequest *request, ByteWriter *out)
{
        uint32_t room[PLACES];
        unsigned n_room = 0;
        Counter counter;
        bool is_free, ok;

        for (unsigned i = 0; i < PLACES; i++) {
                if (!clear_place(tpm, request, place(request->tag, i), &is_free))
                        return false;
                if (is_free)
                        room[n_room++] = place(request->tag, i);
        }
        if (!tpm_parent_open(tpm, NULL)) {
                return tpm->problem == TPM_PROBLEM_OWNER_AUTH ? tpm_fail(tpm, TPM_PROBLEM_OWNER_AUTH, no_owner) : false;
        }
        if (!tpm_session_open(tpm, TPM2_SE_HMAC, /* both= */ false))
                return false;
        for (unsigned i = 0; i < n_room; i++) {
                if (!define_both(tpm, request, room[i], &counter))
                        return false;
                if (counter.counter.object == ESYS_TR_NONE)
                        continue;
                ok = begin(tpm, request, &counter, out);
                close_counter(tpm, &counter);
                return ok;
        }
        return tpm_fail(tpm, TPM_PROBLEM_FULL, "the TPM has other programs' indices wherever the vault's counter could be");
}

bool tpm_counter(Tpm *tpm, const TpmRequest *request, ByteWriter *out)
{
        bool is_free;

        switch (request->operation) {
        case TPM_COUNTER_MAKE:
                return make(tpm, request, out);
        case TPM_COUNTER_REMOVE:
                return clear_place(tpm, request, request->handle, &is_free);
        default:
                return read_or_move(tpm, request, out);
        }
}
