/*
 * Makes the vectors of this version anew: make DIRECTORY
 *
 * Only for a change of the format: a vector that is made by the code it tests proves nothing by itself, which is why
 * decode.py reads it too. Those of earlier versions cannot be made any more. Prints nothing; the log is moved into the
 * file, so that one file is the vector.
 */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

#define MUST(call)                                                                                                    \
        do {                                                                                                          \
                int must_ = (call);                                                                                   \
                if (must_ != 0) {                                                                                     \
                        fprintf(stderr, "%s: %s\n", #call, vault_strerror(must_));                                    \
                        exit(1);                                                                                      \
                }                                                                                                     \
        } while (0)

static VaultMark mark(uint8_t kind, uint8_t fill)
{
        VaultMark made = {.kind = kind};

        memset(made.value, fill, sizeof(made.value));
        return made;
}

static uint64_t put(Vault *vault, VaultClass class, const VaultMark *marks, size_t n, const void *data, size_t size)
{
        uint64_t number = 0;

        MUST(vault_record_create(vault, class, marks, n, data, size, &number));
        return number;
}

static void fill(Vault *vault)
{
        const VaultMark two[] = {mark(1, 'r'), mark(2, 'u')}, other[] = {mark(1, 'r'), mark(2, 'v')};
        const ItemChange item = {.label = "An item", .value = "s3cret", .value_size = 6};
        VaultMark most[VAULT_MARKS_MAX];
        uint8_t large[9000];
        uint64_t number;
        ItemId id;

        MUST(vault_item_create(vault, 1, &item, false, &id, NULL));
        number = put(vault, VAULT_CLASS_PASSKEYS, two, 2, "first", 5);
        (void)put(vault, VAULT_CLASS_PASSKEYS, other, 2, "second", 6);
        MUST(vault_record_update(vault, VAULT_CLASS_PASSKEYS, number, "first, changed", 14));
        number = put(vault, VAULT_CLASS_PASSKEYS, two, 2, "deleted", 7);
        MUST(vault_record_delete(vault, VAULT_CLASS_PASSKEYS, number, true));
        number = put(vault, VAULT_CLASS_PASSKEYS, two, 1, "gone", 4);
        MUST(vault_record_delete(vault, VAULT_CLASS_PASSKEYS, number, false));
        (void)put(vault, VAULT_CLASS_PASSKEYS, NULL, 0, "", 0);

        for (size_t i = 0; i < ELEMENTSOF(most); i++)
                most[i] = mark((uint8_t)(255 - i), 'k');
        for (size_t i = 0; i < sizeof(large); i++)
                large[i] = (uint8_t)(i * 7);
        (void)put(vault, VAULT_CLASS_SSH, most, ELEMENTSOF(most), large, sizeof(large));
        /* A class that has a head and nothing else. */
        number = put(vault, VAULT_CLASS_OTP, two, 1, "gone", 4);
        MUST(vault_record_delete(vault, VAULT_CLASS_OTP, number, false));
        MUST(vault_note_put(vault, "passkeys", "\0\xff a note", 9));
        MUST(vault_note_put(vault, "empty", "", 0));
}

/* With hints: small, empty, over several pages; one that was changed, and one that is deleted with its record. */
static void fill_hinted(Vault *vault)
{
        uint8_t large[9000];
        uint64_t numbers[4] = {0};

        for (size_t i = 0; i < sizeof(large); i++)
                large[i] = (uint8_t)(i * 5);
        MUST(vault_record_put(vault, VAULT_CLASS_SSH, &numbers[0], "a key", 5, "was told", 8));
        MUST(vault_record_put(vault, VAULT_CLASS_SSH, &numbers[0], "another key", 11, "is told", 7));
        MUST(vault_record_put(vault, VAULT_CLASS_SSH, &numbers[1], "", 0, "", 0));
        MUST(vault_record_put(vault, VAULT_CLASS_SSH, &numbers[2], "a third", 7, large, sizeof(large)));
        MUST(vault_record_put(vault, VAULT_CLASS_SSH, &numbers[3], "deleted", 7, "comes back", 10));
        MUST(vault_record_delete(vault, VAULT_CLASS_SSH, numbers[3], true));
}

static Secret *secret_of(const void *data, size_t size)
{
        Secret *secret = NULL;

        MUST(secret_new_from(&secret, data, size));
        return secret;
}

static void add_slot(Vault *vault, const SlotRequest *request)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        _cleanup_(slot_list_done) SlotList list = {0};
        _cleanup_(root_freep) Root *root = NULL;

        MUST(vault_slots(vault, &list));
        for (size_t i = 0; i < list.n; i++)
                if (slot_kind(list.slots[i]) == SLOT_NONE)
                        MUST(slot_open(list.slots[i], NULL, &root));
        MUST(slot_prepare(request, &draft));
        MUST(vault_slot_add(vault, root, draft));
}

/* One slot of each kind that the other vectors have not. */
static void fill_slots(Vault *vault)
{
        _cleanup_(secret_freep) Secret *code = secret_of("01236-4567G-89ABF-CDEFS-GHJKM-MNPQ2-RSTVX", 41),
                                       *login = secret_of("the login password", 18),
                                       *touched = secret_of("ffffffffffffffffffffffffffffffff", SLOT_KEY_SIZE),
                                       *verified = secret_of("vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", SLOT_KEY_SIZE),
                                       *computed = secret_of("tttttttttttttttttttttttttttttttt", SLOT_KEY_SIZE);
        const SlotFido2 plain = {
                .rp_id = "keyfob", .credential = (const uint8_t *)"credential", .credential_size = 10};
        const SlotFido2 uv = {
                .uv = true, .rp_id = "pam://host", .credential = (const uint8_t *)"another", .credential_size = 7};
        SlotTpm2 tpm2 = {.pin = true, .pcrs = 1U << 7, .key = (const uint8_t *)"a key", .key_size = 5};

        memset(tpm2.salt, 's', sizeof(tpm2.salt));
        memset(tpm2.point, 'p', sizeof(tpm2.point));
        add_slot(vault, &(SlotRequest){.kind = SLOT_RECOVERY, .secret = code, .label = "paper"});
        add_slot(vault, &(SlotRequest){.kind = SLOT_LOGIN, .secret = login, .kdf_memory_kib = KDF_MEMORY_MIN_KIB});
        add_slot(vault, &(SlotRequest){.kind = SLOT_FIDO2, .secret = touched, .fido2 = &plain, .label = "key"});
        add_slot(vault,
                 &(SlotRequest){.kind = SLOT_FIDO2, .secret = verified, .fido2 = &uv, .label = "key, verified"});
        add_slot(vault, &(SlotRequest){.kind = SLOT_TPM2, .secret = computed, .tpm2 = &tpm2});
}

static Vault *begin(const char *path)
{
        _cleanup_(slot_draft_freep) SlotDraft *slot = NULL;
        SlotRequest request = {.kind = SLOT_NONE};
        Vault *vault;

        MUST(slot_prepare(&request, &slot));
        MUST(vault_create(path, slot, NULL, &vault));
        fill(vault);
        return vault;
}

static void end(Vault *vault, const char *path)
{
        char wal[4096];

        vault_free(vault);
        (void)snprintf(wal, sizeof(wal), "%s-wal", path);
        (void)unlink(wal);
}

static void seal_passkeys(Vault *vault)
{
        _cleanup_(slot_list_done) SlotList list = {0};
        _cleanup_(root_freep) Root *root = NULL;
        uint8_t device[VAULT_DEVICE_SIZE];

        memset(device, 'd', sizeof(device));
        MUST(vault_slots(vault, &list));
        MUST(slot_open(list.slots[0], NULL, &root));
        MUST(vault_class_seal(vault, root, VAULT_CLASS_PASSKEYS, "how to ask", 10, device));
}

int main(int argc, char *argv[])
{
        char path[4000];
        Vault *vault;

        if (argc != 2 || arena_init() < 0)
                return 1;
        (void)snprintf(path, sizeof(path), "%s/hints.vault", argv[1]);
        vault = begin(path);
        seal_passkeys(vault);
        fill_hinted(vault);
        end(vault, path);

        (void)snprintf(path, sizeof(path), "%s/slots.vault", argv[1]);
        vault = begin(path);
        fill_slots(vault);
        end(vault, path);
        return 0;
}
