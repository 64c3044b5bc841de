/*
 * JSON out of D-Bus, and short ways to look into it
 */
#pragma once

#include <json-c/json.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "client/client.h"
#include "common/cleanup.h"

static inline void json_putp(struct json_object **json)
{
        if (*json)
                json_object_put(*json);
}
#define _cleanup_json_ _cleanup_(json_putp)

/* Everything from here to the end of a message: its one value, or an array of its values. Variants are what they hold,
 * dictionaries with string keys are objects. 0 or negative errno. */
int json_from_message(sd_bus_message *m, struct json_object **ret);

/* An item without its value. NULL: out of memory. */
struct json_object *json_from_item(const keyfob_item *item);
struct json_object *json_from_attributes(const keyfob_attribute *attributes, size_t n);

/* A member, or what is said for a missing one: "", 0, false, NULL. */
const char *json_string(struct json_object *json, const char *key);
uint64_t json_number(struct json_object *json, const char *key);
bool json_flag(struct json_object *json, const char *key);
struct json_object *json_member(struct json_object *json, const char *key);
/* Length of an array; 0 for anything else. */
size_t json_length(struct json_object *json);
