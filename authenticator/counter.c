/*
 * Signature counters
 *
 * A counter must never repeat, not even after a crash, and a sign-in must not wait for the disk. So a credential's record says
 * up to where values are reserved, and memory has the next one: a whole block costs one write, made durable before its
 * first value is given. What is forgotten (a restart, or a place that went to another credential) skips the rest of a block.
 *
 * A block is always reserved upon the record as it is stored, not upon the caller's copy, which may be old.
 */
#include <errno.h>

#include "authenticator/internal.h"

#define COUNTERS_MAX 64U

typedef struct Counter {
        uint64_t number; /* of the credential; 0: a free place */
        uint64_t used;   /* order of use */
        uint32_t next, end;
} Counter;

typedef struct Counters {
        Counter places[COUNTERS_MAX];
        uint64_t uses;
} Counters;

void counters_forget(Authenticator *a)
{
        free(a->counters);
        a->counters = NULL;
}

/* The credential's place, or the one that was unused for longest. */
static Counter *find_place(Counters *counters, uint64_t number)
{
        Counter *place = counters->places;

        for (size_t i = 0; i < COUNTERS_MAX; i++) {
                if (counters->places[i].number == number)
                        return counters->places + i;
                if (counters->places[i].used < place->used)
                        place = counters->places + i;
        }
        return place;
}

/* 0 is what authenticators without counters answer, so the first value is 1. */
static int reserve(Credential *credential, uint32_t *ret_first)
{
        if (credential->reserved > UINT32_MAX - COUNTER_BLOCK)
                return CTAP2_ERR_LIMIT_EXCEEDED;
        *ret_first = credential->reserved > 0 ? credential->reserved : 1;
        credential->reserved += COUNTER_BLOCK;
        return CTAP_OK;
}

static int reserve_stored(Authenticator *a, uint64_t number, uint32_t *ret_first, uint32_t *ret_end)
{
        _cleanup_(credential_freep) Credential *stored = credential_new();
        _cleanup_(change_donep) Change change = {0};
        uint32_t first;
        int r;

        if (!stored)
                return -ENOMEM;
        r = change_begin(a, &change);
        if (r == CTAP_OK)
                r = record_credential(a, number, stored);
        if (r == CTAP_OK)
                r = reserve(stored, &first);
        if (r == CTAP_OK)
                r = change_put_counter(&change, stored);
        if (r == CTAP_OK)
                r = change_commit(&change);
        if (r != CTAP_OK)
                return r;
        *ret_first = first;
        *ret_end = stored->reserved;
        return CTAP_OK;
}

int counter_next(Authenticator *a, Credential *credential, uint32_t *ret)
{
        Counters *counters;
        Counter *place;
        int r;

        if (!credential->counts) {
                *ret = 0;
                return CTAP_OK;
        }
        if (credential->public.number == 0)
                return reserve(credential, ret);
        if (!a->counters)
                a->counters = calloc(1, sizeof(Counters));
        if (!a->counters)
                return -ENOMEM;
        counters = a->counters;
        place = find_place(counters, credential->public.number);
        if (place->number != credential->public.number || place->next == place->end) {
                uint32_t first, end;

                r = reserve_stored(a, credential->public.number, &first, &end);
                if (r != CTAP_OK)
                        return r;
                *place = (Counter){.number = credential->public.number, .next = first, .end = end};
        }
        credential->reserved = place->end;
        place->used = ++counters->uses;
        *ret = place->next++;
        return CTAP_OK;
}
