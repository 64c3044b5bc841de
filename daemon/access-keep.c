/*
 * Chunks of the log
 *
 * What is full is found out once, from the newest record down, and known from then on. A record that is damaged counts as
 * full and stays where it is: keyfob check sets it aside.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "daemon/access-internal.h"
#include "daemon/access-log.h"
#include "daemon/log.h"

#define RECORDS_MAX UINT64_C(65536) /* looked at: far more than there are */
#define SCAN_MAX    64U             /* numbers read at a time */

_Static_assert(ACCESS_CHUNKS_MAX * ACCESS_CHUNK_ENTRIES >= ACCESS_LOG_ENTRIES, "as many are kept as is said");

/* Room for one record, which goes back to the system at once: kept by malloc() it would be twice what the rest needs. */
static uint8_t *record_map(void)
{
        void *record = mmap(NULL, VAULT_RECORD_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return record == MAP_FAILED ? NULL : record;
}

static void record_unmap(uint8_t **record)
{
        if (*record)
                (void)munmap(*record, VAULT_RECORD_MAX);
}

void access_keep_added(AccessKeep *keep)
{
        keep->n_loose++;
}

void access_keep_forget(AccessKeep *keep)
{
        *keep = (AccessKeep){0};
}

static bool is_full(size_t entries, size_t size)
{
        return entries >= ACCESS_CHUNK_ENTRIES || size >= ACCESS_CHUNK_SIZE;
}

static int get(Vault *vault, uint64_t number, uint8_t *record, size_t *ret_size, size_t *ret_entries)
{
        int r;

        r = vault_record_get(vault, VAULT_CLASS_LOG, number, record, VAULT_RECORD_MAX, ret_size);
        if (r == 0 && access_chunk_count(record, *ret_size, ret_entries) < 0)
                r = VAULT_E_DAMAGED;
        return r;
}

static int look(AccessKeep *keep, Vault *vault, uint8_t *record)
{
        uint64_t numbers[SCAN_MAX], before = UINT64_MAX;
        size_t n, size, entries;
        int r;

        *keep = (AccessKeep){0};
        do {
                r = vault_record_list(vault, VAULT_CLASS_LOG, before, numbers, SCAN_MAX, &n);
                if (r != 0)
                        return r;
                for (size_t i = 0; i < n; i++) {
                        r = get(vault, numbers[i], record, &size, &entries);
                        if (r != 0 && r != VAULT_E_DAMAGED)
                                return r;
                        if (r != 0 || is_full(entries, size)) {
                                keep->full = numbers[i];
                                keep->known = true;
                                return 0;
                        }
                        keep->n_loose++;
                }
                before = n > 0 ? numbers[n - 1] : 0;
        } while (n == SCAN_MAX);
        keep->known = true;
        return 0;
}

/* Joins numbers[*at], and before it what is newer (the list descends), until that is a chunk. Moves *at on. */
static int join(AccessKeep *keep, Vault *vault, const uint64_t *numbers, size_t *at, uint8_t *record)
{
        _cleanup_(byte_writer_done) ByteWriter chunk = BYTE_WRITER_NULL;
        size_t first = *at, next = *at + 1, entries = 0, size, n;
        int r = 0;

        access_chunk_begin(&chunk);
        while (next > 0 && !is_full(entries, chunk.size)) {
                r = get(vault, numbers[next - 1], record, &size, &n);
                if (r == VAULT_E_DAMAGED)
                        break;
                if (r != 0)
                        return r;
                if (next - 1 < first && chunk.size + size > VAULT_RECORD_MAX)
                        break;
                (void)access_chunk_join(&chunk, record, size);
                entries += n;
                next--;
        }
        /* The newest of what was joined, and with it all, is done; a damaged one is passed over. */
        if (r == VAULT_E_DAMAGED && next == first + 1) {
                keep->full = numbers[first];
                keep->n_loose--;
                *at = next - 1;
                return 0;
        }
        if (chunk.failed)
                return -ENOMEM;
        r = next < first ? vault_record_update(vault, VAULT_CLASS_LOG, numbers[first], chunk.data, chunk.size) : 0;
        for (size_t i = next; i < first && r == 0; i++)
                r = vault_record_delete(vault, VAULT_CLASS_LOG, numbers[i], /* keep= */ false);
        keep->full = numbers[first];
        keep->n_loose -= first - next + 1;
        *at = next;
        return r;
}

static int give_up_old(Vault *vault, const uint64_t *numbers, size_t n, size_t n_loose)
{
        size_t kept = n_loose + ACCESS_CHUNKS_MAX;
        int r = 0;

        for (size_t i = kept; i < n && (r == 0 || r == VAULT_E_DAMAGED); i++)
                r = vault_record_delete(vault, VAULT_CLASS_LOG, numbers[i], /* keep= */ false);
        return r == VAULT_E_DAMAGED ? 0 : r;
}

static int tidy(AccessKeep *keep, Vault *vault, uint8_t *record)
{
        _cleanup_free_ uint64_t *numbers = NULL;
        uint64_t count;
        size_t n, at;
        int r;

        r = vault_record_count(vault, VAULT_CLASS_LOG, &count);
        if (r != 0)
                return r;
        count = count < RECORDS_MAX ? count : RECORDS_MAX;
        numbers = calloc(count + 1, sizeof(*numbers));
        if (!numbers)
                return -ENOMEM;
        r = vault_record_list(vault, VAULT_CLASS_LOG, UINT64_MAX, numbers, count, &n);
        if (r != 0)
                return r;
        /* Chunks are older, so at the end of the list. */
        for (at = 0; at < n && numbers[at] > keep->full;)
                at++;
        keep->n_loose = at;
        while (at > 0 && r == 0 && keep->n_loose >= ACCESS_LOOSE_MAX) {
                at--;
                r = join(keep, vault, numbers, &at, record);
        }
        if (r != 0)
                return r;
        r = vault_record_list(vault, VAULT_CLASS_LOG, UINT64_MAX, numbers, count, &n);
        return r == 0 ? give_up_old(vault, numbers, n, keep->n_loose) : r;
}

void access_keep_tidy(AccessKeep *keep, Vault *vault)
{
        _cleanup_(record_unmap) uint8_t *record = NULL;
        int r = 0;

        if (!vault || !vault_is_unlocked(vault) || vault_batch_is_open(vault) ||
            (keep->known && keep->n_loose < ACCESS_LOOSE_MAX))
                return;
        record = record_map();
        if (!record)
                r = -ENOMEM;
        else if (!keep->known)
                r = look(keep, vault, record);
        if (r == 0 && keep->n_loose < ACCESS_LOOSE_MAX)
                return;
        if (r == 0)
                r = vault_batch_begin(vault);
        if (r == 0) {
                r = tidy(keep, vault, record);
                if (r == 0)
                        r = vault_batch_commit(vault);
                else
                        vault_batch_rollback(vault);
        }
        if (r == 0)
                return;
        log_line(LOG_WARNING, "old lines of keyfob log could not be put together: %s", vault_strerror(r));
        access_keep_forget(keep);
        keep->known = true; /* not again with each moment of rest */
}

int access_log_walk(Daemon *daemon, uint64_t *before, size_t records, int (*each)(const AccessEntry *entry, void *userdata),
                    void *userdata)
{
        _cleanup_(record_unmap) uint8_t *record = record_map();
        uint64_t numbers[SCAN_MAX];
        size_t n, wanted;
        int r;

        if (!record)
                return -ENOMEM;
        for (; records > 0 && *before > 0; records -= n) {
                wanted = records < SCAN_MAX ? records : SCAN_MAX;
                r = vault_record_list(daemon->vault, VAULT_CLASS_LOG, *before, numbers, wanted, &n);
                if (r != 0)
                        return r;
                for (size_t i = 0; i < n; i++) {
                        size_t size;

                        r = vault_record_get(daemon->vault, VAULT_CLASS_LOG, numbers[i], record, VAULT_RECORD_MAX, &size);
                        if (r == 0)
                                r = access_chunk_walk_back(record, size, each, userdata);
                        if (r != 0 && r != VAULT_E_DAMAGED && r != -EBADMSG)
                                return r;
                }
                *before = n == wanted ? numbers[n - 1] : 0;
        }
        return 0;
}
