/*
 * Store1: new keys for the vault
 *
 * Every slot has to wrap the new root, so every slot's secret is needed once: key files are read, what people type is
 * given or asked for, one slot after the other.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ctap.h"
#include "daemon/epoch.h"
#include "daemon/present.h"
#include "daemon/ssh.h"

static int rekey_slot(Waiting *waiting, sd_bus_error *error);

static int rekey_finish(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Daemon *daemon = waiting->daemon;
        int r;

        if (!waiting->root)
                return daemon_error(daemon, error, VAULT_E_WRONG_SECRET);
        /* What came since would be dropped unnamed, what was replaced would be back. */
        r = store1_same_slots(waiting, error);
        if (r < 0)
                return r;

        /* Made before the keys, so that nothing can fail after them. */
        r = sd_bus_message_new_method_return(waiting->call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < waiting->slots.n; i++) {
                const Slot *slot = waiting->slots.slots[i];
                bool kept = slot_collection(slot) != 0;

                for (size_t k = 0; k < waiting->n_drafts; k++)
                        kept |= memcmp(slot_draft_id(waiting->drafts[k]), slot_id(slot), SLOT_ID_SIZE) == 0;
                if (!kept)
                        r = sd_bus_message_append(reply, "s", slot_label(slot));
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;

        batch_flush(daemon);
        r = (waiting->options.drop ? vault_rekey_drop : vault_rekey)(daemon->vault, waiting->root, waiting->drafts,
                                                                     waiting->n_drafts);
        if (r != 0)
                return daemon_error(daemon, error, r);
        daemon->slot_changes++;
        daemon->key_changes++;
        ctap_forget(daemon->ctap);
        ssh_door_forget(daemon->ssh);
        epoch_rekeyed(daemon);
        return waiting_finish_reply(waiting, reply);
}

static int rekey_answered(Waiting *waiting, sd_bus_error *error)
{
        Options *options = &waiting->options;

        if (options->n_secrets == OPTIONS_SECRETS_MAX)
                return store1_invalid(error, "too many secrets");
        options->secrets[options->n_secrets++] = TAKE_PTR(options->new);
        return rekey_slot(waiting, error);
}

static int rekey_proved(Waiting *waiting, sd_bus_error *error)
{
        const Slot *slot = waiting->slots.slots[waiting->at];
        _cleanup_free_ char *label = NULL, *message = NULL;

        if (waiting->proof == 0 && waiting->n_drafts == SLOTS_MAX)
                return daemon_error(waiting->daemon, error, VAULT_E_DAMAGED);
        if (waiting->proof == 0) {
                waiting->drafts[waiting->n_drafts++] = TAKE_PTR(waiting->draft);
                waiting->at++;
                waiting->tries = 0;
                return rekey_slot(waiting, error);
        }
        if (slot_path(slot) && waiting->tries++ == 0)
                return waiting_read_key(waiting, slot_path(slot), rekey_slot);
        if (waiting->options.drop) {
                waiting->at++;
                waiting->tries = 0;
                return rekey_slot(waiting, error);
        }
        if (slot_kind(slot) == SLOT_FIDO2 && !waiting->options.no_interactive && waiting->tries++ == 0)
                return waiting_touch_slot(waiting, rekey_slot);
        if (slot_kind(slot) == SLOT_TPM2 && !waiting->options.no_interactive && waiting->tries++ == 0)
                return waiting_tpm_slot(waiting, rekey_slot, error);
        if (!(SLOT_KIND_BIT(slot_kind(slot)) & SLOTS_TYPED) || waiting->options.no_interactive)
                return store1_invalid(error, "the secret of slot '%s' is needed: give it, or drop the slot",
                                      slot_label(slot));
        if (waiting->tries == 3)
                return daemon_error(waiting->daemon, error, VAULT_E_WRONG_SECRET);

        label = presentable(slot_label(slot));
        if (!label || asprintf(&message, "Enter the %s of the key slot '%s'.",
                               slot_kind(slot) == SLOT_RECOVERY ? "recovery code" : "password", label) < 0) {
                message = NULL;
                return -ENOMEM;
        }
        return waiting_ask(waiting, ASK_SECRET, "rekey", "New keys", message,
                           waiting->tries++ > 0 ? "That is wrong." : NULL, &waiting->options.new, rekey_answered);
}

/* Works on slots[at], or finishes when there are no more. Slots of collections with a root of their own stay as they
 * are. */
static int rekey_slot(Waiting *waiting, sd_bus_error *error)
{
        while (waiting->at < waiting->slots.n && slot_collection(waiting->slots.slots[waiting->at]) != 0)
                waiting->at++;
        if (waiting->at == waiting->slots.n)
                return rekey_finish(waiting, error);
        return waiting_prove(waiting, rekey_proved);
}

/* One that does not open with the vault, though it has no slots of its own, is damaged: its key won't. */
static bool can_be_opened(const VaultCollection *c)
{
        return c->locked && (c->own_slots || !c->tampered);
}

/* The index is made anew of all that there is, so everything must be open. Said before anybody is asked for a password in vain. */
static int need_open(Daemon *daemon, sd_bus_error *error)
{
        const VaultCollection *c = NULL;

        while ((c = vault_collection_next(daemon->vault, c)))
                if (can_be_opened(c)) {
                        sd_bus_error_setf(error, KEYFOB_ERROR_LOCKED, "the collection %s is locked: run keyfob unlock %s", c->name,
                                          c->name);
                        return -EACCES;
                }
        while ((c = vault_collection_next_deleted(daemon->vault, c)))
                if (can_be_opened(c)) {
                        sd_bus_error_setf(error, KEYFOB_ERROR_LOCKED,
                                          "the collection %s was deleted and is locked: have it back with keyfob undelete and run "
                                          "keyfob unlock %s, or keyfob wipe --all",
                                          c->name, c->name);
                        return -EACCES;
                }
        return 0;
}

static bool can_be_guessed(const Waiting *waiting)
{
        for (size_t i = 0; i < waiting->slots.n; i++)
                if (slot_collection(waiting->slots.slots[i]) == 0 &&
                    (SLOT_KIND_BIT(slot_kind(waiting->slots.slots[i])) & (SLOTS_TYPED | SLOT_KIND_BIT(SLOT_CREDENTIAL))))
                        return true;
        return false;
}

/* The first secret opens a slot in the turn of all that are given, where wrong ones are counted; or the others are tried on nothing. */
static int begin(Waiting *waiting, sd_bus_error *error)
{
        int r;

        r = vault_slots(waiting->daemon->vault, &waiting->slots);
        if (r != 0)
                return daemon_error(waiting->daemon, error, r);
        if (waiting->options.n_secrets == 0 || !can_be_guessed(waiting))
                return rekey_slot(waiting, error);
        return waiting_open(waiting, 0, waiting->options.secrets[0], NULL, /* unlock= */ false, "rekey", NULL, rekey_slot);
}

int store1_rekey(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"secrets",    "drop",   "interactive", "kdf_memory",
                                              "kdf_passes", "kdf_ms", NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        if (!vault_is_unlocked(daemon->vault))
                r = daemon_error(daemon, error, VAULT_E_LOCKED);
        else
                r = need_open(daemon, error);
        if (r >= 0)
                r = begin(waiting, error);
        return waiting_started(waiting, r);
}
