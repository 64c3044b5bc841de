/*
 * History
 */
#include "cli/history.h"

#include <string.h>

#include "cli/json.h"
#include "cli/request.h"
#include "cli/text.h"

static int search(keyfob *k, const char *service, const char *user, struct json_object **ret)
{
        _cleanup_(request_done) Request request = {0};

        request_init(&request, k, "Search");
        request_append(&request, "a{ss}", 2, "service", service, "username", user);
        request_end_options(&request);
        return request_call_json(&request, CLIENT_QUICK, ret);
}

int history_unlock(keyfob *k, const char *collection)
{
        _cleanup_(request_done) Request request = {0};

        request_init(&request, k, "Unlock");
        request_string(&request, "collection", collection);
        request_end_options(&request);
        return request_call(&request, CLIENT_ASKS, NULL);
}

/* The one that was changed last, which is what Lookup would answer; 1: all are locked, and this is where the first one is. */
static int take_newest(struct json_object *items, char **ret, char **ret_collection)
{
        struct json_object *best = NULL;
        int64_t newest = -1;

        for (size_t i = 0; i < json_length(items); i++) {
                struct json_object *item = json_object_array_get_idx(items, i);
                int64_t modified = json_object_get_int64(json_object_array_get_idx(item, 4));

                if (json_object_get_boolean(json_object_array_get_idx(item, 5)) || modified < newest)
                        continue;
                best = item;
                newest = modified;
        }
        if (!best) {
                best = json_object_array_get_idx(json_object_array_get_idx(items, 0), 0);
                *ret_collection = text_collection_of(json_object_get_string(best));
                return *ret_collection ? 1 : -1;
        }
        *ret = strdup(json_object_get_string(json_object_array_get_idx(best, 0)));
        return *ret ? 0 : -1;
}

static int find_deleted(keyfob *k, const char *service, const char *user, char **ret)
{
        _cleanup_(request_done) Request request = {0};
        _cleanup_json_ struct json_object *entries = NULL;
        int r;

        request_init(&request, k, "ListDeleted");
        request_end_options(&request);
        r = request_call_json(&request, CLIENT_QUICK, &entries);
        for (size_t i = 0; r == 0 && !*ret && i < json_length(entries); i++) {
                struct json_object *entry = json_object_array_get_idx(entries, i);
                struct json_object *attributes = json_member(entry, "attributes");

                if (!json_flag(entry, "deleted") || strcmp(json_string(attributes, "service"), service) != 0 ||
                    strcmp(json_string(attributes, "username"), user) != 0)
                        continue;
                *ret = strdup(json_string(entry, "item"));
                if (!*ret)
                        r = cli_no_memory();
        }
        return r;
}

int history_find(keyfob *k, int n, char *operands[], char **ret_path)
{
        char *path = NULL;
        int r;

        if (n == 1) {
                *ret_path = strdup(operands[0]);
                return *ret_path ? 0 : cli_no_memory();
        }
        for (int tries = 0; !path; tries++) {
                _cleanup_json_ struct json_object *items = NULL;
                _cleanup_free_ char *locked = NULL;

                r = search(k, operands[0], operands[1], &items);
                if (r != 0)
                        return r;
                r = json_length(items) > 0 ? take_newest(items, &path, &locked) : 0;
                if (r < 0)
                        return cli_no_memory();
                if (json_length(items) > 0 && r == 0)
                        break;
                if (r == 0) {
                        r = find_deleted(k, operands[0], operands[1], &path);
                        if (r != 0)
                                return r;
                        if (path)
                                break;
                }
                if (tries > 0 && !locked)
                        return cli_error(EXIT_NOT_FOUND, "no password for '%s' on '%s', and none that was deleted",
                                         operands[1], operands[0]);
                if (tries > 1)
                        return cli_explain(KEYFOB_E_LOCKED, NULL);
                /* The vault first; when that was not it, the item is in a collection that has a password of its own. */
                r = history_unlock(k, tries > 0 ? locked : NULL);
                if (r != 0)
                        return r;
        }
        *ret_path = path;
        return 0;
}
