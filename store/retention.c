/*
 * Retention: how long, and how many, old values are kept
 *
 * A row of `meta`; without one it is what it always was. It decides only when a row of the trash may be thrown away, so
 * nothing authenticates it, as nothing does those rows' times. Lowering it throws away at once what it does not cover any
 * more. Records of classes do not take part: a passkey that somebody deleted can be had back for thirty days, whoever may
 * have set what.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define ROW      "retention"
#define ROW_SIZE 8U

int retention_load(Vault *vault)
{
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        VaultRetention retention = VAULT_RETENTION_USUAL;
        const uint8_t *data;
        size_t size;
        bool there;
        int r;

        r = vault_statement(vault, STATEMENT_META_GET, &s);
        if (r != 0)
                return r;
        db_bind_text(s, 1, ROW);
        r = db_step(s, &there);
        if (r != 0)
                return r;
        if (there && db_column_blob(s, 0, ROW_SIZE, ROW_SIZE, &data, &size)) {
                ByteReader reader = BYTE_READER(data, size);

                retention.days = byte_reader_u32(&reader);
                retention.versions = byte_reader_u32(&reader);
        }
        /* What nobody can have set says nothing. */
        if (retention.days > VAULT_RETENTION_DAYS_MAX || retention.versions > VAULT_RETENTION_VERSIONS_MAX)
                retention = VAULT_RETENTION_USUAL;
        vault->retention = retention;
        vault->purge_after = 0;
        return 0;
}

VaultRetention vault_retention(const Vault *vault)
{
        return vault->retention;
}

static int write_row(Vault *vault, VaultRetention retention)
{
        _cleanup_(statement_donep) sqlite3_stmt *trim = NULL;
        uint8_t row[ROW_SIZE];
        ByteWriter writer = BYTE_WRITER_ON(row);
        int r;

        byte_writer_u32(&writer, retention.days);
        byte_writer_u32(&writer, retention.versions);
        r = vault_meta_put(vault, ROW, row, sizeof(row));
        if (r == 0)
                r = vault_statement(vault, STATEMENT_TRASH_TRIM_ALL, &trim);
        if (r != 0)
                return r;
        db_bind_u64(trim, 1, retention.versions);
        db_bind_u64(trim, 2, ITEM_ID_LAST);
        r = db_run(trim);
        return r == 0 ? retention_load(vault) : r;
}

int vault_set_retention(Vault *vault, VaultRetention retention)
{
        bool more = true;
        Op op;
        int r;

        if (vault->ephemeral || retention.days > VAULT_RETENTION_DAYS_MAX ||
            retention.versions > VAULT_RETENTION_VERSIONS_MAX)
                return VAULT_E_INVALID;
        if (!vault->unlocked)
                return VAULT_E_LOCKED;
        if (vault->in_batch)
                return -EBUSY;
        r = op_begin(&op, vault, NULL, /* structure= */ true);
        if (r != 0)
                return r;
        r = op_end(&op, write_row(vault, retention));
        /* It is set. What could not go now, as on a full disk, goes in idle moments. */
        while (r == 0 && more && purge_due(vault, vault_now(), &more) == 0)
                ;
        return r;
}
