/*
 * Store1: key slots
 *
 * A slot is added, replaced or removed with the root key in hand, and the root key is had only by opening a slot anew:
 * an unlocked vault alone does not let a program put a key of its own in.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "daemon/ctap.h"
#include "daemon/ssh.h"

#define SLOT_ID_TEXT (2 * SLOT_ID_SIZE + 1)

int store1_same_keys(Waiting *waiting, sd_bus_error *error)
{
        if (waiting->key_changes == waiting->daemon->key_changes)
                return 0;
        sd_bus_error_set(error, KEYFOB_ERROR_BUSY, "the vault got new keys meanwhile: try again");
        return -EBUSY;
}

int store1_list_slots(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(slot_list_done) SlotList slots = {0};
        Daemon *daemon = userdata;
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        batch_flush(daemon);
        r = vault_slots(daemon->vault, &slots);
        if (r != 0)
                return daemon_error(daemon, error, r);

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < slots.n; i++) {
                const Slot *slot = slots.slots[i];
                const VaultCollection *c = vault_collection_get(daemon->vault, slot_collection(slot));
                char id[SLOT_ID_TEXT];
                KdfParams kdf = {0};

                hex_encode(slot_id(slot), SLOT_ID_SIZE, id);
                (void)slot_kdf(slot, &kdf);
                r = sd_bus_message_append(reply, "a{sv}", 9, "id", "s", id, "kind", "s",
                                          slot_kind_name(slot_kind(slot)) ?: "unknown", "label", "s", slot_label(slot),
                                          "collection", "s", c ? c->name : "", "created", "t", slot_created(slot),
                                          "used", "t", slot_used(slot), "path", "s", slot_path(slot) ?: "",
                                          "kdf_memory", "u", kdf.memory_kib, "kdf_passes", "u", kdf.passes);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : batch_reply(daemon, m, reply);
}

/* By hex id, a unique beginning of it (four digits at least), or a unique label. */
static int find_slot(const SlotList *slots, const char *name, size_t *ret, sd_bus_error *error)
{
        size_t found = SIZE_MAX, length = strlen(name), n = 0;

        for (size_t i = 0; i < slots->n; i++) {
                char id[SLOT_ID_TEXT];

                hex_encode(slot_id(slots->slots[i]), SLOT_ID_SIZE, id);
                if ((length >= 4 && strncmp(id, name, length) == 0) ||
                    strcmp(slot_label(slots->slots[i]), name) == 0) {
                        found = i;
                        n++;
                }
        }
        if (n == 1) {
                *ret = found;
                return 0;
        }
        sd_bus_error_setf(error, n == 0 ? KEYFOB_ERROR_NOT_FOUND : KEYFOB_ERROR_INVALID,
                          n == 0 ? "there is no slot '%.64s': see keyfob slot list"
                                 : "'%.64s' names several slots: use the id that keyfob slot list shows",
                          name);
        return n == 0 ? -ENOENT : -EINVAL;
}

/* Whose slots are meant: the vault's, or those of a collection that has its own. */
static int slot_scope(Waiting *waiting, uint32_t *ret, sd_bus_error *error)
{
        CollectionRef ref;
        int r;

        *ret = 0;
        if (!waiting->options.collection)
                return 0;
        r = store1_collection(waiting->daemon, waiting->options.collection, &ref, error);
        if (r < 0)
                return r;
        if (ref.vault != waiting->daemon->vault || !vault_collection_get(ref.vault, ref.no)->own_slots)
                return store1_invalid(error, "'%s' has no slots of its own: it opens with the vault",
                                      waiting->options.collection);
        *ret = ref.no;
        return 0;
}

/* One change of the slots, with the root that was opened for it; the others that wait learn that there was one. */
static int change_slots(Waiting *waiting, int (*change)(Waiting *waiting), sd_bus_error *error)
{
        int r;

        r = store1_same_keys(waiting, error);
        if (r < 0)
                return r;
        batch_flush(waiting->daemon);
        r = change(waiting);
        if (r != 0)
                return daemon_error(waiting->daemon, error, r);
        waiting->daemon->slot_changes++;
        return 0;
}

/* ---- AddSlot ---- */

static int add(Waiting *waiting)
{
        return vault_slot_add(waiting->daemon->vault, waiting->root, waiting->draft);
}

static int add_write(Waiting *waiting, sd_bus_error *error)
{
        char id[SLOT_ID_TEXT];
        int r;

        r = change_slots(waiting, add, error);
        if (r < 0)
                return r;
        hex_encode(slot_draft_id(waiting->draft), SLOT_ID_SIZE, id);
        return waiting_finish(waiting, "s", id);
}

static int add_prepare(Waiting *waiting, sd_bus_error *error)
{
        return waiting_prepare(waiting, slot_kind_from_name(waiting->options.kind), waiting->options.secret,
                               add_write);
}

static int add_opened(Waiting *waiting, sd_bus_error *error)
{
        if (waiting->options.secret || strcmp(waiting->options.kind, "password") != 0)
                return add_prepare(waiting, error);
        return waiting_ask(waiting, ASK_NEW_SECRET, "add-slot", "New password slot",
                           "Choose one more password that opens your Keyfob vault.", NULL, &waiting->options.secret,
                           add_prepare);
}

int store1_add_slot(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"kind", "secret",     "path",       "label",  "collection",
                                              "auth", "kdf_memory", "kdf_passes", "kdf_ms", NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        SlotKind kind;
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        kind = waiting->options.kind ? slot_kind_from_name(waiting->options.kind) : 0;
        if (kind != SLOT_PASSWORD && kind != SLOT_CREDENTIAL && kind != SLOT_NONE)
                r = store1_invalid(error, "the kind of a slot is password, credential or none");
        else if (kind == SLOT_CREDENTIAL && !waiting->options.secret)
                r = store1_invalid(error, "a credential slot needs the content of its key file");
        else
                r = slot_scope(waiting, &waiting->collection, error);
        if (r >= 0)
                r = waiting_open(waiting, waiting->collection, waiting->options.auth, NULL, false, "verify",
                                 "Enter a present password, to add a key slot.", add_opened);
        return waiting_started(waiting, r);
}

/* ---- RemoveSlot ---- */

static int take(Waiting *waiting)
{
        return vault_slot_remove(waiting->daemon->vault, waiting->root, waiting->slot);
}

static int remove_write(Waiting *waiting, sd_bus_error *error)
{
        int r;

        r = change_slots(waiting, take, error);
        return r < 0 ? r : waiting_finish(waiting, NULL);
}

int store1_remove_slot(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"auth", NULL};
        Daemon *daemon = userdata;
        const char *name;
        Waiting *waiting;
        size_t at = 0, same_scope = 0;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;

        r = vault_slots(daemon->vault, &waiting->slots);
        if (r != 0)
                return waiting_started(waiting, daemon_error(daemon, error, r));
        r = find_slot(&waiting->slots, name, &at, error);
        if (r < 0)
                return waiting_started(waiting, r);
        memcpy(waiting->slot, slot_id(waiting->slots.slots[at]), SLOT_ID_SIZE);
        waiting->collection = slot_collection(waiting->slots.slots[at]);

        /* Said before anybody is asked for a password in vain. */
        for (size_t i = 0; i < waiting->slots.n; i++)
                same_scope += slot_collection(waiting->slots.slots[i]) == waiting->collection;
        if (same_scope == 1)
                return waiting_started(waiting, daemon_error(daemon, error, VAULT_E_LAST_SLOT));

        r = waiting_open(waiting, waiting->collection, waiting->options.auth, NULL, false, "verify",
                         "Enter a password of your Keyfob vault, to remove a key slot.", remove_write);
        return waiting_started(waiting, r);
}

/* ---- ChangePassword ---- */

static int replace(Waiting *waiting)
{
        return vault_slot_replace(waiting->daemon->vault, waiting->root, waiting->draft);
}

static int passwd_write(Waiting *waiting, sd_bus_error *error)
{
        int r;

        r = change_slots(waiting, replace, error);
        return r < 0 ? r : waiting_finish(waiting, NULL);
}

static int passwd_prepare(Waiting *waiting, sd_bus_error *error)
{
        for (size_t i = 0; i < waiting->slots.n; i++) {
                Slot **slot = &waiting->slots.slots[i];

                if (memcmp(slot_id(*slot), root_slot_id(waiting->root), SLOT_ID_SIZE) == 0)
                        return waiting_prepare_again(waiting, slot, waiting->options.new, passwd_write);
        }
        return daemon_error(waiting->daemon, error, VAULT_E_NOT_FOUND);
}

static int passwd_opened(Waiting *waiting, sd_bus_error *error)
{
        for (size_t i = 0; i < waiting->slots.n; i++)
                if (memcmp(slot_id(waiting->slots.slots[i]), root_slot_id(waiting->root), SLOT_ID_SIZE) == 0 &&
                    slot_kind(waiting->slots.slots[i]) != SLOT_PASSWORD)
                        return store1_invalid(error, "that opens a slot of kind %s, which has no password",
                                              slot_kind_name(slot_kind(waiting->slots.slots[i])));

        if (waiting->options.new)
                return passwd_prepare(waiting, error);
        return waiting_ask(waiting, ASK_NEW_SECRET, "change-password", "New password",
                           "Choose the new password of your Keyfob vault.", NULL, &waiting->options.new,
                           passwd_prepare);
}

/* The password slot to change, when the old password is yet to be asked for: the only one, or the one that is named.
 */
static int passwd_choose(Waiting *waiting, sd_bus_error *error)
{
        size_t n = 0, at = 0;
        int r;

        if (waiting->options.slot) {
                r = find_slot(&waiting->slots, waiting->options.slot, &at, error);
                if (r < 0)
                        return r;
                if (slot_kind(waiting->slots.slots[at]) != SLOT_PASSWORD)
                        return store1_invalid(error, "slot '%s' is not a password", waiting->options.slot);
                waiting->collection = slot_collection(waiting->slots.slots[at]);
        } else {
                for (size_t i = 0; i < waiting->slots.n; i++)
                        if (slot_kind(waiting->slots.slots[i]) == SLOT_PASSWORD &&
                            slot_collection(waiting->slots.slots[i]) == waiting->collection) {
                                at = i;
                                n++;
                        }
                if (n == 0)
                        return store1_invalid(error,
                                              "there is no password slot: add one with keyfob slot add password");
                if (n > 1)
                        return store1_invalid(error, "there are several passwords: name the slot (keyfob slot list)");
        }
        memcpy(waiting->slot, slot_id(waiting->slots.slots[at]), SLOT_ID_SIZE);
        return 0;
}

int store1_change_password(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"old",        "new",        "slot",   "collection",
                                              "kdf_memory", "kdf_passes", "kdf_ms", NULL};
        Daemon *daemon = userdata;
        bool any;
        Waiting *waiting;
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = slot_scope(waiting, &waiting->collection, error);
        if (r >= 0) {
                r = vault_slots(daemon->vault, &waiting->slots);
                if (r != 0)
                        r = daemon_error(daemon, error, r);
        }
        /* A given old password finds its slot by itself. */
        any = waiting->options.old && !waiting->options.slot;
        if (r >= 0 && !any)
                r = passwd_choose(waiting, error);
        if (r >= 0)
                r = waiting_open(waiting, waiting->collection, waiting->options.old, any ? NULL : waiting->slot, false,
                                 "change-password", "Enter the present password of your Keyfob vault.", passwd_opened);
        return waiting_started(waiting, r);
}

/* ---- Rekey ---- */

static int rekey_slot(Waiting *waiting, sd_bus_error *error);

static int rekey_finish(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Daemon *daemon = waiting->daemon;
        int r;

        if (!waiting->root)
                return daemon_error(daemon, error, VAULT_E_WRONG_SECRET);
        /* What came since would be dropped unnamed, what was replaced would be back. */
        if (waiting->slot_changes != daemon->slot_changes) {
                sd_bus_error_set(error, KEYFOB_ERROR_BUSY, "the key slots were changed meanwhile: try again");
                return -EBUSY;
        }

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
        _cleanup_free_ char *message = NULL;

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
        if (slot_kind(slot) != SLOT_PASSWORD || waiting->options.no_interactive)
                return store1_invalid(error, "the secret of slot '%s' is needed: give it, or drop the slot",
                                      slot_label(slot));
        if (waiting->tries == 3)
                return daemon_error(waiting->daemon, error, VAULT_E_WRONG_SECRET);

        if (asprintf(&message, "Enter the password of the key slot '%s'.", slot_label(slot)) < 0)
                return -ENOMEM;
        return waiting_ask(waiting, ASK_SECRET, "rekey", "New keys", message,
                           waiting->tries++ > 0 ? "That password is wrong." : NULL, &waiting->options.new,
                           rekey_answered);
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
        else {
                r = vault_slots(daemon->vault, &waiting->slots);
                r = r != 0 ? daemon_error(daemon, error, r) : rekey_slot(waiting, error);
        }
        return waiting_started(waiting, r);
}
