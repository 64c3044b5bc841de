/*
 * Item: org.freedesktop.Secret.Item
 *
 * Clients read all properties of everything a search finds, locked or not, and some drop an item for good when one of
 * them fails. So a getter never fails: a locked item (and a damaged one) answers empty values. What needs the content
 * says IsLocked.
 */
#include "daemon/access-policy.h"
#include "daemon/secret-attributes.h"
#include "daemon/secret-value.h"

#include <errno.h>
#include <string.h>

#define UNPRIVILEGED SD_BUS_VTABLE_UNPRIVILEGED /* doors let only the owner in */
#define CHANGES      SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

/* The item of a call: find() has seen it, but an alias may have moved since. */
static int item_of(Daemon *daemon, const char *path, ItemRef *ret, sd_bus_error *error)
{
        if (!secret_path_item(daemon, path, ret))
                return sd_bus_error_setf(error, SD_BUS_ERROR_UNKNOWN_OBJECT, "no item at %s", path);
        return 0;
}

/* ---- methods ---- */

static int method_delete(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(identity_unrefp) Identity *who = NULL;
        _cleanup_(item_freep) Item *content = NULL;
        Daemon *daemon = userdata;
        ItemRef item;
        int r;

        r = identity_of(daemon, message, method_delete, &who, error);
        if (r == 0)
                r = item_of(daemon, sd_bus_message_get_path(message), &item, error);
        if (r != 0)
                return r;
        r = secret_change_begin(daemon, item.vault);
        if (r == 0) {
                /* What it was called is known only now. */
                (void)vault_item_get(item.vault, item.id, /* with_value= */ false, &content);
                r = vault_item_delete(item.vault, item.id);
        }
        if (r != 0)
                return secret_reply_result(daemon, message, r);
        access_log_wrote(daemon, ACCESS_DELETED, who,
                         content ? &ACCESS_OBJECT(item, content) : &(AccessObject){.item = item});
        secret_notify_item_deleted(daemon, item);
        return batch_reply_return(daemon, message, "o", "/");
}

static int method_get_secret(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error denied = SD_BUS_ERROR_NULL;
        _cleanup_(identity_unrefp) Identity *who = NULL;
        Daemon *daemon = userdata;
        SecretSession *session;
        const char *path;
        ItemValue value;
        ItemRef item;
        int r;

        r = identity_of(daemon, message, method_get_secret, &who, error);
        if (r != 0)
                return r;
        r = sd_bus_message_read(message, "o", &path);
        if (r >= 0)
                r = item_of(daemon, sd_bus_message_get_path(message), &item, error);
        if (r < 0)
                return r;
        session = secret_session_of(daemon, message, path, error);
        if (!session)
                return -EINVAL;

        r = access_may_read(daemon, message, method_get_secret, who, item, &denied);
        if (r <= 0)
                return r == -EINPROGRESS ? 1 : r < 0 ? r : batch_reply_error(daemon, message, &denied);
        r = vault_value_open(item.vault, item.id, &value);
        if (r != 0)
                return secret_reply_result(daemon, message, r);

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_sensitive(reply);
        if (r >= 0)
                r = secret_value_append(reply, session, &value);
        if (r >= 0)
                access_log_read(daemon, who, &ACCESS_OBJECT(item, &value));
        vault_value_done(item.vault, &value);
        return r < 0 ? r : batch_reply(daemon, message, reply);
}

static int method_set_secret(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(secret_value_done) SecretValue value = {0};
        _cleanup_(identity_unrefp) Identity *who = NULL;
        Daemon *daemon = userdata;
        ItemRef item;
        int r;

        r = identity_of(daemon, message, method_set_secret, &who, error);
        if (r == 0)
                r = item_of(daemon, sd_bus_message_get_path(message), &item, error);
        if (r == 0)
                r = secret_value_read(daemon, message, &value, error);
        if (r != 0)
                return r;

        ItemChange change = {
                .value = value.data,
                .value_size = value.size,
                .value_set = true,
                .content_type = value.content_type,
        };
        r = secret_change_begin(daemon, item.vault);
        if (r == 0)
                r = vault_item_update(item.vault, item.id, &change);
        if (r != 0)
                return secret_reply_result(daemon, message, r);
        access_log_wrote(daemon, ACCESS_CHANGED, who, &(AccessObject){.item = item});
        secret_notify_item_changed(daemon, item);
        return batch_reply_return(daemon, message, NULL);
}

/* ---- properties ---- */

/* The content, or NULL for what cannot be shown. Getters answer at once, so nothing uncommitted may be seen. */
static Item *content_of(Daemon *daemon, const char *path)
{
        Item *content;
        ItemRef item;

        batch_flush(daemon);
        if (!secret_path_item(daemon, path, &item))
                return NULL;
        return vault_item_get(item.vault, item.id, /* with_value= */ false, &content) == 0 ? content : NULL;
}

static int get_locked(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const VaultCollection *collection = NULL;
        Daemon *daemon = userdata;
        ItemRef item;

        batch_flush(daemon);
        if (secret_path_item(daemon, path, &item))
                collection = vault_collection_get(item.vault, ITEM_ID_COLLECTION(item.id));
        return sd_bus_message_append(reply, "b", (int)(!collection || collection->locked));
}

static int get_label(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                     void *userdata, sd_bus_error *error)
{
        _cleanup_(item_freep) Item *content = content_of(userdata, path);

        return sd_bus_message_append(reply, "s", content ? content->label : "");
}

static int get_attributes(sd_bus *bus, const char *path, const char *interface, const char *property,
                          sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        _cleanup_(item_freep) Item *content = content_of(userdata, path);

        return secret_attributes_append(reply, content ? content->attributes : NULL,
                                        content ? content->n_attributes : 0);
}

/* A leftover of the draft 0.1 that clients of GNOME's still read. */
static int get_type(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                    void *userdata, sd_bus_error *error)
{
        _cleanup_(item_freep) Item *content = content_of(userdata, path);
        const char *type = content ? VAULT_GENERIC_SCHEMA : "";

        for (size_t i = 0; content && i < content->n_attributes; i++)
                if (strcmp(content->attributes[i].name, "xdg:schema") == 0)
                        type = content->attributes[i].value;
        return sd_bus_message_append(reply, "s", type);
}

static int get_time(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                    void *userdata, sd_bus_error *error)
{
        _cleanup_(item_freep) Item *content = content_of(userdata, path);
        uint64_t time = 0;

        if (content)
                time = strcmp(property, "Created") == 0 ? content->created : content->modified;
        return sd_bus_message_append(reply, "t", time);
}

/* sd-bus answers for a setter as soon as it returns, so the change is a batch by itself, which is committed here. Nor can
 * the call wait until it is known who makes it. */
static int change(Daemon *daemon, const char *path, sd_bus_message *call, const ItemChange *change, sd_bus_error *error)
{
        _cleanup_(identity_unrefp) Identity *who = NULL;
        Caller *caller;
        ItemRef item;
        int r;

        r = caller_of(daemon, call, &caller);
        if (r < 0)
                return r;
        who = identity_by_now(daemon, caller);
        batch_flush(daemon);
        r = item_of(daemon, path, &item, error);
        if (r < 0)
                return r;
        r = secret_change_begin(daemon, item.vault);
        if (r == 0)
                r = vault_item_update(item.vault, item.id, change);
        if (r == 0) {
                access_log_wrote(daemon, ACCESS_CHANGED, who, &(AccessObject){.item = item});
                r = batch_commit(daemon);
        } else
                batch_flush(daemon);
        if (r != 0)
                return daemon_secret_error(daemon, error, r);
        secret_notify_item_changed(daemon, item);
        return 0;
}

static int set_label(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *value,
                     void *userdata, sd_bus_error *error)
{
        const char *label;
        int r;

        r = sd_bus_message_read(value, "s", &label);
        return r < 0 ? r : change(userdata, path, value, &(ItemChange){.label = label}, error);
}

static int set_attributes(sd_bus *bus, const char *path, const char *interface, const char *property,
                          sd_bus_message *value, void *userdata, sd_bus_error *error)
{
        _cleanup_(secret_attributes_done) SecretAttributes attributes = {0};
        int r;

        r = secret_attributes_read(value, &attributes, error);
        if (r < 0)
                return r;
        return change(userdata, path, value,
                      &(ItemChange){.attributes = attributes.attributes, .n_attributes = attributes.n}, error);
}

/* ---- org.freedesktop.Secret.Item ---- */

static int find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                sd_bus_error *error)
{
        Daemon *daemon = userdata;
        ItemRef item;

        if (!secret_path_item(daemon, path, &item))
                return 0;
        if (!vault_item_exists(item.vault, item.id)) {
                /* It may be only as good as deleted: "unknown" is a reply, and must wait for the commit. */
                batch_flush(daemon);
                if (!secret_path_item(daemon, path, &item) || !vault_item_exists(item.vault, item.id))
                        return 0;
        }
        *ret_found = daemon;
        return 1;
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_NO_ARGS, SD_BUS_RESULT("o", prompt), method_delete, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetSecret", SD_BUS_ARGS("o", session), SD_BUS_RESULT("(oayays)", secret),
                                method_get_secret, UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("SetSecret", SD_BUS_ARGS("(oayays)", secret), SD_BUS_NO_RESULT, method_set_secret,
                                UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_PROPERTY("Locked", "b", get_locked, 0, CHANGES),
        SD_BUS_WRITABLE_PROPERTY("Attributes", "a{ss}", get_attributes, set_attributes, 0, CHANGES | UNPRIVILEGED),
        SD_BUS_WRITABLE_PROPERTY("Label", "s", get_label, set_label, 0, CHANGES | UNPRIVILEGED),
        SD_BUS_PROPERTY("Type", "s", get_type, 0, CHANGES),
        SD_BUS_PROPERTY("Created", "t", get_time, 0, CHANGES),
        SD_BUS_PROPERTY("Modified", "t", get_time, 0, CHANGES),
        SD_BUS_VTABLE_END,
};

int secret_item_attach(Daemon *daemon, sd_bus *bus)
{
        int r;

        r = sd_bus_add_fallback_vtable(bus, NULL, SECRETS_PATH "/collection", SECRETS_ITEM, vtable, find, daemon);
        if (r < 0)
                return r;
        return sd_bus_add_fallback_vtable(bus, NULL, SECRETS_PATH "/aliases", SECRETS_ITEM, vtable, find, daemon);
}
