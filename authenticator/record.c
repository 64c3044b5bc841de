/*
 * Storage
 *
 * Finds and reads records by their marks, and changes credentials and the state together. Whoever changes something takes a
 * Change: a copy of the state to edit and an open transaction of storage; what is remembered in memory is replaced only
 * when the transaction is durable, so that a failure leaves both as they were.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/internal.h"

static const uint8_t no_value[32];

int record_status(int storage_result)
{
        switch (storage_result) {
        case AUTHENTICATOR_E_NOT_FOUND:
                return CTAP2_ERR_NO_CREDENTIALS;
        case AUTHENTICATOR_E_LOCKED:
                return CTAP2_ERR_OPERATION_PENDING;
        case AUTHENTICATOR_E_FULL:
                return CTAP2_ERR_KEY_STORE_FULL;
        case AUTHENTICATOR_E_DAMAGED:
                return CTAP2_ERR_INVALID_CREDENTIAL;
        default:
                return storage_result > 0 ? -EIO : storage_result;
        }
}

static AuthenticatorMark mark(enum MarkKind kind, const uint8_t value[32])
{
        AuthenticatorMark m = {.kind = (uint8_t)kind};

        memcpy(m.value, value ? value : no_value, sizeof(m.value));
        return m;
}

int record_find(Authenticator *a, enum MarkKind kind, const uint8_t value[32], uint64_t before, uint64_t *ret,
                size_t max, size_t *ret_n)
{
        AuthenticatorMark m = mark(kind, value);

        return record_status(a->ops.find(a->userdata, &m, before, ret, max, ret_n));
}

int record_credential(Authenticator *a, uint64_t number, Credential *ret)
{
        const Credential *known = signers_credential(a, number);
        uint8_t record[CREDENTIAL_RECORD_MAX];
        size_t size = 0;
        int r;

        if (known && a->ops.is_open(a->userdata)) {
                *ret = *known;
                return CTAP_OK;
        }
        r = a->ops.get(a->userdata, number, record, sizeof(record), &size);
        if (r == 0)
                r = credential_decode(record, size, ret);
        explicit_bzero(record, sizeof(record));
        if (r == 0) {
                ret->public.number = number;
                signers_read(a, ret);
        }
        return record_status(r);
}

int record_has_id(Authenticator *a, const uint8_t *id, size_t id_size, uint64_t *ret_number)
{
        uint8_t hash[SHA256_SIZE];
        uint64_t number;
        size_t n = 0;
        int r;

        sha256(id, id_size, hash);
        r = record_find(a, MARK_ID, hash, UINT64_MAX, &number, 1, &n);
        if (r != CTAP_OK)
                return r;
        if (n == 0)
                return CTAP2_ERR_NO_CREDENTIALS;
        *ret_number = number;
        return CTAP_OK;
}

int record_credential_by_id(Authenticator *a, const uint8_t *id, size_t id_size, const uint8_t *rp_id_hash,
                            Credential *ret)
{
        uint64_t number;
        int r;

        r = record_has_id(a, id, id_size, &number);
        if (r == CTAP_OK)
                r = record_credential(a, number, ret);
        if (r != CTAP_OK)
                return r;
        if (ret->public.id_size == id_size && memcmp(ret->public.id, id, id_size) == 0 &&
            (!rp_id_hash || memcmp(ret->public.rp_id_hash, rp_id_hash, sizeof(ret->public.rp_id_hash)) == 0))
                return CTAP_OK;
        explicit_bzero(ret, sizeof(*ret)); /* another RP's */
        return CTAP2_ERR_NO_CREDENTIALS;
}

/* ---- changes ---- */

int change_begin(Authenticator *a, Change *ret)
{
        State *state;
        int r;

        r = authenticator_load(a);
        if (r != CTAP_OK)
                return r;
        state = arena_alloc(sizeof(*state));
        if (!state)
                return -ENOMEM;
        r = record_status(a->ops.begin(a->userdata));
        if (r != CTAP_OK) {
                (void)arena_free(state);
                return r;
        }
        *state = *a->state;
        *ret = (Change){.a = a, .state = state, .open = true};
        return CTAP_OK;
}

void change_done(Change *change)
{
        if (change->open)
                change->a->ops.rollback(change->a->userdata);
        change->open = false;
        change->state = arena_free(change->state);
}

static size_t credential_marks(const Credential *credential, AuthenticatorMark ret[AUTHENTICATOR_MARKS_MAX])
{
        const AuthenticatorCredential *c = &credential->public;
        uint8_t hash[SHA256_SIZE];
        size_t n = 0;

        ret[n++] = mark(MARK_CREDENTIAL, NULL);
        sha256(c->id, c->id_size, hash);
        ret[n++] = mark(MARK_ID, hash);
        ret[n++] = mark(MARK_RP, c->rp_id_hash);
        if (c->discoverable) {
                sha256_two(c->rp_id_hash, sizeof(c->rp_id_hash), c->user_id, c->user_id_size, hash);
                ret[n++] = mark(MARK_ACCOUNT, hash);
                ret[n++] = mark(MARK_DISCOVERABLE, NULL);
                ret[n++] = mark(MARK_RP_DISCOVERABLE, c->rp_id_hash);
        }
        return n;
}

static int put(Change *change, Credential *credential)
{
        AuthenticatorMark marks[AUTHENTICATOR_MARKS_MAX];
        size_t n_marks = credential->public.number == 0 ? credential_marks(credential, marks) : 0, size;
        uint8_t record[CREDENTIAL_RECORD_MAX];
        int r;

        signers_written(change->a, credential->public.number);
        r = credential_encode(credential, record, &size);
        if (r == 0)
                r = change->a->ops.put(change->a->userdata, &credential->public.number, marks, n_marks, record, size);
        explicit_bzero(record, sizeof(record));
        return record_status(r);
}

/* What cannot be listed is no part of what encCredStoreState tells of: elsewhere such credentials are in no store at all. */
static int renew_store_id(Change *change, bool discoverable)
{
        if (!discoverable)
                return CTAP_OK;
        return authenticator_random(change->a, change->state->store_id, sizeof(change->state->store_id));
}

static int count_one_more(Change *change, bool discoverable)
{
        if (change->state->n_credentials >= change->a->config.credentials_max)
                return CTAP2_ERR_KEY_STORE_FULL;
        change->state->n_credentials++;
        change->state->n_discoverable += discoverable;
        return CTAP_OK;
}

static void count_one_less(Change *change, bool discoverable)
{
        if (change->state->n_credentials > 0)
                change->state->n_credentials--;
        if (discoverable && change->state->n_discoverable > 0)
                change->state->n_discoverable--;
}

/* Counter values may have been reserved since the caller read the credential: they stay reserved. */
static int keep_reserved(Change *change, Credential *credential)
{
        _cleanup_(credential_freep) Credential *stored = NULL;
        int r;

        if (!credential->counts)
                return CTAP_OK;
        stored = credential_new();
        if (!stored)
                return -ENOMEM;
        r = record_credential(change->a, credential->public.number, stored);
        if (r == CTAP_OK && stored->reserved > credential->reserved)
                credential->reserved = stored->reserved;
        return r;
}

int change_put_credential(Change *change, Credential *credential)
{
        int r;

        if (credential->public.number == 0)
                r = count_one_more(change, credential->public.discoverable);
        else
                r = keep_reserved(change, credential);
        if (r == CTAP_OK)
                r = renew_store_id(change, credential->public.discoverable);
        return r == CTAP_OK ? put(change, credential) : r;
}

int change_put_counter(Change *change, Credential *credential)
{
        return put(change, credential);
}

int change_remove_credential(Change *change, const Credential *credential, bool keep)
{
        int r;

        signers_forget(change->a);
        r = record_status(change->a->ops.remove(change->a->userdata, credential->public.number, keep));
        if (r == CTAP_OK)
                r = renew_store_id(change, credential->public.discoverable);
        if (r == CTAP_OK)
                count_one_less(change, credential->public.discoverable);
        return r;
}

int change_restore_credential(Change *change, uint64_t number, Credential *ret)
{
        int r;

        r = record_status(change->a->ops.restore(change->a->userdata, number));
        if (r == CTAP_OK)
                r = record_credential(change->a, number, ret);
        if (r == CTAP_OK)
                r = count_one_more(change, ret->public.discoverable);
        return r == CTAP_OK ? renew_store_id(change, ret->public.discoverable) : r;
}

/* ---- the state ---- */

/* Whether the encodings differ; ret gets the new one. How many credentials there are is no reason to write where storage counts
 * itself, so that one of the second factor is one record more and nothing else. */
static int state_differs(const Change *change, uint8_t ret[STATE_RECORD_MAX], size_t *ret_size, bool *ret_differs)
{
        const uint32_t counted = change->a->state->n_credentials;
        uint8_t old[STATE_RECORD_MAX];
        size_t size;
        int r;

        r = state_encode(change->state, ret, ret_size);
        if (change->a->ops.count)
                change->a->state->n_credentials = change->state->n_credentials;
        if (r == 0)
                r = state_encode(change->a->state, old, &size);
        change->a->state->n_credentials = counted;
        if (r == 0)
                *ret_differs = change->state->number == 0 || size != *ret_size || memcmp(old, ret, size) != 0;
        explicit_bzero(old, sizeof(old));
        return r;
}

static int note_write(const Change *change)
{
        uint8_t note[STATE_NOTE_MAX], old[STATE_NOTE_MAX];
        size_t size, old_size;
        int r;

        r = state_note_encode(change->state, note, &size);
        if (r == 0)
                r = state_note_encode(change->a->state, old, &old_size);
        if (r < 0)
                return r;
        if (change->a->state->number != 0 && size == old_size && memcmp(note, old, size) == 0)
                return CTAP_OK;
        return record_status(change->a->ops.note_put(change->a->userdata, note, size));
}

static int state_write(Change *change)
{
        const AuthenticatorMark m = mark(MARK_STATE, NULL);
        uint8_t record[STATE_RECORD_MAX];
        bool differs = false;
        size_t size = 0;
        int r;

        r = state_differs(change, record, &size, &differs);
        if (r == 0 && differs) {
                size_t n_marks = change->state->number == 0 ? 1 : 0;

                r = change->a->ops.put(change->a->userdata, &change->state->number, &m, n_marks, record, size);
        }
        explicit_bzero(record, sizeof(record));
        if (r == 0 && differs)
                return note_write(change);
        return record_status(r);
}

int change_commit(Change *change)
{
        int r;

        r = state_write(change);
        if (r == CTAP_OK)
                r = record_status(change->a->ops.commit(change->a->userdata));
        if (r != CTAP_OK)
                return r;
        change->open = false;
        *change->a->state = *change->state;
        return CTAP_OK;
}
