/*
 * Dictionaries: a{sv} into the fields of a struct
 *
 * A key that nobody asked for, or whose value has another type than expected, is passed over: a later daemon may say
 * more, and what it says differently is not to be misread.
 */
#include "client/client.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

static int read_bytes(sd_bus_message *m, const ClientField *field)
{
        const void **place = field->place;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', place, field->size);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_strings(sd_bus_message *m, const ClientField *field)
{
        const char **place = field->place, *text;
        size_t n = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &text)) > 0) {
                if (n >= *field->size)
                        return -EFBIG;
                place[n++] = text;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *field->size = n;
        return 0;
}

static int read_value(sd_bus_message *m, const ClientField *fields, size_t n, const char *key)
{
        const char *contents;
        int r;

        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (strcmp(key, fields[i].key) != 0 || strcmp(contents, fields[i].type) != 0)
                        continue;
                if (fields[i].size)
                        return contents[1] == 's' ? read_strings(m, &fields[i]) : read_bytes(m, &fields[i]);
                return sd_bus_message_read(m, "v", contents, fields[i].place);
        }
        return sd_bus_message_skip(m, "v");
}

int client_read_dictionary(sd_bus_message *m, const ClientField *fields, size_t n)
{
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r <= 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *key;

                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = read_value(m, fields, n, key);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

int client_read_list(sd_bus_message *m, const char *type, int (*read)(sd_bus_message *m, void *element), size_t size,
                     void **array, size_t *n)
{
        size_t room = 0;
        int r;

        *array = NULL;
        *n = 0;
        r = sd_bus_message_enter_container(m, 'a', type);
        if (r < 0)
                return r;
        do {
                if (*n == room) {
                        void *larger = reallocarray(*array, room ? room * 2 : 16, size);

                        if (!larger)
                                return -ENOMEM;
                        *array = larger;
                        room = room ? room * 2 : 16;
                }
                r = read(m, (uint8_t *)*array + *n * size);
                if (r > 0)
                        (*n)++;
        } while (r > 0);
        return r;
}

typedef struct Info {
        sd_bus_message *reply;
        alignas(max_align_t) uint8_t fields[]; /* the caller's struct */
} Info;

void *client_info_new(sd_bus_message *reply, size_t size)
{
        Info *info = calloc(1, sizeof(*info) + size);

        if (!info)
                return NULL;
        info->reply = sd_bus_message_ref(reply);
        return info->fields;
}

void *client_info_free(void *fields)
{
        Info *info;

        if (!fields)
                return NULL;
        info = (Info *)(void *)((uint8_t *)fields - offsetof(Info, fields));
        sd_bus_message_unref(info->reply);
        free(info);
        return NULL;
}

void *client_list_free(void *list, const void *array)
{
        free((void *)(uintptr_t)array);
        return client_info_free(list);
}
