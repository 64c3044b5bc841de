/*
 * Slot drafts: the slow half of making a slot
 *
 * A draft holds everything but the root: identity, parameters with fresh salts, and the KEK. It is made on a thread
 * and spent by the vault, which alone knows the root to wrap.
 */
#include <errno.h>
#include <string.h>

#include "common/slot-mirror.h"
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

/* ---- parameters ---- */

static int fill_fido2(const SlotFido2 *wanted, SlotFido2 *ret)
{
        size_t size = strnlen(wanted->rp_id, sizeof(wanted->rp_id));

        if (size == 0 || size > SLOT_RP_MAX || !utf8_valid(wanted->rp_id, size) || wanted->credential_size == 0 ||
            wanted->credential_size > SLOT_CREDENTIAL_MAX)
                return VAULT_E_INVALID;
        *ret = *wanted;
        return 0;
}

static int fill_tpm2(const SlotTpm2 *wanted, SlotTpm2 *ret)
{
        if (wanted->pcrs >> SLOT_PCRS_MAX || wanted->key_size == 0 || wanted->key_size > SLOT_TPM_KEY_MAX)
                return VAULT_E_INVALID;
        *ret = *wanted;
        return 0;
}

/* `before`: what the slot that is replaced had, or NULL. */
static int fill(SlotKind kind, const SlotRequest *request, const SlotParams *before, SlotParams *ret)
{
        const Secret *secret = request->secret;
        int r;

        switch (kind) {
        case SLOT_PASSWORD:
                return choose_kdf(request, before ? &before->kdf : NULL, &ret->kdf);
        case SLOT_LOGIN:
                r = choose_kdf(request, before ? &before->kdf : NULL, &ret->kdf);
                return r == 0 && !slot_mirror_cost_valid(ret->kdf.memory_kib, ret->kdf.passes) ? VAULT_E_INVALID : r;
        case SLOT_CREDENTIAL:
                if (!secret || secret->size < SLOT_KEYFILE_MIN)
                        return VAULT_E_INVALID;
                if (request->path)
                        ret->path = (Text){request->path, strlen(request->path)};
                else if (before)
                        ret->path = before->path;
                return ret->path.size > 0 && (ret->path.data[0] != '/' || ret->path.size > 4096) ? VAULT_E_INVALID : 0;
        case SLOT_NONE:
        case SLOT_RECOVERY:
                return 0;
        case SLOT_FIDO2:
                if (request->fido2 || before)
                        return fill_fido2(request->fido2 ? request->fido2 : &before->fido2, &ret->fido2);
                return VAULT_E_INVALID;
        case SLOT_TPM2:
                if (request->tpm2 || before)
                        return fill_tpm2(request->tpm2 ? request->tpm2 : &before->tpm2, &ret->tpm2);
                return VAULT_E_INVALID;
        case _SLOT_KIND_MAX:
                break;
        }
        return VAULT_E_INVALID;
}

static int keep_params(SlotDraft *draft, const SlotParams *params)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;

        slot_params_write(draft->kind, params, &writer);
        if (writer.failed)
                return -ENOMEM;
        draft->params = malloc(writer.size);
        if (!draft->params)
                return -ENOMEM;
        memcpy(draft->params, writer.data, writer.size);
        draft->params_size = writer.size;
        return 0;
}

static int complete(SlotDraft *draft, const SlotRequest *request, const SlotParams *before)
{
        SlotParams params = {0};
        uint8_t salt[SLOT_SALT_SIZE];
        int r;

        random_bytes(salt, sizeof(salt));
        params.salt = salt;
        r = fill(draft->kind, request, before, &params);
        if (r == 0)
                r = slot_kek(draft->kind, draft->id, &params, request->secret, &draft->kek);
        if (r == 0)
                r = keep_params(draft, &params);
        explicit_bzero(salt, sizeof(salt)); /* a slot without a secret is opened by it */
        return r == VAULT_E_WRONG_SECRET || r == VAULT_E_UNSUPPORTED ? VAULT_E_INVALID : r;
}

/* ---- drafts ---- */

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
        r = complete(draft, request, NULL);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(draft);
        return 0;
}

/* With what stays of a slot that is replaced. */
static int draft_of(const Slot *slot, SlotDraft **ret)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = calloc(1, sizeof(*draft));

        if (!draft)
                return -ENOMEM;
        memcpy(draft->id, slot->id, SLOT_ID_SIZE);
        draft->kind = (SlotKind)slot->kind;
        draft->created = slot->created;
        draft->label = strdup(slot->label);
        if (!draft->label)
                return -ENOMEM;
        *ret = TAKE_PTR(draft);
        return 0;
}

int slot_prepare_again(const Slot *slot, const SlotRequest *request, SlotDraft **ret)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        SlotParams before;
        bool known;
        int r;

        r = draft_of(slot, &draft);
        if (r < 0)
                return r;
        known = slot_params_read(slot->kind, slot->params, slot->params_size, &before) == 0;
        r = complete(draft, request, known ? &before : NULL);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(draft);
        return 0;
}

int slot_prepare_login(const Slot *slot, const KdfParams *kdf, const uint8_t key[SLOT_KEY_SIZE], SlotDraft **ret)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = NULL;
        const SlotParams params = {.kdf = *kdf};
        int r;

        if (slot->kind != SLOT_LOGIN || !slot_mirror_cost_valid(kdf->memory_kib, kdf->passes))
                return VAULT_E_INVALID;
        r = draft_of(slot, &draft);
        if (r < 0)
                return r;
        draft->kek = key_new_from(key);
        if (!draft->kek)
                return -ENOMEM;
        r = keep_params(draft, &params);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(draft);
        return 0;
}
