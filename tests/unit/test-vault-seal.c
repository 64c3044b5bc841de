/*
 * Classes that a device seals: what opens them and what doesn't, changing sides and back, new keys, and that nothing
 * is half done
 */
#include <errno.h>

#include "tests/unit/record-tools.h"

static const uint8_t device[VAULT_DEVICE_SIZE] = {1, 2, 3}, other_device[VAULT_DEVICE_SIZE] = {1, 2, 4};

#define PARAMS      "how to ask the device"
#define PARAMS_SIZE (sizeof(PARAMS) - 1)

typedef struct Sealed {
        Scratch s;
        uint64_t kept, deleted, otp;
} Sealed;

static void sealed_new(Sealed *t)
{
        scratch_new(&t->s);
        t->kept = make(t->s.vault, CLASS, "passkey", MARKS(mark(1, "site")));
        t->deleted = make(t->s.vault, CLASS, "deleted", MARKS(mark(1, "site"), mark(2, "user")));
        CHECK_EQ(vault_record_delete(t->s.vault, CLASS, t->deleted, true), 0);
        t->otp = make(t->s.vault, VAULT_CLASS_OTP, "otp", MARKS(mark(1, "site")));
}

static int seal_class(Sealed *t)
{
        return vault_class_seal(t->s.vault, t->s.root, CLASS, PARAMS, PARAMS_SIZE, device);
}

/* The class is open, and whole. */
static void check_open(Sealed *t)
{
        uint64_t numbers[16];
        char got[64];
        size_t size;

        CHECK(vault_class_is_open(t->s.vault, CLASS));
        check_text(t->s.vault, CLASS, t->kept, "passkey");
        CHECK(found(t->s.vault, CLASS, mark(1, "site"), numbers) == 1 && numbers[0] == t->kept);
        CHECK_EQ(vault_record_get_deleted(t->s.vault, CLASS, t->deleted, got, sizeof(got), &size), 0);
        CHECK(size == 7 && memcmp(got, "deleted", 7) == 0);
        check_in_order(t->s.vault);
}

/* The vault is open, and the class is not. */
static void check_closed(Sealed *t)
{
        const VaultMark wanted = mark(1, "site");
        const Secret *params = vault_class_params(t->s.vault, CLASS);
        VaultDeleted deleted[4];
        VaultReport report;
        uint64_t numbers[4], count;
        char got[64];
        size_t n;

        CHECK(vault_class_is_sealed(t->s.vault, CLASS) && !vault_class_is_open(t->s.vault, CLASS));
        CHECK(params && params->size == PARAMS_SIZE && memcmp(params->data, PARAMS, PARAMS_SIZE) == 0);
        CHECK_EQ(vault_record_get(t->s.vault, CLASS, t->kept, got, sizeof(got), &n), VAULT_E_DEVICE);
        CHECK_EQ(vault_record_find(t->s.vault, CLASS, &wanted, UINT64_MAX, numbers, 4, &n), VAULT_E_DEVICE);
        CHECK_EQ(vault_record_create(t->s.vault, CLASS, &wanted, 1, "x", 1, &count), VAULT_E_DEVICE);
        CHECK_EQ(vault_record_update(t->s.vault, CLASS, t->kept, "x", 1), VAULT_E_DEVICE);
        CHECK_EQ(vault_record_delete(t->s.vault, CLASS, t->kept, true), VAULT_E_DEVICE);
        CHECK_EQ(vault_record_undelete(t->s.vault, CLASS, t->deleted), VAULT_E_DEVICE);
        CHECK_EQ(vault_record_deleted(t->s.vault, CLASS, UINT64_MAX, deleted, 4, &n), VAULT_E_DEVICE);
        CHECK_EQ(vault_record_count(t->s.vault, CLASS, &count), VAULT_E_DEVICE);
        CHECK(!vault_class_tampered(t->s.vault, CLASS));
        check_text(t->s.vault, VAULT_CLASS_OTP, t->otp, "otp");
        CHECK_EQ(vault_check(t->s.vault, false, NULL, NULL, &report), 0);
        CHECK(report.collections_locked == 1 && report.damaged == 0 && report.index_extra == 0 &&
              report.collections_tampered == 0);
}

TEST(sealing_leaves_the_class_closed)
{
        Sealed t;

        sealed_new(&t);
        CHECK(!vault_class_is_sealed(t.s.vault, CLASS));
        CHECK(!vault_class_params(t.s.vault, CLASS));
        CHECK_EQ(vault_class_open(t.s.vault, CLASS, device), VAULT_E_NOT_FOUND);
        CHECK_EQ(seal_class(&t), 0);
        check_open(&t);
        CHECK_EQ(seal_class(&t), VAULT_E_EXISTS);

        scratch_close(&t.s);
        scratch_open(&t.s);
        CHECK(vault_class_is_sealed(t.s.vault, CLASS)); /* also while locked */
        CHECK(!vault_class_is_sealed(t.s.vault, VAULT_CLASS_OTP));
        CHECK(!vault_class_params(t.s.vault, CLASS));
        CHECK_EQ(vault_class_open(t.s.vault, CLASS, device), VAULT_E_LOCKED);
        scratch_unlock(&t.s);
        check_closed(&t);
        CHECK_EQ(vault_class_open(t.s.vault, CLASS, other_device), VAULT_E_WRONG_SECRET);
        check_closed(&t);
        CHECK_EQ(vault_class_open(t.s.vault, CLASS, device), 0);
        CHECK_EQ(vault_class_open(t.s.vault, CLASS, device), 0);
        check_open(&t);

        vault_lock(t.s.vault, 0);
        CHECK(!vault_class_params(t.s.vault, CLASS));
        scratch_unlock(&t.s);
        check_closed(&t);
        scratch_done(&t.s);
}

TEST(unsealing)
{
        Sealed t;

        sealed_new(&t);
        CHECK_EQ(vault_class_unseal(t.s.vault, t.s.root, CLASS), VAULT_E_NOT_FOUND);
        CHECK_EQ(seal_class(&t), 0);
        scratch_again(&t.s);
        CHECK_EQ(vault_class_unseal(t.s.vault, t.s.root, CLASS), VAULT_E_DEVICE);
        CHECK_EQ(vault_class_open(t.s.vault, CLASS, device), 0);
        CHECK_EQ(vault_class_unseal(t.s.vault, t.s.root, CLASS), 0);
        check_open(&t);
        scratch_again(&t.s);
        CHECK(!vault_class_is_sealed(t.s.vault, CLASS));
        check_open(&t);
        scratch_done(&t.s);
}

/* What an older copy of the file opens does not open what was written after the class was sealed. */
TEST(an_old_copy_opens_nothing_new)
{
        char sql[256];
        size_t size;
        Sealed t;

        sealed_new(&t);
        scratch_close(&t.s);
        (void)snprintf(sql, sizeof(sql), "VACUUM INTO '%s/old.db'", t.s.dir);
        tamper(&t.s, sql);
        scratch_open(&t.s);
        scratch_unlock(&t.s);
        CHECK_EQ(seal_class(&t), 0);
        scratch_close(&t.s);
        (void)snprintf(sql, sizeof(sql),
                       "ATTACH '%s/old.db' AS old; INSERT INTO key SELECT * FROM old.key WHERE purpose=2 AND owner=%d",
                       t.s.dir, CLASS);
        tamper(&t.s, sql);
        scratch_open(&t.s);
        scratch_unlock(&t.s);
        CHECK(vault_class_tampered(t.s.vault, CLASS));
        CHECK(vault_class_is_open(t.s.vault, CLASS)); /* with a key that opens no record */
        CHECK_EQ(vault_record_get(t.s.vault, CLASS, t.kept, sql, sizeof(sql), &size), VAULT_E_DAMAGED);
        scratch_done(&t.s);
}

TEST(changes_go_on_under_a_seal)
{
        uint64_t number;
        Sealed t;

        sealed_new(&t);
        CHECK_EQ(seal_class(&t), 0);
        number = make(t.s.vault, CLASS, "later", MARKS(mark(1, "later")));
        CHECK(number > t.deleted);
        CHECK_EQ(vault_record_undelete(t.s.vault, CLASS, t.deleted), 0);
        CHECK_EQ(vault_record_delete(t.s.vault, CLASS, t.deleted, true), 0);
        scratch_again(&t.s);
        CHECK_EQ(vault_class_open(t.s.vault, CLASS, device), 0);
        check_text(t.s.vault, CLASS, number, "later");
        check_open(&t);
        /* Opened within a batch, which comes to nothing. */
        scratch_again(&t.s);
        CHECK_EQ(vault_batch_begin(t.s.vault), 0);
        CHECK_EQ(vault_class_open(t.s.vault, CLASS, device), 0);
        CHECK_EQ(vault_record_delete(t.s.vault, CLASS, number, false), 0);
        vault_batch_rollback(t.s.vault);
        check_text(t.s.vault, CLASS, number, "later");
        check_open(&t);
        scratch_done(&t.s);
}

static int rekey(Sealed *t)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        int r;

        CHECK_EQ(vault_slots(t->s.vault, &list), 0);
        CHECK_EQ(list.n, 1);
        CHECK_EQ(slot_prepare_again(list.slots[0], &(SlotRequest){.kind = SLOT_NONE}, &draft), 0);
        r = vault_rekey(t->s.vault, t->s.root, &draft, 1);
        if (r == 0) {
                (void)root_free(t->s.root);
                t->s.root = root_of(t->s.vault, 0);
        }
        return r;
}

TEST(rekeying_keeps_the_seal)
{
        Sealed t;

        sealed_new(&t);
        CHECK_EQ(seal_class(&t), 0);
        CHECK_EQ(rekey(&t), 0);
        check_open(&t);
        scratch_again(&t.s);
        CHECK_EQ(rekey(&t), VAULT_E_DEVICE);
        check_closed(&t);
        CHECK_EQ(vault_class_open(t.s.vault, CLASS, device), 0);
        check_open(&t);
        CHECK_EQ(rekey(&t), 0);
        CHECK_EQ(vault_class_unseal(t.s.vault, t.s.root, CLASS), 0);
        check_open(&t);
        scratch_done(&t.s);
}

TEST(a_class_that_is_given_up)
{
        uint64_t number;
        Sealed t;

        sealed_new(&t);
        CHECK_EQ(vault_class_abandon(t.s.vault, t.s.root, CLASS), VAULT_E_INVALID);
        CHECK_EQ(seal_class(&t), 0);
        CHECK_EQ(vault_class_abandon(t.s.vault, t.s.root, CLASS), VAULT_E_INVALID);
        scratch_again(&t.s);
        CHECK_EQ(vault_class_abandon(t.s.vault, t.s.root, CLASS), 0);
        CHECK(!vault_class_is_sealed(t.s.vault, CLASS));
        CHECK_EQ(n_records(t.s.vault, CLASS), 0);
        check_in_order(t.s.vault);
        number = make(t.s.vault, CLASS, "new", MARKS(mark(1, "site")));
        CHECK(number > t.kept);
        scratch_again(&t.s);
        check_text(t.s.vault, CLASS, number, "new");
        check_text(t.s.vault, VAULT_CLASS_OTP, t.otp, "otp");
        check_in_order(t.s.vault);
        scratch_done(&t.s);
}

TEST(refusals)
{
        uint8_t params[VAULT_SEAL_PARAMS_MAX + 1] = {0};
        Sealed t;

        sealed_new(&t);
        CHECK_EQ(vault_class_seal(t.s.vault, t.s.root, CLASS, params, sizeof(params), device), VAULT_E_LIMIT);
        CHECK_EQ(vault_class_seal(t.s.vault, t.s.root, CLASS, params, 0, device), VAULT_E_LIMIT);
        CHECK_EQ(vault_class_seal(t.s.vault, t.s.root, 0, params, 1, device), VAULT_E_INVALID);
        CHECK_EQ(vault_class_seal(t.s.vault, t.s.root, _VAULT_CLASS_MAX, params, 1, device), VAULT_E_INVALID);
        CHECK_EQ(vault_batch_begin(t.s.vault), 0);
        CHECK_EQ(seal_class(&t), -EBUSY);
        vault_batch_rollback(t.s.vault);
        vault_lock(t.s.vault, 0);
        CHECK_EQ(seal_class(&t), VAULT_E_LOCKED);
        scratch_unlock(&t.s);
        /* The largest is fine. */
        CHECK_EQ(vault_class_seal(t.s.vault, t.s.root, CLASS, params, VAULT_SEAL_PARAMS_MAX, device), 0);
        scratch_again(&t.s);
        CHECK_EQ(vault_class_params(t.s.vault, CLASS)->size, VAULT_SEAL_PARAMS_MAX);
        CHECK_EQ(vault_class_open(t.s.vault, CLASS, device), 0);
        check_open(&t);
        scratch_done(&t.s);
}

/* Damage in the rows of a seal: the class stays closed, the rest opens, and nothing is taken for right. */
TEST(damaged_rows_of_a_seal)
{
        static const char *const changes[] = {
                "UPDATE key SET sealed=randomblob(72) WHERE purpose=4",
                "UPDATE key SET sealed=zeroblob(3000) WHERE purpose=4",
                "DELETE FROM key WHERE purpose=4",
                "UPDATE key SET sealed=randomblob(61) WHERE purpose=5",
                "UPDATE key SET sealed=zeroblob(3000) WHERE purpose=5",
                "UPDATE key SET sealed=NULL WHERE purpose=5",
                "DELETE FROM key WHERE purpose=5",
                "DELETE FROM key WHERE purpose=5 OR purpose=4",
                "UPDATE key SET owner=2 WHERE purpose=5",
        };

        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                Sealed t;

                sealed_new(&t);
                CHECK_EQ(seal_class(&t), 0);
                scratch_close(&t.s);
                tamper(&t.s, changes[i]);
                scratch_open(&t.s);
                scratch_unlock(&t.s);
                CHECK(vault_class_tampered(t.s.vault, CLASS));
                CHECK(vault_class_open(t.s.vault, CLASS, device) > 0);
                CHECK(!vault_class_is_open(t.s.vault, CLASS));
                check_text(t.s.vault, VAULT_CLASS_OTP, t.otp, "otp");
                CHECK(rekey(&t) > 0);
                scratch_done(&t.s);
        }
}

/* ---- cut short ---- */

static int stop_once(void *userdata)
{
        unsigned *left = userdata;

        return --*left == 0;
}

/* Wherever it stops, all is as it was: in memory, and in the file. */
static bool stopped(Sealed *t, bool sealing, unsigned at)
{
        unsigned left = at;
        int r;

        sqlite3_progress_handler(t->s.vault->db, 10, stop_once, &left);
        r = sealing ? seal_class(t) : vault_class_unseal(t->s.vault, t->s.root, CLASS);
        sqlite3_progress_handler(t->s.vault->db, 0, NULL, NULL);
        CHECK(!vault_batch_is_open(t->s.vault));
        CHECK_EQ(vault_class_is_sealed(t->s.vault, CLASS), sealing == (r == 0));
        check_open(t);
        scratch_again(&t->s);
        CHECK_EQ(vault_class_is_sealed(t->s.vault, CLASS), sealing == (r == 0));
        if (vault_class_is_sealed(t->s.vault, CLASS))
                CHECK_EQ(vault_class_open(t->s.vault, CLASS, device), 0);
        check_open(t);
        return r != 0;
}

TEST(changing_sides_that_stops_midway)
{
        Sealed t;

        sealed_new(&t);
        for (int sealing = 1; sealing >= 0; sealing--) {
                unsigned at = 1;

                while (stopped(&t, sealing, at))
                        at += 2;
                CHECK(at > 10);
        }
        scratch_done(&t.s);
}

TEST_MAIN
