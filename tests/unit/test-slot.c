/* Key slots by themselves: what opens, what does not, and what is said about it. */
#include <errno.h>

#include "store/internal.h"
#include "tests/unit/test.h"

static Secret *secret_of(const char *text)
{
        Secret *secret = NULL;

        CHECK_EQ(secret_new_from(&secret, text, strlen(text)), 0);
        return secret;
}

/* A slot as the vault would store it, and the root in it. */
static Slot *stored(const SlotDraft *draft, uint32_t scope, const Root *root)
{
        uint8_t wrapped[SLOT_WRAPPED_SIZE];
        Slot *slot = NULL;

        slot_wrap(draft, scope, root->key, wrapped);
        CHECK_EQ(slot_new(draft->id, scope, draft->kind, draft->label, draft->created, 0, draft->params,
                          draft->params_size, wrapped, &slot),
                 0);
        return slot;
}

static SlotDraft *prepared(SlotKind kind, const Secret *secret, const char *path)
{
        SlotRequest request = {.kind = kind, .secret = secret, .path = path, .kdf_memory_kib = KDF_MEMORY_MIN_KIB};
        SlotDraft *draft = NULL;

        CHECK(arena_init() >= 0);
        CHECK_EQ(slot_prepare(&request, &draft), 0);
        return draft;
}

static void check_opens(const Slot *slot, const Secret *secret, const Root *root)
{
        _cleanup_(root_freep) Root *got = NULL;

        CHECK_EQ(slot_open(slot, secret, &got), 0);
        CHECK(memcmp(got->key, root->key, sizeof(*root->key)) == 0);
        CHECK_EQ(root_collection(got), slot_collection(slot));
        CHECK(memcmp(root_slot_id(got), slot_id(slot), SLOT_ID_SIZE) == 0);
}

static int open_result(const Slot *slot, const Secret *secret)
{
        Root *root = NULL;
        int r = slot_open(slot, secret, &root);

        CHECK(r != 0 || root);
        (void)root_free(root);
        return r;
}

TEST(a_password_opens_and_another_does_not)
{
        _cleanup_(secret_freep) Secret *right = secret_of("right"), *wrong = secret_of("wrong"),
                                       *empty = secret_of("");
        _cleanup_(slot_draft_freep) SlotDraft *draft = prepared(SLOT_PASSWORD, right, NULL);
        _cleanup_(root_freep) Root *root = root_new(0, draft->id);
        _cleanup_(slot_freep) Slot *slot = stored(draft, 0, root);
        KdfParams params;

        check_opens(slot, right, root);
        CHECK_EQ(open_result(slot, wrong), VAULT_E_WRONG_SECRET);
        CHECK_EQ(open_result(slot, empty), VAULT_E_WRONG_SECRET);
        CHECK_EQ(open_result(slot, NULL), VAULT_E_WRONG_SECRET);
        CHECK(strcmp(slot_label(slot), "password") == 0);
        CHECK(slot_kdf(slot, &params));
        CHECK_EQ(params.memory_kib, KDF_MEMORY_MIN_KIB);
        CHECK_EQ(params.passes, KDF_PASSES_MIN);

        /* Right secret, damaged box: told apart by the commitment. */
        slot->wrapped[40] ^= 1;
        CHECK_EQ(open_result(slot, right), VAULT_E_DAMAGED);
}

TEST(a_credential_opens_and_another_does_not)
{
        _cleanup_(secret_freep) Secret *right = secret_of("0123456789abcdef0123456789abcdef"),
                                       *wrong = secret_of("0123456789abcdef0123456789abcdeF");
        _cleanup_(slot_draft_freep) SlotDraft *draft = prepared(SLOT_CREDENTIAL, right, "/etc/key");
        _cleanup_(root_freep) Root *root = root_new(7, draft->id);
        _cleanup_(slot_freep) Slot *slot = stored(draft, 7, root);

        check_opens(slot, right, root);
        CHECK_EQ(open_result(slot, wrong), VAULT_E_WRONG_SECRET);
        CHECK(strcmp(slot_path(slot), "/etc/key") == 0);
        CHECK(!slot_kdf(slot, &(KdfParams){0}));
}

TEST(nothing_opens_none)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = prepared(SLOT_NONE, NULL, NULL);
        _cleanup_(root_freep) Root *root = root_new(0, draft->id);
        _cleanup_(slot_freep) Slot *slot = stored(draft, 0, root);

        check_opens(slot, NULL, root);
        slot->wrapped[0] ^= 1;
        CHECK_EQ(open_result(slot, NULL), VAULT_E_DAMAGED);
}

/* No part of a slot can be changed or moved to another slot or scope. */
TEST(every_part_is_bound)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = prepared(SLOT_NONE, NULL, NULL);
        _cleanup_(root_freep) Root *root = root_new(3, draft->id);
        _cleanup_(slot_freep) Slot *slot = stored(draft, 3, root);

        check_opens(slot, NULL, root);
        for (size_t i = 0; i < sizeof(slot->wrapped); i++) {
                slot->wrapped[i] ^= 1;
                CHECK_EQ(open_result(slot, NULL), VAULT_E_DAMAGED);
                slot->wrapped[i] ^= 1;
        }
        for (size_t i = 0; i < sizeof(slot->id); i++) {
                slot->id[i] ^= 1;
                CHECK_EQ(open_result(slot, NULL), VAULT_E_DAMAGED);
                slot->id[i] ^= 1;
        }
        for (size_t i = 0; i < slot->params_size; i++) {
                slot->params[i] ^= 1;
                CHECK(open_result(slot, NULL) != 0);
                slot->params[i] ^= 1;
        }
        slot->scope = 0;
        CHECK_EQ(open_result(slot, NULL), VAULT_E_DAMAGED);
        slot->scope = 3;
        slot->params_size--;
        CHECK_EQ(open_result(slot, NULL), VAULT_E_DAMAGED);
        slot->params_size++;
        check_opens(slot, NULL, root);
}

TEST(stored_costs_out_of_limits_are_not_even_tried)
{
        _cleanup_(secret_freep) Secret *secret = secret_of("x");
        uint8_t params[25] = {1}, wrapped[SLOT_WRAPPED_SIZE] = {0}, id[SLOT_ID_SIZE] = {0};
        static const uint32_t bad[][2] = {
                {8, 1}, {KDF_MEMORY_MIN_KIB - 1, 3}, {KDF_MEMORY_MIN_KIB, 2}, {UINT32_MAX, 3}, {65536, UINT32_MAX}};

        CHECK(arena_init() >= 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(slot_freep) Slot *slot = NULL;
                ByteWriter writer = BYTE_WRITER_ON(params);

                byte_writer_u8(&writer, 1);
                byte_writer_u32(&writer, bad[i][0]);
                byte_writer_u32(&writer, bad[i][1]);
                CHECK_EQ(slot_new(id, 0, SLOT_PASSWORD, "x", 0, 0, params, sizeof(params), wrapped, &slot), 0);
                CHECK_EQ(open_result(slot, secret), VAULT_E_UNSUPPORTED);
                CHECK(!slot_kdf(slot, &(KdfParams){0}));
        }
}

TEST(kinds_of_the_future_are_unsupported_not_fatal)
{
        uint8_t wrapped[SLOT_WRAPPED_SIZE] = {0}, id[SLOT_ID_SIZE] = {0};

        for (uint32_t kind = _SLOT_KIND_MAX; kind < 20; kind++) {
                _cleanup_(slot_freep) Slot *slot = NULL;
                SlotRequest request = {.kind = (SlotKind)kind, .label = "x"};
                SlotDraft *draft = NULL;

                CHECK_EQ(slot_new(id, 0, kind, "x", 0, 0, "\1abc", 4, wrapped, &slot), 0);
                CHECK_EQ(open_result(slot, NULL), VAULT_E_UNSUPPORTED);
                CHECK_EQ(slot_prepare(&request, &draft), VAULT_E_INVALID);
        }
        {
                _cleanup_(slot_freep) Slot *slot = NULL;

                /* A later version of the parameters of a kind that is known. */
                CHECK_EQ(slot_new(id, 0, SLOT_NONE, "x", 0, 0, "\2abc", 4, wrapped, &slot), 0);
                CHECK_EQ(open_result(slot, NULL), VAULT_E_UNSUPPORTED);
        }
}

TEST(requests_that_break_a_rule)
{
        _cleanup_(secret_freep) Secret *empty = secret_of(""),
                                       *short_key = secret_of("0123456789abcdef0123456789abcde"),
                                       *key = secret_of("0123456789abcdef0123456789abcdef");
        char long_label[SLOT_LABEL_MAX + 2];
        SlotDraft *draft = NULL;
        const SlotRequest bad[] = {
                {.kind = SLOT_PASSWORD, .secret = empty, .kdf_memory_kib = KDF_MEMORY_MIN_KIB},
                {.kind = SLOT_PASSWORD, .secret = NULL, .kdf_memory_kib = KDF_MEMORY_MIN_KIB},
                {.kind = SLOT_PASSWORD, .secret = key, .kdf_memory_kib = 1024},
                {.kind = SLOT_PASSWORD, .secret = key, .kdf_memory_kib = KDF_MEMORY_MIN_KIB, .kdf_passes = 1},
                {.kind = SLOT_CREDENTIAL, .secret = short_key},
                {.kind = SLOT_CREDENTIAL, .secret = key, .path = "relative"},
                {.kind = SLOT_NONE, .label = long_label},
                {.kind = SLOT_NONE, .label = "\xff"},
                {.kind = 0},
        };

        memset(long_label, 'x', sizeof(long_label));
        long_label[sizeof(long_label) - 1] = 0;
        CHECK(arena_init() >= 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                CHECK_EQ(slot_prepare(bad + i, &draft), VAULT_E_INVALID);
                CHECK(!draft);
        }
}

TEST(again_keeps_identity_and_cost_with_a_fresh_salt)
{
        _cleanup_(secret_freep) Secret *old = secret_of("old"), *new = secret_of("new");
        _cleanup_(slot_draft_freep) SlotDraft *draft = prepared(SLOT_PASSWORD, old, NULL), *again = NULL;
        _cleanup_(root_freep) Root *root = root_new(0, draft->id);
        _cleanup_(slot_freep) Slot *slot = stored(draft, 0, root), *changed = NULL;
        SlotRequest request = {.kind = SLOT_NONE, .label = "ignored", .secret = new};
        KdfParams before, after;

        CHECK_EQ(slot_prepare_again(slot, &request, &again), 0);
        CHECK(memcmp(slot_draft_id(again), slot_id(slot), SLOT_ID_SIZE) == 0);
        CHECK_EQ(again->kind, SLOT_PASSWORD);
        changed = stored(again, 0, root);
        CHECK(slot_kdf(slot, &before) && slot_kdf(changed, &after));
        CHECK_EQ(before.memory_kib, after.memory_kib);
        CHECK_EQ(before.passes, after.passes);
        CHECK(memcmp(before.salt, after.salt, sizeof(before.salt)) != 0);
        CHECK(strcmp(slot_label(changed), "password") == 0);
        CHECK_EQ(slot_created(changed), slot_created(slot));
        check_opens(changed, new, root);
        CHECK_EQ(open_result(changed, old), VAULT_E_WRONG_SECRET);
}

TEST(names)
{
        for (SlotKind kind = SLOT_PASSWORD; kind < _SLOT_KIND_MAX; kind++) {
                CHECK(slot_kind_name(kind));
                CHECK_EQ(slot_kind_from_name(slot_kind_name(kind)), kind);
        }
        CHECK(!slot_kind_name(0));
        CHECK(!slot_kind_name(_SLOT_KIND_MAX));
        CHECK_EQ(slot_kind_from_name("nonsense"), 0);
}

TEST_MAIN
