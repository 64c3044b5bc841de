/*
 * The log
 *
 * What is committed is in the log first, and moves into the file in idle moments. There it stays until it is written over: a
 * checkpoint forgets frames, it does not remove them. So what must not be read there any more is overwritten, all at once after a
 * change that can't wait (a slot that was removed), or piece by piece while others write (wipe.c).
 *
 * Only frames that are in the file already may be overwritten, and the head goes before them, durably: a log of which the head is
 * left and a later part is gone would put old pages over newer ones. Whoever writes next begins a new log.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

/* What stands where a log has its head, of one that has nothing to say. */
static const uint8_t no_head[LOG_HEAD_SIZE];

int vault_checkpoint(Vault *vault, bool *ret_all)
{
        int log = 0, done = 0, rc, r;

        r = wipe_before_checkpoint(vault);
        if (r != 0)
                return r;
        rc = sqlite3_wal_checkpoint_v2(vault->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &done);
        if (rc != SQLITE_OK)
                return db_result(rc);
        *ret_all = log == done;
        if (log == done)
                vault->wal_pending = false;
        return 0;
}

/* A log that a crash has left may be whole only in this machine's memory: a sync that fails on Linux leaves pages that read well
 * and will never be written. What was put behind them would be lost with them when the power goes. So it is written anew before
 * anybody relies on it; on a full disk, before the first change. */
int vault_prove_log(Vault *vault, const char *path)
{
        int r = vault->log_unproven && path ? file_renew_wal(path) : 0;

        if (r == 0)
                vault->log_unproven = false;
        return r;
}

void log_close(Vault *vault)
{
        bool all = false;

        if (vault_checkpoint(vault, &all) == 0 && all)
                file_forget_wal(vault->path);
}

int vault_wipe_log(Vault *vault)
{
        bool all = false;
        int r;

        if (!vault->path)
                return 0;
        vault->wipe_due = true;
        if (vault->in_batch)
                return VAULT_E_BUSY;
        r = vault_checkpoint(vault, &all);
        if (r != 0)
                return r;
        if (!all)
                return VAULT_E_BUSY;
        r = file_grow_wal(vault->path, /* wipe= */ true);
        vault->wipe_due = r != 0;
        return r;
}

static int forget_head(sqlite3_file *log)
{
        uint8_t head[LOG_HEAD_SIZE];
        int rc;

        rc = log->pMethods->xRead(log, head, sizeof(head), 0);
        if (rc == SQLITE_IOERR_SHORT_READ || (rc == SQLITE_OK && memcmp(head, no_head, sizeof(head)) == 0))
                return 0;
        if (rc == SQLITE_OK)
                rc = log->pMethods->xWrite(log, no_head, sizeof(no_head), 0);
        if (rc == SQLITE_OK)
                rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
        return db_result(rc);
}

/* From the end on; what is written meanwhile is at the beginning. */
static int overwrite(sqlite3_file *log, LogWipe *wipe, size_t size)
{
        static const uint8_t zeros[64 * 1024];
        int rc = SQLITE_OK;

        while (rc == SQLITE_OK && size > 0 && wipe->at > LOG_HEAD_SIZE) {
                uint64_t piece = wipe->at - LOG_HEAD_SIZE;

                if (piece > sizeof(zeros))
                        piece = sizeof(zeros);
                if (piece > size)
                        piece = size;
                rc = log->pMethods->xWrite(log, zeros, (int)piece, (sqlite3_int64)(wipe->at - piece));
                if (rc == SQLITE_OK) {
                        wipe->at -= piece;
                        size -= piece;
                }
        }
        return rc == SQLITE_OK ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : rc;
}

int log_wipe_step(Vault *vault, LogWipe *wipe, size_t size, bool *ret_done)
{
        sqlite3_file *log = NULL;
        sqlite3_int64 end = 0;
        bool all = false;
        int rc, r;

        r = vault_checkpoint(vault, &all);
        if (r != 0)
                return r;
        if (!all)
                return VAULT_E_BUSY;
        rc = sqlite3_file_control(vault->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&log);
        if (rc != SQLITE_OK || !log || !log->pMethods)
                return -EIO;
        rc = log->pMethods->xFileSize(log, &end);
        if (rc != SQLITE_OK)
                return db_result(rc);
        r = forget_head(log);
        if (r != 0)
                return r;
        if (!wipe->begun)
                *wipe = (LogWipe){.begun = true, .at = (uint64_t)end};
        rc = overwrite(log, wipe, size);
        if (rc != SQLITE_OK || wipe->at > LOG_HEAD_SIZE)
                return db_result(rc);
        /* After a change of everything it would stay as large as that was. */
        if (end > (sqlite3_int64)LOG_SIZE)
                rc = log->pMethods->xTruncate(log, LOG_SIZE);
        *ret_done = rc == SQLITE_OK;
        return db_result(rc);
}
