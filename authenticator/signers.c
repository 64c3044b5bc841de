/*
 * Keys that are ready to sign
 *
 * Making a private key ready costs as much as signing with it, and most sign-ins are by a few credentials. So the ones used
 * last stay ready, in the arena, as long as storage is open and the credential is there; forgetting wipes them. Beside each
 * lies what was read of its credential, until that is written anew: storage need not be read and opened for it again.
 */
#include <errno.h>

#include "authenticator/internal.h"

#define SIGNERS_MAX 8U

typedef struct Place {
        uint64_t number; /* of the credential; 0: free */
        uint64_t used;   /* order of use */
        Signer *signer;
        Credential *credential; /* as it is stored, or NULL */
} Place;

typedef struct Signers {
        Place places[SIGNERS_MAX];
        uint64_t uses;
} Signers;

static void clear(Place *place)
{
        (void)signer_free(place->signer);
        (void)credential_free(place->credential);
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

static Place *find(const Authenticator *a, uint64_t number)
{
        Signers *signers = a->signers;

        for (size_t i = 0; signers && number != 0 && i < SIGNERS_MAX; i++)
                if (signers->places[i].number == number)
                        return &signers->places[i];
        return NULL;
}

const Credential *signers_credential(const Authenticator *a, uint64_t number)
{
        const Place *place = find(a, number);

        return place ? place->credential : NULL;
}

void signers_read(Authenticator *a, const Credential *credential)
{
        Place *place = find(a, credential->public.number);

        if (!place)
                return;
        if (!place->credential)
                place->credential = credential_new();
        if (place->credential) /* else there is no room, and it is read each time */
                *place->credential = *credential;
}

void signers_written(Authenticator *a, uint64_t number)
{
        Place *place = find(a, number);

        if (place)
                place->credential = credential_free(place->credential);
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
