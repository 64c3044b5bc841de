/*
 * Key slots: several ways to open one root key, as LUKS has them
 *
 * A slot wraps a root key under a key-encryption key (KEK) that only its secret gives. The vault has a root; a collection
 * may have slots and a root of its own. A Slot is a copy of what is stored, independent of the vault it came from, so the
 * slow part (Argon2id) can run on a thread: slot_open() and slot_prepare() touch no vault and no global state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/secret.h"
#include "crypto/kdf.h"

#define SLOT_ID_SIZE    16U
#define SLOT_LABEL_MAX  256U
#define SLOTS_MAX       64U
#define SLOT_SECRET_MAX 4096U       /* bytes of a password or key file */
#define SLOT_KEYFILE_MIN 32U        /* a key file shorter than this is refused: it would have to be a password */
#define SLOT_SALT_SIZE  32U
#define SLOT_KEY_SIZE   32U         /* of a slot key (KEK), and of what a device answers */
#define SLOT_RP_MAX     253U
#define SLOT_CREDENTIAL_MAX 1023U
#define SLOT_POINT_SIZE 64U
#define SLOT_TPM_KEY_MAX 900U
#define SLOT_PCRS_MAX   24U

/* Numbers are part of the file format. */
typedef enum SlotKind {
        SLOT_PASSWORD = 1,
        SLOT_CREDENTIAL = 2, /* key file or systemd credential */
        SLOT_NONE = 3,       /* unprotected */
        SLOT_RECOVERY = 4, /* a code on paper (common/recovery-code.h) */
        SLOT_LOGIN = 5,    /* the login password, as PAM gets it */
        SLOT_FIDO2 = 6,    /* hmac-secret of a security key */
        SLOT_TPM2 = 7,     /* a key in the machine's TPM */
        _SLOT_KIND_MAX,
} SlotKind;

/* The name used on the bus and the command line ("password", …), or NULL; and back (0 when unknown). */
const char *slot_kind_name(SlotKind kind);
SlotKind slot_kind_from_name(const char *name);

typedef struct Slot Slot;
typedef struct Root Root;         /* an opened root key, in the arena; knows which scope (vault or collection) it opens */
typedef struct SlotDraft SlotDraft; /* a slot made ready to be written: kind, label, parameters and KEK */

const uint8_t *slot_id(const Slot *slot); /* SLOT_ID_SIZE bytes */
SlotKind slot_kind(const Slot *slot);
const char *slot_label(const Slot *slot);
uint32_t slot_collection(const Slot *slot); /* 0: opens the vault; else the collection it opens */
uint64_t slot_created(const Slot *slot);    /* seconds since the epoch */
uint64_t slot_used(const Slot *slot);       /* when it last opened the vault; 0: never */
const char *slot_path(const Slot *slot);    /* SLOT_CREDENTIAL: where its key file was, or NULL */
bool slot_kdf(const Slot *slot, KdfParams *ret); /* SLOT_PASSWORD, SLOT_LOGIN: true and the parameters */

/* SLOT_FIDO2: how to have the security key answer with hmac-secret, for the vault's salt (vault_hmac_salt()). */
typedef struct SlotFido2 {
        bool uv; /* with user verification: the answer without is another one */
        char rp_id[SLOT_RP_MAX + 1];
        const uint8_t *credential; /* its id */
        size_t credential_size;
} SlotFido2;

/* SLOT_TPM2: how to have the TPM compute its part (docs/FORMAT.md). */
typedef struct SlotTpm2 {
        bool pin;      /* its authorization value is made of a PIN, which the TPM protects from guessing */
        uint32_t pcrs; /* bits: registers (SHA-256) that must be as they were; 0: none */
        uint8_t salt[SLOT_SALT_SIZE];
        uint8_t point[SLOT_POINT_SIZE];
        const uint8_t *key; /* as the TPM loads it */
        size_t key_size;
} SlotTpm2;

/* True and the parameters, whose pointers are the slot's, when it is of that kind and this build knows them. */
bool slot_fido2(const Slot *slot, SlotFido2 *ret);
bool slot_tpm2(const Slot *slot, SlotTpm2 *ret);
Slot *slot_free(Slot *slot);
DEFINE_CLEANUP(Slot *, slot_free)

/* A list of slots with its destructor. */
typedef struct SlotList {
        Slot **slots;
        size_t n;
} SlotList;
void slot_list_done(SlotList *list);

/*
 * Tries a secret on a slot (secret is ignored, and may be NULL, for SLOT_NONE; of SLOT_RECOVERY it is the code as typed, of
 * SLOT_FIDO2 and SLOT_TPM2 what the device answered, SLOT_KEY_SIZE bytes). 0 and the root key; VAULT_E_WRONG_SECRET;
 * VAULT_E_DAMAGED when the secret is right (key commitment) but the wrapped key is not; VAULT_E_UNSUPPORTED for a kind or
 * parameters this build does not know; -ENOMEM.
 */
int slot_open(const Slot *slot, const Secret *secret, Root **ret);
/* The same with the slot key itself, derived elsewhere: no KDF runs. */
int slot_open_key(const Slot *slot, const uint8_t key[SLOT_KEY_SIZE], Root **ret);

Root *root_free(Root *root);
DEFINE_CLEANUP(Root *, root_free)
uint32_t root_collection(const Root *root); /* 0: the vault's */
const uint8_t *root_slot_id(const Root *root); /* the slot that opened it */

typedef struct SlotRequest {
        SlotKind kind;
        const char *label;      /* NULL: the kind's name */
        const Secret *secret;   /* as for slot_open(): a password that is not empty, a file of SLOT_KEYFILE_MIN bytes, a whole code */
        const char *path;       /* SLOT_CREDENTIAL: absolute path of the key file, stored in clear so that it opens by itself; or NULL */
        uint32_t kdf_memory_kib; /* 0: calibrate */
        uint32_t kdf_passes;     /* 0: calibrate, or with memory given KDF_PASSES_MIN */
        uint32_t kdf_ms;         /* calibration target; 0: KDF_TARGET_MS */
        const SlotFido2 *fido2;  /* SLOT_FIDO2, */
        const SlotTpm2 *tpm2;    /* SLOT_TPM2: what will be asked. NULL, of a slot that gets new keys: as before */
} SlotRequest;

/* Does the slow half of making a slot. 0; VAULT_E_INVALID (empty password, short key file, KDF parameters out of limits,
 * unsupported kind); -ENOMEM. */
int slot_prepare(const SlotRequest *request, SlotDraft **ret);

/* The same for an existing slot that gets a new secret or, with rekey, new keys: id, kind, label and creation time stay;
 * KDF parameters stay (fresh salt) unless request->kdf_* say otherwise. request->kind and label are ignored. */
int slot_prepare_again(const Slot *slot, const SlotRequest *request, SlotDraft **ret);
/* And for a SLOT_LOGIN whose new key was derived elsewhere, with these parameters. VAULT_E_INVALID: out of limits. */
int slot_prepare_login(const Slot *slot, const KdfParams *kdf, const uint8_t key[SLOT_KEY_SIZE], SlotDraft **ret);

const uint8_t *slot_draft_id(const SlotDraft *draft);
SlotDraft *slot_draft_free(SlotDraft *draft);
DEFINE_CLEANUP(SlotDraft *, slot_draft_free)
