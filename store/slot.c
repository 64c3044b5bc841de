/*
 * Key slots
 *
 * A slot stores commitment ‖ box: the box is the root key sealed under the KEK, and the commitment is a MAC by the KEK
 * that tells a wrong secret from a damaged box, which an AEAD alone cannot (it does not commit to its key). Both are
 * bound to the slot's id, and the box to scope, kind and parameters, so that no part of a slot can be moved to
 * another.
 *
 * What is in the parameters, and how they make a KEK of a secret, is in slot-params.c.
 */
#include "store/slot.h"

#include <errno.h>
#include <string.h>

#include "store/internal.h"

static const char *const kind_names[_SLOT_KIND_MAX] = {
        [SLOT_PASSWORD] = "password", [SLOT_CREDENTIAL] = "credential", [SLOT_NONE] = "none",
        [SLOT_RECOVERY] = "recovery", [SLOT_LOGIN] = "login",           [SLOT_FIDO2] = "fido2",
        [SLOT_TPM2] = "tpm2",
};

const char *slot_kind_name(SlotKind kind)
{
        return kind > 0 && kind < _SLOT_KIND_MAX ? kind_names[kind] : NULL;
}

SlotKind slot_kind_from_name(const char *name)
{
        for (SlotKind kind = SLOT_PASSWORD; kind < _SLOT_KIND_MAX; kind++)
                if (strcmp(kind_names[kind], name) == 0)
                        return kind;
        return 0;
}

const uint8_t *slot_id(const Slot *slot)
{
        return slot->id;
}

SlotKind slot_kind(const Slot *slot)
{
        return (SlotKind)slot->kind;
}

const char *slot_label(const Slot *slot)
{
        return slot->label;
}

uint32_t slot_collection(const Slot *slot)
{
        return slot->scope;
}

uint64_t slot_created(const Slot *slot)
{
        return slot->created;
}

uint64_t slot_used(const Slot *slot)
{
        return slot->used;
}

const char *slot_path(const Slot *slot)
{
        return slot->path;
}

Slot *slot_free(Slot *slot)
{
        if (!slot)
                return NULL;
        free(slot->label);
        if (slot->params)
                explicit_bzero(slot->params, slot->params_size);
        free(slot->params);
        free(slot->path);
        free(slot);
        return NULL;
}

void slot_list_done(SlotList *list)
{
        for (size_t i = 0; i < list->n; i++)
                slot_free(list->slots[i]);
        free(list->slots);
        *list = (SlotList){0};
}

bool slot_kdf(const Slot *slot, KdfParams *ret)
{
        SlotParams params;

        if ((slot->kind != SLOT_PASSWORD && slot->kind != SLOT_LOGIN) ||
            slot_params_read(slot->kind, slot->params, slot->params_size, &params) != 0)
                return false;
        *ret = params.kdf;
        return true;
}

bool slot_fido2(const Slot *slot, SlotFido2 *ret)
{
        SlotParams params;

        if (slot->kind != SLOT_FIDO2 || slot_params_read(slot->kind, slot->params, slot->params_size, &params) != 0)
                return false;
        *ret = params.fido2;
        return true;
}

bool slot_tpm2(const Slot *slot, SlotTpm2 *ret)
{
        SlotParams params;

        if (slot->kind != SLOT_TPM2 || slot_params_read(slot->kind, slot->params, slot->params_size, &params) != 0)
                return false;
        *ret = params.tpm2;
        return true;
}

int slot_new(const uint8_t id[SLOT_ID_SIZE], uint32_t scope, uint32_t kind, const char *label, uint64_t created,
             uint64_t used, const void *params, size_t params_size, const uint8_t wrapped[SLOT_WRAPPED_SIZE],
             Slot **ret)
{
        _cleanup_(slot_freep) Slot *slot = calloc(1, sizeof(*slot));
        SlotParams decoded;

        if (!slot)
                return -ENOMEM;
        memcpy(slot->id, id, SLOT_ID_SIZE);
        slot->scope = scope;
        slot->kind = kind;
        slot->created = created;
        slot->used = used;
        memcpy(slot->wrapped, wrapped, SLOT_WRAPPED_SIZE);
        slot->label = strdup(label);
        slot->params = malloc(params_size + 1);
        if (!slot->label || !slot->params)
                return -ENOMEM;
        if (params_size > 0)
                memcpy(slot->params, params, params_size);
        slot->params_size = params_size;
        if (kind == SLOT_CREDENTIAL && slot_params_read(kind, slot->params, params_size, &decoded) == 0 &&
            decoded.path.size > 0) {
                slot->path = strndup(decoded.path.data, decoded.path.size);
                if (!slot->path)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(slot);
        return 0;
}

static void commitment(const Key *kek, const uint8_t id[SLOT_ID_SIZE], uint8_t ret[32])
{
        uint8_t memory[64];
        ByteWriter writer = BYTE_WRITER_ON(memory);

        byte_writer_string(&writer, "keyfob commitment 1");
        byte_writer_raw(&writer, id, SLOT_ID_SIZE);
        mac(kek, memory, writer.size, ret, 32);
}

static size_t slot_ad(const uint8_t id[SLOT_ID_SIZE], uint32_t scope, uint32_t kind, const uint8_t *params,
                      size_t params_size, uint8_t ret[96])
{
        ByteWriter writer = {.data = ret, .capacity = 96};
        uint8_t params_digest[32];

        digest(params, params_size, params_digest);
        byte_writer_string(&writer, "keyfob slot 1");
        byte_writer_raw(&writer, id, SLOT_ID_SIZE);
        byte_writer_u32(&writer, scope);
        byte_writer_u32(&writer, kind);
        byte_writer_raw(&writer, params_digest, sizeof(params_digest));
        return writer.size;
}

void slot_wrap(const SlotDraft *draft, uint32_t scope, const Key *root, uint8_t ret[SLOT_WRAPPED_SIZE])
{
        uint8_t ad[96];
        size_t ad_size = slot_ad(draft->id, scope, draft->kind, draft->params, draft->params_size, ad);

        commitment(draft->kek, draft->id, ret);
        seal(draft->kek, ad, ad_size, root->bytes, sizeof(root->bytes), ret + 32);
}

static int open_with(const Slot *slot, const Key *kek, Root **ret)
{
        _cleanup_(root_freep) Root *root = NULL;
        uint8_t ad[96], expected[32];
        size_t ad_size;

        commitment(kek, slot->id, expected);
        if (!bytes_equal(expected, slot->wrapped, sizeof(expected)))
                return slot->kind == SLOT_NONE ? VAULT_E_DAMAGED : VAULT_E_WRONG_SECRET;

        root = root_new(slot->scope, slot->id);
        if (!root)
                return -ENOMEM;
        ad_size = slot_ad(slot->id, slot->scope, slot->kind, slot->params, slot->params_size, ad);
        if (seal_open(kek, ad, ad_size, slot->wrapped + 32, sizeof(slot->wrapped) - 32, root->key->bytes) < 0)
                return VAULT_E_DAMAGED;
        *ret = TAKE_PTR(root);
        return 0;
}

int slot_open(const Slot *slot, const Secret *secret, Root **ret)
{
        _cleanup_(key_freep) Key *kek = NULL;
        SlotParams params;
        int r;

        r = slot_params_read(slot->kind, slot->params, slot->params_size, &params);
        if (r != 0)
                return r;
        r = slot_kek(slot->kind, slot->id, &params, secret, &kek);
        return r == 0 ? open_with(slot, kek, ret) : r;
}

int slot_open_key(const Slot *slot, const uint8_t key[SLOT_KEY_SIZE], Root **ret)
{
        _cleanup_(key_freep) Key *kek = NULL;
        SlotParams params;
        int r;

        r = slot_params_read(slot->kind, slot->params, slot->params_size, &params);
        if (r != 0)
                return r;
        kek = key_new_from(key);
        return kek ? open_with(slot, kek, ret) : -ENOMEM;
}

Root *root_new(uint32_t scope, const uint8_t slot_id_[SLOT_ID_SIZE])
{
        Root *root = calloc(1, sizeof(*root));

        if (!root)
                return NULL;
        root->key = key_new_random();
        if (!root->key)
                return root_free(root);
        root->scope = scope;
        memcpy(root->slot_id, slot_id_, SLOT_ID_SIZE);
        return root;
}

Root *root_free(Root *root)
{
        if (!root)
                return NULL;
        key_free(root->key);
        free(root);
        return NULL;
}

uint32_t root_collection(const Root *root)
{
        return root->scope;
}

const uint8_t *root_slot_id(const Root *root)
{
        return root->slot_id;
}
