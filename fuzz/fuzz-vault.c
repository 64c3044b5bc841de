/*
 * A vault file from an enemy, on a machine that fails
 *
 * An input that begins as a database does is the whole file. Any other one is a program: first what is done to a small vault's file
 * (vault-base.h), then what is done with it, with failures of memory, of the disk and of the KDF ordered in between.
 *
 * What must hold: nobody without a key sees a secret; what can be read was written as it is read, whatever was mixed; damage to
 * rows of items costs these items only, and is noticed. On a file that nobody touched: what was answered with 0 is there
 * after the next opening, what failed is not (or, where the disk failed, one of both), and the vault is in order.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/dice.h"
#include "fuzz/fail.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory-vfs.h"
#include "fuzz/vault-base.h"
#include "fuzz/vault-keeping.h"
#include "fuzz/vault-memory.h"
#include "fuzz/vault-open.h"

#define STEPS_MAX 48U

typedef struct Run {
        const Base *base;
        Vault *vault;
        Damage damage;
        bool touched;  /* the file was damaged: nothing is known */
        bool restored; /* values were brought back: only that they are somebody's is known */
        bool rekeyed;
        unsigned serial;
        Memory memory;
        Keeping keeping;
        char path[96];
} Run;

/* ---- what must hold ---- */

static bool suffered(const Run *run, ItemId id)
{
        for (size_t i = 0; i < run->damage.n_items; i++)
                if (run->damage.items[i] == id)
                        return true;
        return run->damage.n_items == ELEMENTSOF(run->damage.items);
}

/* Right after the first unlocking of a damaged file. */
static void check_damage(Run *run)
{
        for (size_t i = 0; i < BASE_ITEMS; i++) {
                const BaseItem *base = run->base->items + i;
                _cleanup_(item_freep) Item *item = NULL;
                char value[32];
                int r;

                r = CALL(vault_item_get(run->vault, base->id, /* with_value= */ true, &item));
                (void)snprintf(value, sizeof(value), BASE_MARKER "%u.%u", base->k, base->r);
                if (r == 0)
                        PROMISE(item->id == base->id && base_number(item) == base->k && base_consistent(item, true));
                if (base->deleted || ITEM_ID_COLLECTION(base->id) == 3 || !run->damage.only_boxes || suffered(run, base->id))
                        continue;
                PROMISE(r == 0 && strlen(value) == item->value->size &&
                        memcmp(value, item->value->data, item->value->size) == 0);
        }
        if (run->damage.removed && run->damage.removed_item != 0 &&
            ITEM_ID_COLLECTION(run->damage.removed_item) <= 2) {
                const VaultCollection *c = vault_collection_get(run->vault, ITEM_ID_COLLECTION(run->damage.removed_item));

                PROMISE(c && c->tampered);
        }
}

/* A file that only we wrote to, opened again with nothing that fails. */
static void check_whole(Run *run)
{
        _cleanup_(vault_freep) Vault *vault = NULL;
        _cleanup_(root_freep) Root *root = NULL;
        VaultReport report;
        uint64_t sum = memory_vfs_sum(run->restored, run->memory.known, run->memory.n * sizeof(run->memory.known[0]));

        if (memory_vfs_seen(keeping_sum(&run->keeping, sum)))
                return;
        PROMISE(vault_open(run->path, &vault, NULL) == 0);
        root = base_root(vault, 0);
        PROMISE(root && vault_unlock(vault, root, 0) == 0);
        PROMISE(vault_check(vault, /* accept= */ false, NULL, NULL, &report) == 0);
        PROMISE(report.damaged == 0 && report.index_missing == 0 && report.index_extra == 0 &&
                report.collections_tampered == 0);
        for (size_t i = 0; i < run->memory.n && !run->restored; i++)
                if (ITEM_ID_COLLECTION(run->memory.known[i].id) <= 2)
                        memory_check(vault, run->memory.known + i);
        keeping_check(&run->keeping, vault);
}

/* ---- reading ---- */

static ItemId choose_item(Run *run, Input *in)
{
        unsigned i = input_u8(in);

        return i == 255 ? (ItemId)input_u32(in) : run->memory.known[i % run->memory.n].id;
}

static void read_item(Run *run, ItemId id, bool with_value)
{
        _cleanup_(item_freep) Item *item = NULL;

        if (CALL(vault_item_get(run->vault, id, with_value, &item)) != 0)
                return;
        PROMISE(item->id == id && with_value == (item->value != NULL));
        PROMISE(base_consistent(item, with_value));
}

static void search(Run *run, Input *in)
{
        static const VaultAttribute queries[][2] = {{{"service", "web"}}, {{"service", "mail"}},
                                                    {{"xdg:schema", VAULT_GENERIC_SCHEMA}}, {{"k", "3"}},
                                                    {{"service", "web"}, {"k", "1"}}, {{"", ""}}};
        _cleanup_(item_ids_done) ItemIds open = {0}, closed = {0};
        unsigned which = input_u8(in) % (ELEMENTSOF(queries) + 1);
        size_t n = which == ELEMENTSOF(queries) ? 0 : which == 4 ? 2 : 1, limit = input_u8(in) % 16;

        if (CALL(vault_search(run->vault, input_u8(in) % 4, n > 0 ? queries[which] : NULL, n, limit, &open, &closed)) != 0)
                return;
        PROMISE(limit == 0 || open.n + closed.n <= limit);
        for (size_t i = 0; i < open.n; i++) {
                _cleanup_(item_freep) Item *item = NULL;
                size_t fits = 0;

                PROMISE(i == 0 || open.ids[i] > open.ids[i - 1]);
                if (vault_item_get(run->vault, open.ids[i], /* with_value= */ false, &item) != 0)
                        continue;
                for (size_t k = 0; k < n && which != 2; k++)
                        for (size_t j = 0; j < item->n_attributes; j++)
                                fits += strcmp(item->attributes[j].name, queries[which][k].name) == 0 &&
                                        strcmp(item->attributes[j].value, queries[which][k].value) == 0;
                PROMISE(which == 2 || fits == n);
        }
}

static void read_trash(Run *run, Input *in)
{
        _cleanup_(trash_list_done) TrashList list = {0};
        size_t limit = input_u8(in) % 16;

        if (CALL(vault_trash(run->vault, input_u8(in) % 4, limit, &list)) != 0)
                return;
        PROMISE(limit == 0 || list.n <= limit);
        for (size_t i = 0; i < list.n; i++)
                PROMISE(list.entries[i].item && base_consistent(list.entries[i].item, false));
        if (list.n > 0 && input_u8(in) % 2) {
                const Item *item = list.entries[input_u8(in) % list.n].item;

                if (CALL(vault_undelete(run->vault, item->id, item->version)) == 0 || fail_happened())
                        run->restored = true;
        }
}

/* ---- changing ---- */

static void change_item(Run *run, Input *in)
{
        ItemId id = choose_item(run, in);
        _cleanup_(item_freep) Item *was = NULL;
        char value[32];
        ItemChange change = {.value = value, .value_set = true};
        int r = vault_item_get(run->vault, id, false, &was);
        unsigned k = r == 0 ? base_number(was) : 0;

        if (r == VAULT_E_DAMAGED) {
                /* Whose it is can't be said; and what SQLite could not read in a broken page, it may read the next time. */
                PROMISE(run->touched);
                (void)CALL(vault_item_update(run->vault, id, &(ItemChange){.label = "Another label"}));
                return;
        }
        /* Another value of the same item's, or where it has none of ours, anything. */
        (void)snprintf(value, sizeof(value), k > 0 ? BASE_MARKER "%u.%u" : "other %u %u", k, 100 + run->serial++);
        change.value_size = strlen(value);
        memory_set(&run->memory, id, value, CALL(vault_item_update(run->vault, id, &change)));
}

static void make_item(Run *run, Input *in)
{
        const VaultAttribute attributes[] = {{"service", "new"}, {"user", input_u8(in) % 2 ? "a" : "b"}};
        char value[32];
        ItemChange change = {.label = "new", .attributes = attributes, .n_attributes = 1U + input_u8(in) % 2, .value = value,
                             .value_set = true, .content_type = input_u8(in) % 2 ? "text/plain" : NULL};
        bool replaced;
        ItemId id = 0;
        int r;

        (void)snprintf(value, sizeof(value), "new %u", run->serial++);
        change.value_size = strlen(value);
        r = CALL(vault_item_create(run->vault, 1 + input_u8(in) % 4, &change, input_u8(in) % 2, &id, &replaced));
        if (r == 0)
                memory_set(&run->memory, id, value, r);
        else if (fail_happened())
                run->restored = true; /* which one it would have replaced is not known */
}

static void change_slots(Run *run, Input *in)
{
        uint32_t scope = input_u8(in) % 8 == 0 ? 3 : 0;
        _cleanup_(root_freep) Root *root = base_root(run->vault, scope);
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        _cleanup_(slot_list_done) SlotList list = {0};
        unsigned what = input_u8(in) % 4, which = input_u8(in);

        if (CALL(vault_slots(run->vault, &list)) != 0 || list.n == 0 || !root)
                return;
        which %= (unsigned)list.n;
        if (what == 0) {
                draft = base_draft(input_u8(in));
                if (draft)
                        (void)CALL(vault_slot_add(run->vault, root, draft));
        } else if (what == 1 && slot_kind(list.slots[which]) != SLOT_NONE) {
                (void)CALL(vault_slot_remove(run->vault, root, slot_id(list.slots[which])));
        } else if (what == 2) {
                (void)CALL(vault_slot_rename(run->vault, root, slot_id(list.slots[which]), "renamed"));
        } else {
                (void)CALL(vault_slot_used(run->vault, slot_id(list.slots[which]), input_u32(in)));
        }
}

static void rekey(Run *run, Input *in)
{
        _cleanup_(root_freep) Root *root = base_root(run->vault, 0);
        _cleanup_(slot_list_done) SlotList list = {0};
        SlotDraft *drafts[8];
        size_t n = 0;
        bool drop = input_u8(in) % 2;

        if (!root || vault_slots(run->vault, &list) != 0)
                return;
        for (size_t i = 0; i < list.n && n < ELEMENTSOF(drafts); i++) {
                _cleanup_(secret_freep) Secret *secret = NULL;
                SlotRequest request = {0};

                if (slot_collection(list.slots[i]) != 0 || (drop && slot_kind(list.slots[i]) != SLOT_NONE))
                        continue;
                if (secret_new_from(&secret, "a key file of some thirty-two bytes", 35) < 0)
                        break;
                request.secret = secret;
                if (slot_prepare_again(list.slots[i], &request, &drafts[n]) == 0)
                        n++;
        }
        (void)CALL(drop ? vault_rekey_drop(run->vault, root, drafts, n) : vault_rekey(run->vault, root, drafts, n));
        while (n > 0)
                (void)slot_draft_free(drafts[--n]);
}

static void change_collections(Run *run, Input *in)
{
        _cleanup_(root_freep) Root *root = base_root(run->vault, 0);
        _cleanup_(slot_draft_freep) SlotDraft *own = input_u8(in) % 4 == 0 ? base_draft(0) : NULL;
        const VaultCollection *c = NULL;
        uint32_t no = 3 + input_u8(in) % 4; /* the first two are watched */

        switch (input_u8(in) % 6) {
        case 0:
                if (CALL(vault_collection_create(run->vault, root, "Made here", own, &c)) == 0)
                        PROMISE(c && !c->locked && vault_collection_by_name(run->vault, c->name) == c);
                break;
        case 1:
                (void)CALL(vault_collection_delete(run->vault, no));
                break;
        case 2:
                (void)CALL(vault_collection_undelete(run->vault, no));
                break;
        case 3:
                (void)CALL(vault_collection_set_label(run->vault, no - 2, "Another label"));
                break;
        case 4:
                (void)CALL(vault_alias_set(run->vault, "work", input_u8(in) % 6));
                break;
        default:
                (void)CALL(vault_alias_set(run->vault, (const char *[]){"", "new", "default"}[input_u8(in) % 3], no - 2));
        }
}

static void use_class(Run *run, Input *in)
{
        VaultClass class = 1 + input_u8(in) % (_VAULT_CLASS_MAX - 1);
        uint64_t number = input_u8(in) % 8;
        VaultMark mark = {.kind = 1};
        uint8_t data[256];
        size_t size;
        int r;

        memset(mark.value, 'r', sizeof(mark.value));
        switch (input_u8(in) % 8) {
        case 0:
                r = CALL(vault_record_get(run->vault, class, number, data, sizeof(data), &size));
                if (r == 0 && !run->rekeyed && size > strlen(BASE_MARKER) &&
                    memcmp(data, BASE_MARKER, strlen(BASE_MARKER)) == 0)
                        PROMISE(data[strlen(BASE_MARKER)] == '0' + (int)class); /* another class's never */
                break;
        case 1:
                (void)CALL(vault_record_create(run->vault, class, &mark, number % 2, "new", 3, &number));
                break;
        case 2:
                (void)CALL(vault_record_update(run->vault, class, number, "changed", 7));
                break;
        case 3:
                (void)CALL(vault_record_delete(run->vault, class, number, input_u8(in) % 2));
                break;
        case 4:
                (void)CALL(vault_record_undelete(run->vault, class, number));
                break;
        case 5:
                (void)CALL(vault_record_put(run->vault, class, &number, "put", 3, "hint", input_u8(in) % 5));
                break;
        case 6:
                (void)CALL(vault_hint_next(run->vault, class, &number, data, sizeof(data), &size));
                (void)CALL(vault_hint_get_deleted(run->vault, class, number, data, sizeof(data), &size));
                break;
        default:
                (void)CALL(vault_note_put(run->vault, "passkeys", number % 2 ? "x" : NULL, number % 2));
        }
}

static void use_seal(Run *run, Input *in)
{
        VaultClass class = input_u8(in) % 2 ? VAULT_CLASS_OTP : VAULT_CLASS_LOG;
        _cleanup_(root_freep) Root *root = base_root(run->vault, 0);
        uint8_t wrong[VAULT_DEVICE_SIZE] = {0};

        switch (input_u8(in) % 5) {
        case 0:
                (void)CALL(vault_class_open(run->vault, class, input_u8(in) % 8 ? run->base->device : wrong));
                break;
        case 1:
                if (root)
                        (void)CALL(vault_class_seal(run->vault, root, class, "params", 6, run->base->device));
                break;
        case 2:
                if (root)
                        (void)CALL(vault_class_unseal(run->vault, root, class));
                break;
        case 3:
                if (root)
                        (void)CALL(vault_class_abandon(run->vault, root, class));
                break;
        default:
                PROMISE(!vault_class_params(run->vault, class) || vault_is_unlocked(run->vault));
                (void)vault_class_is_open(run->vault, class);
        }
}

static void use_batch(Run *run, Input *in)
{
        bool open = vault_batch_is_open(run->vault);
        int r;

        if (!open) {
                r = input_u8(in) % 2 ? CALL(vault_batch_begin(run->vault)) : CALL(vault_batch_begin_whole(run->vault));
                if (r == 0)
                        memory_batch_begun(&run->memory);
        } else if (input_u8(in) % 4 == 0) {
                vault_batch_rollback(run->vault);
                memory_batch_undone(&run->memory, false);
        } else {
                r = CALL(vault_batch_commit(run->vault));
                if (r != 0)
                        memory_batch_undone(&run->memory, fail_happened());
        }
}

/* ---- life ---- */

static void close_vault(Run *run)
{
        if (run->vault && vault_batch_is_open(run->vault))
                memory_batch_undone(&run->memory, false);
        fail_enter();
        run->vault = vault_free(run->vault);
        fail_leave();
}

static bool open_vault(Run *run)
{
        if (CALL(vault_open(run->path, &run->vault, NULL)) != 0) {
                PROMISE(!run->vault);
                return false;
        }
        PROMISE(!vault_is_unlocked(run->vault));
        return true;
}

static void unlock(Run *run, uint32_t no)
{
        _cleanup_(root_freep) Root *root = base_root(run->vault, no);

        if (root)
                (void)CALL(vault_unlock(run->vault, root, no));
}

/* All kinds of slots, with the right secret and with another one. */
static void try_slot(Run *run, Input *in)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        _cleanup_(secret_freep) Secret *secret = NULL;
        _cleanup_(root_freep) Root *root = NULL;
        const char *typed = (const char *[]){BASE_PASSWORD, "wrong", "a key file of some thirty-two bytes"}[input_u8(in) % 3];
        const Slot *slot;

        if (CALL(vault_slots(run->vault, &list)) != 0 || list.n == 0)
                return;
        slot = list.slots[input_u8(in) % list.n];
        if (secret_new_from(&secret, typed, strlen(typed)) < 0)
                return;
        if (CALL(slot_open(slot, secret, &root)) != 0) {
                PROMISE(!root);
                return;
        }
        PROMISE(slot_kind(slot) == SLOT_NONE || strcmp(typed, "wrong") != 0);
        (void)CALL(vault_unlock(run->vault, root, root_collection(root)));
}

static void step(Run *run, Input *in)
{
        VaultReport report;
        unsigned what = input_u8(in);

        run->keeping.loose |= run->touched || fail_happened();
        switch (what < 240 ? what % 24 : what) {
        case 0:
                fail_at(1U + input_u16(in) % 600);
                break;
        case 1:
                read_item(run, choose_item(run, in), input_u8(in) % 2);
                break;
        case 2:
                search(run, in);
                break;
        case 3:
                read_trash(run, in);
                break;
        case 4:
                make_item(run, in);
                break;
        case 5:
        case 6:
                change_item(run, in);
                break;
        case 7: {
                ItemId id = choose_item(run, in);

                memory_set(&run->memory, id, "", CALL(vault_item_delete(run->vault, id)));
                break;
        }
        case 8:
                use_class(run, in);
                break;
        case 9:
                use_seal(run, in);
                run->keeping.reordered = true; /* a class that was given up begins anew */
                break;
        case 10:
                change_collections(run, in);
                break;
        case 11:
                change_slots(run, in);
                break;
        case 12:
                if (CALL(vault_check(run->vault, input_u8(in) % 2, NULL, NULL, &report)) == 0 && !run->touched)
                        PROMISE(report.damaged == 0);
                break;
        case 13:
                rekey(run, in);
                run->rekeyed = run->keeping.reordered = true;
                break;
        case 14:
                (void)CALL(vault_idle(run->vault, vault_now() + (uint64_t)input_u8(in) * 86400));
                break;
        case 15:
        case 16:
                use_batch(run, in);
                break;
        case 17:
                vault_lock(run->vault, input_u8(in) % 4);
                break;
        case 18:
        case 19:
                unlock(run, input_u8(in) % 4 == 0 ? 3 : 0);
                break;
        case 20:
                try_slot(run, in);
                break;
        case 21:
                close_vault(run);
                break;
        case 22:
                fuzz_vault_read(run->vault);
                break;
        case 23:
                for (size_t i = 0; i < run->memory.n; i++)
                        read_item(run, run->memory.known[i].id, true);
                break;
        default:
                run->restored |= keeping_step(&run->keeping, run->vault, what - 240, choose_item(run, in), in);
        }
}

static void run_program(Input *in)
{
        static Run run;

        dice_reset(0);
        fail_stand_in(true);
        fail_at(0);
        run = (Run){.base = base_get(), .keeping = KEEPING_NULL};
        dice_reset(1);
        (void)snprintf(run.path, sizeof(run.path), "%s/vault.db", memory_vfs_dir());
        memory_init(&run.memory, run.base);
        base_damage(run.base, in, run.path, &run.damage);
        run.touched = run.damage.n > 0;

        if (open_vault(&run)) {
                if (input_u8(in) % 8 != 0)
                        unlock(&run, 0);
                if (run.touched && vault_is_unlocked(run.vault))
                        check_damage(&run);
        }
        for (unsigned i = 0; i < STEPS_MAX && input_more(in); i++) {
                if (!run.vault && !open_vault(&run)) {
                        PROMISE(run.touched || fail_happened());
                        fail_at(0);
                        if (!open_vault(&run)) {
                                PROMISE(run.touched);
                                break;
                        }
                }
                step(&run, in);
        }
        run.keeping.loose |= run.touched || fail_happened();
        close_vault(&run);
        fail_at(0);
        if (!run.touched)
                check_whole(&run);
        keeping_done(&run.keeping);
        memory_vfs_clear();
}

static void run_file(const uint8_t *data, size_t size)
{
        char path[96];

        (void)snprintf(path, sizeof(path), "%s/vault.db", memory_vfs_dir());
        memory_vfs_put(path, data, size);
        fuzz_vault_open(path, /* change= */ true);
        memory_vfs_clear();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = {data, size};

        if (size > 1024 * 1024)
                return 0;
        PROMISE(arena_init() >= 0);
        if (size >= 16 && memcmp(data, "SQLite format 3", 16) == 0)
                run_file(data, size);
        else
                run_program(&in);
        return 0;
}
