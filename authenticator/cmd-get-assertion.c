/*
 * authenticatorGetAssertion (section 6.2): sign in
 *
 * The index of storage says which listed ids exist, so a silent probe of a long list reads nothing; one record is read
 * for the credential that signs. Whoever has nothing to sign with is asked for presence all the same: "no credentials"
 * is told to people, not to whoever asks. Nothing secret is held while a person is waited for; afterwards everything
 * is looked up anew, because it may have changed.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/commands.h"

enum {
        STEP_BEGIN,
        STEP_TOUCHED,
        STEP_VERIFY,
        STEP_ASKED,
        STEP_SIGN,
        STEP_SIGNED,
};

typedef struct GetAssertion {
        UserCheck user;
        Assertion assertion;
        char rp_id[AUTHENTICATOR_RP_ID_MAX + 1], rp_id_shown[AUTHENTICATOR_RP_ID_MAX + 1];
        const cbor_item_t *allow;
        size_t n_allow;
        /* found */
        uint64_t *numbers; /* discoverable ones, newest first; NULL with a list */
        size_t n;
        Credential *credential; /* the one that signs, or NULL */
        bool protected;         /* and there are others, for who was verified */
        bool waited;            /* what was found has been forgotten */
        Accounts *accounts;     /* that were named to the person, or NULL */
        uint64_t chosen;        /* one of them; 0: none */
        AuthData data;          /* what is signed */
        char user_name[AUTHENTICATOR_NAME_MAX + 1], user_display_name[AUTHENTICATOR_NAME_MAX + 1];
} GetAssertion;

static void forget_found(GetAssertion *g)
{
        free(TAKE_PTR(g->numbers));
        g->n = 0;
        g->credential = credential_free(g->credential);
        g->protected = false;
}

static void get_assertion_done(void *data)
{
        GetAssertion *g = data;

        forget_found(g);
        free(TAKE_PTR(g->accounts));
}

static int decode(const cbor_item_t *body, GetAssertion *g)
{
        int r;

        r = request_rp_id(map_get(body, 1), g->rp_id, g->assertion.rp_id_hash);
        if (r == CTAP_OK)
                r = request_hash(map_get(body, 2), &g->user.client_data_hash);
        if (r == CTAP_OK)
                r = request_credentials(map_get(body, 3), &g->n_allow);
        if (r == CTAP_OK)
                r = extensions_read(map_get(body, 4), /* making= */ false, &g->assertion.extensions);
        if (r == CTAP_OK)
                r = user_read(map_get(body, 5), map_get(body, 6), map_get(body, 7), &g->user);
        if (r != CTAP_OK)
                return r;
        g->allow = map_get(body, 3);
        g->user.permission = PERMISSION_GA;
        g->user.rp_id_hash = g->assertion.rp_id_hash;
        memcpy(g->assertion.client_data_hash, g->user.client_data_hash, CLIENT_DATA_HASH_SIZE);
        memcpy(g->rp_id_shown, g->rp_id, sizeof(g->rp_id));
        name_sanitize(g->rp_id_shown);
        return CTAP_OK;
}

static AuthenticatorQuestion question(const GetAssertion *g)
{
        const AuthenticatorAccount *accounts = accounts_shown(g->accounts);
        bool one = g->credential && g->n <= 1;
        size_t n = g->credential && g->n == 0 ? 1 : g->n;

        return (AuthenticatorQuestion){
                .kind = AUTHENTICATOR_ASK_PRESENCE,
                .purpose = AUTHENTICATOR_TO_SIGN_IN,
                .rp_id = g->rp_id_shown,
                .rp_id_hash = g->assertion.rp_id_hash,
                .user_name = one && *g->user_name ? g->user_name : NULL,
                .user_display_name = one && *g->user_display_name ? g->user_display_name : NULL,
                .n_accounts = (unsigned)(accounts ? g->accounts->n : n),
                .accounts = accounts,
        };
}

/* ---- which credentials apply (step 7) ---- */

/* CTAP_OK, NO_CREDENTIALS when it may not be used, or is not there. */
static int read_applicable(Transaction *t, GetAssertion *g, uint64_t number, bool listed, Credential *ret)
{
        int r = record_credential(t->a, number, ret);

        if (r == CTAP2_ERR_INVALID_CREDENTIAL)
                return CTAP2_ERR_NO_CREDENTIALS;
        if (r == CTAP_OK && !assertion_applies(ret, g->assertion.rp_id_hash, g->user.verified, listed)) {
                g->protected = true;
                return CTAP2_ERR_NO_CREDENTIALS;
        }
        return r;
}

static int locate_listed(Transaction *t, GetAssertion *g)
{
        _cleanup_(credential_freep) Credential *credential = NULL;
        const uint8_t *id;
        uint64_t number;
        size_t size;
        int r;

        for (size_t i = 0; i < g->n_allow; i++) {
                if (!request_credential(g->allow, i, &id, &size))
                        continue;
                r = record_has_id(t->a, id, size, &number);
                if (r == CTAP2_ERR_NO_CREDENTIALS)
                        continue;
                if (r != CTAP_OK)
                        return r;
                if (!credential)
                        credential = credential_new();
                if (!credential)
                        return -ENOMEM;
                r = read_applicable(t, g, number, /* listed= */ true, credential);
                if (r == CTAP2_ERR_NO_CREDENTIALS)
                        continue;
                if (r == CTAP_OK)
                        g->credential = TAKE_PTR(credential);
                return r;
        }
        return CTAP_OK;
}

/* Drops those that don't apply, can't be read or were not chosen, so that their count is true; keeps the first. */
static int filter(Transaction *t, GetAssertion *g, Accounts *accounts)
{
        _cleanup_(credential_freep) Credential *credential = NULL;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < g->n; i++) {
                if (g->chosen != 0 && g->numbers[i] != g->chosen)
                        continue;
                if (!credential)
                        credential = credential_new();
                if (!credential)
                        return -ENOMEM;
                r = read_applicable(t, g, g->numbers[i], /* listed= */ false, credential);
                if (r == CTAP2_ERR_NO_CREDENTIALS)
                        continue;
                if (r != CTAP_OK)
                        return r;
                if (accounts)
                        accounts_add(accounts, credential);
                if (!g->credential)
                        g->credential = TAKE_PTR(credential);
                g->numbers[n++] = g->numbers[i];
        }
        g->n = n;
        return CTAP_OK;
}

static int locate_discoverable(Transaction *t, GetAssertion *g, Accounts *accounts)
{
        int r;

        g->numbers = calloc(ASSERTIONS_MAX, sizeof(*g->numbers));
        if (!g->numbers)
                return -ENOMEM;
        r = record_find(t->a, MARK_RP_DISCOVERABLE, g->assertion.rp_id_hash, UINT64_MAX, g->numbers, ASSERTIONS_MAX,
                        &g->n);
        return r == CTAP_OK ? filter(t, g, accounts) : r;
}

/* `accounts` (or NULL) gets those among which there is a choice. */
static int locate(Transaction *t, GetAssertion *g, Accounts *accounts)
{
        int r;

        forget_found(g);
        r = g->n_allow > 0 ? locate_listed(t, g) : locate_discoverable(t, g, accounts);
        if (r == CTAP_OK && g->credential) {
                const AuthenticatorCredential *public = &g->credential->public;

                request_shown((Text){public->user_name, strlen(public->user_name)}, g->user_name);
                request_shown((Text){public->user_display_name, strlen(public->user_display_name)},
                              g->user_display_name);
        }
        return r;
}

/* ---- the steps ---- */

static int begin(Transaction *t)
{
        GetAssertion *g;
        int r;

        r = transaction_data(t, sizeof(*g), get_assertion_done);
        if (r < 0)
                return r;
        g = t->data;
        r = decode(t->body, g);
        if (r != CTAP_OK)
                return r;
        if (user_wants_touch(&g->user)) {
                t->step = STEP_TOUCHED;
                return user_ask_touch(t);
        }
        r = user_check_protocol(&g->user);
        if (r == CTAP_OK)
                r = user_check_options(t, &g->user);
        t->step = STEP_VERIFY;
        return r;
}

/* Looks up what can answer, and names it for the question. */
static int locate_to_ask(Transaction *t, GetAssertion *g)
{
        free(TAKE_PTR(g->accounts));
        if (g->n_allow == 0 && g->chosen == 0) {
                g->accounts = calloc(1, sizeof(*g->accounts));
                if (!g->accounts)
                        return -ENOMEM;
        }
        return locate(t, g, g->accounts);
}

/*
 * The choice goes with the question for a finger, unless an account is among them that only its verified owner may see: half a list
 * would hide it, and the whole would show it to whoever comes along.
 */
static int name_before_verification(Transaction *t, GetAssertion *g)
{
        bool protected;
        int r;

        if (!g->user.uv || g->user.has_param || g->user.progress.asked > 0 || !g->user.up || g->n_allow > 0)
                return CTAP_OK;
        r = locate_to_ask(t, g);
        protected = g->protected;
        forget_found(g);
        if (protected)
                free(TAKE_PTR(g->accounts));
        return r;
}

static int verify(Transaction *t)
{
        GetAssertion *g = t->data;
        AuthenticatorQuestion about;
        int r;

        r = name_before_verification(t, g);
        if (r != CTAP_OK)
                return r;
        about = question(g);
        r = user_verify(t, &g->user, &about);
        if (r == CTAP_OK)
                r = extensions_check(&g->assertion.extensions, /* rk= */ false, g->user.up);
        if (r != CTAP_OK)
                return r;
        g->chosen = accounts_chosen(g->accounts, t);
        if (!user_must_be_asked(&g->user)) {
                t->step = STEP_SIGN;
                return locate(t, g, /* accounts= */ NULL);
        }
        r = locate_to_ask(t, g);
        if (r != CTAP_OK)
                return r;
        about = question(g);
        t->step = STEP_ASKED;
        r = transaction_ask(t, &about);
        if (r == TRANSACTION_WAIT) {
                forget_found(g);
                g->waited = true;
        }
        return r;
}

static int asked(Transaction *t)
{
        GetAssertion *g = t->data;
        int r = presence_status(t->answer);

        g->chosen = accounts_chosen(g->accounts, t);
        if (r == CTAP_OK && g->waited)
                r = locate(t, g, /* accounts= */ NULL);
        t->step = STEP_SIGN;
        return r;
}

static int prepare(Transaction *t)
{
        GetAssertion *g = t->data;

        user_has_come(&g->user);
        if (!g->credential)
                return CTAP2_ERR_NO_CREDENTIALS;
        g->assertion.present = g->user.present;
        g->assertion.verified = g->user.verified;
        g->assertion.selected = g->chosen != 0;
        t->step = STEP_SIGNED;
        return assertion_prepare(t, &g->assertion, g->credential, &g->data);
}

static int finish(Transaction *t)
{
        GetAssertion *g = t->data;
        size_t n = g->n;
        int r;

        r = assertion_write(t, &g->assertion, g->credential, &g->data, n, /* next= */ false);
        if (r == CTAP_OK && n > 1)
                r = assertion_remember(t, &g->assertion, TAKE_PTR(g->numbers), n);
        return r;
}

static int get_assertion(Transaction *t)
{
        int r = CTAP_OK;

        while (r == CTAP_OK) {
                switch (t->step) {
                case STEP_BEGIN:
                        r = begin(t);
                        break;
                case STEP_TOUCHED:
                        return user_touched(t);
                case STEP_VERIFY:
                        r = verify(t);
                        break;
                case STEP_ASKED:
                        r = asked(t);
                        break;
                case STEP_SIGN:
                        r = prepare(t);
                        break;
                default:
                        return finish(t);
                }
        }
        return r;
}

const Command command_get_assertion = {
        .code = 0x02,
        .flags = COMMAND_STORAGE,
        .run = get_assertion,
};
