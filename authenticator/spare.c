/*
 * Keys made in advance
 *
 * Making a key pair, and making it ready to sign, takes longer than signing with it. So when a registration has its reply, the key of
 * the next one is made: at the host's next tick. It lies in the arena until a registration takes it: one of each kind, whoever
 * it will be for. Where there is none, or no room for one, it is made when it is wanted.
 */
#include "authenticator/internal.h"

struct Spare {
        SignKey key;
        Signer *signer;
};

static Spare *spare_free(Spare *spare)
{
        if (!spare)
                return NULL;
        (void)signer_free(spare->signer);
        return arena_free(spare);
}
DEFINE_CLEANUP(Spare *, spare_free)

void spare_order(AuthenticatorHost *host, SignKind kind)
{
        host->spare = (int)kind;
}

void spare_make(Authenticator *a, SignKind kind)
{
        _cleanup_(spare_freep) Spare *spare = NULL;

        if (a->spares[kind])
                return;
        spare = arena_alloc(sizeof(*spare));
        if (spare && sign_generate(kind, &spare->key) == 0 && signer_new(&spare->key, &spare->signer) == 0)
                a->spares[kind] = TAKE_PTR(spare);
}

int spare_take(Authenticator *a, SignKind kind, SignKey *ret, Signer **ret_signer)
{
        _cleanup_(spare_freep) Spare *spare = TAKE_PTR(a->spares[kind]);

        *ret_signer = NULL;
        if (!spare)
                return sign_generate(kind, ret);
        *ret = spare->key;
        *ret_signer = TAKE_PTR(spare->signer);
        return 0;
}

void spares_forget(Authenticator *a)
{
        for (AuthenticatorHost *host = a->hosts; host; host = host->next) {
                host->ahead = false; /* what it was for has ended */
                host->spare = 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(a->spares); i++)
                a->spares[i] = spare_free(a->spares[i]);
}
