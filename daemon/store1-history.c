/*
 * Store1: what an item was, and how long that is kept
 *
 * Looking is free for who has the vault open. Keeping less can't be undone, so it wants a slot of the vault opened afresh, as
 * new keys do: that the vault is unlocked does not let a program destroy what can be had back.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <string.h>

#include "daemon/access-policy.h"
#include "daemon/log.h"

/* Answers with a result, which may depend on what an open batch has. */
static int reply_result(Daemon *daemon, sd_bus_message *m, int result)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void)daemon_error(daemon, &error, result);
        return batch_reply_error(daemon, m, &error);
}

static int read_item(Daemon *daemon, sd_bus_message *m, ItemRef *ret, sd_bus_error *error)
{
        const char *path;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "o", &path);
        if (r < 0)
                return r;
        if (!secret_path_item(daemon, path, ret) || ret->vault != daemon->vault)
                return daemon_error(daemon, error, VAULT_E_NOT_FOUND);
        return 0;
}

/* ---- History ---- */

static int append_version(sd_bus_message *m, const Item *item, uint64_t removed, bool deleted)
{
        return sd_bus_message_append(m, "a{sv}", 6, "version", "t", item->version, "label", "s", item->label, "modified",
                                     "t", item->modified, "removed", "t", removed, "deleted", "b", (int)deleted,
                                     "current", "b", (int)(removed == 0));
}

int store1_history(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(trash_list_done) TrashList list = {0};
        _cleanup_(item_freep) Item *item = NULL;
        Daemon *daemon = userdata;
        ItemRef ref;
        int r;

        r = read_item(daemon, m, &ref, error);
        if (r < 0)
                return r;
        r = vault_history(ref.vault, ref.id, &list);
        if (r != 0)
                return reply_result(daemon, m, r);
        /* One that is damaged has a history all the same. */
        r = vault_item_get(ref.vault, ref.id, /* with_value= */ false, &item);
        if (r < 0 || (r == VAULT_E_NOT_FOUND && list.n == 0))
                return reply_result(daemon, m, r);

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r >= 0 && item)
                r = append_version(reply, item, 0, false);
        for (size_t i = 0; r >= 0 && i < list.n; i++)
                r = append_version(reply, list.entries[i].item, list.entries[i].removed ?: 1, list.entries[i].deleted);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : batch_reply(daemon, m, reply);
}

int store1_get_version(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_error_free) sd_bus_error denied = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(identity_unrefp) Identity *who = NULL;
        _cleanup_(item_freep) Item *item = NULL;
        Daemon *daemon = userdata;
        uint64_t version;
        ItemRef ref;
        int r;

        r = identity_of(daemon, m, store1_get_version, &who, error);
        if (r == 0)
                r = read_item(daemon, m, &ref, error);
        if (r != 0)
                return r;
        r = sd_bus_message_read(m, "t", &version);
        if (r < 0)
                return r;
        r = access_may_read(daemon, m, store1_get_version, who, ref, &denied);
        if (r <= 0)
                return r == -EINPROGRESS ? 1 : r < 0 ? daemon_error(daemon, error, r) : batch_reply_error(daemon, m, &denied);
        r = vault_history_get(ref.vault, ref.id, version, &item);
        if (r == VAULT_E_NOT_FOUND) {
                r = vault_item_get(ref.vault, ref.id, /* with_value= */ true, &item);
                if (r == 0 && item->version != version)
                        r = VAULT_E_NOT_FOUND;
        }
        if (r != 0)
                return reply_result(daemon, m, r);
        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        (void)sd_bus_message_sensitive(reply);
        r = sd_bus_message_append(reply, "s", item->content_type);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', item->value->data, item->value->size);
        if (r < 0)
                return r;
        access_log_read(daemon, who, &ACCESS_OBJECT(ref, item));
        return batch_reply(daemon, m, reply);
}

/* ---- retention ---- */

int store1_get_retention(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;
        VaultRetention retention;
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        retention = vault_retention(daemon->vault);
        return batch_reply_return(daemon, m, "uu", retention.days, retention.versions);
}

static int retention_write(Waiting *waiting, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        int r;

        r = waiting->root ? store1_same_keys(waiting, error) : 0;
        if (r < 0)
                return r;
        batch_flush(daemon);
        r = vault_set_retention(daemon->vault, waiting->retention);
        batch_wrote(daemon);
        return r != 0 ? daemon_error(daemon, error, r) : waiting_finish(waiting, NULL);
}

int store1_set_retention(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"auth", "touch", "interactive", NULL};
        Daemon *daemon = userdata;
        VaultRetention before, wish;
        Waiting *waiting;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "uu", &wish.days, &wish.versions);
        if (r < 0)
                return r;
        if (wish.days > VAULT_RETENTION_DAYS_MAX || wish.versions > VAULT_RETENTION_VERSIONS_MAX)
                return store1_invalid(error, "at most %u days and %u versions can be kept", VAULT_RETENTION_DAYS_MAX,
                                      VAULT_RETENTION_VERSIONS_MAX);
        if (!vault_is_unlocked(daemon->vault))
                return daemon_error(daemon, error, VAULT_E_LOCKED);
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        before = vault_retention(daemon->vault);
        waiting->retention = wish;
        if (wish.days >= before.days && wish.versions >= before.versions)
                r = retention_write(waiting, error);
        else
                r = waiting_open(waiting, 0, waiting->options.auth, NULL, /* unlock= */ false, "verify",
                                 "Enter the password of your Keyfob vault, to keep less of what was deleted or replaced.",
                                 retention_write);
        return waiting_started(waiting, r);
}
