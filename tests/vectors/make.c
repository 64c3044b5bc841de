/*
 * Makes the vectors anew: make DIRECTORY
 *
 * Only for a change of the format: a vector that is made by the code it tests proves nothing by itself, which is why
 * decode.py reads them too. Prints nothing; the log is moved into the file, so that one file is the vector.
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

static SlotDraft *draft(SlotKind kind, const char *secret)
{
        _cleanup_(secret_freep) Secret *bytes = NULL;
        SlotRequest request = {.kind = kind, .kdf_memory_kib = KDF_MEMORY_MIN_KIB, .kdf_passes = KDF_PASSES_MIN};
        SlotDraft *made = NULL;

        MUST(secret_new_from(&bytes, secret, strlen(secret)));
        request.secret = bytes;
        MUST(slot_prepare(&request, &made));
        return made;
}

static ItemId put(Vault *vault, uint32_t no, const char *label, const void *value, size_t size, const char *type,
                  const VaultAttribute *attributes, size_t n)
{
        ItemChange change = {.label = label,
                             .value = value,
                             .value_size = size,
                             .value_set = true,
                             .content_type = type,
                             .attributes = attributes,
                             .n_attributes = n};
        ItemId id;

        MUST(vault_item_create(vault, no, &change, true, &id, NULL));
        return id;
}

static void close_to_one_file(Vault *vault, const char *path)
{
        char wal[4096];

        vault_free(vault);
        (void)snprintf(wal, sizeof(wal), "%s-wal", path);
        (void)unlink(wal);
}

static void make_password(const char *dir)
{
        _cleanup_(slot_draft_freep) SlotDraft *slot = draft(SLOT_PASSWORD, "correct horse battery staple");
        const VaultAttribute attributes[] = {{"service", "example.org"}, {"username", "alice"}};
        char path[4000];
        Vault *vault;

        (void)snprintf(path, sizeof(path), "%s/password.vault", dir);
        MUST(vault_create(path, slot, NULL, &vault));
        put(vault, 1, "example.org", "s3cret", 6, NULL, attributes, 2);
        close_to_one_file(vault, path);
}

static void make_none(const char *dir)
{
        _cleanup_(slot_draft_freep) SlotDraft *slot = draft(SLOT_NONE, ""), *own = draft(SLOT_NONE, ""),
                                              *file = draft(SLOT_CREDENTIAL, "0123456789abcdef0123456789abcdef");
        const VaultAttribute schema[] = {{"user", "bob"}, {"xdg:schema", "org.example.Password"}},
                             one[] = {{"user", "bob"}};
        _cleanup_(slot_list_done) SlotList list = {0};
        _cleanup_(root_freep) Root *root = NULL;
        uint8_t large[9000];
        const VaultCollection *c;
        char path[4000];
        Vault *vault;
        ItemId id;

        (void)snprintf(path, sizeof(path), "%s/none.vault", dir);
        MUST(vault_create(path, slot, "Mes cl\xc3\xa9s", &vault));
        MUST(vault_slots(vault, &list));
        MUST(slot_open(list.slots[0], NULL, &root));
        MUST(vault_slot_add(vault, root, file));
        MUST(vault_collection_create(vault, root, "Own", own, &c));
        MUST(vault_alias_set(vault, "private", c->no));
        for (size_t i = 0; i < sizeof(large); i++)
                large[i] = (uint8_t)(i * 7);
        put(vault, 1, "large", large, sizeof(large), "application/octet-stream", NULL, 0);
        put(vault, 1, "empty \xe2\x88\x85", "", 0, NULL, one, 1);
        put(vault, 1, "binary", "\0\n\xff", 3, NULL, schema, 2);
        put(vault, 1, "binary", "\0\n\xfe", 3, NULL, schema, 2);
        id = put(vault, 1, "gone", "gone", 4, NULL, &(VaultAttribute){"a", ""}, 1);
        MUST(vault_item_delete(vault, id));
        put(vault, c->no, "own", "own secret", 10, "text/plain; charset=utf8", one, 1);
        close_to_one_file(vault, path);
}

int main(int argc, char *argv[])
{
        if (argc != 2 || arena_init() < 0)
                return 1;
        make_password(argv[1]);
        make_none(argv[1]);
        return 0;
}
