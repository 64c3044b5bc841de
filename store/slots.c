/*
 * Slots in the vault
 *
 * The rows of slot.h, and the changes to them. A change needs the root of the scope it is for (a new wrap must hold
 * the right key), except removing, which an unlocked vault may do; each change makes the scope's manifest anew.
 * Afterwards the log is wiped: the old wrap would otherwise stay readable in it for a while.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

/* One row as a Slot; NULL for a row that cannot be ours, which must not keep the others from working. */
static int read_row(sqlite3_stmt *s, Slot **ret)
{
        _cleanup_free_ char *label = NULL;
        const uint8_t *id, *text, *params, *wrapped;
        size_t id_size, text_size, params_size, wrapped_size;
        uint32_t scope, kind;
        uint64_t created = 0, used = 0;

        *ret = NULL;
        if (!db_column_blob(s, 0, SLOT_ID_SIZE, SLOT_ID_SIZE, &id, &id_size) || !db_column_u32(s, 1, &scope) ||
            !db_column_u32(s, 2, &kind) || !db_column_blob(s, 6, 0, SLOT_PARAMS_MAX, &params, &params_size) ||
            !db_column_blob(s, 7, SLOT_WRAPPED_SIZE, SLOT_WRAPPED_SIZE, &wrapped, &wrapped_size))
                return 0;
        (void)db_column_u64(s, 4, &created);
        (void)db_column_u64(s, 5, &used);
        if (db_column_blob(s, 3, 1, SLOT_LABEL_MAX, &text, &text_size) && utf8_valid(text, text_size))
                label = strndup((const char *)text, text_size);
        else
                label = strdup("");
        if (!label)
                return -ENOMEM;
        return slot_new(id, scope, kind, label, created, used, params, params_size, wrapped, ret);
}

int vault_slots(Vault *vault, SlotList *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        _cleanup_(slot_list_done) SlotList list = {0};
        bool more;
        int r;

        r = vault_statement(vault, STATEMENT_SLOT_LIST, &s);
        if (r != 0)
                return r;
        for (;;) {
                Slot *slot, **grown;

                r = db_step(s, &more);
                if (r != 0)
                        return r;
                if (!more || list.n >= (size_t)SLOTS_MAX * VAULT_COLLECTIONS_MAX)
                        break;
                r = read_row(s, &slot);
                if (r < 0)
                        return r;
                if (!slot)
                        continue;
                grown = reallocarray(list.slots, list.n + 1, sizeof(*grown));
                if (!grown) {
                        (void)slot_free(slot);
                        return -ENOMEM;
                }
                list.slots = grown;
                list.slots[list.n++] = slot;
        }
        *ret = list;
        list = (SlotList){0};
        return 0;
}

int slot_put(Vault *vault, const SlotDraft *draft, uint32_t scope, const Key *root, bool replace)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint8_t wrapped[SLOT_WRAPPED_SIZE];
        int r;

        r = vault_statement(vault, replace ? STATEMENT_SLOT_UPDATE : STATEMENT_SLOT_PUT, &s);
        if (r != 0)
                return r;
        slot_wrap(draft, scope, root, wrapped);
        db_bind_blob(s, 1, draft->id, SLOT_ID_SIZE);
        db_bind_u64(s, 2, scope);
        db_bind_u64(s, 3, draft->kind);
        db_bind_text(s, 4, draft->label);
        db_bind_u64(s, 5, draft->created);
        db_bind_blob(s, 6, draft->params, draft->params_size);
        db_bind_blob(s, 7, wrapped, sizeof(wrapped));
        return db_run(s);
}

int slot_count(Vault *vault, uint32_t scope, uint64_t *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_SLOT_COUNT, &s);
        if (r != 0)
                return r;
        db_bind_u64(s, 1, scope);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        return there && db_column_u64(s, 0, ret) ? 0 : VAULT_E_DAMAGED;
}

int slot_scope(Vault *vault, const uint8_t id[SLOT_ID_SIZE], uint32_t *ret)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_SLOT_GET_SCOPE, &s);
        if (r != 0)
                return r;
        db_bind_blob(s, 1, id, SLOT_ID_SIZE);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!there)
                return VAULT_E_NOT_FOUND;
        return db_column_u32(s, 0, ret) ? 0 : VAULT_E_DAMAGED;
}

bool vault_is_unprotected(Vault *vault)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint64_t n = 0;
        bool there;

        if (vault_statement(vault, STATEMENT_SLOT_COUNT_KIND, &s) != 0)
                return false;
        db_bind_u64(s, 1, 0);
        db_bind_u64(s, 2, SLOT_NONE);
        return db_step(s, &there) == 0 && there && db_column_u64(s, 0, &n) && n > 0;
}

/* `gone`: the slot whose place it takes, or NULL; its own if it is written over. */
static int change(Vault *vault, const Root *root, const SlotDraft *draft, const uint8_t *gone)
{
        bool replace = gone && memcmp(gone, draft->id, SLOT_ID_SIZE) == 0;
        _cleanup_(key_freep) Key *wrap = NULL;
        _cleanup_(pen_done) Pen pen = {0};
        uint32_t scope;
        uint64_t n;
        Op op;
        int r;

        if (vault->ephemeral)
                return VAULT_E_INVALID;
        r = keys_check_root(vault, root, &wrap);
        if (r != 0)
                return r;
        r = slot_scope(vault, draft->id, &scope);
        if (replace && r == 0 && scope != root->scope)
                return VAULT_E_NOT_FOUND;
        if (!replace && r == 0)
                return VAULT_E_INVALID; /* the draft was spent before */
        if (r != 0 && !(r == VAULT_E_NOT_FOUND && !replace))
                return r;
        if (gone && !replace) {
                r = slot_scope(vault, gone, &scope);
                if (r != 0 || scope != root->scope)
                        return r != 0 ? r : VAULT_E_NOT_FOUND;
        }
        r = slot_count(vault, root->scope, &n);
        if (r != 0)
                return r;
        if (!gone && n >= SLOTS_MAX)
                return VAULT_E_LIMIT;
        r = manifest_pen(vault, root, root->scope, &pen);
        if (r != 0)
                return r;

        r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        r = slot_put(vault, draft, root->scope, root->key, replace);
        if (r == 0 && gone && !replace)
                r = slot_remove(vault, gone);
        if (r == 0)
                r = manifest_write(vault, &pen);
        r = op_end(&op, r);
        if (r == 0 && gone)
                (void)vault_wipe_log(vault);
        return r;
}

int vault_slot_add(Vault *vault, const Root *root, const SlotDraft *draft)
{
        return change(vault, root, draft, NULL);
}

int vault_slot_replace(Vault *vault, const Root *root, const SlotDraft *draft)
{
        return change(vault, root, draft, draft->id);
}

int vault_slot_exchange(Vault *vault, const Root *root, const SlotDraft *draft, const uint8_t id[SLOT_ID_SIZE])
{
        return change(vault, root, draft, id);
}

int slot_remove(Vault *vault, const uint8_t id[SLOT_ID_SIZE])
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_SLOT_REMOVE, &s);
        if (r != 0)
                return r;
        db_bind_blob(s, 1, id, SLOT_ID_SIZE);
        return db_run(s);
}

int vault_slot_remove(Vault *vault, const Root *root, const uint8_t id[SLOT_ID_SIZE])
{
        _cleanup_(key_freep) Key *wrap = NULL;
        _cleanup_(pen_done) Pen pen = {0};
        uint32_t scope;
        uint64_t n;
        Op op;
        int r;

        r = slot_scope(vault, id, &scope);
        if (r != 0)
                return r;
        if (root && root->scope == scope) {
                r = keys_check_root(vault, root, &wrap);
                if (r != 0)
                        return r;
        }
        r = slot_count(vault, scope, &n);
        if (r != 0)
                return r;
        if (n <= 1)
                return VAULT_E_LAST_SLOT;
        r = manifest_pen(vault, root, scope, &pen);
        if (r != 0)
                return r;

        r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        r = slot_remove(vault, id);
        if (r == 0)
                r = manifest_write(vault, &pen);
        r = op_end(&op, r);
        if (r == 0)
                (void)vault_wipe_log(vault);
        return r;
}

int vault_slot_rename(Vault *vault, const Root *root, const uint8_t id[SLOT_ID_SIZE], const char *label)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        _cleanup_(pen_done) Pen pen = {0};
        uint32_t scope;
        Op op;
        int r;

        if (!label[0] || strlen(label) > SLOT_LABEL_MAX || !utf8_valid(label, strlen(label)))
                return VAULT_E_INVALID;
        r = slot_scope(vault, id, &scope);
        if (r == 0)
                r = manifest_pen(vault, root, scope, &pen);
        if (r == 0)
                r = vault_statement(vault, STATEMENT_SLOT_RENAME, &s);
        if (r == 0)
                r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        db_bind_blob(s, 1, id, SLOT_ID_SIZE);
        db_bind_text(s, 2, label);
        r = db_run(s);
        if (r == 0)
                r = manifest_write(vault, &pen);
        return op_end(&op, r);
}

void vault_hmac_salt(const Vault *vault, uint8_t ret[SLOT_SALT_SIZE])
{
        uint8_t memory[64];
        ByteWriter writer = BYTE_WRITER_ON(memory);

        byte_writer_string(&writer, "keyfob hmac-secret salt 1");
        byte_writer_raw(&writer, vault->id, VAULT_ID_SIZE);
        digest(memory, writer.size, ret);
}

const uint8_t *vault_id(const Vault *vault)
{
        return vault->id;
}

int vault_slot_used(Vault *vault, const uint8_t id[SLOT_ID_SIZE], uint64_t now)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        Op op;
        int r;

        r = vault_statement(vault, STATEMENT_SLOT_USED, &s);
        if (r != 0)
                return r;
        r = op_begin(&op, vault, NULL, /* structure= */ false);
        if (r != 0)
                return r;
        db_bind_blob(s, 1, id, SLOT_ID_SIZE);
        db_bind_u64(s, 2, now);
        r = db_run(s);
        if (r == 0 && sqlite3_changes(vault->db) == 0)
                r = VAULT_E_NOT_FOUND;
        return op_end(&op, r);
}
