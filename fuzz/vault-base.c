/* Built once by the vault's own functions; damaged by SQL on a copy in memory, with functions of our own to bend values */
#include "fuzz/vault-base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/fail.h"
#include "fuzz/frozen-db.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory-vfs.h"

#define MUST(call) PROMISE((call) == 0)

typedef struct Table {
        const char *name, *key; /* columns that tell rows apart */
        const char *columns[8];
        bool rows; /* records are in it */
} Table;

static const Table tables[] = {
        {"item", "id", {"version", "key", "tag", "box"}, true},
        {"trash", "seq", {"item", "version", "removed", "deleted", "key", "tag", "box"}, true},
        {"attr", "token,item", {"token", "item"}, true},
        {"hint", "item", {"item", "sealed"}, true},
        {"head", "collection", {"collection", "modified", "n", "sealed"}, false},
        {"slot", "id", {"id", "scope", "kind", "label", "created", "used", "params", "wrapped"}, false},
        {"key", "scope,purpose,owner", {"scope", "purpose", "owner", "id", "sealed"}, false},
        {"collection", "no", {"no", "name", "label", "created", "own", "deleted"}, false},
        {"manifest", "scope", {"scope", "mac"}, false},
        {"alias", "name", {"name", "collection"}, false},
        {"meta", "name", {"name", "value"}, false},
};

/* ---- making it ---- */

SlotDraft *base_draft(unsigned kind)
{
        static const char code[] = "AAAAAA-AAAAAA"; /* refused, which is an outcome */
        static const struct {
                SlotKind kind;
                const char *secret, *path;
        } kinds[] = {
                {SLOT_NONE, NULL, NULL},
                {SLOT_PASSWORD, BASE_PASSWORD, NULL},
                {SLOT_CREDENTIAL, "a key file of some thirty-two bytes", "/nowhere/key"},
                {SLOT_RECOVERY, code, NULL},
                {SLOT_LOGIN, BASE_PASSWORD, NULL},
        };
        const char *secret = kinds[kind % ELEMENTSOF(kinds)].secret;
        SlotRequest request = {.kind = kinds[kind % ELEMENTSOF(kinds)].kind, .path = kinds[kind % ELEMENTSOF(kinds)].path,
                               .kdf_memory_kib = KDF_MEMORY_MIN_KIB};
        _cleanup_(secret_freep) Secret *typed = NULL;
        SlotDraft *draft = NULL;

        if (secret && secret_new_from(&typed, secret, strlen(secret)) < 0)
                return NULL;
        request.secret = typed;
        return slot_prepare(&request, &draft) == 0 ? draft : NULL;
}

Root *base_root(Vault *vault, uint32_t collection)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        Root *root = NULL;

        if (vault_slots(vault, &list) != 0)
                return NULL;
        for (size_t i = 0; i < list.n && !root; i++)
                if (slot_collection(list.slots[i]) == collection && slot_kind(list.slots[i]) == SLOT_NONE &&
                    slot_open(list.slots[i], NULL, &root) != 0)
                        root = NULL;
        return root;
}

static ItemId make_item(Vault *vault, uint32_t no, unsigned k)
{
        static const char *const schemas[] = {VAULT_GENERIC_SCHEMA, "org.example.Login", "org.example.Note"};
        char label[16], number[8], value[24];
        const VaultAttribute attributes[] = {{"k", number}, {"service", k % 2 ? "web" : "mail"},
                                             {"xdg:schema", schemas[k % 3]}};
        ItemChange change = {.label = label, .attributes = attributes, .n_attributes = k % 4 == 0 ? 2 : 3, .value = value,
                             .value_set = true};
        ItemId id = 0;

        (void)snprintf(label, sizeof(label), "item %u", k);
        (void)snprintf(number, sizeof(number), "%u", k);
        (void)snprintf(value, sizeof(value), BASE_MARKER "%u.0", k);
        change.value_size = strlen(value);
        MUST(vault_item_create(vault, no, &change, /* replace= */ false, &id, NULL));
        return id;
}

static void change_item(Vault *vault, BaseItem *item)
{
        char value[24];
        ItemChange change = {.value = value, .value_set = true};

        (void)snprintf(value, sizeof(value), BASE_MARKER "%u.%u", item->k, ++item->r);
        change.value_size = strlen(value);
        MUST(vault_item_update(vault, item->id, &change));
}

static void make_records(Vault *vault, const Root *root, const Base *base)
{
        VaultMark marks[2] = {{.kind = 1}, {.kind = 2}};
        char data[24];
        uint64_t number;

        memset(marks[0].value, 'r', sizeof(marks[0].value));
        memset(marks[1].value, 'u', sizeof(marks[1].value));
        for (VaultClass class = 1; class < _VAULT_CLASS_MAX; class ++) {
                for (unsigned i = 0; i < 4; i++) {
                        int size = snprintf(data, sizeof(data), BASE_MARKER "%d/%u", class, i);

                        number = 0;
                        if (class == VAULT_CLASS_SSH)
                                MUST(vault_record_put(vault, class, &number, data, (size_t)size, "hint", 4));
                        else
                                MUST(vault_record_create(vault, class, marks, 1 + i % 2, data, (size_t)size, &number));
                }
                MUST(vault_record_delete(vault, class, 2, /* keep= */ true));
                MUST(vault_record_delete(vault, class, 3, /* keep= */ false));
        }
        MUST(vault_note_put(vault, "passkeys", "note", 4));
        MUST(vault_class_seal(vault, root, VAULT_CLASS_OTP, "params", 6, base->device));
}

static void furnish(Vault *vault, Base *base)
{
        static const uint32_t collections[BASE_ITEMS] = {1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4};
        _cleanup_(slot_draft_freep) SlotDraft *own = base_draft(0);
        _cleanup_(root_freep) Root *root = base_root(vault, 0);
        const VaultCollection *c;

        PROMISE(own && root);
        MUST(vault_collection_create(vault, root, "Second", NULL, &c));
        MUST(vault_collection_create(vault, root, "Its own", own, &c));
        MUST(vault_collection_create(vault, root, "Gone", NULL, &c));
        MUST(vault_alias_set(vault, "work", 2));
        for (unsigned k = 1; k < 5; k++) {
                _cleanup_(slot_draft_freep) SlotDraft *draft = base_draft(k);

                if (draft)
                        MUST(vault_slot_add(vault, root, draft));
        }
        for (unsigned i = 0; i < BASE_ITEMS; i++)
                base->items[i] = (BaseItem){.id = make_item(vault, collections[i], i + 1), .k = i + 1};
        change_item(vault, base->items + 1);
        change_item(vault, base->items + 1);
        change_item(vault, base->items + 6);
        MUST(vault_item_delete(vault, base->items[2].id));
        MUST(vault_item_delete(vault, base->items[7].id));
        base->items[2].deleted = base->items[7].deleted = base->items[11].deleted = true;
        MUST(vault_collection_delete(vault, 4));
        memset(base->device, 'd', sizeof(base->device));
        make_records(vault, root, base);
}

const Base *base_get(void)
{
        static Base base;
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        const uint8_t *data;
        Vault *vault = NULL;
        char path[96];

        if (base.image)
                return &base;
        (void)snprintf(path, sizeof(path), "%s/base.db", memory_vfs_dir());
        draft = base_draft(0);
        PROMISE(draft);
        MUST(vault_create(path, draft, NULL, &vault));
        furnish(vault, &base);
        (void)vault_free(vault);
        data = memory_vfs_get(path, &base.size);
        PROMISE(data);
        base.image = malloc(base.size);
        PROMISE(base.image);
        memcpy(base.image, data, base.size);
        frozen_db_make(base.image, base.size);
        memory_vfs_clear();
        return &base;
}

/* ---- what its items say ---- */

unsigned base_number(const Item *item)
{
        unsigned k = 0;

        return sscanf(item->label, "item %u", &k) == 1 ? k : 0;
}

bool base_consistent(const Item *item, bool with_value)
{
        unsigned k = base_number(item), said = 0;
        char start[24];

        if (k == 0)
                return true;
        for (size_t i = 0; i < item->n_attributes; i++)
                if (strcmp(item->attributes[i].name, "k") == 0)
                        (void)sscanf(item->attributes[i].value, "%u", &said);
        if (said != k)
                return false;
        (void)snprintf(start, sizeof(start), BASE_MARKER "%u.", k);
        return !with_value ||
               (item->value->size >= strlen(start) && memcmp(item->value->data, start, strlen(start)) == 0);
}

/* ---- damage ---- */

/* bend(VALUE, POSITION, BITS): the value with some bits of one byte turned over. */
static void sql_bend(sqlite3_context *context, int n, sqlite3_value **values)
{
        unsigned at = (unsigned)sqlite3_value_int(values[1]), bits = (unsigned)sqlite3_value_int(values[2]);
        int size = sqlite3_value_bytes(values[0]);
        uint8_t *copy;

        if (sqlite3_value_type(values[0]) == SQLITE_INTEGER) {
                sqlite3_result_int64(context, sqlite3_value_int64(values[0]) ^
                                                      (sqlite3_int64)((uint64_t)bits << at % 56));
                return;
        }
        if (size == 0) {
                sqlite3_result_zeroblob(context, (int)bits);
                return;
        }
        copy = sqlite3_malloc(size);
        PROMISE(copy);
        memcpy(copy, sqlite3_value_blob(values[0]), (size_t)size);
        copy[at % (unsigned)size] ^= (uint8_t)bits;
        if (sqlite3_value_type(values[0]) == SQLITE_TEXT)
                sqlite3_result_text(context, (char *)copy, size, sqlite3_free);
        else
                sqlite3_result_blob(context, copy, size, sqlite3_free);
}

/* What a column is set to. */
static void new_value(const Table *table, const char *column, Input *in, char ret[160])
{
        static const char *const texts[] = {"''", "'default'", "x''", "'a/b'", "x'ff00'", "'\xff'", "1.5"};
        unsigned a;

        switch (input_u8(in) % 10) {
        case 0:
                (void)snprintf(ret, 160, "NULL");
                break;
        case 1:
                (void)snprintf(ret, 160, "%lld", (long long)(int32_t)input_u32(in));
                break;
        case 2:
                (void)snprintf(ret, 160, "%lld", (long long)((uint64_t)input_u16(in) << input_u8(in) % 48));
                break;
        case 3:
                (void)snprintf(ret, 160, "substr(%s,1,%u)", column, input_u8(in));
                break;
        case 4:
                (void)snprintf(ret, 160, "CAST(%s||zeroblob(%u) AS BLOB)", column, input_u16(in));
                break;
        case 5:
                (void)snprintf(ret, 160, "zeroblob(%u)", input_u16(in));
                break;
        case 6:
                (void)snprintf(ret, 160, "%s", texts[input_u8(in) % ELEMENTSOF(texts)]);
                break;
        case 7:
                (void)snprintf(ret, 160, "(SELECT %s FROM %s LIMIT 1 OFFSET %u)", column, table->name, input_u8(in) % 24);
                break;
        default:
                a = input_u16(in);
                (void)snprintf(ret, 160, "bend(%s,%u,%u)", column, a, input_u8(in) | 1U);
                break;
        }
}

static ItemId nth_item(sqlite3 *db, unsigned n)
{
        sqlite3_stmt *s = NULL;
        ItemId id = 0;

        PROMISE(sqlite3_prepare_v2(db, "SELECT id FROM item ORDER BY id LIMIT 1 OFFSET ?1", -1, &s, NULL) == SQLITE_OK);
        (void)sqlite3_bind_int(s, 1, (int)n);
        if (sqlite3_step(s) == SQLITE_ROW)
                id = (ItemId)sqlite3_column_int64(s, 0);
        (void)sqlite3_finalize(s);
        return id;
}

static void note_item(Damage *damage, ItemId id)
{
        if (id != 0 && damage->n_items < ELEMENTSOF(damage->items))
                damage->items[damage->n_items++] = id;
}

static void run_with(sqlite3 *db, const char *sql, unsigned a, unsigned b)
{
        sqlite3_stmt *s = NULL;

        if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
                return; /* an earlier change took the table away */
        (void)sqlite3_bind_int(s, 1, (int)a);
        (void)sqlite3_bind_int(s, 2, (int)b);
        (void)sqlite3_step(s);
        (void)sqlite3_finalize(s);
}

static void change_rows(sqlite3 *db, Input *in, Damage *damage)
{
        static const char *const others[] = {
                "UPDATE item SET (version,key,tag,box)=(SELECT version,key,tag,box FROM trash LIMIT 1 OFFSET ?1)"
                " WHERE id=(SELECT item FROM trash LIMIT 1 OFFSET ?2)",
                "UPDATE item SET (version,key,tag,box)=(SELECT version,key,tag,box FROM item LIMIT 1 OFFSET ?1)"
                " WHERE id=(SELECT id FROM item LIMIT 1 OFFSET ?2)",
                "INSERT OR REPLACE INTO item SELECT id+?1,version,key,tag,box FROM item LIMIT 1 OFFSET ?2",
                "INSERT OR REPLACE INTO trash SELECT seq+?1,item,version,removed,deleted,key,tag,box FROM trash"
                " LIMIT 1 OFFSET ?2",
                "INSERT OR REPLACE INTO slot SELECT randomblob(16),scope,?1,label,created,used,params,wrapped FROM slot"
                " LIMIT 1 OFFSET ?2",
                "INSERT OR REPLACE INTO collection SELECT no+?1,name,label,created,own,deleted FROM collection"
                " LIMIT 1 OFFSET ?2",
                "INSERT OR REPLACE INTO hint SELECT item+?1,sealed FROM hint LIMIT 1 OFFSET ?2",
                "UPDATE trash SET removed=removed-?1*100000",
                "DELETE FROM attr WHERE item%7=?1",
        };
        const Table *table = tables + input_u8(in) % ELEMENTSOF(tables);
        unsigned what = input_u8(in), row = input_u8(in) % 64;
        char sql[512], value[160];
        size_t n = 0;

        if (what >= 240) {
                damage->only_boxes = damage->only_rows = false;
                (void)snprintf(sql, sizeof(sql), "PRAGMA user_version=%u;%s", row % 6, what % 2 ? "DROP TABLE hint" : "");
        } else if (what >= 192) {
                damage->only_boxes = damage->only_rows = false;
                run_with(db, others[what % ELEMENTSOF(others)], row % 24, input_u8(in) % 24);
                damage->n++;
                return;
        } else if (what >= 168) {
                (void)snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE (%s)=(SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %u)",
                               table->name, table->key, table->key, table->name, table->key, row);
                damage->only_rows &= table->rows;
                damage->only_boxes &= table == tables;
                damage->removed = damage->n == 0 && table == tables;
                if (table == tables)
                        note_item(damage, damage->removed_item = nth_item(db, row));
        } else {
                while (n < ELEMENTSOF(table->columns) && table->columns[n])
                        n++;
                damage->only_rows &= table->rows;
                damage->only_boxes &= table == tables;
                if (table == tables)
                        note_item(damage, nth_item(db, row));
                new_value(table, table->columns[what % n], in, value);
                (void)snprintf(sql, sizeof(sql),
                               "UPDATE OR REPLACE %s SET %s=%s WHERE (%s)=(SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %u)",
                               table->name, table->columns[what % n], value, table->key, table->key, table->name,
                               table->key, row);
        }
        (void)sqlite3_exec(db, sql, NULL, NULL, NULL);
        damage->n++;
}

/* In the file's own bytes, the header's included. */
static void change_bytes(uint8_t *image, size_t size, Input *in, Damage *damage)
{
        for (unsigned n = input_u8(in) % 8; n > 0; n--) {
                image[input_u32(in) % size] ^= (uint8_t)(input_u8(in) | 1);
                damage->n++;
                damage->only_boxes = damage->only_rows = damage->removed = false;
        }
}

void base_damage(const Base *base, Input *in, const char *path, Damage *ret)
{
        unsigned how = input_u8(in), n = how % 8;
        sqlite3_int64 size = (sqlite3_int64)base->size;
        uint8_t *image, *result = NULL;
        sqlite3 *db = NULL;

        *ret = (Damage){.only_boxes = true, .only_rows = true};
        image = sqlite3_malloc64(base->size);
        PROMISE(image);
        memcpy(image, base->image, base->size);
        if (n > 0) {
                image[18] = image[19] = 1; /* a copy in memory can't have a log */
                PROMISE(sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL) == SQLITE_OK);
                PROMISE(sqlite3_deserialize(db, "main", image, size, size,
                                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) == SQLITE_OK);
                PROMISE(sqlite3_create_function(db, "bend", 3, SQLITE_UTF8, NULL, sql_bend, NULL, NULL) == SQLITE_OK);
                for (; n > 0; n--) {
                        ret->removed = false;
                        change_rows(db, in, ret);
                }
                result = sqlite3_serialize(db, "main", &size, 0);
                PROMISE(result);
                (void)sqlite3_close(db);
                image = result;
                image[18] = image[19] = 2;
        }
        if (how >= 224)
                change_bytes(image, (size_t)size, in, ret);
        memory_vfs_put(path, image, (size_t)size);
        sqlite3_free(image);
}
