/* What a vault holds as text: see vault-story.h */
#include "tests/unit/vault-story.h"

static void tell_value(FILE *out, const uint8_t *data, size_t size)
{
        uint8_t sum[32];

        if (size <= 64) {
                (void)fprintf(out, " '%.*s'", (int)size, (const char *)data);
                return;
        }
        digest(data, size, sum);
        (void)fprintf(out, " %zu bytes, %02x%02x", size, sum[0], sum[1]);
}

static void tell_slots(FILE *out, Vault *vault)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        /* Those of one second are in the order of chance. */
        char lines[16][96];
        size_t n = 0;

        CHECK_EQ(vault_slots(vault, &list), 0);
        CHECK(list.n <= ELEMENTSOF(lines));
        for (size_t i = 0; i < list.n; i++) {
                const char *by = "nothing";

                for (char letter = 'a'; letter <= 'b'; letter++) {
                        _cleanup_(secret_freep) Secret *secret = story_secret(letter);
                        _cleanup_(root_freep) Root *root = NULL;

                        if (slot_open(list.slots[i], secret, &root) != 0)
                                continue;
                        by = list.slots[i]->kind == SLOT_NONE ? "anybody" : letter == 'a' ? "a" : "b";
                        /* It is the right root, too. */
                        CHECK_EQ(vault_unlock(vault, root, 0), 0);
                }
                (void)snprintf(lines[n++], sizeof(lines[0]), "slot %s of %u opens by %s, used %d",
                               list.slots[i]->label, list.slots[i]->scope, by, (int)list.slots[i]->used);
        }
        qsort(lines, n, sizeof(lines[0]), (int (*)(const void *, const void *))strcmp);
        for (size_t i = 0; i < n; i++)
                (void)fprintf(out, "%s\n", lines[i]);
}

static void tell_item(FILE *out, const Item *item)
{
        (void)fprintf(out, "item %llx %s", (unsigned long long)item->id, item->label);
        for (size_t i = 0; i < item->n_attributes; i++)
                (void)fprintf(out, " %s=%s", item->attributes[i].name, item->attributes[i].value);
        if (item->value)
                tell_value(out, item->value->data, item->value->size);
        (void)fputc('\n', out);
}

static void tell_collection(FILE *out, Vault *vault, const VaultCollection *c, bool *ret_aftermath)
{
        _cleanup_(item_ids_done) ItemIds ids = {0};
        uint64_t n = c->n_items;

        CHECK_EQ(vault_items(vault, c->no, &ids), 0);
        for (size_t i = 0; i < ids.n; i++) {
                _cleanup_(item_freep) Item *item = NULL;
                int r = vault_item_get(vault, ids.ids[i], true, &item);

                if (r != 0)
                        (void)fprintf(out, "NOT READABLE: %s\n", vault_strerror(r));
                else if (strcmp(item->label, STORY_AFTERMATH) == 0) {
                        *ret_aftermath = true;
                        n--;
                } else
                        tell_item(out, item);
        }
        (void)fprintf(out, "collection %u %s '%s' own %d, %d items%s%s\n", c->no, c->name, c->label, c->own_slots,
                      (int)n, c->locked ? ", LOCKED" : "", c->tampered ? ", TAMPERED" : "");
}

static void tell_trash(FILE *out, Vault *vault)
{
        _cleanup_(trash_list_done) TrashList list = {0};

        CHECK_EQ(vault_trash(vault, 0, 0, &list), 0);
        for (size_t i = 0; i < list.n; i++) {
                (void)fprintf(out, "%s ", list.entries[i].deleted ? "deleted" : "replaced");
                tell_item(out, list.entries[i].item);
        }
        for (const VaultCollection *c = NULL; (c = vault_collection_next_deleted(vault, c));)
                (void)fprintf(out, "deleted collection %u %s\n", c->no, c->label);
}

static void tell_class(FILE *out, Vault *vault, VaultClass class)
{
        VaultDeleted deleted[4];
        uint64_t records = 0, number = 0;
        uint8_t data[64];
        size_t size, n = 0;

        if (vault_class_is_sealed(vault, class))
                (void)fprintf(out, "class %d is sealed\n", class);
        if (!vault_class_is_open(vault, class) && vault_class_is_sealed(vault, class))
                CHECK_EQ(vault_class_open(vault, class, (const uint8_t[VAULT_DEVICE_SIZE]){1, 2, 3}), 0);
        CHECK_EQ(vault_record_count(vault, class, &records), 0);
        for (uint64_t i = 1; i < 4; i++)
                if (vault_record_get(vault, class, i, data, sizeof(data), &size) == 0) {
                        (void)fprintf(out, "record %d/%d", class, (int)i);
                        tell_value(out, data, size);
                        (void)fputc('\n', out);
                }
        for (uint8_t kind = 1; kind <= 3; kind++) {
                const VaultMark mark = {.kind = kind, .value = {(uint8_t)('a' + kind - 1)}};
                uint64_t found[4];

                CHECK_EQ(vault_record_find(vault, class, &mark, UINT64_MAX, found, 4, &n), 0);
                for (size_t i = 0; i < n; i++)
                        (void)fprintf(out, "mark %d of record %d/%d\n", kind, class, (int)found[i]);
        }
        CHECK_EQ(vault_record_deleted(vault, class, UINT64_MAX, deleted, 4, &n), 0);
        for (size_t i = 0; i < n; i++)
                (void)fprintf(out, "deleted record %d/%d\n", class, (int)deleted[i].number);
        while (vault_hint_next(vault, class, &number, data, sizeof(data), &size) == 0) {
                (void)fprintf(out, "hint of %d/%d", class, (int)number);
                tell_value(out, data, size);
                (void)fputc('\n', out);
        }
        (void)fprintf(out, "class %d, %d records%s\n", class, (int)records,
                      vault_class_tampered(vault, class) ? ", TAMPERED" : "");
}

static void tell_rest(FILE *out, Vault *vault)
{
        int64_t keys = 0, version = 0;
        const char *alias;
        uint8_t data[64];
        size_t size;
        uint32_t no;

        for (size_t i = 0; (alias = vault_alias_nth(vault, i, &no)); i++)
                (void)fprintf(out, "alias %s of %u\n", alias, no);
        if (vault_note_get(vault, "state", data, sizeof(data), &size) == 0) {
                (void)fputs("note", out);
                tell_value(out, data, size);
                (void)fputc('\n', out);
        }
        CHECK_EQ(db_pragma(vault->db, "SELECT sum(id) FROM key", &keys), 0);
        CHECK_EQ(db_pragma(vault->db, "PRAGMA user_version", &version), 0);
        (void)fprintf(out, "keys %d, version %d\n", (int)keys, (int)version);
}

static void tell_tables(FILE *out, Vault *vault)
{
        sqlite3_stmt *s = NULL;
        const char *answer = NULL;

        if (sqlite3_prepare_v2(vault->db, "PRAGMA integrity_check(1)", -1, &s, NULL) == SQLITE_OK &&
            sqlite3_step(s) == SQLITE_ROW)
                answer = (const char *)sqlite3_column_text(s, 0);
        if (!answer || strcmp(answer, "ok") != 0)
                (void)fprintf(out, "TABLES: %s\n", answer ? answer : "not to be read");
        (void)sqlite3_finalize(s);
}

char *tell(Vault *vault, bool *ret_aftermath)
{
        _cleanup_(root_freep) Root *root = root_of(vault, 0);
        VaultReport got = {0};
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        int r;

        CHECK(out);
        *ret_aftermath = false;
        story_unlock(vault, root);
        tell_slots(out, vault);
        for (const VaultCollection *c = NULL; (c = vault_collection_next(vault, c));)
                tell_collection(out, vault, c, ret_aftermath);
        tell_trash(out, vault);
        for (int class = 1; class < _VAULT_CLASS_MAX; class ++)
                tell_class(out, vault, (VaultClass) class);
        tell_rest(out, vault);
        tell_tables(out, vault);
        r = vault_check(vault, false, NULL, NULL, &got);
        if (r != 0 || got.damaged || got.index_missing || got.index_extra || got.collections_tampered)
                (void)fprintf(
                        out, "NOT IN ORDER: check %d, %d damaged, %d missing in the index, %d too many, %d tampered\n",
                        r, (int)got.damaged, (int)got.index_missing, (int)got.index_extra,
                        (int)got.collections_tampered);
        CHECK_EQ(fclose(out), 0);
        return text;
}

char *tell_files(const char *directory, bool *ret_aftermath)
{
        _cleanup_(vault_freep) Vault *vault = NULL;
        char path[96], *text = NULL;
        int r;

        *ret_aftermath = false;
        (void)snprintf(path, sizeof(path), "%s/vault.db", directory);
        r = vault_open(path, &vault, NULL);
        if (r == 0)
                return tell(vault, ret_aftermath);
        CHECK(asprintf(&text, r == VAULT_E_NO_VAULT ? "nothing\n" : "CANNOT BE OPENED: %s\n", vault_strerror(r)) > 0);
        return text;
}
