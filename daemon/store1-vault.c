/*
 * Store1: the vault as a whole, made, opened, closed and checked
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "common/places.h"
#include "daemon/access-policy.h"
#include "daemon/ctap.h"
#include "daemon/epoch.h"
#include "daemon/lock.h"
#include "daemon/present.h"
#include "daemon/ssh.h"

/* ---- Init ---- */

int store1_make_vault(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_free_ char *copy = NULL;
        _cleanup_close_ int directory = -1;
        Daemon *daemon = waiting->daemon;
        int r;

        if (daemon->vault)
                return daemon_error(daemon, error, VAULT_E_EXISTS);

        copy = strdup(daemon->vault_path);
        if (!copy)
                return -ENOMEM;
        directory = places_open_private_dir(dirname(copy));
        if (directory < 0)
                return daemon_error(daemon, error, directory == -EPERM ? VAULT_E_UNSAFE : directory);

        r = vault_create(daemon->vault_path, waiting->draft, waiting->options.label, &daemon->vault);
        if (r != 0)
                return daemon_error(daemon, error, r);
        daemon->vault_state = 0;
        ctap_forget(daemon->ctap);
        ssh_door_reload(daemon->ssh);
        epoch_unlocked(daemon);

        for (const VaultCollection *c = NULL; (c = vault_collection_next(daemon->vault, c));)
                secret_notify_collection_created(daemon, (CollectionRef){daemon->vault, c->no});
        (void)batch_signal(daemon, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "LockChanged", "ob", "/", false);
        return 0;
}

static int init_create(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(slot_list_done) SlotList slots = {0};
        KdfParams kdf = {0};
        int r;

        r = store1_make_vault(waiting, error);
        if (r < 0)
                return r;
        r = vault_slots(waiting->daemon->vault, &slots);
        if (r == 0 && slots.n > 0)
                (void)slot_kdf(slots.slots[0], &kdf);
        r = sd_bus_message_new_method_return(waiting->call, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "a{sv}", 3, "kind", "s", waiting->options.kind ?: "password",
                                          "kdf_memory", "u", kdf.memory_kib, "kdf_passes", "u", kdf.passes);
        return r < 0 ? r : waiting_finish_reply(waiting, reply);
}

static int init_prepare(Waiting *waiting, sd_bus_error *error)
{
        SlotKind kind = waiting->options.kind ? slot_kind_from_name(waiting->options.kind) : SLOT_PASSWORD;
        char *label = TAKE_PTR(waiting->options.label);
        int r;

        /* The label is the collection's, not the slot's. */
        r = waiting_prepare(waiting, kind, waiting->options.secret, init_create);
        waiting->options.label = label;
        return r;
}

int store1_init(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"kind",       "secret",     "path",   "label", "interactive",
                                              "kdf_memory", "kdf_passes", "kdf_ms", NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        SlotKind kind;
        int r;

        /* The file may have come, or gone free, since the daemon started. */
        if (!daemon->vault)
                (void)daemon_open_vault(daemon);
        if (daemon->vault)
                return daemon_error(daemon, error, VAULT_E_EXISTS);
        if (daemon->vault_state != VAULT_E_NO_VAULT)
                return daemon_error(daemon, error, daemon->vault_state);

        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        kind = waiting->options.kind ? slot_kind_from_name(waiting->options.kind) : SLOT_PASSWORD;
        if (kind != SLOT_PASSWORD && kind != SLOT_CREDENTIAL && kind != SLOT_NONE)
                r = store1_invalid(error, "a vault begins with a slot of kind password, credential or none");
        else if (kind == SLOT_CREDENTIAL && !waiting->options.secret)
                r = store1_invalid(error, "a credential slot needs the content of its key file");
        else if (kind == SLOT_PASSWORD && !waiting->options.secret && waiting->options.no_interactive)
                r = opening_error(daemon, error, OPENING_NO_PROMPTER);
        else if (kind == SLOT_PASSWORD && !waiting->options.secret)
                r = waiting_ask(waiting, ASK_NEW_SECRET, "init", "New vault",
                                "Choose the password that opens your Keyfob vault.", NULL, &waiting->options.secret,
                                init_prepare);
        else
                r = init_prepare(waiting, error);
        return waiting_started(waiting, r);
}

/* ---- Unlock, Lock ---- */

static int unlock_opened(Waiting *waiting, sd_bus_error *error)
{
        int r;

        if (waiting->root) {
                r = opening_unlock(waiting->daemon, waiting->root);
                if (r != 0)
                        return daemon_error(waiting->daemon, error, r);
        }
        return waiting_finish(waiting, NULL);
}

/* By one slot only. */
static int unlock_choose(Waiting *waiting, uint32_t scope, sd_bus_error *error)
{
        size_t at;
        int r;

        r = vault_slots(waiting->daemon->vault, &waiting->slots);
        if (r != 0)
                return daemon_error(waiting->daemon, error, r);
        r = store1_find_slot(&waiting->slots, waiting->options.slot, &at, error);
        if (r < 0)
                return r;
        if (slot_collection(waiting->slots.slots[at]) != scope)
                return store1_invalid(error, "slot '%s' does not open that", waiting->options.slot);
        memcpy(waiting->slot, slot_id(waiting->slots.slots[at]), SLOT_ID_SIZE);
        return 0;
}

int store1_unlock(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"secret", "collection", "interactive", "touch", "slot", NULL};
        const char *message = OPENING_QUESTION;
        _cleanup_free_ char *label = NULL, *named = NULL;
        Daemon *daemon = userdata;
        Waiting *waiting;
        uint32_t scope = 0;
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;

        if (waiting->options.collection) {
                const VaultCollection *c;
                CollectionRef ref;

                r = store1_collection(daemon, waiting->options.collection, &ref, error);
                if (r < 0)
                        return waiting_started(waiting, r);
                if (ref.vault != daemon->vault) {
                        (void)waiting_finish(waiting, NULL);
                        return 1;
                }
                c = vault_collection_get(daemon->vault, ref.no);
                waiting->collection = ref.no;
                if (c->own_slots) {
                        scope = ref.no;
                        label = presentable(c->label);
                        if (!label || asprintf(&named, "Enter the password of the collection '%s'.", label) < 0) {
                                named = NULL;
                                return waiting_started(waiting, -ENOMEM);
                        }
                        message = named;
                }
        }
        /* With a secret given the caller wants to know whether it is right, open or not. */
        if (!waiting->options.secret && opening_scope_is_open(daemon, waiting->collection)) {
                (void)waiting_finish(waiting, NULL);
                return 1;
        }
        if (waiting->options.slot) {
                r = unlock_choose(waiting, scope, error);
                if (r < 0)
                        return waiting_started(waiting, r);
        }
        r = waiting_open(waiting, scope, waiting->options.secret, waiting->options.slot ? waiting->slot : NULL,
                         !waiting->options.secret, "unlock", message, unlock_opened);
        return waiting_started(waiting, r);
}

int store1_lock(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;
        const char *path;
        bool all = true;
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        batch_flush(daemon);

        r = sd_bus_message_enter_container(m, 'a', "o");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "o", &path)) > 0) {
                CollectionRef ref;

                all = false;
                if (!secret_path_collection(daemon, path, &ref))
                        return daemon_error(daemon, error, VAULT_E_NOT_FOUND);
                if (ref.vault != daemon->vault)
                        return store1_invalid(error, "the session collection cannot be locked");
                if (!vault_collection_get(ref.vault, ref.no)->locked) {
                        vault_lock(ref.vault, ref.no);
                        secret_notify_lock_changed(daemon, ref);
                }
        }
        if (r < 0)
                return r;

        if (all)
                lock_everything(daemon);
        return batch_reply_return(daemon, m, NULL);
}
