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
#include "daemon/present.h"

int store1_same_keys(Waiting *waiting, sd_bus_error *error)
{
        if (waiting->key_changes == waiting->daemon->key_changes)
                return 0;
        sd_bus_error_set(error, KEYFOB_ERROR_BUSY, "the vault got new keys meanwhile: try again");
        return -EBUSY;
}

int store1_same_slots(Waiting *waiting, sd_bus_error *error)
{
        if (waiting->slot_changes == waiting->daemon->slot_changes)
                return 0;
        sd_bus_error_set(error, KEYFOB_ERROR_BUSY, "the key slots were changed meanwhile: try again");
        return -EBUSY;
}

int store1_slot_scope(Waiting *waiting, uint32_t *ret, sd_bus_error *error)
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

int store1_change_slots(Waiting *waiting, int (*change)(Waiting *waiting), sd_bus_error *error)
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

/* ---- RemoveSlot ---- */

static int take(Waiting *waiting)
{
        return vault_slot_remove(waiting->daemon->vault, waiting->root, waiting->slot);
}

static int remove_write(Waiting *waiting, sd_bus_error *error)
{
        int r;

        r = store1_change_slots(waiting, take, error);
        return r < 0 ? r : waiting_finish(waiting, NULL);
}

/* A call about the slot that its first argument names: waiting->slots[at], whose id and scope are noted. */
static int begin_with_slot(Daemon *daemon, sd_bus_message *m, const char *const *allowed, sd_bus_error *error,
                           Waiting **ret)
{
        _cleanup_(waiting_freep) Waiting *waiting = NULL;
        const char *name;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = vault_slots(daemon->vault, &waiting->slots);
        if (r != 0)
                return daemon_error(daemon, error, r);
        r = store1_find_slot(&waiting->slots, name, &waiting->at, error);
        if (r < 0)
                return r;
        memcpy(waiting->slot, slot_id(waiting->slots.slots[waiting->at]), SLOT_ID_SIZE);
        waiting->collection = slot_collection(waiting->slots.slots[waiting->at]);
        *ret = TAKE_PTR(waiting);
        return 0;
}

int store1_remove_slot(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"auth", NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        size_t same_scope = 0;
        int r;

        r = begin_with_slot(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;

        /* Said before anybody is asked for a password in vain. */
        for (size_t i = 0; i < waiting->slots.n; i++)
                same_scope += slot_collection(waiting->slots.slots[i]) == waiting->collection;
        if (same_scope == 1)
                return waiting_started(waiting, daemon_error(daemon, error, VAULT_E_LAST_SLOT));

        r = waiting_open(waiting, waiting->collection, waiting->options.auth, NULL, false, "verify",
                         "Enter a password of your Keyfob vault, to remove a key slot.", remove_write);
        return waiting_started(waiting, r);
}

/* ---- TestSlot, RenameSlot ---- */

static int test_opened(Waiting *waiting, sd_bus_error *error)
{
        int r;

        r = store1_same_keys(waiting, error);
        return r < 0 ? r : waiting_finish(waiting, NULL);
}

int store1_test_slot(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"secret", "interactive", NULL};
        _cleanup_free_ char *message = NULL, *label = NULL;
        Daemon *daemon = userdata;
        const Slot *slot;
        Waiting *waiting;
        int r;

        r = begin_with_slot(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        slot = waiting->slots.slots[waiting->at];
        label = presentable(slot_label(slot));
        if (!label ||
            asprintf(&message,
                     slot_kind(slot) == SLOT_RECOVERY ? "Enter the recovery code of the key slot “%s”, to test it."
                                                      : "Enter the password of the key slot “%s”, to test it.",
                     label) < 0) {
                message = NULL;
                return waiting_started(waiting, -ENOMEM);
        }
        r = waiting_open(waiting, waiting->collection, waiting->options.secret, waiting->slot, /* unlock= */ false,
                         "test-slot", message, test_opened);
        return waiting_started(waiting, r);
}

int store1_rename_slot(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(slot_list_done) SlotList slots = {0};
        const char *name, *label;
        Daemon *daemon = userdata;
        size_t at;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "ss", &name, &label);
        if (r < 0)
                return r;
        if (!*label)
                return store1_invalid(error, "a label has at least one character");
        batch_flush(daemon);
        r = vault_slots(daemon->vault, &slots);
        if (r != 0)
                return daemon_error(daemon, error, r);
        r = store1_find_slot(&slots, name, &at, error);
        if (r < 0)
                return r;
        r = batch_begin(daemon);
        if (r == 0)
                r = vault_slot_rename(daemon->vault, NULL, slot_id(slots.slots[at]), label);
        if (r != 0)
                return daemon_error(daemon, error, r);
        daemon->slot_changes++;
        return batch_reply_return(daemon, m, NULL);
}

/* ---- ChangePassword ---- */

static int replace(Waiting *waiting)
{
        return vault_slot_replace(waiting->daemon->vault, waiting->root, waiting->draft);
}

static int passwd_write(Waiting *waiting, sd_bus_error *error)
{
        int r;

        r = store1_same_slots(waiting, error);
        if (r >= 0)
                r = store1_change_slots(waiting, replace, error);
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

/* A login slot follows the login password by itself; it is changed here when it is named. */
static bool has_password(const Waiting *waiting, const Slot *slot)
{
        return slot_kind(slot) == SLOT_PASSWORD || (slot_kind(slot) == SLOT_LOGIN && waiting->options.slot);
}

static int passwd_opened(Waiting *waiting, sd_bus_error *error)
{
        for (size_t i = 0; i < waiting->slots.n; i++)
                if (memcmp(slot_id(waiting->slots.slots[i]), root_slot_id(waiting->root), SLOT_ID_SIZE) == 0 &&
                    !has_password(waiting, waiting->slots.slots[i]))
                        return store1_invalid(error, "that opens a slot of kind %s, whose secret is not changed so",
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
                r = store1_find_slot(&waiting->slots, waiting->options.slot, &at, error);
                if (r < 0)
                        return r;
                if (!has_password(waiting, waiting->slots.slots[at]))
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
        r = store1_slot_scope(waiting, &waiting->collection, error);
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
