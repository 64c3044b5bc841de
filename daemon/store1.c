/*
 * org.keyfob.Store1: its vtable, and Status
 *
 * The interface is the vault in few round trips; data/org.keyfob.Store1.xml describes it. Methods that carry a secret
 * in either direction are marked sensitive, so that sd-bus wipes the messages.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <string.h>

#include "crypto/arena.h"
#include "daemon/door.h"
#include "daemon/epoch.h"
#include "daemon/helper-link.h"
#include "daemon/present.h"
#include "daemon/prompter1.h"
#include "daemon/session-bus.h"
#include "daemon/store1.h"

static int append_aliases(Daemon *daemon, sd_bus_message *m, uint32_t no)
{
        const char *alias;
        uint32_t target;
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "aliases");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; r >= 0 && (alias = vault_alias_nth(daemon->vault, i, &target)); i++)
                if (target == no)
                        r = sd_bus_message_append(m, "s", alias);
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_collection(Daemon *daemon, sd_bus_message *m, const VaultCollection *c)
{
        char path[SECRETS_PATH_MAX];
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "name", "s", c->name, "label",
                                          "s", c->label, "path", "o",
                                          secret_collection_path(daemon, (CollectionRef){daemon->vault, c->no}, path),
                                          "locked", "b", (int)c->locked, "tampered", "b", (int)c->tampered,
                                          "own_slots", "b", (int)c->own_slots, "items", "t", c->n_items, "created",
                                          "t", c->created, "modified", "t", c->modified);
        if (r >= 0)
                r = append_aliases(daemon, m, c->no);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

typedef struct Totals {
        uint64_t items, damaged;
        size_t open, locked;
        bool tampered;
} Totals;

static Totals count(Daemon *daemon)
{
        Totals totals = {0};

        if (!daemon->vault)
                return totals;
        for (const VaultCollection *c = NULL; (c = vault_collection_next(daemon->vault, c));) {
                totals.items += c->n_items;
                totals.damaged += c->n_damaged;
                totals.tampered |= c->tampered;
                totals.open += !c->locked;
                totals.locked += c->locked;
        }
        return totals;
}

static const char *state_name(Daemon *daemon, const Totals *totals)
{
        if (daemon->vault) {
                if (!vault_is_unlocked(daemon->vault) && totals->open == 0)
                        return "locked";
                return totals->locked > 0 ? "partly" : "unlocked";
        }
        switch (daemon->vault_state) {
        case VAULT_E_NO_VAULT:
                return "absent";
        case VAULT_E_BUSY:
                return "busy";
        default:
                return "damaged";
        }
}

static int append_owner(sd_bus_message *m, const SessionBusStatus *status)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "secrets_owner");
        if (r >= 0)
                r = sd_bus_message_append(m, "v", "a{sv}", 2, "pid", "u", (uint32_t)status->owner_pid, "comm", "s",
                                          status->owner_comm);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Why there is no vault, in words; "" when there is one. */
static int append_state(Daemon *daemon, sd_bus_message *m, const Totals *totals)
{
        _cleanup_(sd_bus_error_free) sd_bus_error why = SD_BUS_ERROR_NULL;

        if (!daemon->vault)
                (void)daemon_error(daemon, &why, daemon->vault_state);
        return sd_bus_message_append(m, "{sv}{sv}", "vault", "s", state_name(daemon, totals), "error", "s",
                                     why.message ?: "");
}

int store1_append_counter(Daemon *daemon, sd_bus_message *m)
{
        EpochCounterFacts counter = epoch_counter(daemon);

        return sd_bus_message_append(m, "{sv}{sv}{sv}", "counter", "s", counter.state, "counter_problem", "s", counter.problem,
                                     "counter_handle", "u", counter.handle);
}

int store1_status(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(slot_list_done) SlotList slots = {0};
        _cleanup_free_ char *path = NULL;
        Daemon *daemon = userdata;
        SessionBusStatus status;
        VaultEpoch epoch;
        Totals totals;
        int r;

        /* Opens one that has come to be there meanwhile; that there is none is an answer, too. */
        (void)store1_need_vault(daemon, NULL);
        totals = count(daemon);
        epoch = epoch_state(daemon);
        session_bus_status(daemon, &status);
        if (daemon->vault)
                (void)vault_slots(daemon->vault, &slots);
        path = present_path(daemon->vault_path);
        if (!path)
                return -ENOMEM;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_state(daemon, reply, &totals);
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "version", "s",
                        KEYFOB_VERSION, "vault_path", "s", path, "socket", "s",
                        doors_socket_path(daemon) ?: "", "pid", "u", (uint32_t)getpid(), "unprotected", "b",
                        (int)(daemon->vault && vault_is_unprotected(daemon->vault)), "memory_locked", "b",
                        (int)arena_locked(), "bus", "b", (int)status.connected, "secrets_name", "s",
                        status.secrets_name, "agent", "b", (int)ask_session_agent(daemon, NULL), "pinentry", "b",
                        (int)helper_link_pinentry(daemon), "slots", "u", (uint32_t)slots.n, "items", "t", totals.items,
                        "damaged", "t", totals.damaged, "tampered", "b", (int)totals.tampered);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "epoch", "s", epoch_state_name(epoch.state),
                                          "epoch_recorded", "t", epoch.recorded, "epoch_found", "t", epoch.found);
        if (r >= 0)
                r = store1_append_counter(daemon, reply);
        if (r >= 0 && status.owner_pid > 0)
                r = append_owner(reply, &status);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "collections");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "aa{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (daemon->vault)
                for (const VaultCollection *c = NULL; r >= 0 && (c = vault_collection_next(daemon->vault, c));)
                        r = append_collection(daemon, reply, c);
        for (int i = 0; i < 4 && r >= 0; i++)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : batch_reply(daemon, m, reply);
}

static int get_epoch(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                     void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;
        VaultEpoch epoch;

        batch_flush(daemon);
        epoch = epoch_state(daemon);
        return sd_bus_message_append(reply, "(stt)", epoch_state_name(epoch.state), epoch.recorded, epoch.found);
}

#define METHOD(name, in, in_names, out, out_names, handler)                                                           \
        SD_BUS_METHOD_WITH_NAMES(name, in, in_names, out, out_names, handler, SD_BUS_VTABLE_UNPRIVILEGED)
#define SECRET_METHOD(name, in, in_names, out, out_names, handler)                                                    \
        SD_BUS_METHOD_WITH_NAMES(name, in, in_names, out, out_names, handler,                                         \
                                 SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE)
#define P SD_BUS_PARAM

static const sd_bus_vtable store1_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Status", "", , "a{sv}", P(status), store1_status),
        SECRET_METHOD("Init", "a{sv}", P(options), "a{sv}", P(result), store1_init),
        SECRET_METHOD("Unlock", "a{sv}", P(options), "", , store1_unlock),
        METHOD("Lock", "ao", P(collections), "", , store1_lock),
        SECRET_METHOD("Lookup", "a{ss}", P(attributes), "oa{ss}say", P(item) P(attributes) P(content_type) P(value),
                      store1_lookup),
        METHOD("Search", "a{ss}a{sv}", P(attributes) P(options), "a(osa{ss}ttb)", P(items), store1_search),
        SECRET_METHOD("Store", "a{ss}sa{ss}a{sv}ay", P(match) P(label) P(attributes) P(options) P(value), "ob",
                      P(item) P(created), store1_store),
        METHOD("Delete", "oa{ss}", P(item) P(attributes), "o", P(deleted), store1_delete),
        METHOD("ListDeleted", "a{sv}", P(options), "aa{sv}", P(entries), store1_list_deleted),
        METHOD("Undelete", "ot", P(object) P(version), "", , store1_undelete),
        METHOD("History", "o", P(item), "aa{sv}", P(versions), store1_history),
        SECRET_METHOD("GetVersion", "ot", P(item) P(version), "say", P(content_type) P(value), store1_get_version),
        METHOD("GetRetention", "", , "uu", P(days) P(versions), store1_get_retention),
        SECRET_METHOD("SetRetention", "uua{sv}", P(days) P(versions) P(options), "", , store1_set_retention),
        SECRET_METHOD("Wipe", "oa{sv}", P(item) P(options), "tu", P(values) P(copies), store1_wipe),
        METHOD("GetLog", "a{sv}", P(options), "aa{sv}", P(entries), store1_get_log),
        METHOD("ListPolicy", "a{sv}", P(options), "aa{sv}", P(rules), store1_list_policy),
        SECRET_METHOD("SetPolicy", "ssa{sv}", P(subject) P(verdict) P(options), "", , store1_set_policy),
        METHOD("ListSlots", "", , "aa{sv}", P(slots), store1_list_slots),
        SECRET_METHOD("AddSlot", "a{sv}", P(options), "s", P(id), store1_add_slot),
        SECRET_METHOD("RemoveSlot", "sa{sv}", P(id) P(options), "", , store1_remove_slot),
        SECRET_METHOD("TestSlot", "sa{sv}", P(id) P(options), "", , store1_test_slot),
        METHOD("RenameSlot", "ss", P(id) P(label), "", , store1_rename_slot),
        METHOD("MirrorSlots", "", , "ay", P(mirror), store1_mirror_slots),
        SECRET_METHOD("ChangePassword", "a{sv}", P(options), "", , store1_change_password),
        SECRET_METHOD("Rekey", "a{sv}", P(options), "as", P(dropped), store1_rekey),
        SECRET_METHOD("CreateCollection", "sa{sv}", P(label) P(options), "o", P(collection), store1_create_collection),
        METHOD("DeleteCollection", "sa{sv}", P(collection) P(options), "", , store1_delete_collection),
        METHOD("SetAlias", "ss", P(alias) P(collection), "", , store1_set_alias),
        METHOD("Backup", "ha{sv}", P(file) P(options), "a{sv}", P(report), store1_backup),
        SECRET_METHOD("Restore", "ha{sv}", P(file) P(options), "a{sv}", P(report), store1_restore),
        METHOD("Check", "b", P(accept), "a{sv}", P(report), store1_check),
        SD_BUS_METHOD("ForgetEpoch", "", "", store1_forget_epoch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Epoch", "(stt)", get_epoch, 0, SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
        SD_BUS_SIGNAL_WITH_NAMES("LockChanged", "ob", P(object) P(locked), 0),
        SD_BUS_VTABLE_END,
};

int store1_attach(Daemon *daemon, sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, store1_vtable, daemon);
}
