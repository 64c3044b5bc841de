/*
 * Keys of the ssh-agent
 *
 * The type and the base64 of a public line come from the key's own bytes. Its comment was chosen by whoever added it: a line
 * break in it would be a line of authorized_keys that nobody asked for.
 */
#include "cli/ssh-keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"
#include "common/base64.h"

#define CANDIDATES_MAX 8U

char *ssh_key_line(const keyfob_ssh_key *key)
{
        _cleanup_free_ char *base64 = base64_encode(key->blob, key->blob_size);
        char *line;

        if (!base64 || asprintf(&line, "%s %s%s%s", key->type, base64, key->comment[0] ? " " : "", key->comment) < 0)
                return NULL;
        text_clean(line);
        return line;
}

char *ssh_key_title(const keyfob_ssh_key *key)
{
        char *title;

        if (asprintf(&title, "%s%s%s%s%s", key->comment, key->comment[0] ? " (" : "", key->fingerprint,
                     key->certificate ? ", a certificate" : "", key->comment[0] ? ")" : "") < 0)
                return NULL;
        text_clean(title);
        return title;
}

/* ---- the one that is meant ---- */

static bool is_blob(const keyfob_ssh_key *key, const void *blob, size_t size)
{
        return size == key->blob_size && memcmp(blob, key->blob, size) == 0;
}

/* The base64 in a public line ("TYPE BASE64 …") or by itself. New memory; NULL: there is none. */
static void *blob_of(const char *which, size_t *ret_size)
{
        _cleanup_free_ char *copy = strdup(which);
        char *rest = NULL, *first = copy ? strtok_r(copy, " \t\r\n", &rest) : NULL,
             *second = first ? strtok_r(NULL, " \t\r\n", &rest) : NULL;
        uint8_t *blob;

        if (second)
                first = second;
        if (!first || base64_decode(first, strlen(first), &blob, ret_size) < 0)
                return NULL;
        return blob;
}

static int fail_ambiguous(const keyfob_ssh_keys *list, const char *which, const bool *fits)
{
        _cleanup_free_ char *text = NULL;
        size_t size, shown = 0;
        FILE *stream;

        stream = open_memstream(&text, &size);
        if (!stream)
                return cli_no_memory();
        for (size_t i = 0; i < list->n; i++) {
                _cleanup_free_ char *title = fits[i] ? ssh_key_title(&list->keys[i]) : NULL;

                if (!fits[i] || shown++ >= CANDIDATES_MAX)
                        continue;
                (void)fprintf(stream, "%s%s", shown > 1 ? "; " : "", title ? title : "");
        }
        if (shown > CANDIDATES_MAX)
                (void)fprintf(stream, "; %zu more", shown - CANDIDATES_MAX);
        if (fclose(stream) < 0 || !text)
                return cli_no_memory();
        return cli_error(EXIT_USAGE, "\"%s\" may be %s: give the fingerprint, or the line of \"keyfob ssh list -L\"", which,
                         text);
}

int ssh_keys_find(const keyfob_ssh_keys *list, const char *which, const keyfob_ssh_key **ret)
{
        _cleanup_free_ bool *fits = calloc(list->n + 1, sizeof(*fits));
        size_t n = 0, size = 0;
        _cleanup_free_ void *blob = blob_of(which, &size);
        const keyfob_ssh_key *found = NULL;

        if (!fits)
                return cli_no_memory();
        for (size_t i = 0; i < list->n; i++) {
                const keyfob_ssh_key *key = &list->keys[i];

                fits[i] = strcmp(key->fingerprint, which) == 0 || strcmp(key->comment, which) == 0 ||
                          (blob && is_blob(key, blob, size));
                if (!fits[i])
                        continue;
                found = key;
                n++;
        }
        if (n == 0)
                return cli_error(EXIT_NOT_FOUND, "no key is called \"%s\": see keyfob ssh list", which);
        if (n > 1)
                return fail_ambiguous(list, which, fits);
        *ret = found;
        return 0;
}

/* ---- limits of a key, in words ---- */

static void say(FILE *to, const char *text)
{
        (void)fprintf(to, "%s%s", ftell(to) > 0 ? ", " : "", text);
}

/* A host is in its list once for each of its keys. */
static bool is_repeated(const char *const *names, size_t i)
{
        for (size_t j = 0; j < i; j++)
                if (strcmp(names[j], names[i]) == 0)
                        return true;
        return false;
}

static void say_names(FILE *to, const char *what, const char *const *names, size_t n)
{
        bool any = false;

        for (size_t i = 0; i < n; i++) {
                if (is_repeated(names, i))
                        continue;
                if (!any)
                        say(to, what);
                (void)fprintf(to, "%s%s", any || *what ? " " : "", names[i]);
                any = true;
        }
}

static void say_lifetime(FILE *to, uint32_t seconds)
{
        static const struct {
                uint32_t seconds;
                const char *name;
        } units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
        char text[48];

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (seconds < 2 * units[i].seconds && i + 1 < ELEMENTSOF(units))
                        continue;
                (void)snprintf(text, sizeof(text), "%u %s left", seconds / units[i].seconds, units[i].name);
                say(to, text);
                return;
        }
}

/* New string or NULL. */
static char *limits_of(const keyfob_ssh_key *key)
{
        char *text = NULL, destinations[48];
        size_t size;
        FILE *to = open_memstream(&text, &size);

        if (!to)
                return NULL;
        if (key->confirm || key->policy_confirm)
                say(to, "confirm");
        if (key->policy_verify)
                say(to, "verify");
        if (key->lifetime > 0)
                say_lifetime(to, key->lifetime);
        if (key->destinations > 0) {
                (void)snprintf(destinations, sizeof(destinations), "%u destination%s", key->destinations,
                               key->destinations == 1 ? "" : "s");
                say(to, destinations);
        }
        say_names(to, "hosts", key->hosts, key->n_hosts);
        say_names(to, "programs", key->programs, key->n_programs);
        if (key->application[0] && strcmp(key->application, "ssh:") != 0)
                say_names(to, "for", &key->application, 1);
        if (fclose(to) < 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* ---- lists ---- */

static void add_row(Table *table, const keyfob_ssh_key *key, bool deleted)
{
        _cleanup_free_ char *limits = limits_of(key);
        char number[24], bits[16], removed[32];

        if (!limits) {
                table->error = -ENOMEM;
                return;
        }
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)key->number);
        (void)snprintf(bits, sizeof(bits), "%u", key->bits);
        text_time(key->removed, removed);
        if (deleted)
                table_add(table, number);
        table_add(table, key->fingerprint);
        table_add(table, key->type);
        table_add(table, bits);
        if (deleted)
                table_add(table, removed);
        else
                table_add(table, key->stored ? "vault" : "memory");
        table_add(table, key->comment);
        if (!deleted)
                table_add(table, limits);
}

int ssh_keys_print(const keyfob_ssh_keys *list, bool deleted)
{
        static const char *const headings[] = {"FINGERPRINT", "TYPE", "BITS", "WHERE", "COMMENT", "LIMITS"},
                                 *const headings_deleted[] = {"N", "FINGERPRINT", "TYPE", "BITS", "REMOVED", "COMMENT"};
        Table table;

        table_begin(&table, deleted ? headings_deleted : headings, ELEMENTSOF(headings));
        for (size_t i = 0; i < list->n; i++)
                add_row(&table, &list->keys[i], deleted);
        return table_end(&table);
}

int ssh_keys_print_public(const keyfob_ssh_keys *list)
{
        for (size_t i = 0; i < list->n; i++) {
                _cleanup_free_ char *line = ssh_key_line(&list->keys[i]);

                if (!line)
                        return cli_no_memory();
                printf("%s\n", line);
        }
        return output_flush();
}

/* ---- JSON ---- */

static struct json_object *names_json(const char *const *names, size_t n)
{
        struct json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < n; i++) {
                if (!is_repeated(names, i))
                        json_object_array_add(array, json_object_new_string(names[i]));
        }
        return array;
}

static struct json_object *policy_json(const keyfob_ssh_key *key)
{
        struct json_object *policy = json_object_new_object();

        if (!policy)
                return NULL;
        json_object_object_add(policy, "confirm", json_object_new_boolean(key->policy_confirm));
        json_object_object_add(policy, "verify", json_object_new_boolean(key->policy_verify));
        json_object_object_add(policy, "hosts", names_json(key->hosts, key->n_hosts));
        json_object_object_add(policy, "programs", names_json(key->programs, key->n_programs));
        return policy;
}

struct json_object *ssh_key_json(const keyfob_ssh_key *key)
{
        struct json_object *json = json_object_new_object();
        _cleanup_free_ char *line = ssh_key_line(key);

        if (!json || !line) {
                json_object_put(json);
                return NULL;
        }
        json_object_object_add(json, "fingerprint", json_object_new_string(key->fingerprint));
        json_object_object_add(json, "type", json_object_new_string(key->type));
        json_object_object_add(json, "bits", json_object_new_int64(key->bits));
        json_object_object_add(json, "comment", json_object_new_string(key->comment));
        json_object_object_add(json, "line", json_object_new_string(line));
        json_object_object_add(json, "certificate", json_object_new_boolean(key->certificate));
        if (key->application[0]) {
                json_object_object_add(json, "application", json_object_new_string(key->application));
                json_object_object_add(json, "sk_flags", json_object_new_int64(key->sk_flags));
        }
        if (key->removed > 0) {
                json_object_object_add(json, "removed", json_object_new_uint64(key->removed));
                json_object_object_add(json, "number", json_object_new_uint64(key->number));
                return json;
        }
        json_object_object_add(json, "stored", json_object_new_boolean(key->stored));
        json_object_object_add(json, "confirm", json_object_new_boolean(key->confirm));
        if (key->lifetime > 0)
                json_object_object_add(json, "lifetime", json_object_new_int64(key->lifetime));
        json_object_object_add(json, "destinations", json_object_new_int64(key->destinations));
        if (key->policy_known)
                json_object_object_add(json, "policy", policy_json(key));
        return json;
}

int ssh_keys_print_json(const keyfob_ssh_keys *list)
{
        _cleanup_json_ struct json_object *array = json_object_new_array();

        if (!array)
                return cli_no_memory();
        for (size_t i = 0; i < list->n; i++) {
                struct json_object *json = ssh_key_json(&list->keys[i]);

                if (!json || json_object_array_add(array, json) < 0) {
                        json_object_put(json);
                        return cli_no_memory();
                }
        }
        return output_json(TAKE_PTR(array));
}

/* ---- who may use one ---- */

static int print_names(const char *what, const char *const *names, size_t n)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *to = open_memstream(&text, &size);

        if (!to)
                return -ENOMEM;
        if (n == 0)
                say(to, "any");
        say_names(to, "", names, n);
        if (fclose(to) < 0)
                return -ENOMEM;
        output_line(what, text);
        return 0;
}

int ssh_key_print_policy(const keyfob_ssh_key *key)
{
        output_line("key", key->fingerprint);
        output_line("comment", key->comment);
        output_line("confirm", key->policy_confirm ? "yes" : "no");
        output_line("verify", key->policy_verify ? "yes" : "no");
        if (print_names("hosts", key->hosts, key->n_hosts) < 0 || print_names("programs", key->programs, key->n_programs) < 0)
                return cli_no_memory();
        return output_flush();
}
