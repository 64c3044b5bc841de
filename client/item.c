/*
 * Items: reading and writing them by their attributes
 *
 * A password of a service's user is an item like any other; its attributes and its label are those that python keyring
 * gives it, so that each finds and replaces what the other stored.
 */
#include "client/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What the caller sees comes first: the pointer to it is the pointer to all of it. */
typedef struct Value {
        keyfob_value value;
        Secret *secret;
        char *content_type;
        char *path;
        keyfob_attribute *attributes; /* copies: the reply holds the secret and must not live as long */
        size_t n_attributes;
} Value;

static void attributes_free(keyfob_attribute *attributes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free((void *)(uintptr_t)attributes[i].name);
                free((void *)(uintptr_t)attributes[i].value);
        }
        free(attributes);
}

KEYFOB_API keyfob_value *keyfob_value_free(keyfob_value *value)
{
        Value *v = (Value *)value;

        if (!v)
                return NULL;
        secret_free(v->secret);
        free(v->content_type);
        free(v->path);
        attributes_free(v->attributes, v->n_attributes);
        free(v);
        return NULL;
}

static bool attributes_valid(const keyfob_attribute *attributes, size_t n)
{
        if (!attributes && n > 0)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!attributes[i].name || !attributes[i].value)
                        return false;
        return true;
}

static int read_attributes(sd_bus_message *m, keyfob_attribute **ret, size_t *ret_n)
{
        _cleanup_free_ keyfob_attribute *attributes = NULL;
        keyfob_attribute one;
        size_t n = 0, room = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{ss}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "{ss}", &one.name, &one.value)) > 0) {
                if (n == room) {
                        keyfob_attribute *larger;

                        room = room ? room * 2 : 4;
                        larger = reallocarray(attributes, room, sizeof(*attributes));
                        if (!larger)
                                return -ENOMEM;
                        attributes = larger;
                }
                attributes[n++] = one;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(attributes);
        *ret_n = n;
        return 0;
}

static int attributes_copy(const keyfob_attribute *from, size_t n, Value *to)
{
        to->attributes = calloc(n + 1, sizeof(*to->attributes));
        if (!to->attributes)
                return -ENOMEM;
        to->n_attributes = n;
        for (size_t i = 0; i < n; i++) {
                to->attributes[i].name = strdup(from[i].name);
                to->attributes[i].value = strdup(from[i].value);
                if (!to->attributes[i].name || !to->attributes[i].value)
                        return -ENOMEM;
        }
        return 0;
}

static int value_new(const char *path, const char *content_type, const void *data, size_t size, keyfob_value **ret)
{
        _cleanup_(keyfob_value_freep) keyfob_value *value = NULL;
        Value *v = calloc(1, sizeof(*v));
        int r;

        if (!v)
                return -ENOMEM;
        value = &v->value;
        v->path = strdup(path);
        v->content_type = strdup(content_type);
        if (!v->path || !v->content_type)
                return -ENOMEM;
        r = secret_new_from(&v->secret, data, size);
        if (r < 0)
                return r;
        v->value = (keyfob_value){.data = v->secret->data,
                                  .size = v->secret->size,
                                  .content_type = v->content_type,
                                  .path = v->path};
        *ret = TAKE_PTR(value);
        return 0;
}

int client_value_new(const void *data, size_t size, keyfob_value **ret)
{
        return value_new("", "application/octet-stream", data, size, ret);
}

static int read_value(sd_bus_message *m, keyfob_value **ret)
{
        _cleanup_(keyfob_value_freep) keyfob_value *value = NULL;
        _cleanup_free_ keyfob_attribute *attributes = NULL;
        const char *path, *content_type;
        const void *data;
        size_t size, n;
        Value *v;
        int r;

        r = sd_bus_message_read(m, "o", &path);
        if (r < 0)
                return r;
        r = read_attributes(m, &attributes, &n);
        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "s", &content_type);
        if (r < 0)
                return r;
        r = sd_bus_message_read_array(m, 'y', &data, &size);
        if (r < 0)
                return r;

        r = value_new(path, content_type, data, size, &value);
        if (r < 0)
                return r;
        v = (Value *)value;
        r = attributes_copy(attributes, n, v);
        if (r < 0)
                return r;
        value->attributes = v->attributes;
        value->n_attributes = v->n_attributes;

        *ret = TAKE_PTR(value);
        return 0;
}

KEYFOB_API int keyfob_lookup(keyfob *k, const keyfob_attribute *attributes, size_t n, keyfob_value **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        if (!k || !ret || n == 0 || !attributes_valid(attributes, n))
                return -EINVAL;

        r = client_store_message(k, "Lookup", /* sensitive= */ true, &call);
        if (r != 0)
                return r;
        r = client_append_attributes(call, attributes, n);
        if (r < 0)
                return client_fail_append(k, r);
        /* Where the policy asks, a person thinks about it; our own agent is not asked. */
        r = client_call(k, call, CLIENT_PATIENT, &reply);
        if (r != 0)
                return r;
        r = read_value(reply, ret);
        return r < 0 ? client_fail_errno(k, r) : 0;
}

KEYFOB_API int keyfob_store(keyfob *k, const keyfob_new_item *item, bool *ret_created)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r, created;

        if (!k || !item || !attributes_valid(item->attributes, item->n_attributes) ||
            !attributes_valid(item->match, item->n_match) || (!item->data && item->size > 0))
                return -EINVAL;
        if (item->size > CLIENT_SECRET_MAX)
                return client_fail(k, KEYFOB_E_LIMITS, "a secret may have at most 4 MiB");

        r = client_store_message(k, "Store", /* sensitive= */ true, &call);
        if (r != 0)
                return r;
        r = client_append_attributes(call, item->match, item->n_match);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", item->label ? item->label : "");
        if (r >= 0)
                r = client_append_attributes(call, item->attributes, item->n_attributes);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = client_append_string(call, "collection", item->collection);
        if (r >= 0)
                r = client_append_string(call, "content_type", item->content_type);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        /* last: what is appended after it could move it, and leave a copy that nobody wipes */
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', item->data, item->size);
        if (r < 0)
                return client_fail_append(k, r);

        r = client_call(k, call, CLIENT_QUICK, &reply);
        if (r != 0)
                return r;
        r = sd_bus_message_read(reply, "ob", NULL, &created);
        if (r < 0)
                return client_fail_errno(k, r);
        if (ret_created)
                *ret_created = created;
        return 0;
}

KEYFOB_API int keyfob_remove(keyfob *k, const keyfob_attribute *attributes, size_t n)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k || n == 0 || !attributes_valid(attributes, n))
                return -EINVAL;

        r = client_store_message(k, "Delete", /* sensitive= */ false, &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "o", "/");
        if (r >= 0)
                r = client_append_attributes(call, attributes, n);
        if (r < 0)
                return client_fail_append(k, r);
        return client_call(k, call, CLIENT_QUICK, NULL);
}

/* ---- service and user ---- */

KEYFOB_API int keyfob_get(keyfob *k, const char *service, const char *user, keyfob_value **ret)
{
        const keyfob_attribute attributes[] = {{"service", service}, {"username", user}};

        return keyfob_lookup(k, attributes, ELEMENTSOF(attributes), ret);
}

KEYFOB_API int keyfob_delete(keyfob *k, const char *service, const char *user)
{
        const keyfob_attribute attributes[] = {{"service", service}, {"username", user}};

        return keyfob_remove(k, attributes, ELEMENTSOF(attributes));
}

char *client_password_label(const char *service, const char *user)
{
        char *label;
        size_t size;

        if (asprintf(&label, "Password for '%s' on '%s'", user, service) < 0)
                return NULL;
        size = strlen(label);
        if (size > CLIENT_LABEL_MAX) {
                /* not in the middle of a character */
                size = CLIENT_LABEL_MAX;
                while (size > 0 && ((unsigned char)label[size] & 0xc0) == 0x80)
                        size--;
                label[size] = 0;
        }
        return label;
}

KEYFOB_API int keyfob_set(keyfob *k, const char *service, const char *user, const void *data, size_t size)
{
        const keyfob_attribute attributes[] = {
                {"service", service}, {"username", user}, {"application", "Python keyring library"}};
        _cleanup_free_ char *label = NULL;

        if (!service || !user)
                return -EINVAL;
        label = client_password_label(service, user);
        if (!label)
                return -ENOMEM;
        return keyfob_store(k,
                            &(keyfob_new_item){.label = label,
                                               .attributes = attributes,
                                               .n_attributes = ELEMENTSOF(attributes),
                                               .match = attributes,
                                               .n_match = 2,
                                               .data = data,
                                               .size = size},
                            /* ret_created= */ NULL);
}

/* ---- lists ---- */

KEYFOB_API keyfob_items *keyfob_items_free(keyfob_items *items)
{
        if (!items)
                return NULL;
        for (size_t i = 0; i < items->n; i++)
                free((void *)(uintptr_t)items->items[i].attributes);
        return client_list_free(items, items->items);
}

/* 1, 0 at the end of the list. */
static int read_item(sd_bus_message *m, void *element)
{
        keyfob_attribute *attributes = NULL;
        keyfob_item item = {0};
        int locked, r;

        r = sd_bus_message_enter_container(m, 'r', "osa{ss}ttb");
        if (r <= 0)
                return r;
        r = sd_bus_message_read(m, "os", &item.path, &item.label);
        if (r >= 0)
                r = read_attributes(m, &attributes, &item.n_attributes);
        if (r >= 0)
                r = sd_bus_message_read(m, "ttb", &item.created, &item.modified, &locked);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0) {
                free(attributes);
                return r;
        }
        item.attributes = attributes;
        item.locked = locked;
        *(keyfob_item *)element = item;
        return 1;
}

static int read_items(sd_bus_message *m, keyfob_items **ret)
{
        _cleanup_(keyfob_items_freep) keyfob_items *items = NULL;
        void *array;
        int r;

        items = client_info_new(m, sizeof(*items));
        if (!items)
                return -ENOMEM;
        r = client_read_list(m, "(osa{ss}ttb)", read_item, sizeof(keyfob_item), &array, &items->n);
        items->items = array;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(items);
        return 0;
}

KEYFOB_API int keyfob_search(keyfob *k, const keyfob_attribute *attributes, size_t n, const char *collection,
                             unsigned limit, keyfob_items **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        if (!k || !ret || !attributes_valid(attributes, n))
                return -EINVAL;

        r = client_store_message(k, "Search", /* sensitive= */ false, &call);
        if (r != 0)
                return r;
        r = client_append_attributes(call, attributes, n);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = client_append_string(call, "collection", collection);
        if (r >= 0)
                r = client_append_u32(call, "limit", limit);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_fail_append(k, r);

        r = client_call(k, call, CLIENT_QUICK, &reply);
        if (r != 0)
                return r;
        r = read_items(reply, ret);
        return r < 0 ? client_fail_errno(k, r) : 0;
}

KEYFOB_API int keyfob_list(keyfob *k, const char *collection, keyfob_items **ret)
{
        return keyfob_search(k, NULL, 0, collection, 0, ret);
}
