/* Recovery, login, fido2 and tpm2 slots by themselves: what opens each, what is kept of it, and what is refused. */
#include <errno.h>

#include "common/recovery-code.h"
#include "common/slot-mirror.h"
#include "crypto/sha.h"
#include "store/internal.h"
#include "tests/unit/test.h"

static Secret *secret_of(const void *data, size_t size)
{
        Secret *secret = NULL;

        CHECK_EQ(secret_new_from(&secret, data, size), 0);
        return secret;
}

static Secret *text_secret(const char *text)
{
        return secret_of(text, strlen(text));
}

static Secret *filled_secret(uint8_t byte)
{
        uint8_t bytes[SLOT_KEY_SIZE];

        memset(bytes, byte, sizeof(bytes));
        return secret_of(bytes, sizeof(bytes));
}

static SlotDraft *prepared(const SlotRequest *request)
{
        SlotDraft *draft = NULL;

        CHECK(arena_init() >= 0);
        CHECK_EQ(slot_prepare(request, &draft), 0);
        return draft;
}

/* As the vault would store it. */
static Slot *stored(const SlotDraft *draft, const Root *root)
{
        uint8_t wrapped[SLOT_WRAPPED_SIZE];
        Slot *slot = NULL;

        slot_wrap(draft, 0, root->key, wrapped);
        CHECK_EQ(slot_new(draft->id, 0, draft->kind, draft->label, draft->created, 0, draft->params,
                          draft->params_size, wrapped, &slot),
                 0);
        return slot;
}

static int open_result(const Slot *slot, const Secret *secret, const Root *expected)
{
        _cleanup_(root_freep) Root *root = NULL;
        int r = slot_open(slot, secret, &root);

        CHECK((r == 0) == (root != NULL));
        if (root)
                CHECK(memcmp(root->key, expected->key, sizeof(*root->key)) == 0);
        return r;
}

static int key_result(const Slot *slot, const Key *key, const Root *expected)
{
        _cleanup_(root_freep) Root *root = NULL;
        int r = slot_open_key(slot, key->bytes, &root);

        CHECK((r == 0) == (root != NULL));
        if (root)
                CHECK(memcmp(root->key, expected->key, sizeof(*root->key)) == 0);
        return r;
}

static int prepare_result(const SlotRequest *request)
{
        SlotDraft *draft = NULL;
        int r = slot_prepare(request, &draft);

        slot_draft_free(draft);
        return r;
}

/* ---- recovery ---- */

#define CODE "01236-4567G-89ABF-CDEFS-GHJKM-MNPQ2-RSTVX"

TEST(a_recovery_code_opens_however_it_is_typed)
{
        static const char *const same[] = {CODE, "o1236 4567g 89abf cdefs ghjkm mnpq2 rstvx",
                                           "0I2364567G89ABFCDEFSGHJKMMNPQ2RSTVX"};
        static const char *const others[] = {"01237-4567G-89ABF-CDEFS-GHJKM-MNPQ2-RSTVX", "password",
                                             "00000-00001-00002-00003-00004-00005-00006"};
        _cleanup_(secret_freep) Secret *secret = text_secret(CODE);
        _cleanup_(slot_draft_freep) SlotDraft *draft =
                prepared(&(SlotRequest){.kind = SLOT_RECOVERY, .secret = secret});
        _cleanup_(root_freep) Root *root = root_new(0, draft->id);
        _cleanup_(slot_freep) Slot *slot = stored(draft, root);

        for (size_t i = 0; i < ELEMENTSOF(same); i++) {
                _cleanup_(secret_freep) Secret *typed = text_secret(same[i]);

                CHECK_EQ(open_result(slot, typed, root), 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                _cleanup_(secret_freep) Secret *typed = text_secret(others[i]);

                CHECK_EQ(open_result(slot, typed, root), VAULT_E_WRONG_SECRET);
        }
        CHECK(strcmp(slot_label(slot), "recovery") == 0);
        CHECK(!slot_kdf(slot, &(KdfParams){0}));
}

TEST(what_is_no_whole_code_makes_no_slot)
{
        static const char *const bad[] = {"password", "01237-4567G-89ABF-CDEFS-GHJKM-MNPQ2-RSTVX", "0"};

        CHECK(arena_init() >= 0);
        CHECK_EQ(prepare_result(&(SlotRequest){.kind = SLOT_RECOVERY}), VAULT_E_INVALID);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(secret_freep) Secret *secret = text_secret(bad[i]);

                CHECK_EQ(prepare_result(&(SlotRequest){.kind = SLOT_RECOVERY, .secret = secret}), VAULT_E_INVALID);
        }
}

/* ---- login ---- */

TEST(a_login_slot_opens_by_its_password_and_by_its_key)
{
        _cleanup_(secret_freep) Secret *right = text_secret("login"), *wrong = text_secret("logout");
        _cleanup_(slot_draft_freep) SlotDraft *draft =
                prepared(&(SlotRequest){.kind = SLOT_LOGIN, .secret = right, .kdf_memory_kib = KDF_MEMORY_MIN_KIB});
        _cleanup_(root_freep) Root *root = root_new(0, draft->id);
        _cleanup_(slot_freep) Slot *slot = stored(draft, root);
        _cleanup_(key_freep) Key *key = NULL;
        KdfParams params;

        CHECK_EQ(open_result(slot, right, root), 0);
        CHECK_EQ(open_result(slot, wrong, root), VAULT_E_WRONG_SECRET);
        /* What the PAM module derives by what is mirrored. */
        CHECK(slot_kdf(slot, &params));
        CHECK_EQ(kdf_derive(&params, "login", 5, &key), 0);
        CHECK_EQ(key_result(slot, key, root), 0);
        key->bytes[31] ^= 1;
        CHECK_EQ(key_result(slot, key, root), VAULT_E_WRONG_SECRET);
        key->bytes[31] ^= 1;
        slot->wrapped[40] ^= 1;
        CHECK_EQ(key_result(slot, key, root), VAULT_E_DAMAGED);
}

TEST(a_login_costs_no_more_than_a_login_may)
{
        _cleanup_(secret_freep) Secret *secret = text_secret("x");

        CHECK(arena_init() >= 0);
        CHECK_EQ(prepare_result(&(SlotRequest){
                         .kind = SLOT_LOGIN, .secret = secret, .kdf_memory_kib = SLOT_MIRROR_MEMORY_MAX_KIB + 1024}),
                 VAULT_E_INVALID);
        CHECK_EQ(prepare_result(&(SlotRequest){.kind = SLOT_LOGIN, .secret = secret, .kdf_passes = 1000}),
                 VAULT_E_INVALID);
}

TEST(a_login_slot_is_replaced_by_a_key_derived_elsewhere)
{
        _cleanup_(secret_freep) Secret *old = text_secret("old"), *new = text_secret("new");
        _cleanup_(slot_draft_freep) SlotDraft *draft =
                prepared(&(SlotRequest){.kind = SLOT_LOGIN, .secret = old, .kdf_memory_kib = KDF_MEMORY_MIN_KIB});
        _cleanup_(slot_draft_freep) SlotDraft *again = NULL, *bad = NULL;
        _cleanup_(root_freep) Root *root = root_new(0, draft->id);
        _cleanup_(slot_freep) Slot *slot = stored(draft, root), *replaced = NULL;
        _cleanup_(key_freep) Key *key = NULL;
        KdfParams params = {.memory_kib = KDF_MEMORY_MIN_KIB, .passes = KDF_PASSES_MIN, .salt = {1, 2, 3}};

        CHECK_EQ(kdf_derive(&params, "new", 3, &key), 0);
        CHECK_EQ(slot_prepare_login(slot, &params, key->bytes, &again), 0);
        replaced = stored(again, root);
        CHECK(memcmp(slot_id(replaced), slot_id(slot), SLOT_ID_SIZE) == 0);
        CHECK_EQ(open_result(replaced, new, root), 0);
        CHECK_EQ(open_result(replaced, old, root), VAULT_E_WRONG_SECRET);

        params.passes = KDF_PASSES_MIN - 1;
        CHECK_EQ(slot_prepare_login(slot, &params, key->bytes, &bad), VAULT_E_INVALID);
        params.passes = KDF_PASSES_MIN;
        slot->kind = SLOT_PASSWORD;
        CHECK_EQ(slot_prepare_login(slot, &params, key->bytes, &bad), VAULT_E_INVALID);
}

/* ---- fido2 ---- */

static const uint8_t credential[] = {1, 2, 3, 4};

TEST(a_fido2_slot_opens_by_what_the_key_answers)
{
        const SlotFido2 wanted = {.uv = true, .rp_id = "pam://host", .credential = credential, .credential_size = 4};
        _cleanup_(secret_freep) Secret *right = filled_secret(7), *wrong = filled_secret(8),
                                       *short_one = secret_of("seven", 5);
        _cleanup_(slot_draft_freep) SlotDraft *draft =
                prepared(&(SlotRequest){.kind = SLOT_FIDO2, .secret = right, .fido2 = &wanted});
        _cleanup_(root_freep) Root *root = root_new(0, draft->id);
        _cleanup_(slot_freep) Slot *slot = stored(draft, root);
        _cleanup_(key_freep) Key *key = key_new();
        uint8_t info[SLOT_FIDO2_INFO_SIZE];
        SlotFido2 got;

        CHECK_EQ(open_result(slot, right, root), 0);
        CHECK_EQ(open_result(slot, wrong, root), VAULT_E_WRONG_SECRET);
        CHECK_EQ(open_result(slot, short_one, root), VAULT_E_WRONG_SECRET);
        CHECK(slot_fido2(slot, &got));
        CHECK(got.uv && strcmp(got.rp_id, "pam://host") == 0);
        CHECK(got.credential_size == 4 && memcmp(got.credential, credential, 4) == 0);
        CHECK(!slot_tpm2(slot, &(SlotTpm2){0}));

        /* By the key that the PAM module derives. */
        slot_fido2_info(slot_id(slot), info);
        hkdf_sha256(NULL, 0, right->data, right->size, info, sizeof(info), key->bytes, sizeof(key->bytes));
        CHECK_EQ(key_result(slot, key, root), 0);
}

/* One answer serves all slots of a vault, and yet no two have the same key. */
TEST(slots_of_one_answer_have_different_keys)
{
        const SlotFido2 wanted = {.rp_id = "a", .credential = credential, .credential_size = 4};
        _cleanup_(secret_freep) Secret *answer = filled_secret(7);
        const SlotRequest request = {.kind = SLOT_FIDO2, .secret = answer, .fido2 = &wanted};
        _cleanup_(slot_draft_freep) SlotDraft *one = prepared(&request), *two = prepared(&request);

        CHECK(memcmp(one->kek, two->kek, sizeof(*one->kek)) != 0);
}

TEST(a_fido2_slot_must_say_how_to_ask)
{
        _cleanup_(secret_freep) Secret *answer = filled_secret(7);
        SlotFido2 wanted = {.rp_id = "a", .credential = credential, .credential_size = 4};
        SlotRequest request = {.kind = SLOT_FIDO2, .secret = answer};

        CHECK(arena_init() >= 0);
        CHECK_EQ(prepare_result(&request), VAULT_E_INVALID);
        request.fido2 = &wanted;
        CHECK_EQ(prepare_result(&request), 0);
        wanted.credential_size = 0;
        CHECK_EQ(prepare_result(&request), VAULT_E_INVALID);
        wanted.credential_size = SLOT_CREDENTIAL_MAX + 1;
        CHECK_EQ(prepare_result(&request), VAULT_E_INVALID);
        wanted.credential_size = 4;
        wanted.rp_id[0] = 0;
        CHECK_EQ(prepare_result(&request), VAULT_E_INVALID);
}

/* ---- tpm2 ---- */

TEST(a_tpm2_slot_opens_by_what_the_tpm_computes)
{
        static const uint8_t key[] = {9, 9, 9};
        SlotTpm2 wanted = {.pin = true, .pcrs = 1U << 7, .key = key, .key_size = sizeof(key)}, got;
        _cleanup_(secret_freep) Secret *right = filled_secret(7), *wrong = filled_secret(8);
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL, *again = NULL;
        _cleanup_(root_freep) Root *root = NULL;
        _cleanup_(slot_freep) Slot *slot = NULL, *rekeyed = NULL;

        memset(wanted.salt, 3, sizeof(wanted.salt));
        memset(wanted.point, 4, sizeof(wanted.point));
        draft = prepared(&(SlotRequest){.kind = SLOT_TPM2, .secret = right, .tpm2 = &wanted});
        root = root_new(0, draft->id);
        slot = stored(draft, root);
        CHECK_EQ(open_result(slot, right, root), 0);
        CHECK_EQ(open_result(slot, wrong, root), VAULT_E_WRONG_SECRET);
        CHECK(slot_tpm2(slot, &got));
        CHECK(got.pin && got.pcrs == 1U << 7 && got.key_size == sizeof(key));
        CHECK(memcmp(got.salt, wanted.salt, sizeof(got.salt)) == 0);
        CHECK(memcmp(got.point, wanted.point, sizeof(got.point)) == 0);

        /* With new keys of the vault the TPM is asked as before. */
        CHECK_EQ(slot_prepare_again(slot, &(SlotRequest){.secret = right}, &again), 0);
        rekeyed = stored(again, root);
        CHECK_EQ(open_result(rekeyed, right, root), 0);
        CHECK(slot_tpm2(rekeyed, &got) && got.pin && got.pcrs == 1U << 7);

        wanted.pcrs = 1U << SLOT_PCRS_MAX;
        CHECK_EQ(prepare_result(&(SlotRequest){.kind = SLOT_TPM2, .secret = right, .tpm2 = &wanted}), VAULT_E_INVALID);
}

/* ---- all ---- */

/* Every byte of the parameters is bound, and no cut of them is read. */
TEST(parameters_are_bound_and_bounded)
{
        static const uint8_t key[] = {9, 9, 9};
        const SlotFido2 fido2 = {.rp_id = "rp", .credential = credential, .credential_size = 4};
        const SlotTpm2 tpm2 = {.key = key, .key_size = sizeof(key)};
        _cleanup_(secret_freep) Secret *answer = filled_secret(7), *code = text_secret(CODE);
        const SlotRequest requests[] = {
                {.kind = SLOT_FIDO2, .secret = answer, .fido2 = &fido2},
                {.kind = SLOT_TPM2, .secret = answer, .tpm2 = &tpm2},
                {.kind = SLOT_RECOVERY, .secret = code},
        };

        for (size_t k = 0; k < ELEMENTSOF(requests); k++) {
                _cleanup_(slot_draft_freep) SlotDraft *draft = prepared(&requests[k]);
                _cleanup_(root_freep) Root *root = root_new(0, draft->id);
                _cleanup_(slot_freep) Slot *slot = stored(draft, root);
                size_t size = slot->params_size;

                CHECK_EQ(open_result(slot, requests[k].secret, root), 0);
                for (size_t i = 0; i < size; i++) {
                        slot->params[i] ^= 1;
                        CHECK(open_result(slot, requests[k].secret, root) != 0);
                        slot->params[i] ^= 1;
                }
                for (slot->params_size = 1; slot->params_size < size; slot->params_size++)
                        CHECK_EQ(open_result(slot, requests[k].secret, root), VAULT_E_DAMAGED);
                slot->params_size = 0;
                CHECK_EQ(open_result(slot, requests[k].secret, root), VAULT_E_UNSUPPORTED);
        }
}

TEST_MAIN
