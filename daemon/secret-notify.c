/*
 * Change signals of the Secret Service
 *
 * Clients keep copies of properties, so each mutation is announced: by the signal of the specification, for those who
 * follow a collection or the service, and by PropertiesChanged, for those who hold one object. Small values come
 * along, because libsecret has no value for a property that was merely invalidated: its lists of items and collections are
 * not brought up to date, and with the next signal about them it falls. So the lists come along as well, but that of a
 * collection's items only while it is short, and else it is not spoken of at all: one new item in 100,000 must not cost
 * 100,000 paths. Nor does a lock say more than a bounded number of words about its items.
 */
#include "daemon/secret-attributes.h"
#include "daemon/secret-internal.h"

#include <errno.h>
#include <stdio.h>

#define ITEMS_ANNOUNCED_MAX 256U /* of a collection that was locked or unlocked, or whose list has changed */

#define PROPERTIES "org.freedesktop.DBus.Properties"

typedef struct ItemState {
        const Item *content; /* NULL: locked, or not readable */
        bool locked;
} ItemState;

static int append_item(sd_bus_message *signal, void *userdata)
{
        const ItemState *state = userdata;
        const Item *content = state->content;
        int r;

        r = sd_bus_message_append(signal, "s", SECRETS_ITEM);
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(signal, "{sv}{sv}{sv}{sv}", "Locked", "b", (int)state->locked, "Label", "s",
                                          content ? content->label : "", "Created", "t",
                                          content ? content->created : (uint64_t)0, "Modified", "t",
                                          content ? content->modified : (uint64_t)0);
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(signal, "s", "Attributes");
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'v', "a{ss}");
        if (r >= 0)
                r = secret_attributes_append(signal, content ? content->attributes : NULL,
                                             content ? content->n_attributes : 0);
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(signal);
        return r < 0 ? r : sd_bus_message_append(signal, "as", 0);
}

static void item_properties(Daemon *daemon, ItemRef item, const char *path)
{
        _cleanup_(item_freep) Item *content = NULL;
        const VaultCollection *collection = vault_collection_get(item.vault, ITEM_ID_COLLECTION(item.id));
        ItemState state = {.locked = !collection || collection->locked};

        if (vault_item_get(item.vault, item.id, /* with_value= */ false, &content) == 0)
                state.content = content;
        (void)batch_signal_with(daemon, path, PROPERTIES, "PropertiesChanged", append_item, &state);
}

/* A list of objects that has changed, and a time. */
typedef struct Lists {
        Daemon *daemon;
        CollectionRef collection; /* NULL: the service, and its collections */
        const VaultCollection *modified;
        ItemIds items; /* looked up when somebody listens */
        bool known;
} Lists;

static int look_up_items(Lists *lists)
{
        if (lists->known)
                return 0;
        if (vault_items(lists->collection.vault, lists->collection.no, &lists->items) != 0)
                return -EIO;
        lists->known = true;
        return 0;
}

static int append_list(sd_bus_message *signal, void *userdata)
{
        Lists *lists = userdata;
        bool items = lists->collection.vault;
        int r;

        r = items ? look_up_items(lists) : 0;
        if (r >= 0)
                r = sd_bus_message_append(signal, "s", items ? SECRETS_COLLECTION : SECRETS_SERVICE);
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'a', "{sv}");
        if (r >= 0 && items)
                r = sd_bus_message_append(signal, "{sv}", "Modified", "t", lists->modified->modified);
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(signal, "s", items ? "Items" : "Collections");
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'v', "ao");
        if (r >= 0)
                r = items ? secret_append_items(lists->daemon, signal, &lists->collection.vault, &lists->items, 1)
                          : secret_append_collections(lists->daemon, signal);
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(signal);
        return r < 0 ? r : sd_bus_message_append(signal, "as", 0);
}

static void collections_changed(Daemon *daemon)
{
        (void)batch_signal_with(daemon, SECRETS_PATH, PROPERTIES, "PropertiesChanged", append_list, &(Lists){.daemon = daemon});
}

static bool items_changed(Daemon *daemon, CollectionRef collection, const VaultCollection *c, const char *path)
{
        Lists lists = {.daemon = daemon, .collection = collection, .modified = c};
        int r;

        if (c->n_items > ITEMS_ANNOUNCED_MAX)
                return false;
        r = batch_signal_with(daemon, path, PROPERTIES, "PropertiesChanged", append_list, &lists);
        item_ids_done(&lists.items);
        return r >= 0;
}

/* `items`: the list has changed, and nothing else but the time. */
static void collection_properties(Daemon *daemon, CollectionRef collection, const char *path, bool items)
{
        const VaultCollection *c = vault_collection_get(collection.vault, collection.no);

        if (!c || (items && items_changed(daemon, collection, c, path)))
                return;
        if (items)
                (void)batch_signal(daemon, path, PROPERTIES, "PropertiesChanged", "sa{sv}as", SECRETS_COLLECTION, 1,
                                   "Modified", "t", c->modified, 0);
        else
                (void)batch_signal(daemon, path, PROPERTIES, "PropertiesChanged", "sa{sv}as", SECRETS_COLLECTION, 3,
                                   "Label", "s", c->label, "Locked", "b", (int)c->locked, "Modified", "t", c->modified,
                                   0);
}

static void item_signal(Daemon *daemon, ItemRef item, const char *member, bool list)
{
        char path[SECRETS_PATH_MAX], parent[SECRETS_PATH_MAX];
        CollectionRef collection = item_collection(item);

        secret_item_path(daemon, item, path);
        secret_collection_path(daemon, collection, parent);
        (void)batch_signal(daemon, parent, SECRETS_COLLECTION, member, "o", path);
        if (!list)
                item_properties(daemon, item, path);
        collection_properties(daemon, collection, parent, list);
}

void secret_notify_item_created(Daemon *daemon, ItemRef item)
{
        item_signal(daemon, item, "ItemCreated", /* list= */ true);
}

void secret_notify_item_changed(Daemon *daemon, ItemRef item)
{
        item_signal(daemon, item, "ItemChanged", /* list= */ false);
}

void secret_notify_item_deleted(Daemon *daemon, ItemRef item)
{
        item_signal(daemon, item, "ItemDeleted", /* list= */ true);
}

void secret_notify_collection_created(Daemon *daemon, CollectionRef collection)
{
        char path[SECRETS_PATH_MAX];

        secret_collection_path(daemon, collection, path);
        (void)batch_signal(daemon, SECRETS_PATH, SECRETS_SERVICE, "CollectionCreated", "o", path);
        collections_changed(daemon);
}

void secret_notify_collection_changed(Daemon *daemon, CollectionRef collection)
{
        char path[SECRETS_PATH_MAX];

        secret_collection_path(daemon, collection, path);
        (void)batch_signal(daemon, SECRETS_PATH, SECRETS_SERVICE, "CollectionChanged", "o", path);
        collection_properties(daemon, collection, path, /* items= */ false);
}

void secret_notify_collection_deleted(Daemon *daemon, CollectionRef collection, const char *name)
{
        char path[SECRETS_PATH_MAX];

        snprintf(path, sizeof(path), SECRETS_PATH "/collection/%s", name);
        (void)batch_signal(daemon, SECRETS_PATH, SECRETS_SERVICE, "CollectionDeleted", "o", path);
        collections_changed(daemon);
}

void secret_notify_lock_changed(Daemon *daemon, CollectionRef collection)
{
        const VaultCollection *c = vault_collection_get(collection.vault, collection.no);
        _cleanup_(item_ids_done) ItemIds ids = {0};
        char path[SECRETS_PATH_MAX];

        if (!c)
                return;
        secret_notify_collection_changed(daemon, collection);
        secret_collection_path(daemon, collection, path);
        (void)batch_signal(daemon, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "LockChanged", "ob", path, (int)c->locked);

        if (c->n_items > ITEMS_ANNOUNCED_MAX || vault_items(collection.vault, collection.no, &ids) != 0)
                return;
        for (size_t i = 0; i < ids.n; i++) {
                ItemRef item = {.vault = collection.vault, .id = ids.ids[i]};

                item_properties(daemon, item, secret_item_path(daemon, item, path));
        }
}
