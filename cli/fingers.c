/*
 * Fingers
 */
#include "cli/fingers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"
#include "common/hex.h"

/* New string or NULL. */
static char *id_of(const keyfob_finger *finger)
{
        char *text = malloc(2 * finger->id_size + 1);

        if (text)
                hex_encode(finger->id, finger->id_size, text);
        return text;
}

int fingers_print(const keyfob_fingers *list)
{
        static const char *const headings[] = {"ID", "NAME"};
        Table table;

        table_begin(&table, headings, ELEMENTSOF(headings));
        for (size_t i = 0; i < list->n; i++) {
                _cleanup_free_ char *id = id_of(&list->fingers[i]);

                table_add(&table, id);
                table_add(&table, list->fingers[i].name[0] ? list->fingers[i].name : "-");
        }
        return table_end(&table);
}

static struct json_object *finger_json(const keyfob_finger *finger)
{
        struct json_object *json = json_object_new_object();
        _cleanup_free_ char *id = id_of(finger);

        if (!json || !id) {
                json_object_put(json);
                return NULL;
        }
        json_object_object_add(json, "id", json_object_new_string(id));
        json_object_object_add(json, "name", json_object_new_string(finger->name));
        return json;
}

int fingers_print_json(const keyfob_fingers *list)
{
        _cleanup_json_ struct json_object *array = json_object_new_array();

        if (!array)
                return cli_no_memory();
        for (size_t i = 0; i < list->n; i++) {
                struct json_object *json = finger_json(&list->fingers[i]);

                if (!json || json_object_array_add(array, json) < 0) {
                        json_object_put(json);
                        return cli_no_memory();
                }
        }
        return output_json(TAKE_PTR(array));
}

void fingers_report(void *userdata, const keyfob_key_progress *progress)
{
        if (strcmp(progress->what, "touch") == 0) {
                fprintf(stderr, "keyfob: touch %s\n", userdata ? (const char *)userdata : "your key");
        } else if (strcmp(progress->what, "sample") == 0) {
                _cleanup_free_ char *status = strdup(progress->status);

                if (!status)
                        return;
                text_clean(status);
                if (progress->left == 0)
                        fprintf(stderr, "keyfob: %s, done\n", status);
                else
                        fprintf(stderr, "keyfob: %s, %u more %s\n", status, (unsigned)progress->left,
                                progress->left == 1 ? "touch" : "touches");
        }
}

int fingers_find(const keyfob_fingers *list, const char *which, const keyfob_finger **ret)
{
        const keyfob_finger *found = NULL;
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++) {
                const keyfob_finger *finger = &list->fingers[i];
                _cleanup_free_ char *id = id_of(finger);

                if (!id)
                        return cli_no_memory();
                if (strcasecmp(id, which) == 0) {
                        *ret = finger;
                        return 0;
                }
                if (strcmp(finger->name, which) == 0) {
                        found = finger;
                        n++;
                }
        }
        if (n > 1)
                return cli_error(EXIT_USAGE, "several fingers are called \"%s\": give the id of one", which);
        if (n == 0)
                return cli_error(EXIT_NOT_FOUND, "no finger has the name or id \"%s\"", which);
        *ret = found;
        return 0;
}
