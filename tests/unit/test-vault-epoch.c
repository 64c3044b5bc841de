/*
 * The epoch: an old copy is noticed, whole or in part, and nothing else is taken for one
 */
#include <errno.h>

#include "tests/unit/vault-tools.h"

static Secret *word_of(Vault *vault, const Secret *previous)
{
        Secret *word = NULL;

        CHECK_EQ(vault_epoch_make(vault, previous ? previous->data : NULL, previous ? previous->size : 0, 1000, NULL, &word), 0);
        return word;
}

static VaultEpoch held(Vault *vault, const Secret *word)
{
        VaultEpoch epoch;

        CHECK_EQ(vault_epoch_compare(vault, word ? word->data : NULL, word ? word->size : 0, &epoch), 0);
        return epoch;
}

static void copy_file(const char *from, const char *to)
{
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
        uint64_t size;

        (void)unlink(to);
        out = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        CHECK(in >= 0 && out >= 0);
        CHECK_EQ(vault_copy_file(in, out, UINT64_MAX, &size), 0);
}

static void old_path(const Scratch *s, char ret[80])
{
        (void)snprintf(ret, 80, "%s/old.db", s->dir);
}

/* A closed copy of the vault, which goes on. */
static void save(Scratch *s)
{
        char path[80];

        old_path(s, path);
        scratch_close(s);
        copy_file(s->path, path);
        scratch_open(s);
        scratch_unlock(s);
}

static void put_back(Scratch *s)
{
        char path[80];

        old_path(s, path);
        scratch_close(s);
        copy_file(path, s->path);
        scratch_open(s);
        scratch_unlock(s);
}

TEST(moves_with_every_change)
{
        _cleanup_(secret_freep) Secret *first = NULL, *second = NULL;
        const VaultMark mark = {.kind = 1};
        uint64_t number;
        Scratch s;
        ItemId id;

        scratch_new(&s);
        CHECK_EQ(held(s.vault, NULL).state, VAULT_EPOCH_NONE);
        CHECK(held(s.vault, NULL).moved);
        first = word_of(s.vault, NULL);
        CHECK_EQ(held(s.vault, first).state, VAULT_EPOCH_CURRENT);
        CHECK_EQ(held(s.vault, first).recorded, 1000);
        CHECK(!held(s.vault, first).moved);

        id = put(s.vault, 1, "x", "1", true, NULL, ATTRIBUTES({"a", "1"}));
        CHECK(held(s.vault, first).moved && !held(s.vault, first).structure);
        second = word_of(s.vault, first);
        CHECK(!held(s.vault, second).moved);
        CHECK_EQ(vault_item_delete(s.vault, id), 0);
        (void)put(s.vault, 1, "x", "2", true, NULL, ATTRIBUTES({"a", "1"}));
        CHECK(held(s.vault, second).moved);
        CHECK_EQ(vault_record_create(s.vault, VAULT_CLASS_PASSKEYS, &mark, 1, "key", 3, &number), 0);
        CHECK_EQ(held(s.vault, second).state, VAULT_EPOCH_CURRENT);
        scratch_again(&s);
        CHECK_EQ(held(s.vault, second).state, VAULT_EPOCH_CURRENT);
        CHECK_EQ(held(s.vault, first).state, VAULT_EPOCH_CURRENT);

        CHECK_EQ(vault_alias_set(s.vault, "other", 1), 0);
        CHECK(held(s.vault, second).structure);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(an_old_copy_is_old)
{
        _cleanup_(secret_freep) Secret *word = NULL;
        Scratch s;

        scratch_new(&s);
        (void)put(s.vault, 1, "x", "1", true, NULL, ATTRIBUTES({"a", "1"}));
        save(&s);
        (void)put(s.vault, 1, "x", "2", true, NULL, ATTRIBUTES({"a", "1"}));
        word = word_of(s.vault, NULL);
        CHECK_EQ(held(s.vault, word).state, VAULT_EPOCH_CURRENT);
        put_back(&s);
        CHECK(!tampered(s.vault, 1));
        CHECK_EQ(held(s.vault, word).state, VAULT_EPOCH_OLD);
        CHECK(held(s.vault, word).found > 0);
        scratch_done(&s);
}

TEST(slots_of_an_old_copy_are_old)
{
        _cleanup_(secret_freep) Secret *word = NULL;
        _cleanup_(slot_draft_freep) SlotDraft *draft = draft_none();
        Scratch s;

        scratch_new(&s);
        save(&s);
        CHECK_EQ(vault_slot_add(s.vault, s.root, draft), 0);
        word = word_of(s.vault, NULL);
        put_back(&s);
        CHECK(!tampered(s.vault, 1));
        CHECK_EQ(held(s.vault, word).state, VAULT_EPOCH_OLD);
        scratch_done(&s);
}

/* One collection of an old copy, with all that makes it fit, in a vault that is new in all else. */
TEST(a_part_of_an_old_copy_is_old)
{
        _cleanup_(secret_freep) Secret *word = NULL;
        const VaultCollection *c;
        char sql[512], path[80];
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "other", NULL, &c), 0);
        (void)put(s.vault, 1, "x", "1", true, NULL, ATTRIBUTES({"a", "1"}));
        (void)put(s.vault, c->no, "y", "1", true, NULL, ATTRIBUTES({"a", "2"}));
        save(&s);
        (void)put(s.vault, 1, "x", "2", true, NULL, ATTRIBUTES({"a", "1"}));
        (void)put(s.vault, 2, "y", "2", true, NULL, ATTRIBUTES({"a", "2"}));
        word = word_of(s.vault, NULL);
        scratch_close(&s);
        old_path(&s, path);
        (void)snprintf(sql, sizeof(sql),
                       "ATTACH '%s' AS old; DELETE FROM item WHERE id>>40=1; INSERT INTO item SELECT * FROM old.item WHERE "
                       "id>>40=1; DELETE FROM head WHERE collection=1; INSERT INTO head SELECT * FROM old.head WHERE "
                       "collection=1",
                       path);
        tamper(&s, sql);
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK(!tampered(s.vault, 1));
        CHECK_EQ(held(s.vault, word).state, VAULT_EPOCH_OLD);
        scratch_done(&s);
}

TEST(what_is_not_its_word_is_foreign)
{
        _cleanup_(secret_freep) Secret *word = NULL, *others = NULL;
        _cleanup_(slot_draft_freep) SlotDraft *again = NULL;
        _cleanup_(slot_list_done) SlotList slots = {0};
        SlotRequest request = {.kind = SLOT_NONE};
        Scratch s, other;

        scratch_new(&s);
        (void)put(s.vault, 1, "x", "1", true, NULL, ATTRIBUTES({"a", "1"}));
        word = word_of(s.vault, NULL);
        for (size_t i = 0; i < word->size; i++) {
                word->data[i] ^= 1;
                CHECK_EQ(held(s.vault, word).state, VAULT_EPOCH_FOREIGN);
                word->data[i] ^= 1;
        }
        for (size_t size = 0; size < word->size; size++) {
                VaultEpoch epoch;

                CHECK_EQ(vault_epoch_compare(s.vault, word->data, size, &epoch), 0);
                CHECK_EQ(epoch.state, VAULT_EPOCH_FOREIGN);
        }
        CHECK_EQ(held(s.vault, word).state, VAULT_EPOCH_CURRENT);
        scratch_new(&other);
        others = word_of(other.vault, NULL);
        CHECK_EQ(held(s.vault, others).state, VAULT_EPOCH_FOREIGN);
        scratch_done(&other);

        /* Before new keys, and after. */
        save(&s);
        CHECK_EQ(vault_slots(s.vault, &slots), 0);
        CHECK_EQ(slot_prepare_again(slots.slots[0], &request, &again), 0);
        CHECK_EQ(vault_rekey(s.vault, s.root, &again, 1), 0);
        CHECK_EQ(held(s.vault, word).state, VAULT_EPOCH_FOREIGN);
        others = secret_free(others);
        others = word_of(s.vault, NULL);
        CHECK_EQ(held(s.vault, others).state, VAULT_EPOCH_CURRENT);
        put_back(&s);
        CHECK_EQ(held(s.vault, others).state, VAULT_EPOCH_FOREIGN);
        CHECK_EQ(held(s.vault, word).state, VAULT_EPOCH_CURRENT);
        scratch_done(&s);
}

TEST(what_is_closed_keeps_its_number)
{
        _cleanup_(secret_freep) Secret *first = NULL, *second = NULL;
        const VaultCollection *c;
        Scratch s;
        VaultEpoch epoch;
        Secret *none = NULL;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "other", NULL, &c), 0);
        (void)put(s.vault, c->no, "y", "1", true, NULL, ATTRIBUTES({"a", "2"}));
        save(&s);
        (void)put(s.vault, 2, "y", "2", true, NULL, ATTRIBUTES({"a", "2"}));
        first = word_of(s.vault, NULL);
        vault_lock(s.vault, 2);
        CHECK_EQ(held(s.vault, first).state, VAULT_EPOCH_CURRENT);
        second = word_of(s.vault, first);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_epoch_compare(s.vault, first->data, first->size, &epoch), VAULT_E_LOCKED);
        CHECK_EQ(vault_epoch_make(s.vault, NULL, 0, 1, NULL, &none), VAULT_E_LOCKED);
        put_back(&s);
        CHECK_EQ(held(s.vault, second).state, VAULT_EPOCH_OLD);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_epoch_compare(s.vault, first->data, first->size, &epoch), -EBUSY);
        vault_batch_rollback(s.vault);
        scratch_done(&s);
}

/* What a batch that was undone had changed is not counted, and what follows fits. */
TEST(an_undone_change_leaves_the_order)
{
        _cleanup_(secret_freep) Secret *word = NULL;
        Scratch s;

        scratch_new(&s);
        word = word_of(s.vault, NULL);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_alias_set(s.vault, "other", 1), 0);
        vault_batch_rollback(s.vault);
        CHECK(!held(s.vault, word).structure);
        vault_lock(s.vault, 0);
        scratch_unlock(&s);
        CHECK(!tampered(s.vault, 1));
        check_in_order(s.vault);
        scratch_done(&s);
}

/* ---- with a counter ---- */

static const VaultEpochCounter some = {
        .handle = 0x01812344,
        .count = 77,
        .behind = true,
        .spent = 5000,
        .tpm_size = 34,
        .tpm = {0, 11, 1, 2, 3},
};

static Secret *counted_word(Vault *vault, const VaultEpochCounter *counter)
{
        Secret *word = NULL;

        CHECK_EQ(vault_epoch_make(vault, NULL, 0, 1000, counter, &word), 0);
        return word;
}

static bool same(const VaultEpochCounter *a, const VaultEpochCounter *b)
{
        return a->handle == b->handle && a->count == b->count && a->behind == b->behind && a->spent == b->spent &&
               a->tpm_size == b->tpm_size && memcmp(a->tpm, b->tpm, a->tpm_size) == 0 && a->stale == b->stale &&
               memcmp(a->stale_tag, b->stale_tag, sizeof(a->stale_tag)) == 0;
}

TEST(a_word_has_what_the_counter_comes_to)
{
        _cleanup_(secret_freep) Secret *word = NULL, *plain = NULL, *again = NULL;
        VaultEpochCounter counter = some;
        const VaultEpochCounter none = {0};
        VaultEpoch epoch;
        Scratch s;

        scratch_new(&s);
        (void)put(s.vault, 1, "x", "1", true, NULL, ATTRIBUTES({"a", "1"}));
        word = counted_word(s.vault, &counter);
        epoch = held(s.vault, word);
        CHECK_EQ(epoch.state, VAULT_EPOCH_CURRENT);
        CHECK(!epoch.moved && epoch.recorded == 1000 && same(&epoch.counter, &counter));
        for (size_t i = 0; i < word->size; i++) {
                word->data[i] ^= 1;
                epoch = held(s.vault, word);
                CHECK_EQ(epoch.state, VAULT_EPOCH_FOREIGN);
                CHECK(same(&epoch.counter, &none));
                word->data[i] ^= 1;
        }
        for (size_t size = 0; size < word->size; size++) {
                CHECK_EQ(vault_epoch_compare(s.vault, word->data, size, &epoch), 0);
                CHECK_EQ(epoch.state, VAULT_EPOCH_FOREIGN);
        }

        /* One that is to be removed, and none beside it. */
        counter = (VaultEpochCounter){.stale = 0x01812346, .stale_tag = {9, 8, 7}};
        word = secret_free(word);
        word = counted_word(s.vault, &counter);
        epoch = held(s.vault, word);
        CHECK(same(&epoch.counter, &counter));

        /* Without either it is what it was before there were counters, byte for byte. */
        plain = word_of(s.vault, NULL);
        again = counted_word(s.vault, &none);
        CHECK(plain->size == again->size && memcmp(plain->data, again->data, plain->size) == 0);
        CHECK(memcmp(plain->data + 4, "keyfob epoch 1", 14) == 0);
        CHECK(memcmp(word->data + 4, "keyfob epoch 2", 14) == 0);
        epoch = held(s.vault, plain);
        CHECK(epoch.state == VAULT_EPOCH_CURRENT && same(&epoch.counter, &none));
        scratch_done(&s);
}

TEST(an_old_copy_is_old_with_a_counter_too)
{
        _cleanup_(secret_freep) Secret *first = NULL, *second = NULL, *third = NULL;
        const VaultCollection *c;
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_collection_create(s.vault, s.root, "other", NULL, &c), 0);
        (void)put(s.vault, c->no, "y", "1", true, NULL, ATTRIBUTES({"a", "2"}));
        save(&s);
        (void)put(s.vault, 2, "y", "2", true, NULL, ATTRIBUTES({"a", "2"}));
        first = word_of(s.vault, NULL);
        /* What is closed is taken from a word of either kind. */
        vault_lock(s.vault, 2);
        CHECK_EQ(vault_epoch_make(s.vault, first->data, first->size, 1000, &some, &second), 0);
        CHECK_EQ(vault_epoch_make(s.vault, second->data, second->size, 1000, &some, &third), 0);
        put_back(&s);
        CHECK_EQ(held(s.vault, first).state, VAULT_EPOCH_OLD);
        CHECK_EQ(held(s.vault, second).state, VAULT_EPOCH_OLD);
        CHECK_EQ(held(s.vault, third).state, VAULT_EPOCH_OLD);
        scratch_done(&s);
}

TEST(counters_have_limits)
{
        VaultEpochCounter counter = some;
        Secret *word = NULL;
        VaultEpoch epoch;
        Scratch s;

        scratch_new(&s);
        counter.tpm_size = VAULT_EPOCH_TPM_MAX;
        word = counted_word(s.vault, &counter);
        epoch = held(s.vault, word);
        CHECK(word->size <= VAULT_EPOCH_MAX && same(&epoch.counter, &counter));
        word = secret_free(word);
        counter.tpm_size = VAULT_EPOCH_TPM_MAX + 1;
        CHECK_EQ(vault_epoch_make(s.vault, NULL, 0, 1000, &counter, &word), VAULT_E_INVALID);
        counter = some;
        counter.count = UINT64_MAX;
        CHECK_EQ(vault_epoch_make(s.vault, NULL, 0, 1000, &counter, &word), VAULT_E_INVALID);
        CHECK(!word);
        scratch_done(&s);
}

TEST(what_a_counter_is_known_by)
{
        uint8_t tag[VAULT_EPOCH_SECRET_SIZE], auth[VAULT_EPOCH_SECRET_SIZE], other[VAULT_EPOCH_SECRET_SIZE],
                other_auth[VAULT_EPOCH_SECRET_SIZE];
        _cleanup_(slot_draft_freep) SlotDraft *again = NULL;
        _cleanup_(slot_list_done) SlotList slots = {0};
        SlotRequest request = {.kind = SLOT_NONE};
        Scratch s;

        scratch_new(&s);
        CHECK_EQ(vault_epoch_secrets(s.vault, 1000, tag, auth), 0);
        CHECK(memcmp(tag, auth, sizeof(tag)) != 0);
        CHECK_EQ(vault_epoch_secrets(s.vault, 1001, other, other_auth), 0);
        CHECK(memcmp(tag, other, sizeof(tag)) != 0 && memcmp(auth, other_auth, sizeof(auth)) != 0);
        scratch_again(&s);
        CHECK_EQ(vault_epoch_secrets(s.vault, 1000, other, other_auth), 0);
        CHECK(memcmp(tag, other, sizeof(tag)) == 0 && memcmp(auth, other_auth, sizeof(auth)) == 0);

        CHECK_EQ(vault_slots(s.vault, &slots), 0);
        CHECK_EQ(slot_prepare_again(slots.slots[0], &request, &again), 0);
        CHECK_EQ(vault_rekey(s.vault, s.root, &again, 1), 0);
        CHECK_EQ(vault_epoch_secrets(s.vault, 1000, other, other_auth), 0);
        CHECK(memcmp(tag, other, sizeof(tag)) != 0 && memcmp(auth, other_auth, sizeof(auth)) != 0);
        vault_lock(s.vault, 0);
        CHECK_EQ(vault_epoch_secrets(s.vault, 1000, other, other_auth), VAULT_E_LOCKED);
        scratch_done(&s);
}

TEST_MAIN
