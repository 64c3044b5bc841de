/* Each function is one kind of step */
#include "fuzz/vault-keeping.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fail.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory-vfs.h"
#include "fuzz/vault-base.h"
#include "fuzz/vault-open.h"

/* ---- old values ---- */

static bool read_history(Vault *vault, ItemId id, Input *in)
{
        _cleanup_(trash_list_done) TrashList list = {0};
        _cleanup_(item_freep) Item *item = NULL;
        uint64_t version;
        unsigned what = input_u8(in);

        if (CALL(vault_history(vault, id, &list)) != 0)
                return false;
        for (size_t i = 0; i < list.n; i++) {
                PROMISE(list.entries[i].item && list.entries[i].item->id == id);
                PROMISE(base_consistent(list.entries[i].item, /* with_value= */ false));
                PROMISE(i == 0 || list.entries[i].item->version <= list.entries[i - 1].item->version);
        }
        version = list.n > 0 ? list.entries[what / 2 % list.n].item->version : what;
        if (CALL(vault_history_get(vault, id, version, &item)) == 0)
                PROMISE(item->id == id && item->version == version && item->value && base_consistent(item, true));
        return what % 2 && (CALL(vault_undelete(vault, id, version)) == 0 || fail_happened());
}

static void set_retention(Keeping *keeping, Vault *vault, ItemId id, Input *in)
{
        _cleanup_(trash_list_done) TrashList list = {0};
        VaultRetention retention = {.days = input_u8(in) * 200U, .versions = input_u8(in) * 5U};
        unsigned kept = 0;
        int r = CALL(vault_set_retention(vault, retention));

        if (retention.days > VAULT_RETENTION_DAYS_MAX || retention.versions > VAULT_RETENTION_VERSIONS_MAX)
                PROMISE(r != 0);
        if (r != 0)
                return;
        keeping->retention = retention;
        keeping->retention_set = true;
        PROMISE(vault_retention(vault).days == retention.days && vault_retention(vault).versions == retention.versions);
        if (keeping->loose || vault_history(vault, id, &list) != 0)
                return;
        for (size_t i = 0; i < list.n; i++)
                kept += !list.entries[i].deleted;
        PROMISE(kept <= retention.versions);
}

static void wipe(const Keeping *keeping, Vault *vault, ItemId id, Input *in)
{
        _cleanup_(vault_wipe_freep) VaultWipe *wipe = NULL;
        _cleanup_(trash_list_done) TrashList list = {0};
        const unsigned pages = 1 + input_u8(in) % 64;
        bool done = false;
        int r;

        r = CALL(vault_wipe_new(vault, id, &wipe));
        while (r == 0 && !done)
                r = CALL(vault_wipe_step(wipe, pages, &done));
        if (r != 0 || keeping->loose)
                return;
        if ((id ? vault_history(vault, id, &list) : vault_trash(vault, 0, 0, &list)) == 0)
                PROMISE(list.n == 0);
}

/* ---- the epoch ---- */

static void make_word(Keeping *keeping, Vault *vault, Input *in)
{
        _cleanup_(secret_freep) Secret *word = NULL;
        unsigned what = input_u8(in);
        const Secret *previous = what % 2 ? keeping->word : NULL;
        VaultEpochCounter counter = {.handle = what & 2, .stale = what & 4, .count = what, .tpm_size = what % 67, .behind = what & 8};

        if (CALL(vault_epoch_make(vault, previous ? previous->data : NULL, previous ? previous->size : 0, vault_now(),
                                  what & 16 ? &counter : NULL, &word)) != 0)
                return;
        PROMISE(word->size <= VAULT_EPOCH_MAX);
        secret_free(keeping->word);
        keeping->word = TAKE_PTR(word);
}

static void compare_word(const Keeping *keeping, Vault *vault)
{
        const Secret *word = keeping->word;
        VaultEpoch epoch;

        if (CALL(vault_epoch_compare(vault, word ? word->data : NULL, word ? word->size : 0, &epoch)) != 0)
                return;
        PROMISE((epoch.state == VAULT_EPOCH_NONE) == !word);
        if (word && !keeping->loose && !keeping->reordered)
                PROMISE(epoch.state == VAULT_EPOCH_CURRENT);
}

/* Another's, or one that was changed. */
static void compare_bytes(const Keeping *keeping, Vault *vault, Input *in)
{
        uint8_t bytes[4096];
        const uint8_t *other;
        VaultEpoch epoch;
        size_t size = keeping->word ? keeping->word->size : 0;

        if (size > 0 && size <= sizeof(bytes) && input_u8(in) % 4) {
                memcpy(bytes, keeping->word->data, size);
                bytes[input_u16(in) % size] ^= (uint8_t)(input_u8(in) | 1);
                size -= input_u8(in) % 4;
        } else {
                other = input_bytes(in, 255, &size);
                memcpy(bytes, other, size);
        }
        if (CALL(vault_epoch_compare(vault, bytes, size, &epoch)) == 0)
                PROMISE(epoch.state == VAULT_EPOCH_FOREIGN);
}

/* ---- copies ---- */

static void copy_end(Keeping *keeping)
{
        keeping->copy = vault_copy_free(keeping->copy);
        if (keeping->fd >= 0)
                (void)close(keeping->fd);
        keeping->fd = -1;
}

static void copy_begin(Keeping *keeping, Vault *vault)
{
        if (keeping->fd < 0) {
                keeping->fd = memfd_create("copy", MFD_CLOEXEC);
                PROMISE(keeping->fd >= 0);
        }
        if (CALL(vault_copy_new(vault, keeping->fd, &keeping->copy)) != 0)
                copy_end(keeping);
}

/* It is what the vault is, to who has the vault's keys, and closed to others. */
static void check_copy(const Keeping *keeping, Vault *vault)
{
        _cleanup_(vault_freep) Vault *copy = NULL;
        VaultReport report = {0};
        int r;

        r = CALL(vault_open_copy(keeping->fd, &copy));
        if (!keeping->loose && !fail_happened())
                PROMISE(r == 0);
        if (r != 0)
                return;
        PROMISE(!vault_is_unlocked(copy));
        fuzz_vault_read(copy);
        r = CALL(vault_lend(vault, copy));
        if (r == 0)
                r = CALL(vault_verify(copy, &report));
        if (r == 0)
                fuzz_vault_read(copy);
        if (keeping->loose || fail_happened())
                return;
        PROMISE(r == 0 && report.damaged == 0 && report.index_missing == 0 && report.index_extra == 0 &&
                report.collections_tampered == 0);
        PROMISE(vault_items_total(copy) == vault_items_total(vault));
}

static void copy_some(Keeping *keeping, Vault *vault, Input *in)
{
        unsigned pages = input_u8(in) % 64;
        bool done = false;

        if (!keeping->copy) {
                copy_begin(keeping, vault);
                return;
        }
        if (CALL(vault_copy_step(keeping->copy, 1 + pages, &done)) != 0) {
                if (!vault_batch_is_open(vault))
                        copy_end(keeping);
                return;
        }
        if (!done)
                return;
        check_copy(keeping, vault);
        copy_end(keeping);
}

/* ---- all of it ---- */

bool keeping_step(Keeping *keeping, Vault *vault, unsigned what, ItemId id, Input *in)
{
        switch (what % 8) {
        case 0:
                return read_history(vault, id, in);
        case 1:
                set_retention(keeping, vault, id, in);
                break;
        case 2:
                wipe(keeping, vault, input_u8(in) % 2 ? id : 0, in);
                break;
        case 3:
                make_word(keeping, vault, in);
                break;
        case 4:
                compare_word(keeping, vault);
                break;
        case 5:
                compare_bytes(keeping, vault, in);
                break;
        default:
                copy_some(keeping, vault, in);
        }
        return false;
}

void keeping_check(const Keeping *keeping, Vault *vault)
{
        VaultRetention retention = vault_retention(vault);

        compare_word(keeping, vault);
        if (keeping->retention_set && !keeping->loose)
                PROMISE(retention.days == keeping->retention.days && retention.versions == keeping->retention.versions);
}

uint64_t keeping_sum(const Keeping *keeping, uint64_t sum)
{
        const uint64_t facts[] = {keeping->loose, keeping->reordered, keeping->retention_set, keeping->retention.days,
                                  keeping->retention.versions};

        sum = memory_vfs_sum(sum, facts, sizeof(facts));
        return keeping->word ? memory_vfs_sum(sum, keeping->word->data, keeping->word->size) : sum;
}

void keeping_done(Keeping *keeping)
{
        copy_end(keeping);
        keeping->word = secret_free(keeping->word);
}
