/*
 * JSON
 *
 * The daemon's dictionaries are shown to scripts as they are: one converter from any D-Bus value, instead of a list of
 * fields in each command that would have to grow with the daemon.
 */
#include "cli/json.h"

#include <errno.h>
#include <string.h>

#include "cli/text.h"

#define DEPTH_MAX 16

static int from_value(sd_bus_message *m, unsigned depth, struct json_object **ret);

static int from_basic(sd_bus_message *m, char type, struct json_object **ret)
{
        union {
                const char *string;
                uint8_t y;
                int b;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
        } value;
        int r;

        r = sd_bus_message_read_basic(m, type, &value);
        if (r < 0)
                return r;
        switch (type) {
        case 's':
        case 'o':
        case 'g':
                *ret = json_object_new_string(value.string);
                break;
        case 'b':
                *ret = json_object_new_boolean(value.b);
                break;
        case 'y':
                *ret = json_object_new_int(value.y);
                break;
        case 'n':
                *ret = json_object_new_int(value.n);
                break;
        case 'q':
                *ret = json_object_new_int(value.q);
                break;
        case 'i':
                *ret = json_object_new_int(value.i);
                break;
        case 'u':
                *ret = json_object_new_int64(value.u);
                break;
        case 'x':
                *ret = json_object_new_int64(value.x);
                break;
        case 't':
                *ret = json_object_new_uint64(value.t);
                break;
        case 'd':
                *ret = json_object_new_double(value.d);
                break;
        default:
                return -EBADMSG;
        }
        return *ret ? 0 : -ENOMEM;
}

static int from_dictionary(sd_bus_message *m, const char *contents, unsigned depth, struct json_object **ret)
{
        _cleanup_json_ struct json_object *object = json_object_new_object();
        char entry[256];
        int r;

        /* contents is "{sX}": an entry is entered by "sX" */
        if (!object)
                return -ENOMEM;
        if (strlen(contents) < 4 || strlen(contents) >= sizeof(entry))
                return -EBADMSG;
        memcpy(entry, contents + 1, strlen(contents) - 2);
        entry[strlen(contents) - 2] = 0;

        while ((r = sd_bus_message_enter_container(m, 'e', entry)) > 0) {
                struct json_object *value;
                const char *key;

                r = sd_bus_message_read_basic(m, entry[0], &key);
                if (r >= 0)
                        r = from_value(m, depth + 1, &value);
                if (r < 0)
                        return r;
                if (json_object_object_add(object, key, value) < 0) {
                        json_object_put(value);
                        return -ENOMEM;
                }
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

static int from_sequence(sd_bus_message *m, unsigned depth, struct json_object **ret)
{
        _cleanup_json_ struct json_object *array = json_object_new_array();
        int r;

        if (!array)
                return -ENOMEM;
        while ((r = sd_bus_message_at_end(m, /* complete= */ false)) == 0) {
                struct json_object *value;

                r = from_value(m, depth + 1, &value);
                if (r < 0)
                        return r;
                if (json_object_array_add(array, value) < 0) {
                        json_object_put(value);
                        return -ENOMEM;
                }
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(array);
        return 0;
}

static int from_value(sd_bus_message *m, unsigned depth, struct json_object **ret)
{
        _cleanup_json_ struct json_object *value = NULL;
        const char *contents;
        char type;
        int r;

        if (depth > DEPTH_MAX)
                return -EBADMSG;
        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        if (r == 0)
                return -ENXIO;
        if (!strchr("avr", type))
                return from_basic(m, type, ret);

        r = sd_bus_message_enter_container(m, type, contents);
        if (r < 0)
                return r;
        if (type == 'v')
                r = from_value(m, depth + 1, &value);
        else if (type == 'a' && contents[0] == '{' && (contents[1] == 's' || contents[1] == 'o'))
                r = from_dictionary(m, contents, depth, &value);
        else
                r = from_sequence(m, depth, &value);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(value);
        return 0;
}

int json_from_message(sd_bus_message *m, struct json_object **ret)
{
        _cleanup_json_ struct json_object *all = NULL;
        int r;

        r = from_sequence(m, 0, &all);
        if (r < 0)
                return r;
        *ret = json_object_array_length(all) == 1 ? json_object_get(json_object_array_get_idx(all, 0)) : TAKE_PTR(all);
        return 0;
}

struct json_object *json_from_attributes(const keyfob_attribute *attributes, size_t n)
{
        struct json_object *object = json_object_new_object();

        for (size_t i = 0; object && i < n; i++)
                json_object_object_add(object, attributes[i].name, json_object_new_string(attributes[i].value));
        return object;
}

struct json_object *json_from_item(const keyfob_item *item)
{
        struct json_object *object = json_object_new_object();
        _cleanup_free_ char *collection = text_collection_of(item->path);

        if (!object)
                return NULL;
        json_object_object_add(object, "path", json_object_new_string(item->path));
        if (collection)
                json_object_object_add(object, "collection", json_object_new_string(collection));
        json_object_object_add(object, "label", json_object_new_string(item->label));
        json_object_object_add(object, "attributes", json_from_attributes(item->attributes, item->n_attributes));
        json_object_object_add(object, "created", json_object_new_uint64(item->created));
        json_object_object_add(object, "modified", json_object_new_uint64(item->modified));
        json_object_object_add(object, "locked", json_object_new_boolean(item->locked));
        return object;
}

struct json_object *json_member(struct json_object *json, const char *key)
{
        struct json_object *value;

        return json_object_is_type(json, json_type_object) && json_object_object_get_ex(json, key, &value) ? value
                                                                                                           : NULL;
}

const char *json_string(struct json_object *json, const char *key)
{
        struct json_object *value = json_member(json, key);

        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

uint64_t json_number(struct json_object *json, const char *key)
{
        struct json_object *value = json_member(json, key);

        return json_object_is_type(value, json_type_int) ? json_object_get_uint64(value) : 0;
}

bool json_flag(struct json_object *json, const char *key)
{
        struct json_object *value = json_member(json, key);

        return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

size_t json_length(struct json_object *json)
{
        return json_object_is_type(json, json_type_array) ? json_object_array_length(json) : 0;
}
