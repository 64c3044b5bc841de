/*
 * Store1: one more key slot
 *
 * First a slot is opened afresh, then whatever the new one needs is had: a password twice, a touch, the TPM's part;
 * then it is prepared, which may take the KDF's time, and written.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <string.h>

#include "common/hex.h"
#include "common/recovery-code.h"

static int add(Waiting *waiting)
{
        return vault_slot_add(waiting->daemon->vault, waiting->root, waiting->draft);
}

int store1_add_write(Waiting *waiting, sd_bus_error *error)
{
        char id[SLOT_ID_TEXT];
        int r;

        r = store1_change_slots(waiting, add, error);
        if (r < 0)
                return r;
        hex_encode(slot_draft_id(waiting->draft), SLOT_ID_SIZE, id);
        return waiting_finish(waiting, "s", id);
}

static int add_prepare(Waiting *waiting, sd_bus_error *error)
{
        return waiting_prepare(waiting, slot_kind_from_name(waiting->options.kind), waiting->options.secret,
                               store1_add_write);
}

/* ---- of a security key ---- */

static int add_touched(Waiting *waiting, sd_bus_error *error)
{
        const char *rp_id = waiting->options.rp_id ?: SLOT_KEY_RP;
        SlotDevice *device = calloc(1, sizeof(*device));

        if (!device)
                return -ENOMEM;
        waiting->device = device;
        if (strlen(rp_id) > SLOT_RP_MAX || waiting->id_size > sizeof(device->bytes))
                return store1_invalid(error, "the security key's credential has too long an id");
        memcpy(device->bytes, waiting->id, waiting->id_size);
        device->fido2 = (SlotFido2){
                .uv = waiting->options.uv, .credential = device->bytes, .credential_size = waiting->id_size};
        memcpy(device->fido2.rp_id, rp_id, strlen(rp_id));
        return waiting_prepare(waiting, SLOT_FIDO2, waiting->touched, store1_add_write);
}

static int add_touch(Waiting *waiting)
{
        const Options *options = &waiting->options;
        SlotKeyCredential credential = {0};
        uint8_t salt[SLOT_SALT_SIZE];

        if (options->credential)
                credential = (SlotKeyCredential){options->credential->data, options->credential->size};
        vault_hmac_salt(waiting->daemon->vault, salt);
        return waiting_touch(waiting,
                             &(SlotKeyRequest){
                                     .message = "This security key is to open your Keyfob vault.",
                                     .key = options->key,
                                     .rp_id = options->rp_id ?: SLOT_KEY_RP,
                                     .uv = options->uv,
                                     .make = !options->credential,
                                     .user = options->label ?: "vault",
                                     .credentials = &credential,
                                     .n = options->credential ? 1 : 0,
                                     .salt = salt,
                                     .pin = options->pin,
                             },
                             add_touched);
}

/* ---- of each kind ---- */

static int add_opened(Waiting *waiting, sd_bus_error *error)
{
        SlotKind kind = slot_kind_from_name(waiting->options.kind);

        if (kind == SLOT_FIDO2)
                return add_touch(waiting);
        if (kind == SLOT_TPM2)
                return store1_add_tpm(waiting, error);
        if (waiting->options.secret || (kind != SLOT_PASSWORD && kind != SLOT_LOGIN))
                return add_prepare(waiting, error);
        /* Twice in any case: one that was mistyped would be noticed when it is needed. */
        return waiting_ask(
                waiting, ASK_NEW_SECRET, "add-slot", kind == SLOT_LOGIN ? "New login slot" : "New password slot",
                kind == SLOT_LOGIN ? "Enter the password that you log in with, so that it opens your Keyfob vault."
                                   : "Choose one more password that opens your Keyfob vault.",
                NULL, &waiting->options.secret, add_prepare);
}

static int add_check(Waiting *waiting, sd_bus_error *error)
{
        const Options *options = &waiting->options;
        SlotKind kind = options->kind ? slot_kind_from_name(options->kind) : 0;
        uint8_t code[RECOVERY_KEY_SIZE];
        unsigned group;
        int r;

        switch (kind) {
        case SLOT_PASSWORD:
        case SLOT_NONE:
                return 0;
        case SLOT_CREDENTIAL:
                if (!options->secret)
                        return store1_invalid(error, "a credential slot needs the content of its key file");
                return 0;
        case SLOT_LOGIN:
                if (waiting->collection != 0)
                        return store1_invalid(error,
                                              "a login opens the vault, not a collection with slots of its own");
                return 0;
        case SLOT_RECOVERY:
                if (!options->secret)
                        return store1_invalid(error, "a recovery slot needs its code");
                r = recovery_code_read(options->secret->data, options->secret->size, code, &group);
                explicit_bzero(code, sizeof(code));
                return r == RECOVERY_OK ? 0 : store1_invalid(error, "that is not a whole recovery code");
        case SLOT_FIDO2:
                if (options->secret)
                        return store1_invalid(error, "the secret of a fido2 slot is the security key's");
                if (options->rp_id && (!*options->rp_id || strlen(options->rp_id) > SLOT_RP_MAX))
                        return store1_invalid(error, "the relying party of a fido2 slot is too long or empty");
                if (options->credential &&
                    (options->credential->size == 0 || options->credential->size > SLOT_CREDENTIAL_MAX))
                        return store1_invalid(error, "the credential of a fido2 slot is too long or empty");
                return 0;
        case SLOT_TPM2:
                if (options->secret)
                        return store1_invalid(error, "the secret of a tpm2 slot is the TPM's");
                if (options->pcrs >> SLOT_PCRS_MAX)
                        return store1_invalid(error, "there are the registers 0 to 23");
                if (options->pin && options->pin->size == 0)
                        return store1_invalid(error, "an empty PIN protects nothing");
                return 0;
        default:
                return store1_invalid(
                        error, "the kind of a slot is password, credential, none, recovery, login, fido2 or tpm2");
        }
}

int store1_add_slot(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"kind",  "secret",     "path",       "label",  "collection",
                                              "auth",  "kdf_memory", "kdf_passes", "kdf_ms", "uv",
                                              "rp-id", "credential", "key",        "pin",    "with-pin",
                                              "pcrs",  NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = store1_slot_scope(waiting, &waiting->collection, error);
        if (r >= 0)
                r = add_check(waiting, error);
        if (r >= 0)
                r = waiting_open(waiting, waiting->collection, waiting->options.auth, NULL, false, "verify",
                                 "Enter a present password, to add a key slot.", add_opened);
        return waiting_started(waiting, r);
}
