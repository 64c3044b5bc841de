/*
 * Passkeys
 *
 * Ids are long and random, so people see their beginning and give a beginning back. Everything that a site or an
 * account is called was chosen by someone else and is cleaned on its way to the terminal.
 */
#include "cli/passkeys.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/authenticator.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"
#include "common/hex.h"

#define DIGITS_MIN     4U
#define DIGITS_SHOWN   16U
#define CANDIDATES_MAX 8U

/* New string or NULL. */
static char *hex_of(const void *data, size_t size, size_t digits_max)
{
        char *text = malloc(2 * size + 1);

        if (!text)
                return NULL;
        hex_encode(data, size, text);
        if (2 * size > digits_max)
                text[digits_max] = 0;
        return text;
}

static const char *site_of(const keyfob_passkey *p)
{
        return p->rp_id[0] ? p->rp_id : "U2F";
}

static const char *user_of(const keyfob_passkey *p)
{
        return p->user_name[0] ? p->user_name : p->user_display_name;
}

static const char *kind_of(const keyfob_passkey *p)
{
        static const char *const kinds[][2] = {
                {"second factor", "second factor, TPM"}, {"passkey", "passkey, TPM"}, {"U2F", "U2F, TPM"}};

        return kinds[p->u2f ? 2 : p->discoverable][p->device_bound];
}

char *passkey_title(const keyfob_passkey *p)
{
        char *title;

        if (asprintf(&title, "%s%s%s", site_of(p), user_of(p)[0] ? ", " : "", user_of(p)) < 0)
                return NULL;
        text_clean(title);
        return title;
}

/* ---- the one that is meant ---- */

static bool begins_with(const keyfob_passkey *p, const char *digits)
{
        static const char hex[] = "0123456789abcdef";

        if (strlen(digits) > 2 * p->id_size)
                return false;
        for (size_t i = 0; digits[i]; i++)
                if (tolower((unsigned char)digits[i]) != hex[i % 2 == 0 ? p->id[i / 2] >> 4 : p->id[i / 2] & 15])
                        return false;
        return true;
}

static int fail_ambiguous(const keyfob_passkeys *list, const char *digits, size_t n)
{
        _cleanup_free_ char *text = NULL;
        size_t size, shown = 0;
        FILE *stream;

        stream = open_memstream(&text, &size);
        if (!stream)
                return cli_no_memory();
        for (size_t i = 0; i < list->n && shown < CANDIDATES_MAX; i++) {
                const keyfob_passkey *p = &list->passkeys[i];
                _cleanup_free_ char *id = NULL, *title = NULL;

                if (!begins_with(p, digits))
                        continue;
                id = hex_of(p->id, p->id_size, strlen(digits) + DIGITS_SHOWN);
                title = passkey_title(p);
                (void)fprintf(stream, "%s%s (%s)", shown > 0 ? "; " : "", id ? id : "", title ? title : "");
                shown++;
        }
        if (n > shown)
                (void)fprintf(stream, "; %zu more", n - shown);
        if (fclose(stream) < 0 || !text)
                return cli_no_memory();
        return cli_error(EXIT_USAGE, "\"%s\" may be %s", digits, text);
}

int passkeys_find(const keyfob_passkeys *list, const char *digits, const keyfob_passkey **ret)
{
        const keyfob_passkey *found = NULL;
        size_t n = 0;

        if (strlen(digits) < DIGITS_MIN || digits[strspn(digits, "0123456789abcdefABCDEF")])
                return cli_error(EXIT_USAGE, "\"%s\" is not an id or its beginning: at least %u hexadecimal digits",
                                 digits, DIGITS_MIN);
        for (size_t i = 0; i < list->n; i++) {
                const keyfob_passkey *p = &list->passkeys[i];

                if (!begins_with(p, digits))
                        continue;
                found = p;
                n++;
                if (strlen(digits) == 2 * p->id_size) {
                        n = 1;
                        break;
                }
        }
        if (n == 0)
                return cli_error(EXIT_NOT_FOUND, "no passkey has an id that begins with %s", digits);
        if (n > 1)
                return fail_ambiguous(list, digits, n);
        *ret = found;
        return 0;
}

/* ---- lists ---- */

static void add_row(Table *table, const keyfob_passkey *p, bool deleted)
{
        _cleanup_free_ char *id = hex_of(p->id, p->id_size, DIGITS_SHOWN);
        char number[24], removed[32], created[32];

        if (!id) {
                table->error = -ENOMEM;
                return;
        }
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)p->number);
        text_time(p->removed, removed);
        text_time(p->created, created);
        table_add(table, deleted ? number : id);
        table_add(table, site_of(p));
        table_add(table, user_of(p));
        table_add(table, kind_of(p));
        table_add(table, created);
        if (!deleted)
                return;
        table_add(table, removed);
        table_add(table, id);
}

int passkeys_print(const keyfob_passkeys *list, bool deleted)
{
        static const char *const headings[] = {"ID", "SITE", "USER", "KIND", "CREATED"},
                                 *const headings_deleted[] = {"N", "SITE", "USER", "KIND", "CREATED", "REMOVED", "ID"};
        Table table;

        table_begin(&table, deleted ? headings_deleted : headings,
                    deleted ? ELEMENTSOF(headings_deleted) : ELEMENTSOF(headings));
        for (size_t i = 0; i < list->n; i++)
                add_row(&table, &list->passkeys[i], deleted);
        return table_end(&table);
}

/* ---- one ---- */

static const char *protection_of(const keyfob_passkey *p)
{
        switch (p->protection) {
        case 1:
                return "user verification is optional";
        case 2:
                return "user verification is optional where the site names the passkey, else required";
        case 3:
                return "user verification is required";
        default:
                return "unknown";
        }
}

int passkey_print(const keyfob_passkey *p, const char *home)
{
        _cleanup_free_ char *id = hex_of(p->id, p->id_size, SIZE_MAX),
                            *user = hex_of(p->user_id, p->user_id_size, SIZE_MAX);
        const char *name = authenticator_algorithm(p->algorithm);
        char number[24], created[32], stays[64];

        if (!id || !user)
                return cli_no_memory();
        (void)snprintf(number, sizeof(number), "COSE %d", (int)p->algorithm);
        (void)snprintf(stays, sizeof(stays), "it never leaves this %s", p->device_bound ? "machine's TPM" : home);
        text_time_iso(p->created, created);
        output_line("id", id);
        output_line("site", site_of(p));
        output_line("site name", p->rp_name);
        output_line("user", p->user_name);
        output_line("display name", p->user_display_name);
        output_line("user id", user);
        output_line("kind", kind_of(p));
        output_line("algorithm", name ? name : number);
        output_line("protection", protection_of(p));
        output_line("backup", p->backup_eligible ? "it may be backed up" : stays);
        if (p->created > 0)
                output_line("created", created);
        return output_flush();
}

static int put_hex(struct json_object *to, const char *key, const void *data, size_t size)
{
        _cleanup_free_ char *text = hex_of(data, size, SIZE_MAX);

        return text ? json_object_object_add(to, key, json_object_new_string(text)) : -ENOMEM;
}

struct json_object *passkey_json(const keyfob_passkey *p)
{
        _cleanup_json_ struct json_object *json = json_object_new_object();
        const char *name = authenticator_algorithm(p->algorithm);

        if (!json || put_hex(json, "id", p->id, p->id_size) < 0 ||
            put_hex(json, "user_id", p->user_id, p->user_id_size) < 0)
                return NULL;
        json_object_object_add(json, "rp_id", json_object_new_string(p->rp_id));
        json_object_object_add(json, "rp_name", json_object_new_string(p->rp_name));
        json_object_object_add(json, "user_name", json_object_new_string(p->user_name));
        json_object_object_add(json, "user_display_name", json_object_new_string(p->user_display_name));
        json_object_object_add(json, "algorithm", json_object_new_int(p->algorithm));
        if (name)
                json_object_object_add(json, "algorithm_name", json_object_new_string(name));
        json_object_object_add(json, "discoverable", json_object_new_boolean(p->discoverable));
        json_object_object_add(json, "u2f", json_object_new_boolean(p->u2f));
        json_object_object_add(json, "protection", json_object_new_int64(p->protection));
        json_object_object_add(json, "backup_eligible", json_object_new_boolean(p->backup_eligible));
        json_object_object_add(json, "device_bound", json_object_new_boolean(p->device_bound));
        if (p->created > 0)
                json_object_object_add(json, "created", json_object_new_uint64(p->created));
        if (p->removed > 0) {
                json_object_object_add(json, "removed", json_object_new_uint64(p->removed));
                json_object_object_add(json, "number", json_object_new_uint64(p->number));
        }
        return TAKE_PTR(json);
}

int passkeys_print_json(const keyfob_passkeys *list)
{
        _cleanup_json_ struct json_object *array = json_object_new_array();

        if (!array)
                return cli_no_memory();
        for (size_t i = 0; i < list->n; i++) {
                struct json_object *json = passkey_json(&list->passkeys[i]);

                if (!json || json_object_array_add(array, json) < 0) {
                        json_object_put(json);
                        return cli_no_memory();
                }
        }
        return output_json(TAKE_PTR(array));
}

int passkey_say(const char *what, const keyfob_passkey *passkey, const char *then)
{
        _cleanup_free_ char *title = passkey_title(passkey);

        if (!title)
                return cli_no_memory();
        printf("%s %s%s\n", what, title, then);
        return output_flush();
}
