/*
 * A backup from an enemy, put in the vault's place
 *
 * An input that begins as a database does is the file that somebody passes. Any other one says what is done to the file of a small
 * vault (vault-base.h), then to its length and to its first bytes. It goes the way that daemon/store1-restore.c sends it: copied,
 * opened from a descriptor, which brings an older one up to date, opened by one of its slots, verified, and put where a vault
 * lies, while memory and disk fail on order.
 *
 * What must hold: without a secret nothing is read; what is read was written as it is read. What was found in order is, once it is in
 * its place, a vault in order that the same secret opens; what was refused changes nothing; and of a whole backup, all is there.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/dice.h"
#include "fuzz/fail.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory-vfs.h"
#include "fuzz/vault-base.h"
#include "fuzz/vault-memory.h"
#include "fuzz/vault-open.h"

#define SIZE_MAX_ ((size_t)1024 * 1024)
#define PAGE      4096U

typedef struct Run {
        const Base *base;
        char path[96];
        int fd;      /* the copy of what was passed */
        bool whole;  /* nothing was done to it */
        bool there;  /* a vault is, where it is to go */
        bool accept; /* it is taken as it is */
        Root *root;
        VaultReport report;
} Run;

/* ---- what is passed ---- */

static int file_of(const uint8_t *data, size_t size)
{
        int fd = memfd_create("backup", MFD_CLOEXEC);

        PROMISE(fd >= 0 && (size == 0 || pwrite(fd, data, size, 0) == (ssize_t)size));
        return fd;
}

/* Its length. Whether that changed. */
static bool cut(int fd, size_t size, Input *in)
{
        size_t now = size;

        switch (input_u8(in) % 16) {
        case 1:
                now = input_u32(in) % size;
                break;
        case 2:
                now = input_u8(in) % (size / PAGE) * PAGE;
                break;
        case 3:
                now = size + input_u16(in);
                break;
        case 4:
                now = size + (size_t)input_u8(in) * PAGE;
                break;
        default:
                break;
        }
        PROMISE(ftruncate(fd, (off_t)now) == 0);
        return now != size;
}

/* In the header and in what the first page says of itself. */
static bool set_bytes(int fd, Input *in)
{
        unsigned n = input_u8(in);

        n = n < 128 ? 0 : n % 8;
        for (unsigned i = 0; i < n; i++) {
                off_t at = input_u8(in) % 128;
                uint8_t byte = input_u8(in);

                PROMISE(pwrite(fd, &byte, 1, at) == 1);
        }
        return n > 0;
}

static int passed(Run *run, Input *in)
{
        const uint8_t *image;
        Damage damage;
        size_t size;
        int fd;

        base_damage(run->base, in, run->path, &damage);
        image = memory_vfs_get(run->path, &size);
        PROMISE(image);
        fd = file_of(image, size);
        run->whole = damage.n == 0;
        run->whole &= !cut(fd, size, in);
        run->whole &= !set_bytes(fd, in);
        return fd;
}

/* ---- looking at it ---- */

static void check_closed(const Run *run, Vault *copy)
{
        PROMISE(!vault_is_unlocked(copy));
        for (size_t i = 0; i < BASE_ITEMS; i++) {
                _cleanup_(item_freep) Item *item = NULL;

                PROMISE(CALL(vault_item_get(copy, run->base->items[i].id, /* with_value= */ true, &item)) != 0 && !item);
        }
        fuzz_vault_read(copy);
}

/* By a slot that wants nothing, else by what somebody types. */
static bool open_slots(Run *run, Vault *copy, unsigned typed)
{
        static const char *const secrets[] = {BASE_PASSWORD, "wrong", "a key file of some thirty-two bytes"};
        const char *text = secrets[typed % ELEMENTSOF(secrets)];
        _cleanup_(slot_list_done) SlotList list = {0};
        _cleanup_(secret_freep) Secret *secret = NULL;

        if (CALL(vault_slots(copy, &list)) != 0 || secret_new_from(&secret, text, strlen(text)) < 0)
                return false;
        for (size_t i = 0; i < list.n; i++) {
                bool unasked = slot_kind(list.slots[i]) == SLOT_NONE;

                if (slot_collection(list.slots[i]) != 0 || (unasked && typed >= 128))
                        continue;
                if (CALL(slot_open(list.slots[i], unasked ? NULL : secret, &run->root)) == 0) {
                        PROMISE(unasked || typed % ELEMENTSOF(secrets) != 1);
                        return true;
                }
        }
        return false;
}

static void check_items(const Run *run, Vault *vault)
{
        for (size_t i = 0; i < BASE_ITEMS; i++) {
                _cleanup_(item_freep) Item *item = NULL;

                if (CALL(vault_item_get(vault, run->base->items[i].id, /* with_value= */ true, &item)) == 0)
                        PROMISE(item->id == run->base->items[i].id && base_consistent(item, true));
        }
}

static bool is_sound(const VaultReport *report)
{
        return report->damaged == 0 && report->collections_tampered == 0;
}

/* Whether it is to be put in the vault's place. */
static bool verify(Run *run, Input *in)
{
        _cleanup_(vault_freep) Vault *copy = NULL;
        int r = CALL(vault_open_copy(run->fd, &copy));

        PROMISE((r == 0) == (copy != NULL));
        if (run->whole && !fail_happened())
                PROMISE(r == 0);
        if (r != 0)
                return false;
        check_closed(run, copy);
        (void)vault_items_total(copy);
        (void)vault_modified(copy);
        if (!open_slots(run, copy, input_u8(in)) || CALL(vault_unlock(copy, run->root, 0)) != 0)
                return false;
        r = CALL(vault_verify(copy, &run->report));
        check_items(run, copy);
        fuzz_vault_read(copy);
        if (run->whole && !fail_happened())
                PROMISE(r == 0 && is_sound(&run->report) && run->report.index_missing == 0 && run->report.index_extra == 0);
        return r == 0 && (is_sound(&run->report) || run->accept);
}

/* ---- in its place ---- */

static Vault *open_there(const Run *run)
{
        Vault *vault = NULL;

        return CALL(vault_open(run->path, &vault, NULL)) == 0 ? vault : NULL;
}

/* What was there before. */
static void check_kept(const Run *run)
{
        _cleanup_(vault_freep) Vault *vault = open_there(run);
        _cleanup_(root_freep) Root *root = NULL;
        VaultReport report;

        PROMISE((vault != NULL) == run->there);
        if (!vault)
                return;
        root = base_root(vault, 0);
        PROMISE(root && vault_unlock(vault, root, 0) == 0);
        PROMISE(vault_check(vault, /* accept= */ false, NULL, NULL, &report) == 0 && is_sound(&report));
}

static void check_replaced(const Run *run)
{
        _cleanup_(vault_freep) Vault *vault = open_there(run);
        VaultReport report;
        static Memory memory;

        if (is_sound(&run->report)) {
                PROMISE(vault && vault_unlock(vault, run->root, 0) == 0);
                PROMISE(vault_check(vault, /* accept= */ false, NULL, NULL, &report) == 0);
                PROMISE(report.records == run->report.records && report.damaged == 0 && report.collections_tampered == 0 &&
                        report.index_missing == run->report.index_missing && report.index_extra == run->report.index_extra &&
                        report.collections_locked == run->report.collections_locked);
        }
        if (!vault)
                return;
        if (!vault_is_unlocked(vault))
                (void)CALL(vault_unlock(vault, run->root, 0));
        check_items(run, vault);
        fuzz_vault_read(vault);
        memory_init(&memory, run->base);
        for (size_t i = 0; run->whole && i < memory.n; i++)
                if (ITEM_ID_COLLECTION(memory.known[i].id) <= 2)
                        memory_check(vault, memory.known + i);
}

static void restore(Run *run, int from, Input *in)
{
        char *kept = NULL;
        uint64_t size;
        int r;

        if (CALL(vault_copy_file(from, run->fd, VAULT_COPY_MAX, &size)) != 0 || !verify(run, in)) {
                fail_at(0);
                check_kept(run);
                return;
        }
        r = CALL(vault_replace(run->path, run->fd, &kept));
        PROMISE(r != 0 || run->there == (kept != NULL));
        free(kept);
        fail_at(0);
        if (r != 0) {
                check_kept(run);
                return;
        }
        check_replaced(run);
        /* Taken as it is, it may be repaired. */
        fuzz_vault_open(run->path, /* change= */ true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = {data, size}, none = {0}, *program = &in;
        Run run = {.fd = -1};
        unsigned how;
        int from;

        if (size > SIZE_MAX_)
                return 0;
        PROMISE(arena_init() >= 0);
        dice_reset(0);
        fail_stand_in(true);
        fail_at(0);
        run.base = base_get();
        dice_reset(1);
        (void)snprintf(run.path, sizeof(run.path), "%s/vault.db", memory_vfs_dir());
        if (size >= 16 && memcmp(data, "SQLite format 3", 16) == 0) {
                from = file_of(data, size);
                program = &none;
        } else {
                from = passed(&run, &in);
        }
        how = input_u8(program);
        run.there = how % 4 != 0;
        run.accept = how & 4;
        memory_vfs_clear();
        if (run.there)
                memory_vfs_put(run.path, run.base->image, run.base->size);
        if (how & 8)
                fail_at(1U + input_u16(program) % 2000);
        run.fd = memfd_create("copy", MFD_CLOEXEC);
        PROMISE(run.fd >= 0);
        restore(&run, from, program);
        (void)root_free(run.root);
        (void)close(run.fd);
        (void)close(from);
        memory_vfs_clear();
        return 0;
}
