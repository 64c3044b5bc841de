/*
 * One security key
 *
 * An instance is what stays when clients come and go: its settings (State, read when storage opens and forgotten when it
 * closes), the count of wrong PINs since power-up, and the list of its hosts. Power-up is whatever its owner says it
 * is; before the first one, nothing that only a freshly plugged key may do is allowed.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/internal.h"
#include "authenticator/u2f.h"

static bool ops_complete(const AuthenticatorOps *ops)
{
        const AuthenticatorFingerprints *f = ops->fingerprints;

        if (ops->keys && !(ops->keys->algorithms && ops->keys->make && ops->keys->sign && ops->keys->withdraw))
                return false;
        if (f && !(f->state && f->sensor && f->get && f->begin && f->sample && f->cancel && f->rename && f->remove))
                return false;
        return ops->random && ops->now && ops->clock && ops->ask && ops->withdraw && ops->is_open && ops->begin &&
               ops->commit && ops->rollback && ops->get && ops->find && ops->put && ops->remove && ops->restore &&
               ops->note_get && ops->note_put;
}

int authenticator_new(const AuthenticatorConfig *config, const AuthenticatorOps *ops, void *userdata,
                      Authenticator **ret)
{
        Authenticator *a;
        int r;

        if (!ops_complete(ops))
                return -EINVAL;
        r = arena_init();
        if (r < 0)
                return r;
        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->config = *config;
        a->ops = *ops;
        a->userdata = userdata;
        if (a->config.credentials_max == 0)
                a->config.credentials_max = CREDENTIALS_DEFAULT;
        if (a->config.presence_timeout_ms == 0)
                a->config.presence_timeout_ms = PRESENCE_TIME;
        if (a->config.storage_timeout_ms == 0)
                a->config.storage_timeout_ms = STORAGE_TIME;
        if (config->enterprise_pem) {
                r = attester_new(config->enterprise_pem, config->enterprise_pem_size, config->aaguid, &a->enterprise,
                                 /* ret_why= */ NULL);
                if (r < 0) {
                        free(a);
                        return r;
                }
        }
        a->config.enterprise_pem = NULL;
        *ret = a;
        return 0;
}

Authenticator *authenticator_free(Authenticator *a)
{
        if (!a)
                return NULL;
        counters_forget(a);
        signers_forget(a);
        spares_forget(a);
        (void)arena_free(a->state);
        (void)attester_free(a->enterprise);
        free(a);
        return NULL;
}

static void end_all(Authenticator *a, bool powered_up)
{
        token_end_all(a);
        for (AuthenticatorHost *host = a->hosts; host; host = host->next) {
                for (size_t i = 0; i < ELEMENTSOF(host->channels); i++) {
                        channel_clear(&host->channels[i]);
                        if (powered_up)
                                channel_drop_blob(&host->channels[i]);
                }
                u2f_withdraw(host);
                if (host->transaction && (powered_up || !host->opening))
                        host->ended = true;
        }
}

void authenticator_power_cycle(Authenticator *a)
{
        end_all(a, /* powered_up= */ true);
        for (AuthenticatorHost *host = a->hosts; host; host = host->next)
                for (uint64_t protocol = 1; protocol <= PIN_PROTOCOL_MAX; protocol++)
                        protocol_regenerate(host, protocol);
        a->pin_wrong = 0;
        a->pin_soft_blocked = false;
        a->powered_up = authenticator_now(a);
        a->reset_allowed = true;
}

/* Who waits for storage to open goes on waiting; who had read from it ends, because what was read is wiped. */
void authenticator_forget(Authenticator *a)
{
        end_all(a, /* powered_up= */ false);
        counters_forget(a);
        signers_forget(a);
        spares_forget(a);
        a->state = arena_free(a->state);
}

/* The state's own number may be old: state_differs(). */
static int count_credentials(Authenticator *a, State *state)
{
        uint64_t n;
        int r;

        if (!a->ops.count || state->number == 0)
                return CTAP_OK;
        r = record_status(a->ops.count(a->userdata, &n));
        if (r != CTAP_OK)
                return r;
        n -= n > 0; /* the state */
        n -= n > 0 && state->blob_number != 0;
        state->n_credentials = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
        if (state->n_discoverable > state->n_credentials)
                state->n_discoverable = state->n_credentials;
        return CTAP_OK;
}

int authenticator_load(Authenticator *a)
{
        uint8_t record[STATE_RECORD_MAX];
        uint64_t number;
        State *state;
        size_t n = 0, size = 0;
        int r;

        if (!a->ops.is_open(a->userdata))
                return CTAP2_ERR_OPERATION_PENDING;
        if (a->state)
                return CTAP_OK;
        r = record_find(a, MARK_STATE, /* value= */ NULL, UINT64_MAX, &number, 1, &n);
        if (r != CTAP_OK)
                return r;
        state = arena_alloc(sizeof(*state));
        if (!state)
                return -ENOMEM;
        if (n == 0) {
                r = state_init(a, state);
        } else {
                r = record_status(a->ops.get(a->userdata, number, record, sizeof(record), &size));
                if (r == CTAP_OK && state_decode(record, size, state) != 0)
                        r = CTAP2_ERR_INTEGRITY_FAILURE;
                state->number = number;
                if (r == CTAP_OK)
                        r = count_credentials(a, state);
        }
        explicit_bzero(record, sizeof(record));
        if (r != CTAP_OK) {
                (void)arena_free(state);
                /* A damaged state is never taken for factory settings: that would take the PIN away. */
                return r == CTAP2_ERR_INVALID_CREDENTIAL ? CTAP2_ERR_INTEGRITY_FAILURE : r;
        }
        a->state = state;
        return CTAP_OK;
}
