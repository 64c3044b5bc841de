/*
 * Slot drafts: the slow half of making a slot
 *
 * A draft holds everything but the root: identity, parameters with fresh salts, and the KEK. It is made on a thread
 * and spent by the vault, which alone knows the root to wrap.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

SlotDraft *slot_draft_free(SlotDraft *draft)
{
        if (!draft)
                return NULL;
        free(draft->label);
        if (draft->params)
                explicit_bzero(draft->params, draft->params_size);
        free(draft->params);
        key_free(draft->kek);
        free(draft);
        return NULL;
}

const uint8_t *slot_draft_id(const SlotDraft *draft)
{
        return draft->id;
}

static int choose_kdf(const SlotRequest *request, const KdfParams *before, KdfParams *ret)
{
        KdfParams params = {0};

        if (request->kdf_memory_kib == 0 && request->kdf_passes == 0 && request->kdf_ms == 0 && before)
                params = *before;
        else if (request->kdf_memory_kib == 0 && request->kdf_passes == 0)
                return kdf_calibrate(request->kdf_ms, ret);
        else {
                params.memory_kib = request->kdf_memory_kib > 0 ? request->kdf_memory_kib : KDF_MEMORY_MIN_KIB;
                params.passes = request->kdf_passes > 0 ? request->kdf_passes : KDF_PASSES_MIN;
        }
        if (!kdf_params_valid(&params))
                return VAULT_E_INVALID;
        random_bytes(params.salt, sizeof(params.salt));
        *ret = params;
        return 0;
}

/* Parameters and KEK from the secret. `before`: what the slot that is replaced had, or NULL. */
static int fill(SlotDraft *draft, const SlotRequest *request, const KdfParams *before, const char *path)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;
        _cleanup_(key_freep) Key *salt = NULL;
        const Secret *secret = request->secret;
        KdfParams kdf;
        int r;

        byte_writer_u8(&writer, 1);
        switch (draft->kind) {
        case SLOT_PASSWORD:
                if (!secret || secret->size == 0 || secret->size > SLOT_SECRET_MAX)
                        return VAULT_E_INVALID;
                r = choose_kdf(request, before, &kdf);
                if (r != 0)
                        return r;
                r = kdf_derive(&kdf, secret->data, secret->size, &draft->kek);
                if (r < 0)
                        return r == -EINVAL ? VAULT_E_INVALID : r;
                byte_writer_u32(&writer, kdf.memory_kib);
                byte_writer_u32(&writer, kdf.passes);
                byte_writer_raw(&writer, kdf.salt, sizeof(kdf.salt));
                break;
        case SLOT_CREDENTIAL:
                if (!secret || secret->size < SLOT_KEYFILE_MIN || secret->size > SLOT_SECRET_MAX)
                        return VAULT_E_INVALID;
                if (path && (path[0] != '/' || strlen(path) > 4096))
                        return VAULT_E_INVALID;
                salt = key_new_random();
                if (!salt)
                        return -ENOMEM;
                draft->kek = key_derive(salt, "keyfob slot credential", secret->data, secret->size);
                byte_writer_raw(&writer, salt->bytes, sizeof(salt->bytes));
                byte_writer_string(&writer, path ? path : "");
                break;
        case SLOT_NONE:
                salt = key_new_random();
                if (!salt)
                        return -ENOMEM;
                draft->kek = key_derive(salt, "keyfob slot none", NULL, 0);
                byte_writer_raw(&writer, salt->bytes, sizeof(salt->bytes));
                break;
        case SLOT_RECOVERY:
        case SLOT_LOGIN:
        case SLOT_FIDO2:
        case SLOT_TPM2:
        case _SLOT_KIND_MAX:
        default:
                return VAULT_E_INVALID;
        }
        if (!draft->kek || writer.failed)
                return -ENOMEM;
        draft->params = malloc(writer.size);
        if (!draft->params)
                return -ENOMEM;
        memcpy(draft->params, writer.data, writer.size);
        draft->params_size = writer.size;
        return 0;
}

int slot_prepare(const SlotRequest *request, SlotDraft **ret)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        const char *label = request->label ? request->label : slot_kind_name(request->kind);
        int r;

        if (!label || strlen(label) > SLOT_LABEL_MAX || !utf8_valid(label, strlen(label)))
                return VAULT_E_INVALID;
        draft = calloc(1, sizeof(*draft));
        if (!draft)
                return -ENOMEM;
        random_bytes(draft->id, sizeof(draft->id));
        draft->kind = request->kind;
        draft->created = vault_now();
        draft->label = strdup(label);
        if (!draft->label)
                return -ENOMEM;
        r = fill(draft, request, NULL, request->path);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(draft);
        return 0;
}

int slot_prepare_again(const Slot *slot, const SlotRequest *request, SlotDraft **ret)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = calloc(1, sizeof(*draft));
        KdfParams before;
        int r;

        if (!draft)
                return -ENOMEM;
        memcpy(draft->id, slot->id, SLOT_ID_SIZE);
        draft->kind = (SlotKind)slot->kind;
        draft->created = slot->created;
        draft->label = strdup(slot->label);
        if (!draft->label)
                return -ENOMEM;
        r = fill(draft, request, slot_kdf(slot, &before) ? &before : NULL, request->path ? request->path : slot->path);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(draft);
        return 0;
}
