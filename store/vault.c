/*
 * The vault: making, opening and closing it
 *
 * A new vault is built in memory by the same code that later changes it, then written whole and opened like any other.
 * So there is one way to make rows, and a vault that could not be made leaves nothing behind.
 *
 * What is in memory of an open vault: its id, the index key, the list of collections with their heads, the aliases,
 * and the keys that were opened. Items are never kept.
 */
#include "store/vault.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

const char *vault_strerror(int result)
{
        static const char *const texts[_VAULT_RESULT_MAX] = {
                [VAULT_OK] = "done",
                [VAULT_E_NO_VAULT] = "there is no vault yet",
                [VAULT_E_EXISTS] = "there is a vault already",
                [VAULT_E_BUSY] = "the vault is in use by another process",
                [VAULT_E_LOCKED] = "locked",
                [VAULT_E_NOT_FOUND] = "not found",
                [VAULT_E_WRONG_SECRET] = "wrong password or key",
                [VAULT_E_DAMAGED] = "damaged, or changed by something else",
                [VAULT_E_TOO_NEW] = "made by a later version of Keyfob",
                [VAULT_E_UNSUPPORTED] = "a kind of key slot that this build cannot open",
                [VAULT_E_LIMIT] = "too large or too many",
                [VAULT_E_LAST_SLOT] = "the last key slot cannot be removed",
                [VAULT_E_INVALID] = "not a valid value",
                [VAULT_E_UNSAFE] = "the vault's file or directory has an unsafe owner, type or mode",
                [VAULT_E_DEVICE] = "sealed by a device that has not opened it",
                [VAULT_E_UNSURE] = "the disk failed: what was written last may or may not be kept",
        };
        const char *text;

        if (result >= 0)
                return result < _VAULT_RESULT_MAX ? texts[result] : "unknown result";
        text = strerrordesc_np(-result);
        return text ? text : "unknown error";
}

uint64_t vault_now(void)
{
        time_t now = time(NULL);

        return now > 0 ? (uint64_t)now : 0;
}

int vault_statement(Vault *vault, Statement statement, sqlite3_stmt **ret)
{
        sqlite3_stmt **s = vault->statements + statement;

        if (vault->broken)
                return vault->broken;
        if (!*s) {
                int rc = sqlite3_prepare_v3(vault->db, db_sql(statement), -1, SQLITE_PREPARE_PERSISTENT, s, NULL);

                if (rc != SQLITE_OK)
                        return db_result(rc);
        }
        /* One user at a time: a nested use would reset the outer one. */
        assert(!sqlite3_stmt_busy(*s));
        if (!sqlite3_stmt_readonly(*s))
                vault->seen = 0;
        *ret = *s;
        return 0;
}

int vault_run(Vault *vault, Statement statement)
{
        sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, statement, &s);
        return r != 0 ? r : db_run(s);
}

int vault_meta_get(Vault *vault, const char *name, void *ret, size_t size)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        const uint8_t *data;
        size_t data_size;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_META_GET, &s);
        if (r != 0)
                return r;
        db_bind_text(s, 1, name);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (!there || !db_column_blob(s, 0, size, size, &data, &data_size))
                return VAULT_E_DAMAGED;
        memcpy(ret, data, size);
        return 0;
}

int vault_meta_put(Vault *vault, const char *name, const void *data, size_t size)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = vault_statement(vault, STATEMENT_META_PUT, &s);
        if (r != 0)
                return r;
        db_bind_text(s, 1, name);
        db_bind_blob(s, 2, data, size);
        return db_run(s);
}

int vault_new(sqlite3 *db, Vault **ret)
{
        Vault *vault = calloc(1, sizeof(*vault));

        if (!vault) {
                (void)sqlite3_close(db);
                return -ENOMEM;
        }
        vault->db = db;
        for (uint32_t class = 1; class < _VAULT_CLASS_MAX; class ++)
                vault->classes[class].public.no = CLASS_NO(class);
        *ret = vault;
        return 0;
}

Vault *vault_free(Vault *vault)
{
        if (!vault)
                return NULL;
        copy_abandon(vault);
        wipe_abandon(vault);
        vault_batch_rollback(vault);
        if (vault->wipe_due && !vault->broken)
                (void)vault_wipe_log(vault);
        if (vault->path && !vault->broken)
                log_close(vault);
        for (size_t i = 0; i < _STATEMENT_MAX; i++)
                (void)sqlite3_finalize(vault->statements[i]);
        (void)sqlite3_close(vault->db);
        (void)db_fd_free(vault->vfs);
        for (size_t i = 0; i < vault->n_collections; i++)
                (void)collection_free(vault->collections[i]);
        free(vault->collections);
        aliases_clear(vault);
        for (size_t i = 0; i < _VAULT_CLASS_MAX; i++)
                collection_forget_all(vault->classes + i);
        (void)key_free(vault->manifest_key);
        (void)key_free(vault->index_key);
        (void)secret_free(vault->in);
        (void)secret_free(vault->out);
        free(vault->path);
        free(vault);
        return NULL;
}

/* An empty database in memory with our tables and fresh random identity. */
static int vault_new_blank(Vault **ret)
{
        _cleanup_(vault_freep) Vault *vault = NULL;
        static const uint8_t one[4] = {1, 0, 0, 0};
        char set_application[64];
        sqlite3 *db;
        int r;

        r = db_open(NULL, &db);
        if (r != 0)
                return r;
        r = vault_new(db, &vault);
        if (r != 0)
                return r;
        (void)snprintf(set_application, sizeof(set_application), "PRAGMA application_id=%d", SCHEMA_APPLICATION_ID);
        r = db_exec(db, set_application);
        if (r == 0)
                r = migrate(db, NULL, schema_steps, schema_version);
        if (r != 0)
                return r;

        random_bytes(vault->id, sizeof(vault->id));
        vault->index_key = key_new_random();
        if (!vault->index_key)
                return -ENOMEM;
        r = vault_meta_put(vault, "vault-id", vault->id, sizeof(vault->id));
        if (r == 0)
                r = vault_meta_put(vault, "index-key", vault->index_key->bytes, sizeof(vault->index_key->bytes));
        if (r == 0)
                r = vault_meta_put(vault, "next-collection", one, sizeof(one));
        if (r == 0)
                r = vault_meta_put(vault, "next-key", one, sizeof(one));
        if (r != 0)
                return r;
        vault->next_collection = vault->next_key = 1;
        vault->retention = VAULT_RETENTION_USUAL;
        *ret = TAKE_PTR(vault);
        return 0;
}

int vault_open_memory(Vault **ret)
{
        _cleanup_(vault_freep) Vault *vault = NULL;
        int64_t pages = 0;
        int r;

        r = vault_new_blank(&vault);
        if (r != 0)
                return r;
        r = db_pragma(vault->db, "PRAGMA max_page_count=16384", &pages);
        if (r != 0)
                return r;
        assert((size_t)pages * 4096 == VAULT_MEMORY_MAX);
        vault->ephemeral = true;
        vault->unlocked = true;
        *ret = TAKE_PTR(vault);
        return 0;
}

/* Fills a blank vault with all that a new one has. */
static int furnish(Vault *vault, const SlotDraft *slot, const Root *root, const char *label)
{
        _cleanup_(key_freep) Key *wrap = NULL;
        Collection *c;
        uint32_t id;
        int r;

        r = keys_wrapping(vault, root, &wrap);
        if (r != 0)
                return r;
        r = slot_put(vault, slot, 0, root->key, /* replace= */ false);
        if (r != 0)
                return r;
        vault->manifest_key = key_new_random();
        if (!vault->manifest_key)
                return -ENOMEM;
        r = keys_put(vault, wrap, 0, KEY_MANIFEST, 0, vault->manifest_key, &id);
        for (uint32_t class = 1; r == 0 && class < _VAULT_CLASS_MAX; class ++) {
                _cleanup_(key_freep) Key *key = key_new_random();

                if (!key)
                        return -ENOMEM;
                r = keys_put(vault, wrap, 0, KEY_CLASS, class, key, &id);
        }
        if (r != 0)
                return r;
        vault->unlocked = true;
        r = collection_make(vault, root, label, /* own= */ NULL, &c);
        if (r != 0)
                return r;
        return vault_alias_set(vault, "default", c->public.no);
}

/* False: the vault itself could not be removed. */
static bool remove_files(const char *path)
{
        bool gone = true;

        for (size_t i = 0; i < 3; i++) {
                _cleanup_free_ char *one = NULL;

                gone = asprintf(&one, "%s%s", path, (const char *[]){"-wal", "-shm", ""}[i]) >= 0 && unlink(one) == 0;
        }
        return gone;
}

int vault_create(const char *path, const SlotDraft *slot, const char *label, Vault **ret)
{
        _cleanup_(vault_freep) Vault *draft = NULL, *vault = NULL;
        _cleanup_(root_freep) Root *root = NULL;
        _cleanup_free_ char *real = NULL;
        sqlite3_int64 size = 0;
        unsigned char *image;
        int r;

        r = file_check(path, /* missing_ok= */ true, &real);
        if (r != 0)
                return r;
        if (access(real, F_OK) == 0)
                return VAULT_E_EXISTS;

        r = vault_new_blank(&draft);
        if (r != 0)
                return r;
        root = root_new(0, slot->id);
        if (!root)
                return -ENOMEM;
        r = furnish(draft, slot, root, label ? label : "Default");
        if (r != 0)
                return r;
        image = sqlite3_serialize(draft->db, "main", &size, 0);
        if (!image)
                return -ENOMEM;
        r = file_set_log_aside(real);
        if (r == 0)
                r = file_publish(real, image, (size_t)size);
        sqlite3_free(image);
        if (r != 0)
                return r;

        r = vault_open(real, &vault, NULL);
        if (r == 0)
                r = vault_unlock(vault, root, 0);
        if (r == 0)
                r = file_sync_dir(real); /* the log's entry */
        if (r != 0) {
                vault = vault_free(vault);
                /* Busy: another process was quick enough to open what is a whole vault. */
                if (r != VAULT_E_BUSY && !remove_files(real))
                        return VAULT_E_UNSURE;
                return r;
        }
        *ret = TAKE_PTR(vault);
        return 0;
}

int vault_begin(Vault *vault)
{
        int64_t application = 0, version = 0;
        int r;

        r = db_pragma(vault->db, "PRAGMA application_id", &application);
        if (r == 0)
                r = db_pragma(vault->db, "PRAGMA user_version", &version);
        if (r != 0)
                return r;
        if (application != SCHEMA_APPLICATION_ID || version < 1)
                return VAULT_E_DAMAGED;
        return version > schema_version ? VAULT_E_TOO_NEW : 0;
}

int vault_load(Vault *vault)
{
        uint8_t key[32];
        int r;

        r = vault_meta_get(vault, "vault-id", vault->id, sizeof(vault->id));
        if (r == 0)
                r = vault_meta_get(vault, "index-key", key, sizeof(key));
        if (r != 0)
                return r;
        vault->index_key = key_new_from(key);
        explicit_bzero(key, sizeof(key));
        if (!vault->index_key)
                return -ENOMEM;
        return vault_reload(vault);
}

int vault_open(const char *path, Vault **ret, pid_t *ret_pid)
{
        _cleanup_(vault_freep) Vault *vault = NULL;
        _cleanup_free_ char *real = NULL;
        sqlite3 *db;
        int r;

        r = file_check(path, /* missing_ok= */ false, &real);
        if (r != 0)
                return r;
        /* The first read takes the lock. */
        r = db_open(real, &db);
        if (r == VAULT_E_BUSY && ret_pid)
                *ret_pid = file_lock_holder(real);
        if (r == 0)
                r = vault_new(db, &vault);
        if (r != 0)
                return r;

        r = vault_begin(vault);
        if (r == 0)
                r = db_start_wal(db);
        if (r == 0) {
                vault->log_unproven = true;
                r = vault_prove_log(vault, real);
                if (r == -ENOSPC || r == -EDQUOT)
                        r = 0;
        }
        if (r != 0)
                return r;
        r = migrate(db, real, schema_steps, schema_version);
        if (r == 0)
                r = schema_check(db);
        if (r == 0) {
                r = file_grow_wal(real, /* wipe= */ false);
                /* It is for speed, and on a full disk one wants to read all the same. */
                if (r == -ENOSPC || r == -EDQUOT)
                        r = 0;
        }
        if (r != 0)
                return r;

        vault->path = TAKE_PTR(real);
        batch_wal_hook(vault);
        r = vault_load(vault);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(vault);
        return 0;
}

int vault_idle(Vault *vault, uint64_t now)
{
        bool all;
        int r;

        if (vault->broken)
                return vault->broken;
        if (vault->in_batch)
                return 0;
        r = vault->unlocked ? vault_purge(vault, now) : 0;
        if (r != 0)
                return r;
        if (vault->wipe_due)
                return vault_wipe_log(vault);
        if (!vault->path || !vault->wal_pending)
                return 0;
        return vault_checkpoint(vault, &all);
}
