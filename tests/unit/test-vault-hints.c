/*
 * Hints: readable while locked, one for a version of a record, and never more than a copy of what is in it
 */
#include "tests/unit/record-tools.h"

#define SSH VAULT_CLASS_SSH

static uint64_t make_hinted(Vault *vault, const char *text, const char *hint)
{
        uint64_t number = 0;

        CHECK_EQ(vault_record_put(vault, SSH, &number, text, strlen(text), hint, strlen(hint)), 0);
        CHECK(number > 0);
        return number;
}

/* All hints in order, with a '|' after each; those that can't be read as "?". */
static const char *hints(Vault *vault)
{
        static char all[1024];
        uint64_t number = 0, before = 0;
        char one[128];
        size_t size;
        int r;

        all[0] = 0;
        while ((r = vault_hint_next(vault, SSH, &number, one, sizeof(one) - 1, &size)) != VAULT_E_NOT_FOUND) {
                CHECK(number > before);
                before = number;
                CHECK(r == 0 || r == VAULT_E_DAMAGED);
                one[r == 0 ? size : 0] = 0;
                (void)strcat(strcat(all, r == 0 ? one : "?"), "|");
        }
        return all;
}

#define CHECK_HINTS(vault, expected) CHECK(strcmp(hints(vault), (expected)) == 0)

static void tamper_hints(Scratch *s, const char *sql)
{
        scratch_close(s);
        tamper(s, sql);
        scratch_open(s);
}

TEST(they_are_read_while_locked)
{
        uint64_t first, second;
        char got[64];
        size_t size;
        Scratch s;

        scratch_new(&s);
        CHECK_HINTS(s.vault, "");
        first = make_hinted(s.vault, "content", "ed25519 alice");
        second = make_hinted(s.vault, "other", "rsa bob");
        (void)make(s.vault, SSH, "of none", NULL, 0);
        (void)make_hinted(s.vault, "empty", "");
        CHECK_HINTS(s.vault, "ed25519 alice|rsa bob||");
        vault_lock(s.vault, 0);
        CHECK_HINTS(s.vault, "ed25519 alice|rsa bob||");
        CHECK_EQ(vault_record_put(s.vault, SSH, &first, "x", 1, "y", 1), VAULT_E_LOCKED);
        scratch_close(&s);
        scratch_open(&s);
        CHECK_HINTS(s.vault, "ed25519 alice|rsa bob||");
        scratch_unlock(&s);
        check_text(s.vault, SSH, first, "content");
        CHECK(!vault_class_tampered(s.vault, SSH));
        check_in_order(s.vault);

        CHECK_EQ(vault_record_put(s.vault, SSH, &first, "new", 3, "new hint", 8), 0);
        CHECK_EQ(vault_record_update(s.vault, SSH, second, "only content", 12), 0);
        CHECK_HINTS(s.vault, "new hint|rsa bob||");
        check_text(s.vault, SSH, first, "new");
        check_text(s.vault, SSH, second, "only content");
        check_in_order(s.vault);
        /* Of another class there is none, nor beyond. */
        first = 0;
        CHECK_EQ(vault_hint_next(s.vault, VAULT_CLASS_OTP, &first, got, sizeof(got), &size), VAULT_E_NOT_FOUND);
        first = UINT64_MAX;
        CHECK_EQ(vault_hint_next(s.vault, SSH, &first, got, sizeof(got), &size), VAULT_E_NOT_FOUND);
        first = 0;
        CHECK_EQ(vault_hint_next(s.vault, SSH, &first, got, 3, &size), VAULT_E_LIMIT);
        scratch_done(&s);
}

TEST(they_go_and_come_back_with_their_record)
{
        uint64_t first, second;
        char got[64];
        size_t size;
        Scratch s;

        scratch_new(&s);
        first = make_hinted(s.vault, "content", "one");
        second = make_hinted(s.vault, "other", "two");
        CHECK_EQ(vault_record_delete(s.vault, SSH, first, true), 0);
        CHECK_HINTS(s.vault, "two|");
        CHECK_EQ(vault_hint_get_deleted(s.vault, SSH, first, got, sizeof(got), &size), 0);
        CHECK(size == 3 && memcmp(got, "one", 3) == 0);
        CHECK_EQ(vault_hint_get_deleted(s.vault, SSH, second, got, sizeof(got), &size), VAULT_E_NOT_FOUND);
        check_in_order(s.vault);
        CHECK_EQ(vault_record_undelete(s.vault, SSH, first), 0);
        CHECK_HINTS(s.vault, "one|two|");
        check_in_order(s.vault);
        CHECK_EQ(vault_record_delete(s.vault, SSH, second, false), 0);
        CHECK_HINTS(s.vault, "one|");
        scratch_done(&s);
}

TEST(a_batch_takes_them_along)
{
        uint64_t first;
        Scratch s;

        scratch_new(&s);
        first = make_hinted(s.vault, "content", "one");
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(vault_record_put(s.vault, SSH, &first, "new", 3, "changed", 7), 0);
        (void)make_hinted(s.vault, "other", "two");
        CHECK_HINTS(s.vault, "changed|two|");
        vault_batch_rollback(s.vault);
        CHECK_HINTS(s.vault, "one|");
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(new_keys_keep_them)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        const SlotRequest request = {.kind = SLOT_NONE};
        uint8_t device[VAULT_DEVICE_SIZE] = {7};
        Scratch s;

        scratch_new(&s);
        (void)make_hinted(s.vault, "content", "one");
        (void)make(s.vault, SSH, "of none", NULL, 0);
        CHECK_EQ(vault_class_seal(s.vault, s.root, SSH, "how", 3, device), 0);
        CHECK_HINTS(s.vault, "one|");
        check_in_order(s.vault);
        scratch_again(&s);
        CHECK_HINTS(s.vault, "one|"); /* and the class is closed */
        CHECK_EQ(vault_class_open(s.vault, SSH, device), 0);
        CHECK_EQ(vault_class_unseal(s.vault, s.root, SSH), 0);
        CHECK_HINTS(s.vault, "one|");

        CHECK_EQ(vault_slots(s.vault, &list), 0);
        CHECK_EQ(slot_prepare_again(list.slots[0], &request, &draft), 0);
        CHECK_EQ(vault_rekey(s.vault, s.root, &draft, 1), 0);
        CHECK_HINTS(s.vault, "one|");
        check_in_order(s.vault);
        s.root = root_free(s.root);
        s.root = root_of(s.vault, 0);
        scratch_again(&s);
        CHECK_HINTS(s.vault, "one|");
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(a_class_that_is_given_up_has_none)
{
        uint8_t device[VAULT_DEVICE_SIZE] = {7};
        Scratch s;

        scratch_new(&s);
        (void)make_hinted(s.vault, "content", "one");
        CHECK_EQ(vault_class_seal(s.vault, s.root, SSH, "how", 3, device), 0);
        scratch_again(&s);
        CHECK_EQ(vault_class_abandon(s.vault, s.root, SSH), 0);
        CHECK_HINTS(s.vault, "");
        check_in_order(s.vault);
        scratch_done(&s);
}

/* An older one, another's, one without a record: none of them is shown, and a check puts them in order. */
TEST(only_its_own_is_shown)
{
        VaultReport got;
        uint64_t first;
        Scratch s;

        scratch_new(&s);
        first = make_hinted(s.vault, "content", "one");
        (void)make_hinted(s.vault, "other", "two");
        scratch_close(&s);
        tamper(&s, "CREATE TABLE kept AS SELECT item AS i,sealed AS s FROM hint");
        tamper(&s, "INSERT INTO meta SELECT 'note:kept'||i,s FROM kept; DROP TABLE kept");
        scratch_open(&s);
        scratch_unlock(&s);
        CHECK_EQ(vault_record_put(s.vault, SSH, &first, "new", 3, "newer", 5), 0);
        CHECK_HINTS(s.vault, "newer|two|");
        tamper_hints(&s, "UPDATE hint SET sealed=(SELECT value FROM meta WHERE name='note:kept'||item)");
        CHECK_HINTS(s.vault, "?|two|");
        tamper_hints(&s, "UPDATE hint SET sealed=(SELECT sealed FROM hint ORDER BY item DESC LIMIT 1)");
        CHECK_HINTS(s.vault, "?|two|");
        scratch_unlock(&s);
        CHECK(!vault_class_tampered(s.vault, SSH)); /* its records are whole */
        got = report(s.vault, false);
        CHECK(got.index_missing == 1 && got.index_extra == 0 && got.damaged == 0);
        (void)report(s.vault, true);
        CHECK_HINTS(s.vault, "newer|two|");
        check_in_order(s.vault);

        tamper_hints(&s, "INSERT INTO hint SELECT item+1000,sealed FROM hint; INSERT INTO hint VALUES(3,x'00'); "
                         "DELETE FROM hint WHERE item=(SELECT min(item) FROM hint WHERE item>3)");
        CHECK_HINTS(s.vault, "two|");
        scratch_unlock(&s);
        got = report(s.vault, false);
        CHECK(got.index_missing == 1 && got.index_extra == 3);
        (void)report(s.vault, true);
        CHECK_HINTS(s.vault, "newer|two|");
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(a_record_that_is_set_aside_takes_its_hint_along)
{
        Scratch s;

        scratch_new(&s);
        (void)make_hinted(s.vault, "content", "one");
        tamper_hints(&s, "UPDATE item SET box=zeroblob(length(box))");
        CHECK_HINTS(s.vault, "one|"); /* it says nothing about the record */
        scratch_unlock(&s);
        CHECK_EQ(report(s.vault, true).damaged, 1);
        CHECK_HINTS(s.vault, "");
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST(limits)
{
        _cleanup_free_ char *large = calloc(1, VAULT_HINT_MAX + 1);
        uint64_t number = 0, next = 0;
        size_t size;
        Scratch s;

        CHECK(large);
        scratch_new(&s);
        CHECK_EQ(vault_record_put(s.vault, SSH, &number, "x", 1, large, VAULT_HINT_MAX + 1), VAULT_E_LIMIT);
        CHECK_EQ(vault_record_put(s.vault, SSH, &number, "x", 1, large, VAULT_HINT_MAX), 0);
        CHECK_EQ(vault_hint_next(s.vault, SSH, &next, large, VAULT_HINT_MAX, &size), 0);
        CHECK_EQ(size, VAULT_HINT_MAX);
        CHECK_EQ(next, number);
        number += 7;
        CHECK_EQ(vault_record_put(s.vault, SSH, &number, "x", 1, "y", 1), VAULT_E_NOT_FOUND);
        check_in_order(s.vault);
        scratch_done(&s);
}

/* What one costs does not depend on how many there are. */
TEST(a_thousand)
{
        char hint[2048];
        uint64_t number = 0, n = 0;
        unsigned frames;
        size_t size;
        Scratch s;

        memset(hint, 'h', sizeof(hint));
        scratch_new(&s);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        for (unsigned i = 0; i < 1000; i++) {
                uint64_t made = 0;

                CHECK_EQ(vault_record_put(s.vault, SSH, &made, "x", 1, hint, sizeof(hint)), 0);
        }
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        vault_lock(s.vault, 0);
        while (vault_hint_next(s.vault, SSH, &number, hint, sizeof(hint), &size) == 0)
                n++;
        CHECK_EQ(n, 1000);
        scratch_unlock(&s);
        frames = s.vault->wal_frames;
        (void)make_hinted(s.vault, "one more", "small");
        CHECK(s.vault->wal_frames - frames < 16);
        check_in_order(s.vault);
        scratch_done(&s);
}

TEST_MAIN
