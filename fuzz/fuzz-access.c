/*
 * Parsers about who reads what: chunks of the log, rules of the policy, and what names an app
 *
 * The first byte chooses. A chunk that is accepted is written again the same; so are rules, which also decide.
 */
#include <string.h>

#include "daemon/access-entry.h"
#include "daemon/access-rule.h"
#include "fuzz/fuzz.h"
#include "helper/app.h"

static void chunk(const uint8_t *data, size_t size)
{
        _cleanup_(byte_writer_done) ByteWriter again = BYTE_WRITER_NULL, joined = BYTE_WRITER_NULL;
        size_t counted, n = 0;
        AccessEntry entry;
        ByteReader reader;
        int r;

        if (access_chunk_count(data, size, &counted) < 0) {
                PROMISE(access_chunk_join(&joined, data, size) < 0);
                return;
        }
        access_chunk_begin(&again);
        PROMISE(access_chunk_open(&reader, data, size) == 0);
        while ((r = access_chunk_next(&reader, &entry)) > 0) {
                PROMISE(access_kind_name(entry.kind) && entry.confinement <= HELPER_CONFINED);
                PROMISE(entry.n_objects <= ACCESS_OBJECTS_MAX && strlen(entry.label) <= ACCESS_TEXT_MAX);
                access_chunk_add(&again, &entry);
                access_entry_done(&entry);
                n++;
        }
        PROMISE(n <= counted);
        if (r < 0)
                return;
        PROMISE(n == counted && again.size == size && memcmp(again.data, data, size) == 0);
        access_chunk_begin(&joined);
        PROMISE(access_chunk_join(&joined, data, size) == 0 && joined.size == size);
}

static void rules(const uint8_t *data, size_t size)
{
        static char no_text[] = "", program[] = "/usr/bin/editor", unit[] = "editor.service";
        const Identity who = {.confinement = HELPER_FREE, .program = program, .comm = no_text, .unit = unit, .app = no_text};
        const AccessTarget item = {1, UINT64_C(1) << 40 | 1};
        _cleanup_(byte_writer_done) ByteWriter again = BYTE_WRITER_NULL;
        AccessRules parsed;
        AccessTarget reach;

        if (access_rules_read(data, size, &parsed) < 0)
                return;
        PROMISE(parsed.n <= ACCESS_RULES_MAX);
        access_rules_write(&parsed, &again);
        PROMISE(again.size == size && memcmp(again.data, data, size) == 0);
        PROMISE(access_verdict_name(access_rules_decide(&parsed, &who, &item, &reach)));
        access_rules_done(&parsed);
}

static void app(char *text)
{
        char name[APP_NAME_MAX];
        AccessSubject subject;
        const char *rest;

        if (app_parse_flatpak(text, name, sizeof(name)) == 0 || app_parse_snap(text, name, sizeof(name)) == 0 ||
            app_parse_unit(text, name, sizeof(name)) == 0)
                PROMISE(access_subject_parse(name, &subject, &rest) == 0 && subject == ACCESS_APP);
        (void)app_mounts_are_plain(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text;

        if (size == 0)
                return 0;
        switch (data[0] % 3) {
        case 0:
                chunk(data + 1, size - 1);
                break;
        case 1:
                rules(data + 1, size - 1);
                break;
        default:
                text = strndup((const char *)data + 1, size - 1);
                if (text)
                        app(text);
                free(text);
        }
        return 0;
}
