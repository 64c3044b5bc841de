/*
 * Batches: many changes, one commit
 *
 * A change is a savepoint in the open batch, or a batch of its own. What memory knows of the file must follow an undo:
 * heads are copied when the batch first touches them and put back; those that were unlocked in it, and collections and
 * aliases, which change rarely, are read anew. SQLite may throw a whole transaction away by itself (disk full, out of
 * memory, a page that can't be read): then the batch is lost, every further change in it is refused and its commit says
 * why. In a batch that is whole a change has no savepoint, and every failure loses the batch.
 *
 * A commit that failed must not come back: when only its sync failed, it lies whole in the log, and who reads that next,
 * after a crash, would find it done. So another commit, of nothing, takes its place. If that fails, too, nobody knows what
 * the disk has, and the vault is broken until it is opened anew. A sync is never tried again: on Linux the second one
 * succeeds though the first has lost the data.
 */
#include <errno.h>
#include <stdio.h>

#include "store/internal.h"

bool vault_is_broken(const Vault *vault)
{
        return vault->broken != 0;
}

bool vault_batch_is_open(const Vault *vault)
{
        return vault->in_batch;
}

int vault_batch_begin(Vault *vault)
{
        sqlite3_stmt *rollback;
        int r;

        if (vault->broken)
                return vault->broken;
        if (vault->in_batch)
                return 0;
        r = vault_prove_log(vault, vault->path);
        /* It may be wanted when there is no memory to make it. */
        if (r == 0)
                r = vault_statement(vault, STATEMENT_ROLLBACK, &rollback);
        if (r == 0)
                r = vault_run(vault, STATEMENT_BEGIN);
        if (r != 0)
                return r;
        vault->in_batch = true;
        vault->whole = false;
        vault->structure_dirty = false;
        vault->batch_error = 0;
        return 0;
}

int vault_batch_begin_whole(Vault *vault)
{
        const bool joins = vault->in_batch;
        int r;

        r = vault_batch_begin(vault);
        if (r == 0 && !joins)
                vault->whole = true;
        return r;
}

static void restore_heads(Vault *vault)
{
        Collection *c;

        for (size_t i = 0; (c = keeper_nth(vault, i)); i++) {
                if (c->early && c->key) {
                        if (head_load(vault, c) != 0)
                                vault->broken = -EIO;
                        continue;
                }
                if (!c->dirty)
                        continue;
                c->dirty = false;
                c->head = c->committed;
                c->public.modified = c->head.modified;
                c->public.n_items = c->head.n;
        }
}

static void undo(Vault *vault)
{
        restore_heads(vault);
        if (vault->structure_dirty && vault_reload(vault) != 0)
                vault->broken = -EIO;
        vault->structure_dirty = false;
}

/* SQLite does so in a read, too, and then says nothing of it to the changes that follow, each of which would be a transaction of
 * its own. */
int batch_lost(Vault *vault)
{
        if (vault->in_batch && vault->batch_error == 0 && sqlite3_get_autocommit(vault->db)) {
                vault->batch_error = -EIO;
                undo(vault);
        }
        return vault->batch_error;
}

void vault_batch_rollback(Vault *vault)
{
        if (!vault->in_batch)
                return;
        if (!sqlite3_get_autocommit(vault->db) && vault_run(vault, STATEMENT_ROLLBACK) != 0)
                vault->broken = -EIO;
        vault->in_batch = false;
        vault->batch_error = 0;
        undo(vault);
}

/* Sets the version to what it is, which writes one page, after the last commit that is valid. */
static int supersede(Vault *vault)
{
        char set_version[48];
        int64_t version = 0;
        int r;

        r = db_pragma(vault->db, "PRAGMA user_version", &version);
        if (r != 0)
                return r;
        (void)snprintf(set_version, sizeof(set_version), "PRAGMA user_version=%d", (int)version);
        return db_exec(vault->db, set_version);
}

static int commit(Vault *vault)
{
        int r;

        r = vault_run(vault, STATEMENT_COMMIT);
        if (r == 0 || !vault->path)
                return r;
        vault_batch_rollback(vault);
        /* A full disk stopped it before the last page was in the log. */
        if (supersede(vault) == 0 || r == -ENOSPC)
                return r;
        vault->broken = -EIO;
        return VAULT_E_UNSURE;
}

int vault_batch_commit(Vault *vault)
{
        Collection *c;
        int r;

        if (!vault->in_batch)
                return vault->broken;
        r = batch_lost(vault);
        for (size_t i = 0; r == 0 && (c = keeper_nth(vault, i)); i++)
                if (c->dirty)
                        r = keeper_store(vault, c);
        if (r == 0)
                r = commit(vault);
        if (r != 0) {
                vault_batch_rollback(vault);
                return r;
        }
        for (size_t i = 0; (c = keeper_nth(vault, i)); i++)
                c->dirty = c->early = false;
        vault->in_batch = false;
        vault->structure_dirty = false;
        return 0;
}

int op_begin(Op *op, Vault *vault, Collection *collection, bool structure)
{
        int r;

        *op = (Op){.vault = vault, .collection = collection, .structure = structure};
        if (vault->broken)
                return vault->broken;
        r = batch_lost(vault);
        if (r != 0)
                return r;
        if (!vault->in_batch) {
                r = vault_batch_begin(vault);
                if (r != 0)
                        return r;
                op->own = true;
        } else if (!vault->whole) {
                r = vault_run(vault, STATEMENT_SAVEPOINT);
                if (r != 0)
                        return r;
        }
        if (collection) {
                op->head = collection->head;
                op->dirty = collection->dirty;
        }
        if (structure)
                vault->structure_dirty = true;
        return 0;
}

/* Undoing a batch puts back only what is marked as changed, and the mark may have been taken away. */
static void undo_head(const Op *op)
{
        Collection *c = op->collection;

        if (!c)
                return;
        c->head = op->head;
        c->dirty = op->dirty;
        c->public.modified = c->head.modified;
        c->public.n_items = c->head.n;
}

static void undo_op(Op *op, int r)
{
        Vault *vault = op->vault;

        undo_head(op);
        if (sqlite3_get_autocommit(vault->db)) {
                /* The transaction is gone, and with it the work of others. */
                vault->batch_error = r;
                undo(vault);
                return;
        }
        if (vault->whole) {
                vault->batch_error = r;
                return;
        }
        if (vault_run(vault, STATEMENT_ROLLBACK_TO) != 0 || vault_run(vault, STATEMENT_RELEASE) != 0) {
                vault->batch_error = r;
                return;
        }
        if (op->structure && vault_reload(vault) != 0)
                vault->broken = -EIO;
}

int op_end(Op *op, int r)
{
        Vault *vault = op->vault;

        /* There is no disk to make room on. */
        if (vault->ephemeral && r == -ENOSPC)
                r = VAULT_E_LIMIT;
        if (op->own) {
                if (r == 0)
                        r = vault_batch_commit(vault);
                else
                        vault_batch_rollback(vault);
                if (r != 0)
                        undo_head(op);
                return r;
        }
        if (r == 0 && !vault->whole)
                r = vault_run(vault, STATEMENT_RELEASE);
        if (r != 0)
                undo_op(op, r);
        return r;
}

/* SQLite calls this after each commit with the number of frames in the log. */
static int count_frames(void *userdata, sqlite3 *db, const char *name, int frames)
{
        Vault *vault = userdata;

        vault->wal_frames = (unsigned)frames;
        vault->wal_pending = true;
        return SQLITE_OK;
}

void batch_wal_hook(Vault *vault)
{
        (void)sqlite3_wal_hook(vault->db, count_frames, vault);
}

bool vault_wants_checkpoint(const Vault *vault)
{
        return vault->wal_pending && vault->wal_frames > 1000;
}
