/*
 * The state's record, and the note
 *
 * The record is for storage, the note for everybody: what getInfo says anyway while storage is locked. So nothing of the note
 * may tell more than a PIN being set; retries, hashes and ids are in the record alone.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/internal.h"

#define FORMAT        1U /* of record and note */
#define FORMAT_POLICY 2U /* ends with a policy */

enum {
        FLAG_PIN_SET = 1 << 0,
        FLAG_FORCE_PIN_CHANGE = 1 << 1,
        FLAG_ALWAYS_UV = 1 << 2,
        FLAG_ENTERPRISE = 1 << 3,
        FLAG_LONG_TOUCH = 1 << 4,
        FLAG_PIN_COMPLEXITY = 1 << 5,
        FLAG_PERSISTENT_TOKEN = 1 << 6,
        FLAGS_OF_NOTE = FLAG_PERSISTENT_TOKEN - 1,
        FLAGS_ALL = (FLAG_PERSISTENT_TOKEN << 1) - 1,
};

int state_init(Authenticator *a, State *ret)
{
        State state = {
                .pin_retries = PIN_RETRIES_MAX,
                .uv_retries = UV_RETRIES_MAX,
                .min_pin_length = PIN_MIN_DEFAULT,
        };
        int r;

        policy_default(&state.policy);
        r = authenticator_random(a, state.device_id, sizeof(state.device_id));
        if (r == 0)
                r = authenticator_random(a, state.store_id, sizeof(state.store_id));
        if (r == 0)
                *ret = state;
        return r;
}

static uint8_t flags_of(const State *state)
{
        return (uint8_t)((state->pin_set ? FLAG_PIN_SET : 0) | (state->force_pin_change ? FLAG_FORCE_PIN_CHANGE : 0) |
                         (state->always_uv ? FLAG_ALWAYS_UV : 0) | (state->enterprise ? FLAG_ENTERPRISE : 0) |
                         (state->long_touch ? FLAG_LONG_TOUCH : 0) |
                         (state->pin_complexity ? FLAG_PIN_COMPLEXITY : 0) |
                         (state->has_persistent_token ? FLAG_PERSISTENT_TOKEN : 0));
}

static uint8_t read_flags(ByteReader *reader, State *ret)
{
        uint8_t flags = byte_reader_u8(reader);

        ret->pin_set = flags & FLAG_PIN_SET;
        ret->force_pin_change = flags & FLAG_FORCE_PIN_CHANGE;
        ret->always_uv = flags & FLAG_ALWAYS_UV;
        ret->enterprise = flags & FLAG_ENTERPRISE;
        ret->long_touch = flags & FLAG_LONG_TOUCH;
        ret->pin_complexity = flags & FLAG_PIN_COMPLEXITY;
        ret->has_persistent_token = flags & FLAG_PERSISTENT_TOKEN;
        return flags;
}

static uint8_t format_of(const State *state)
{
        return policy_is_default(&state->policy) ? FORMAT : FORMAT_POLICY;
}

static void write_policy(ByteWriter *w, const State *state)
{
        if (format_of(state) == FORMAT_POLICY)
                policy_encode(&state->policy, w);
}

static bool read_policy(ByteReader *reader, uint8_t format, Policy *ret)
{
        if (format == FORMAT_POLICY)
                return policy_decode(reader, ret) && !policy_is_default(ret);
        policy_default(ret);
        return format == FORMAT;
}

/* Into memory of a fixed size; the writer's own copy is wiped by its owner. */
static int give(const ByteWriter *w, uint8_t *ret, size_t max, size_t *ret_size)
{
        if (w->failed)
                return -ENOMEM;
        if (w->size > max)
                return -EOVERFLOW;
        memcpy(ret, w->data, w->size);
        *ret_size = w->size;
        return 0;
}

int state_encode(const State *state, uint8_t ret[STATE_RECORD_MAX], size_t *ret_size)
{
        _cleanup_(byte_writer_done) ByteWriter w = BYTE_WRITER_NULL;

        byte_writer_u8(&w, format_of(state));
        byte_writer_u8(&w, flags_of(state));
        byte_writer_raw(&w, state->pin_hash, sizeof(state->pin_hash));
        byte_writer_u8(&w, state->pin_length);
        byte_writer_u8(&w, state->pin_retries);
        byte_writer_u8(&w, state->uv_retries);
        byte_writer_u8(&w, state->min_pin_length);
        byte_writer_blob(&w, state->min_pin_rps, state->n_min_pin_rps * sizeof(state->min_pin_rps[0]));
        byte_writer_raw(&w, state->persistent_token, sizeof(state->persistent_token));
        byte_writer_raw(&w, state->device_id, sizeof(state->device_id));
        byte_writer_raw(&w, state->store_id, sizeof(state->store_id));
        byte_writer_u32(&w, state->n_discoverable);
        byte_writer_u32(&w, state->n_credentials);
        byte_writer_u32(&w, state->uv_since_pin);
        byte_writer_u64(&w, state->blob_number);
        write_policy(&w, state);
        return give(&w, ret, STATE_RECORD_MAX, ret_size);
}

static bool decode(ByteReader *reader, State *ret)
{
        uint8_t format = byte_reader_u8(reader);
        const uint8_t *rps;
        size_t size;

        if (read_flags(reader, ret) > FLAGS_ALL)
                return false;
        byte_reader_copy(reader, ret->pin_hash, sizeof(ret->pin_hash));
        ret->pin_length = byte_reader_u8(reader);
        ret->pin_retries = byte_reader_u8(reader);
        ret->uv_retries = byte_reader_u8(reader);
        ret->min_pin_length = byte_reader_u8(reader);
        rps = byte_reader_blob(reader, sizeof(ret->min_pin_rps), &size);
        if (size % sizeof(ret->min_pin_rps[0]) != 0)
                return false;
        if (rps && size > 0)
                memcpy(ret->min_pin_rps, rps, size);
        ret->n_min_pin_rps = (uint8_t)(size / sizeof(ret->min_pin_rps[0]));
        byte_reader_copy(reader, ret->persistent_token, sizeof(ret->persistent_token));
        byte_reader_copy(reader, ret->device_id, sizeof(ret->device_id));
        byte_reader_copy(reader, ret->store_id, sizeof(ret->store_id));
        ret->n_discoverable = byte_reader_u32(reader);
        ret->n_credentials = byte_reader_u32(reader);
        ret->uv_since_pin = byte_reader_u32(reader);
        ret->blob_number = byte_reader_u64(reader);
        return read_policy(reader, format, &ret->policy) && byte_reader_done(reader) && ret->pin_retries <= PIN_RETRIES_MAX &&
               ret->uv_retries <= UV_RETRIES_MAX && ret->pin_length <= AUTHENTICATOR_PIN_MAX && ret->min_pin_length >= PIN_MIN_DEFAULT &&
               ret->min_pin_length <= AUTHENTICATOR_PIN_MAX && ret->n_discoverable <= ret->n_credentials;
}

int state_decode(const void *record, size_t size, State *ret)
{
        ByteReader reader = BYTE_READER(record, size);

        *ret = (State){0};
        if (decode(&reader, ret))
                return 0;
        *ret = (State){0};
        return AUTHENTICATOR_E_DAMAGED;
}

int state_note_encode(const State *state, uint8_t ret[STATE_NOTE_MAX], size_t *ret_size)
{
        _cleanup_(byte_writer_done) ByteWriter w = BYTE_WRITER_NULL;

        byte_writer_u8(&w, format_of(state));
        byte_writer_u8(&w, flags_of(state) & FLAGS_OF_NOTE);
        byte_writer_u8(&w, state->min_pin_length);
        byte_writer_u32(&w, state->n_discoverable);
        byte_writer_u32(&w, state->n_credentials);
        byte_writer_u32(&w, state->uv_since_pin);
        write_policy(&w, state);
        return give(&w, ret, STATE_NOTE_MAX, ret_size);
}

int state_note_decode(const void *note, size_t size, State *ret)
{
        ByteReader reader = BYTE_READER(note, size);
        State state = {.pin_retries = UINT8_MAX, .uv_retries = UINT8_MAX}; /* not known */
        uint8_t format = byte_reader_u8(&reader);

        if (read_flags(&reader, &state) > FLAGS_OF_NOTE)
                return AUTHENTICATOR_E_DAMAGED;
        state.min_pin_length = byte_reader_u8(&reader);
        state.n_discoverable = byte_reader_u32(&reader);
        state.n_credentials = byte_reader_u32(&reader);
        state.uv_since_pin = byte_reader_u32(&reader);
        if (!read_policy(&reader, format, &state.policy) || !byte_reader_done(&reader) || state.min_pin_length < PIN_MIN_DEFAULT ||
            state.min_pin_length > AUTHENTICATOR_PIN_MAX || state.n_discoverable > state.n_credentials)
                return AUTHENTICATOR_E_DAMAGED;
        *ret = state;
        return 0;
}

int state_noted(Authenticator *a, State *ret, bool *ret_known)
{
        uint8_t note[STATE_NOTE_MAX];
        size_t size = 0;
        int r;

        *ret_known = false;
        *ret = (State){.min_pin_length = PIN_MIN_DEFAULT};
        policy_default(&ret->policy);
        r = a->ops.note_get(a->userdata, note, sizeof(note), &size);
        if (r == AUTHENTICATOR_E_NOT_FOUND || r == AUTHENTICATOR_E_LOCKED)
                return CTAP_OK;
        if (r == 0)
                *ret_known = state_note_decode(note, size, ret) == 0;
        return record_status(r);
}
