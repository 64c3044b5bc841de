/*
 * Store1: collections and aliases, by name
 */
#include "daemon/store1-internal.h"

#include "daemon/access-log.h"
#include "daemon/present.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Nobody would be led anywhere else by it. */
static int check_alias(const char *alias, sd_bus_error *error)
{
        if (alias && strcmp(alias, "session") == 0)
                return store1_invalid(error, "'session' is the name of the collection in memory");
        return 0;
}

/* ---- CreateCollection ---- */

int store1_create_write(Waiting *waiting, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        const VaultCollection *collection;
        char path[SECRETS_PATH_MAX];
        CollectionRef ref;
        int r;

        r = store1_same_keys(waiting, error);
        if (r < 0)
                return r;
        /* Both or nothing: a collection without the alias it was made for would be made again. */
        batch_flush(daemon);
        r = vault_batch_begin(daemon->vault);
        if (r != 0)
                return daemon_error(daemon, error, r);
        r = vault_collection_create(daemon->vault, waiting->root, waiting->text, waiting->draft, &collection);
        if (r == 0 && waiting->options.alias)
                r = vault_alias_set(daemon->vault, waiting->options.alias, collection->no);
        if (r == 0)
                r = vault_batch_commit(daemon->vault);
        else
                vault_batch_rollback(daemon->vault);
        if (r != 0)
                return daemon_error(daemon, error, r);

        ref = (CollectionRef){daemon->vault, collection->no};
        secret_notify_collection_created(daemon, ref);
        return waiting_finish(waiting, "o", secret_collection_path(daemon, ref, path));
}

static int create_prepare(Waiting *waiting, sd_bus_error *error)
{
        return waiting_prepare(waiting, SLOT_PASSWORD, waiting->options.own_secret, store1_create_write);
}

static int create_opened(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_free_ char *label = NULL, *message = NULL;

        if (waiting->options.own_secret)
                return create_prepare(waiting, error);
        if (!waiting->options.own_password)
                return store1_create_write(waiting, error);
        label = presentable(waiting->text);
        if (!label || asprintf(&message, "Choose the password of the new collection '%s'.", label) < 0) {
                message = NULL;
                return -ENOMEM;
        }
        return waiting_ask(waiting, ASK_NEW_SECRET, "create-collection", "New collection", message, NULL,
                           &waiting->options.own_secret, create_prepare);
}

int store1_create_collection(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"alias", "own_password", "own_secret", "auth", NULL};
        _cleanup_free_ char *shown = NULL, *message = NULL;
        Daemon *daemon = userdata;
        Waiting *waiting;
        const char *label;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &label);
        if (r < 0)
                return r;
        if (label[0] == 0 || strlen(label) > VAULT_LABEL_MAX)
                return store1_invalid(error, "a collection needs a name of 1 to %u bytes", VAULT_LABEL_MAX);
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = check_alias(waiting->options.alias, error);
        if (r < 0)
                return waiting_started(waiting, r);
        waiting->text = strdup(label);
        shown = presentable(label);
        if (!waiting->text || !shown ||
            asprintf(&message, "Enter the password of your Keyfob vault, to make the collection '%s'.", shown) < 0) {
                message = NULL;
                return waiting_started(waiting, -ENOMEM);
        }
        r = waiting_open(waiting, 0, waiting->options.auth, NULL, false, "create-collection", message, create_opened);
        return waiting_started(waiting, r);
}

/* ---- DeleteCollection ---- */

static int delete_write(Waiting *waiting, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        CollectionRef ref = {daemon->vault, waiting->collection};
        _cleanup_(identity_unrefp) Identity *who = identity_by_now(daemon, waiting->resource.caller);
        const VaultCollection *c = vault_collection_get(ref.vault, ref.no);
        _cleanup_free_ char *label = strdup(c ? c->label : "");
        int r;

        r = batch_begin(daemon);
        if (r == 0)
                r = vault_collection_delete(ref.vault, ref.no);
        if (r != 0)
                return daemon_error(daemon, error, r);
        access_log_wrote_collection(daemon, ACCESS_COLLECTION_DELETED, who, ref, label ? label : "");
        secret_notify_collection_deleted(daemon, ref, waiting->text);
        return waiting_finish(waiting, NULL);
}

int store1_delete_collection(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"confirmed", NULL};
        _cleanup_free_ char *label = NULL, *message = NULL;
        const VaultCollection *collection;
        Daemon *daemon = userdata;
        CollectionRef ref;
        Waiting *waiting;
        const char *name;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = store1_collection(daemon, name, &ref, error);
        if (r < 0)
                return r;
        if (ref.vault != daemon->vault)
                return store1_invalid(error, "the session collection goes with the daemon, it cannot be deleted");
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;

        collection = vault_collection_get(ref.vault, ref.no);
        waiting->collection = ref.no;
        waiting->text = strdup(collection->name);
        label = presentable(collection->label);
        if (!waiting->text || !label ||
            asprintf(&message, "Delete the collection '%s' with %llu items?", label,
                     (unsigned long long)collection->n_items) < 0) {
                message = NULL;
                return waiting_started(waiting, -ENOMEM);
        }
        r = waiting->options.confirmed ? delete_write(waiting, error)
                                       : waiting_ask(waiting, ASK_CONFIRM, "delete-collection", "Delete a collection",
                                                     message, NULL, NULL, delete_write);
        return waiting_started(waiting, r);
}

/* ---- SetAlias ---- */

int store1_set_alias(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *alias, *name;
        Daemon *daemon = userdata;
        CollectionRef ref = {0};
        uint32_t before;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "ss", &alias, &name);
        if (r >= 0)
                r = check_alias(alias, error);
        if (r >= 0 && name[0] != 0)
                r = store1_collection(daemon, name, &ref, error);
        if (r < 0)
                return r;
        if (ref.vault && ref.vault != daemon->vault)
                return store1_invalid(error, "the session collection takes no alias");

        before = vault_alias_get(daemon->vault, alias);
        r = batch_begin(daemon);
        if (r == 0)
                r = vault_alias_set(daemon->vault, alias, ref.no);
        if (r != 0)
                return daemon_error(daemon, error, r);
        if (before > 0 && before != ref.no)
                secret_notify_collection_changed(daemon, (CollectionRef){daemon->vault, before});
        if (ref.no > 0)
                secret_notify_collection_changed(daemon, ref);
        return batch_reply_return(daemon, m, NULL);
}
