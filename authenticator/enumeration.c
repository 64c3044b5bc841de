/*
 * Lists that a client fetches one by one
 *
 * What there is to list is found out in one pass when the list begins, and kept as a hash for each RP, or a number for each
 * credential: so the pass is linear, each further step reads one record, and what is made in the meantime does not disturb.
 * What is deleted in the meantime is left out. A credential whose record is damaged can't be used and is not listed.
 *
 * The steps after the first one prove nothing, so the list ends with the token that permitted it (section 6).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "authenticator/enumeration.h"
#include "crypto/seal.h"

#define PAGE 64U /* numbers that are asked of storage at once */

typedef struct Entry {
        uint8_t rp_id_hash[32];
        uint64_t number; /* of the newest credential */
} Entry;

typedef struct Enumeration {
        uint64_t protocol;
        bool persistent;
        uint8_t token[32]; /* SHA-256 of it */
        Entry *entries;
        size_t n, at, capacity;
} Enumeration;

static Enumeration *enumeration_free(Enumeration *enumeration)
{
        if (!enumeration)
                return NULL;
        free(enumeration->entries);
        free(enumeration);
        return NULL;
}
DEFINE_CLEANUP(Enumeration *, enumeration_free)

static void drop(void *data)
{
        (void)enumeration_free(data);
}

static int append(Enumeration *e, const Credential *credential)
{
        if (e->n == e->capacity) {
                size_t capacity = e->capacity > 0 ? 2 * e->capacity : PAGE;
                Entry *grown = reallocarray(e->entries, capacity, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                e->entries = grown;
                e->capacity = capacity;
        }
        memcpy(e->entries[e->n].rp_id_hash, credential->public.rp_id_hash, sizeof(e->entries->rp_id_hash));
        e->entries[e->n++].number = credential->public.number;
        return CTAP_OK;
}

/* All discoverable credentials (rp_id_hash NULL), or those of one RP, newest first. */
static int collect(Authenticator *a, const uint8_t *rp_id_hash, Credential *scratch, Enumeration *e)
{
        enum MarkKind kind = rp_id_hash ? MARK_RP_DISCOVERABLE : MARK_DISCOVERABLE;
        uint64_t numbers[PAGE], before = UINT64_MAX;
        size_t n;
        int r;

        do {
                n = 0;
                r = record_find(a, kind, rp_id_hash, before, numbers, PAGE, &n);
                for (size_t i = 0; r == CTAP_OK && i < n; i++) {
                        before = numbers[i];
                        r = record_credential(a, numbers[i], scratch);
                        if (r == CTAP_OK)
                                r = append(e, scratch);
                        else if (r == CTAP2_ERR_INVALID_CREDENTIAL)
                                r = CTAP_OK;
                }
        } while (r == CTAP_OK && n == PAGE);
        return r;
}

static int compare_hashes(const void *a, const void *b)
{
        const Entry *x = a, *y = b;
        int r = memcmp(x->rp_id_hash, y->rp_id_hash, sizeof(x->rp_id_hash));

        if (r != 0)
                return r;
        return x->number > y->number ? -1 : 1;
}

static int compare_numbers(const void *a, const void *b)
{
        const Entry *x = a, *y = b;

        return x->number > y->number ? -1 : 1;
}

/* One entry for each RP, those with the newest credentials first. */
static void keep_rps(Enumeration *e)
{
        size_t n = 0;

        if (e->n == 0)
                return;
        qsort(e->entries, e->n, sizeof(*e->entries), compare_hashes);
        for (size_t i = 0; i < e->n; i++)
                if (n == 0 || memcmp(e->entries[n - 1].rp_id_hash, e->entries[i].rp_id_hash, 32) != 0)
                        e->entries[n++] = e->entries[i];
        e->n = n;
        qsort(e->entries, e->n, sizeof(*e->entries), compare_numbers);
}

/* ---- the token that permitted it ---- */

static const uint8_t *token_bytes(const Transaction *t, bool persistent, uint64_t protocol)
{
        const PinToken *token = &t->host->pin[protocol - 1].token;

        if (persistent)
                return t->a->state->has_persistent_token ? t->a->state->persistent_token : NULL;
        if (!token->in_use || authenticator_now(t->a) - token->issued > TOKEN_USE_TIME)
                return NULL;
        return token->bytes;
}

static bool permitted_still(const Transaction *t, const Enumeration *e)
{
        const uint8_t *bytes = token_bytes(t, e->persistent, e->protocol);
        uint8_t hash[SHA256_SIZE];

        if (!bytes)
                return false;
        sha256(bytes, PIN_TOKEN_SIZE, hash);
        return bytes_equal(hash, e->token, sizeof(hash));
}

/* ---- steps ---- */

/* The RP's newest credential that is there now. */
static int read_rp(Authenticator *a, const uint8_t rp_id_hash[32], Credential *ret)
{
        uint64_t before = UINT64_MAX;
        int r;

        do {
                size_t n = 0;

                r = record_find(a, MARK_RP_DISCOVERABLE, rp_id_hash, before, &before, 1, &n);
                if (r != CTAP_OK)
                        return r;
                if (n == 0)
                        return CTAP2_ERR_NO_CREDENTIALS;
                r = record_credential(a, before, ret);
        } while (r == CTAP2_ERR_INVALID_CREDENTIAL);
        return r;
}

static int step(Transaction *t, EnumerationKind kind, Enumeration *e, Credential *ret)
{
        while (e->at < e->n) {
                const Entry *entry = &e->entries[e->at];
                int r;

                r = kind == ENUMERATION_RPS ? read_rp(t->a, entry->rp_id_hash, ret) :
                                              record_credential(t->a, entry->number, ret);
                if (r == CTAP_OK || r == CTAP2_ERR_NO_CREDENTIALS || r == CTAP2_ERR_INVALID_CREDENTIAL)
                        e->at++;
                if (r != CTAP2_ERR_NO_CREDENTIALS && r != CTAP2_ERR_INVALID_CREDENTIAL)
                        return r;
        }
        return CTAP2_ERR_NO_CREDENTIALS;
}

static int begin(Transaction *t, EnumerationKind kind, const Shown *by, const uint8_t *rp_id_hash, Credential *ret,
                 size_t *ret_total)
{
        _cleanup_(enumeration_freep) Enumeration *e = calloc(1, sizeof(*e));
        int r;

        if (!e)
                return -ENOMEM;
        e->protocol = by->protocol;
        e->persistent = !by->token;
        sha256(by->token ? by->token->bytes : t->a->state->persistent_token, PIN_TOKEN_SIZE, e->token);
        r = collect(t->a, rp_id_hash, ret, e);
        if (r != CTAP_OK)
                return r;
        if (kind == ENUMERATION_RPS)
                keep_rps(e);
        r = step(t, kind, e, ret);
        if (r != CTAP_OK)
                return r;
        *ret_total = e->n;
        if (e->n == 1)
                return CTAP_OK;
        t->channel->enumeration = kind;
        t->channel->deadline = authenticator_now(t->a) + ENUMERATION_TIME;
        t->channel->data = TAKE_PTR(e);
        t->channel->data_free = drop;
        return CTAP_OK;
}

int enumeration_begin_rps(Transaction *t, const Shown *by, Credential *ret, size_t *ret_total)
{
        channel_clear(t->channel);
        return begin(t, ENUMERATION_RPS, by, /* rp_id_hash= */ NULL, ret, ret_total);
}

int enumeration_begin_credentials(Transaction *t, const Shown *by, const uint8_t rp_id_hash[32], Credential *ret,
                                  size_t *ret_total)
{
        channel_clear(t->channel);
        return begin(t, ENUMERATION_CREDENTIALS, by, rp_id_hash, ret, ret_total);
}

int enumeration_next(Transaction *t, EnumerationKind kind, Credential *ret)
{
        Channel *channel = t->channel;
        Enumeration *e = channel->data;
        int r = CTAP2_ERR_NO_CREDENTIALS;

        if (channel->enumeration == kind && authenticator_now(t->a) < channel->deadline && permitted_still(t, e))
                r = step(t, kind, e, ret);
        if (r == CTAP2_ERR_NO_CREDENTIALS) {
                channel_clear(channel);
                return CTAP2_ERR_NOT_ALLOWED;
        }
        if (r == CTAP_OK) {
                channel->deadline = authenticator_now(t->a) + ENUMERATION_TIME;
                if (e->at == e->n)
                        channel_clear(channel);
        }
        return r;
}
