/*
 * Keys that are ready to sign
 *
 * Making a private key ready costs as much as signing with it, and most sign-ins are by a few credentials. So the ones used
 * last stay ready, in the arena, as long as storage is open and the credential is there; forgetting wipes them.
 */
#include <errno.h>

#include "authenticator/internal.h"

#define SIGNERS_MAX 8U

typedef struct Place {
        uint64_t number; /* of the credential; 0: free */
        uint64_t used;   /* order of use */
        Signer *signer;
} Place;

typedef struct Signers {
        Place places[SIGNERS_MAX];
        uint64_t uses;
} Signers;

static void clear(Place *place)
{
        (void)signer_free(place->signer);
        *place = (Place){0};
}

void signers_forget(Authenticator *a)
{
        Signers *signers = a->signers;

        for (size_t i = 0; signers && i < SIGNERS_MAX; i++)
                clear(&signers->places[i]);
        free(signers);
        a->signers = NULL;
}

int signers_get(Authenticator *a, const Credential *credential, Signer **ret)
{
        Signers *signers = a->signers;
        Place *place;
        int r;

        if (!signers)
                signers = a->signers = calloc(1, sizeof(*signers));
        if (!signers)
                return -ENOMEM;
        place = signers->places;
        for (size_t i = 0; i < SIGNERS_MAX; i++) {
                if (signers->places[i].number == credential->public.number) {
                        place = &signers->places[i];
                        break;
                }
                if (signers->places[i].used < place->used)
                        place = &signers->places[i];
        }
        if (place->number != credential->public.number) {
                clear(place);
                r = signer_new(&credential->key, &place->signer);
                if (r < 0)
                        return r;
                place->number = credential->public.number;
        }
        place->used = ++signers->uses;
        *ret = place->signer;
        return 0;
}
