/*
 * Authenticator1: passkeys as their owner manages them
 *
 * No token and no protocol: whoever may read the vault's items may list, rename and delete passkeys. Nothing here
 * shows a private key, and what is deleted stays restorable.
 */
#include <errno.h>
#include <string.h>

#include "daemon/authenticator1-internal.h"

#define LIST_MAX        ((size_t)62 * 1024 * 1024) /* bytes of a list; an array has 64 MiB at most */
#define ENTRY_FRAME     512U                       /* of an entry: names, lengths, numbers, padding */
#define DELETED_AT_ONCE 64U

/* ---- ListPasskeys ---- */

typedef struct Listing {
        Daemon *daemon;
        const char *rp_id; /* only of this one; NULL: all */
        sd_bus_message *reply;
        size_t total;
        sd_bus_error *error;
} Listing;

int authenticator1_append_bytes(sd_bus_message *m, const char *key, const void *data, size_t size)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', data, size);
        for (int i = 0; i < 2 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* `deleted` NULL: it is there. */
static int append_passkey(Listing *list, const AuthenticatorCredential *c, const VaultDeleted *deleted)
{
        sd_bus_message *m = list->reply;
        int r;

        if (list->rp_id && strcmp(list->rp_id, c->rp_id) != 0)
                return 0;
        list->total += ENTRY_FRAME + c->id_size + c->user_id_size + strlen(c->rp_id) + strlen(c->rp_name) +
                       strlen(c->user_name) + strlen(c->user_display_name);
        if (list->total > LIST_MAX) {
                sd_bus_error_setf(list->error, KEYFOB_ERROR_LIMITS,
                                  "more than %zu MiB to list: ask for one site with rp-id", LIST_MAX >> 20);
                return -E2BIG;
        }
        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = authenticator1_append_bytes(m, "id", c->id, c->id_size);
        if (r >= 0)
                r = authenticator1_append_bytes(m, "user-id", c->user_id, c->user_id_size);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "rp-id", "s", c->rp_id,
                                          "rp-name", "s", c->rp_name, "user-name", "s", c->user_name,
                                          "user-display-name", "s", c->user_display_name, "algorithm", "i",
                                          c->algorithm, "discoverable", "b", (int)c->discoverable, "u2f", "b",
                                          (int)c->u2f, "protection", "u", (uint32_t)c->protection, "backup-eligible",
                                          "b", (int)c->backup_eligible, "device-bound", "b", (int)c->external, "created", "t", c->created);
        if (r >= 0 && deleted)
                r = sd_bus_message_append(m, "{sv}{sv}", "removed", "t", deleted->removed, "number", "t",
                                          deleted->number);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int list_present(Listing *list)
{
        Authenticator *authenticator = ctap_authenticator(list->daemon->ctap);
        AuthenticatorCredential credential;
        uint64_t before = UINT64_MAX;
        int r;

        while ((r = authenticator_credential_next(authenticator, &before, &credential)) == CTAP_OK) {
                r = append_passkey(list, &credential, NULL);
                if (r < 0)
                        return r;
        }
        return r == CTAP2_ERR_NO_CREDENTIALS ? 0 : daemon_ctap_error(list->daemon, list->error, r);
}

static int append_deleted(Listing *list, const VaultDeleted *deleted)
{
        _cleanup_(secret_freep) Secret *record = NULL;
        AuthenticatorCredential credential;
        int r;

        r = secret_new(&record, AUTHENTICATOR_RECORD_MAX);
        if (r < 0)
                return r;
        r = vault_record_get_deleted(list->daemon->vault, VAULT_CLASS_PASSKEYS, deleted->number, record->data,
                                     record->capacity, &record->size);
        if (r == VAULT_E_DAMAGED || r == VAULT_E_NOT_FOUND || r == VAULT_E_LIMIT)
                return 0;
        if (r != 0)
                return daemon_error(list->daemon, list->error, r);
        if (authenticator_credential_decode(record->data, record->size, &credential) != CTAP_OK)
                return 0;
        return append_passkey(list, &credential, deleted);
}

static int list_deleted(Listing *list)
{
        VaultDeleted deleted[DELETED_AT_ONCE];
        uint64_t before = UINT64_MAX;
        size_t n;
        int r;

        do {
                r = vault_record_deleted(list->daemon->vault, VAULT_CLASS_PASSKEYS, before, deleted, DELETED_AT_ONCE,
                                         &n);
                if (r != 0)
                        return daemon_error(list->daemon, list->error, r);
                for (size_t i = 0; i < n; i++) {
                        r = append_deleted(list, &deleted[i]);
                        if (r < 0)
                                return r;
                        before = deleted[i].number;
                }
        } while (n == DELETED_AT_ONCE);
        return 0;
}

static int list(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Listing listing = {.daemon = waiting->daemon, .rp_id = waiting->options.rp_id, .error = error};
        int r;

        r = sd_bus_message_new_method_return(waiting->call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r < 0)
                return r;
        listing.reply = reply;
        r = waiting->options.deleted ? list_deleted(&listing) : list_present(&listing);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : waiting_finish_reply(waiting, reply);
}

int authenticator1_list_passkeys(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"interactive", "deleted", "rp-id", NULL};
        Waiting *waiting = NULL;
        int r;

        r = store1_need_vault(userdata, error);
        if (r < 0)
                return r;
        r = waiting_new(userdata, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = authenticator1_unlock(waiting, "Enter the password of your Keyfob vault, to list your passkeys.", list, error);
        return waiting_started(waiting, r);
}

/* ---- one passkey ---- */

/* The call's first argument is the credential's id; names may follow. */
static int begin(Daemon *daemon, sd_bus_message *m, const char *const *allowed, sd_bus_error *error, Waiting **ret)
{
        Waiting *waiting = NULL;
        const void *id;
        size_t size;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &id, &size);
        if (r < 0)
                return r;
        if (size > AUTHENTICATOR_ID_MAX)
                return daemon_ctap_error(daemon, error, CTAP2_ERR_NO_CREDENTIALS);
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        waiting->id = malloc(size + 1);
        if (!waiting->id) {
                waiting_free(waiting);
                return -ENOMEM;
        }
        if (size > 0)
                memcpy(waiting->id, id, size);
        waiting->id_size = size;
        *ret = waiting;
        return 0;
}

static int find(const Waiting *waiting, uint64_t *ret_number)
{
        AuthenticatorCredential credential;
        int r;

        r = authenticator_credential_find(ctap_authenticator(waiting->daemon->ctap), waiting->id, waiting->id_size,
                                          &credential);
        if (r == CTAP_OK)
                *ret_number = credential.number;
        return r;
}

static int rename_found(Waiting *waiting, sd_bus_error *error)
{
        uint64_t number;
        int r;

        r = find(waiting, &number);
        if (r == CTAP_OK)
                r = authenticator_credential_rename(ctap_authenticator(waiting->daemon->ctap), number,
                                                    waiting->options.user_name, waiting->options.user_display_name);
        return authenticator1_finish(waiting, r, error);
}

int authenticator1_rename_passkey(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"user-name", "user-display-name", NULL};
        Waiting *waiting = NULL;
        int r;

        r = begin(userdata, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = authenticator1_unlock(waiting, "Enter the password of your Keyfob vault, to rename a passkey.", rename_found,
                           error);
        return waiting_started(waiting, r);
}

static int delete_found(Waiting *waiting, sd_bus_error *error)
{
        CtapClient actor;
        uint64_t number;
        int r;

        authenticator1_act(&actor, waiting);
        r = find(waiting, &number);
        if (r == CTAP_OK)
                r = authenticator_credential_delete(ctap_authenticator(waiting->daemon->ctap), number);
        authenticator1_acted(waiting);
        return authenticator1_finish(waiting, r, error);
}

int authenticator1_delete_passkey(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Waiting *waiting = NULL;
        int r;

        r = begin(userdata, m, /* allowed= */ NULL, error, &waiting);
        if (r < 0)
                return r;
        r = authenticator1_unlock(waiting, "Enter the password of your Keyfob vault, to delete a passkey.", delete_found,
                           error);
        return waiting_started(waiting, r);
}

static int restore(Waiting *waiting, sd_bus_error *error)
{
        CtapClient actor;
        int r;

        authenticator1_act(&actor, waiting);
        r = authenticator_credential_restore(ctap_authenticator(waiting->daemon->ctap), waiting->number);
        authenticator1_acted(waiting);
        return authenticator1_finish(waiting, r, error);
}

static int restore_proved(Waiting *waiting, sd_bus_error *error)
{
        return authenticator1_proved(waiting, restore, error);
}

static int restore_fresh(Waiting *waiting)
{
        return waiting_open(
                waiting, /* collection= */ 0, waiting->options.auth, /* slot= */ NULL, /* unlock= */ false, "verify",
                "Enter a password of your Keyfob vault, to restore a passkey that a reset has taken.", restore_proved);
}

static int restore_if_free(Waiting *waiting, sd_bus_error *error)
{
        bool guarded;
        int r;

        r = ctap_is_guarded(waiting->daemon->ctap, waiting->number, &guarded);
        if (r == VAULT_E_NOT_FOUND)
                return daemon_ctap_error(waiting->daemon, error, CTAP2_ERR_NO_CREDENTIALS);
        if (r != 0)
                return daemon_error(waiting->daemon, error, r);
        return guarded ? restore_fresh(waiting) : restore(waiting, error);
}

int authenticator1_undelete_passkey(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"auth", "interactive", NULL};
        Waiting *waiting = NULL;
        uint64_t number;
        int r;

        r = store1_need_vault(userdata, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "t", &number);
        if (r >= 0)
                r = waiting_new(userdata, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        waiting->number = number;
        /* A secret that is given is tried, wanted or not: a wrong one never passes for the right one. */
        if (waiting->options.auth)
                r = restore_fresh(waiting);
        else
                r = authenticator1_unlock(waiting, "Enter the password of your Keyfob vault, to restore a passkey.",
                                   restore_if_free, error);
        return waiting_started(waiting, r);
}
