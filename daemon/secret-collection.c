/*
 * Collection: org.freedesktop.Secret.Collection, by name and by alias
 *
 * /aliases/default is there whatever happens: programs take it for granted and break without it. When nothing stands
 * behind it, it reads as an empty locked collection, and what would change it says what is missing.
 */
#include "daemon/access-log.h"
#include "daemon/secret-attributes.h"
#include "daemon/secret-value.h"

#include <errno.h>
#include <string.h>

#define UNPRIVILEGED SD_BUS_VTABLE_UNPRIVILEGED /* doors let only the owner in */
#define CHANGES      SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

#define DEFAULT_ALIAS SECRETS_PATH "/aliases/default"

/* How many items introspection names; of a collection it names all or none. sd-bus makes the whole tree for each node
 * that is introspected, so with every item in it even a single item would cost as much as the vault is large. */
#define NODES_MAX 64U

/* The collection behind a path, for what cannot do without one. */
static int collection_of(Daemon *daemon, const char *path, CollectionRef *ret, sd_bus_error *error)
{
        if (secret_path_collection(daemon, path, ret))
                return 0;
        if (!daemon->vault)
                return secret_no_vault(daemon, error);
        return sd_bus_error_set(error, SECRETS_ERROR_NO_SUCH_OBJECT,
                                "there is no default collection: run keyfob collection default NAME");
}

/* ---- methods ---- */

static int method_delete(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;
        char path[SECRETS_PATH_MAX];
        CollectionRef collection;
        const char *prompt;
        int r;

        r = collection_of(daemon, sd_bus_message_get_path(message), &collection, error);
        if (r < 0)
                return r;
        if (collection.vault == daemon->session_vault)
                return sd_bus_error_set(error, SD_BUS_ERROR_NOT_SUPPORTED, "the session collection cannot be deleted");
        /* By its own name: an alias may point elsewhere when the answer comes. */
        secret_collection_path(daemon, collection, path);
        r = secret_prompt_delete(daemon, message, path, &prompt, error);
        return r < 0 ? r : batch_reply_return(daemon, message, "o", prompt);
}

static int method_search_items(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(secret_attributes_done) SecretAttributes attributes = {0};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(secret_hits_done) SecretHits hits = {0};
        Daemon *daemon = userdata;
        CollectionRef collection;
        int r;

        r = secret_attributes_read(message, &attributes, error);
        if (r < 0)
                return r;
        if (secret_path_collection(daemon, sd_bus_message_get_path(message), &collection)) {
                r = secret_search(daemon, &collection, attributes.attributes, attributes.n, &hits);
                if (r != 0)
                        return secret_reply_result(daemon, message, r);
        }

        Vault *vaults[] = {hits.vaults[0], hits.vaults[0]};
        ItemIds both[] = {hits.unlocked[0], hits.locked[0]};
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = secret_append_items(daemon, reply, vaults, both, hits.n > 0 ? 2 : 0);
        if (r == -EMSGSIZE)
                return secret_reply_result(daemon, message, VAULT_E_LIMIT);
        return r < 0 ? r : batch_reply(daemon, message, reply);
}

/* ---- CreateItem ---- */

typedef struct ItemProperties {
        const char *label, *type;
        SecretAttributes attributes;
} ItemProperties;

static void item_properties_done(ItemProperties *properties)
{
        secret_attributes_done(&properties->attributes);
}

static int read_property(sd_bus_message *message, const char *name, ItemProperties *properties, sd_bus_error *error)
{
        const char *prefix = SECRETS_ITEM ".", *type;
        char kind;
        int r;

        if (strncmp(name, prefix, strlen(prefix)) == 0)
                name += strlen(prefix);
        r = sd_bus_message_peek_type(message, &kind, &type);
        if (r < 0)
                return r;

        if (strcmp(name, "Label") == 0 && strcmp(type, "s") == 0)
                return sd_bus_message_read(message, "v", "s", &properties->label);
        if (strcmp(name, "Type") == 0 && strcmp(type, "s") == 0)
                return sd_bus_message_read(message, "v", "s", &properties->type);
        if (strcmp(name, "Attributes") == 0 && strcmp(type, "a{ss}") == 0) {
                secret_attributes_done(&properties->attributes);
                r = sd_bus_message_enter_container(message, 'v', "a{ss}");
                if (r >= 0)
                        r = secret_attributes_read(message, &properties->attributes, error);
                return r < 0 ? r : sd_bus_message_exit_container(message);
        }
        if (strcmp(name, "Label") == 0 || strcmp(name, "Type") == 0 || strcmp(name, "Attributes") == 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "property %s has the wrong type", name);
        return sd_bus_message_skip(message, "v");
}

static int read_properties(sd_bus_message *message, ItemProperties *properties, sd_bus_error *error)
{
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                const char *name;

                r = sd_bus_message_read(message, "s", &name);
                if (r >= 0)
                        r = read_property(message, name, properties, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* Clients of the draft 0.1 name the schema in a property of its own. */
static int apply_type(ItemProperties *properties, sd_bus_error *error)
{
        SecretAttributes *attributes = &properties->attributes;

        if (!properties->type || !*properties->type || strcmp(properties->type, VAULT_GENERIC_SCHEMA) == 0)
                return 0;
        for (size_t i = 0; i < attributes->n; i++)
                if (strcmp(attributes->attributes[i].name, "xdg:schema") == 0)
                        return 0;
        if (attributes->n == VAULT_ATTRIBUTES_MAX)
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "at most %u attributes",
                                         VAULT_ATTRIBUTES_MAX);
        if (!attributes->attributes) {
                attributes->attributes = calloc(VAULT_ATTRIBUTES_MAX, sizeof(*attributes->attributes));
                if (!attributes->attributes)
                        return -ENOMEM;
        }
        attributes->attributes[attributes->n++] = (VaultAttribute){.name = "xdg:schema", .value = properties->type};
        return 0;
}

static int method_create_item(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(item_properties_done) ItemProperties properties = {0};
        _cleanup_(secret_value_done) SecretValue value = {0};
        _cleanup_(identity_unrefp) Identity *who = NULL;
        char path[SECRETS_PATH_MAX];
        Daemon *daemon = userdata;
        CollectionRef collection;
        bool replaced;
        int replace, r;

        r = identity_of(daemon, message, method_create_item, &who, error);
        if (r != 0)
                return r;
        r = collection_of(daemon, sd_bus_message_get_path(message), &collection, error);
        if (r >= 0)
                r = read_properties(message, &properties, error);
        if (r >= 0)
                r = apply_type(&properties, error);
        if (r >= 0)
                r = secret_value_read(daemon, message, &value, error);
        if (r >= 0)
                r = sd_bus_message_read(message, "b", &replace);
        if (r < 0)
                return r;

        ItemRef item = {.vault = collection.vault};
        ItemChange change = {
                .label = properties.label,
                .attributes = properties.attributes.attributes,
                .n_attributes = properties.attributes.n,
                .value = value.data,
                .value_size = value.size,
                .value_set = true,
                .content_type = value.content_type,
        };
        r = secret_change_begin(daemon, collection.vault);
        if (r == 0)
                r = vault_item_create(collection.vault, collection.no, &change, replace, &item.id, &replaced);
        if (r != 0)
                return secret_reply_result(daemon, message, r);

        access_log_wrote(daemon, replaced ? ACCESS_CHANGED : ACCESS_CREATED, who, &ACCESS_OBJECT(item, &change));
        if (replaced)
                secret_notify_item_changed(daemon, item);
        else
                secret_notify_item_created(daemon, item);
        return batch_reply_return(daemon, message, "oo", secret_item_path(daemon, item, path), "/");
}

/* ---- properties ---- */

/* What a path shows, or NULL: then it is the default alias, and nothing is behind it. Getters answer at once, so
 * nothing uncommitted may be seen. */
static const VaultCollection *shown(Daemon *daemon, const char *path)
{
        CollectionRef collection;

        batch_flush(daemon);
        if (!secret_path_collection(daemon, path, &collection))
                return NULL;
        return vault_collection_get(collection.vault, collection.no);
}

static int get_items(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                     void *userdata, sd_bus_error *error)
{
        _cleanup_(item_ids_done) ItemIds ids = {0};
        Daemon *daemon = userdata;
        CollectionRef collection;
        int r;

        batch_flush(daemon);
        if (!secret_path_collection(daemon, path, &collection))
                return sd_bus_message_append(reply, "ao", 0);
        r = vault_items(collection.vault, collection.no, &ids);
        if (r != 0)
                return daemon_secret_error(daemon, error, r);
        r = secret_append_items(daemon, reply, &collection.vault, &ids, 1);
        return r == -EMSGSIZE ? daemon_secret_error(daemon, error, VAULT_E_LIMIT) : r;
}

static int get_label(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                     void *userdata, sd_bus_error *error)
{
        const VaultCollection *collection = shown(userdata, path);

        return sd_bus_message_append(reply, "s", collection ? collection->label : "");
}

static int get_locked(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const VaultCollection *collection = shown(userdata, path);

        return sd_bus_message_append(reply, "b", (int)(!collection || collection->locked));
}

static int get_time(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                    void *userdata, sd_bus_error *error)
{
        const VaultCollection *collection = shown(userdata, path);
        uint64_t time = 0;

        if (collection)
                time = strcmp(property, "Created") == 0 ? collection->created : collection->modified;
        return sd_bus_message_append(reply, "t", time);
}

/* sd-bus answers for a setter as soon as it returns, so the change commits by itself, outside any batch. */
static int set_label(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *value,
                     void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;
        CollectionRef collection;
        const char *label;
        int r;

        batch_flush(daemon);
        r = collection_of(daemon, path, &collection, error);
        if (r >= 0)
                r = sd_bus_message_read(value, "s", &label);
        if (r < 0)
                return r;
        r = vault_collection_set_label(collection.vault, collection.no, label);
        if (r != 0)
                return daemon_secret_error(daemon, error, r);
        secret_notify_collection_changed(daemon, collection);
        return 0;
}

/* ---- org.freedesktop.Secret.Collection ---- */

static int find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                sd_bus_error *error)
{
        Daemon *daemon = userdata;
        CollectionRef collection;

        if (strcmp(path, DEFAULT_ALIAS) != 0 && !secret_path_collection(daemon, path, &collection)) {
                /* It may be only as good as deleted: "unknown" is a reply, and must wait for the commit. */
                batch_flush(daemon);
                if (!secret_path_collection(daemon, path, &collection))
                        return 0;
        }
        *ret_found = daemon;
        return 1;
}

typedef struct Nodes {
        char **paths;
        size_t n, capacity;
} Nodes;

static void nodes_done(Nodes *nodes)
{
        for (size_t i = 0; i < nodes->n; i++)
                free(nodes->paths[i]);
        free(nodes->paths);
}

static int nodes_add(Nodes *nodes, char *path)
{
        if (!path)
                return -ENOMEM;
        if (nodes->n + 1 >= nodes->capacity) {
                size_t capacity = nodes->capacity > 0 ? nodes->capacity * 2 : 16;
                char **paths = reallocarray(nodes->paths, capacity, sizeof(*paths));

                if (!paths) {
                        free(path);
                        return -ENOMEM;
                }
                nodes->paths = paths;
                nodes->capacity = capacity;
        }
        nodes->paths[nodes->n++] = path;
        nodes->paths[nodes->n] = NULL;
        return 0;
}

static int nodes_add_vault(Daemon *daemon, Nodes *nodes, Vault *vault, size_t *items_left)
{
        char path[SECRETS_PATH_MAX];
        int r;

        if (!vault)
                return 0;
        for (const VaultCollection *c = NULL; (c = vault_collection_next(vault, c));) {
                _cleanup_(item_ids_done) ItemIds ids = {0};

                r = nodes_add(nodes, strdup(secret_collection_path(daemon, (CollectionRef){vault, c->no}, path)));
                if (r < 0)
                        return r;
                if (c->n_items > *items_left || vault_items(vault, c->no, &ids) != 0)
                        continue;
                *items_left -= ids.n < *items_left ? ids.n : *items_left;
                for (size_t i = 0; i < ids.n; i++) {
                        r = nodes_add(nodes, strdup(secret_item_path(daemon, (ItemRef){vault, ids.ids[i]}, path)));
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int enumerate_collections(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                                 sd_bus_error *error)
{
        _cleanup_(nodes_done) Nodes nodes = {0};
        Daemon *daemon = userdata;
        size_t items_left = NODES_MAX;
        int r;

        batch_flush(daemon);
        r = nodes_add_vault(daemon, &nodes, daemon->session_vault, &items_left);
        if (r >= 0)
                r = nodes_add_vault(daemon, &nodes, daemon->vault, &items_left);
        if (r < 0)
                return r;
        *ret_nodes = nodes.paths;
        nodes = (Nodes){0};
        return 0;
}

static int enumerate_aliases(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error)
{
        _cleanup_(nodes_done) Nodes nodes = {0};
        Daemon *daemon = userdata;
        const char *alias;
        uint32_t no;
        int r;

        batch_flush(daemon);
        r = nodes_add(&nodes, strdup(DEFAULT_ALIAS));
        for (size_t i = 0; r >= 0 && daemon->vault && (alias = vault_alias_nth(daemon->vault, i, &no)); i++) {
                char *path = NULL;

                if (strcmp(alias, "default") == 0)
                        continue;
                r = sd_bus_path_encode(SECRETS_PATH "/aliases", alias, &path);
                if (r >= 0)
                        r = nodes_add(&nodes, path);
        }
        if (r < 0)
                return r;
        *ret_nodes = nodes.paths;
        nodes = (Nodes){0};
        return 0;
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_NO_ARGS, SD_BUS_RESULT("o", prompt), method_delete, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SearchItems", SD_BUS_ARGS("a{ss}", attributes), SD_BUS_RESULT("ao", results),
                                method_search_items, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateItem", SD_BUS_ARGS("a{sv}", properties, "(oayays)", secret, "b", replace),
                                SD_BUS_RESULT("o", item, "o", prompt), method_create_item,
                                UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_PROPERTY("Items", "ao", get_items, 0, 0), /* changes are told while there are few */
        SD_BUS_WRITABLE_PROPERTY("Label", "s", get_label, set_label, 0, CHANGES | UNPRIVILEGED),
        SD_BUS_PROPERTY("Locked", "b", get_locked, 0, CHANGES),
        SD_BUS_PROPERTY("Created", "t", get_time, 0, CHANGES),
        SD_BUS_PROPERTY("Modified", "t", get_time, 0, CHANGES),
        SD_BUS_SIGNAL_WITH_ARGS("ItemCreated", SD_BUS_ARGS("o", item), 0),
        SD_BUS_SIGNAL_WITH_ARGS("ItemDeleted", SD_BUS_ARGS("o", item), 0),
        SD_BUS_SIGNAL_WITH_ARGS("ItemChanged", SD_BUS_ARGS("o", item), 0),
        SD_BUS_VTABLE_END,
};

int secret_collection_attach(Daemon *daemon, sd_bus *bus)
{
        const char *collections = SECRETS_PATH "/collection", *aliases = SECRETS_PATH "/aliases";
        int r;

        r = sd_bus_add_fallback_vtable(bus, NULL, collections, SECRETS_COLLECTION, vtable, find, daemon);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, aliases, SECRETS_COLLECTION, vtable, find, daemon);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(bus, NULL, collections, enumerate_collections, daemon);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(bus, NULL, aliases, enumerate_aliases, daemon);
        return r;
}
