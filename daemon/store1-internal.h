/*
 * What the methods of org.keyfob.Store1 share: their options, and calls that wait
 */
#pragma once

#include "daemon/ask.h"
#include "daemon/batch.h"
#include "daemon/caller.h"
#include "daemon/helper-link.h"
#include "daemon/job.h"
#include "daemon/opening.h"
#include "daemon/secret-notify.h"
#include "daemon/secret-path.h"
#include "daemon/slot-key.h"
#include "daemon/tpm.h"

/* ---- options: the a{sv} that many methods take ---- */

#define OPTIONS_SECRETS_MAX SLOTS_MAX

typedef struct Options {
        char *kind, *label, *path, *collection, *alias, *content_type, *slot;
        char *program, *service, *username;
        char *rp_id, *user_name, *user_display_name, *key;
        Secret *credential, *pin;
        Secret *secret, *auth, *old, *new, *own_secret;
        Secret *secrets[OPTIONS_SECRETS_MAX];
        size_t n_secrets;
        uint32_t kdf_memory, kdf_passes, kdf_ms, limit, pcrs;
        uint64_t since;
        bool abandon_sealed, accept, touch, uv, with_pin;
        bool no_interactive, confirmed, deleted, drop, own_password;
} Options;

/* Reads the dictionary. Only the names in `allowed` (NULL ends) may occur: a typo is an error, not a silent default.
 * 0, or a negative errno with `error` set. */
int options_read(sd_bus_message *message, const char *const *allowed, Options *ret, sd_bus_error *error);
void options_done(Options *options);

/* A byte array of a message as a secret. */
int message_read_secret(sd_bus_message *message, size_t max, Secret **ret);

/* Sets InvalidArgument with a text; returns -EINVAL. */
int store1_invalid(sd_bus_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The collection an option names (name or alias; NULL: "default"). 0, or a negative errno with `error` set. */
int store1_collection(Daemon *daemon, const char *name, CollectionRef *ret, sd_bus_error *error);

/* 0 when there is a vault, else a negative errno with `error` set. */
int store1_need_vault(Daemon *daemon, sd_bus_error *error);

/* The first thing of a method that is not for apps in sandboxes, which also needs a vault. `what`: what an app can't. 0; 1: it
 * has to be found out who calls, and `again` will be called (identity_of()); a negative errno with `error` set. */
int store1_not_for_apps(Daemon *daemon, sd_bus_message *m, sd_bus_message_handler_t again, const char *what,
                        sd_bus_error *error);

/* ---- waiting: a method call without a reply yet ---- */

/* How a device will be asked for its part of a slot that is made, and the memory that this points into. */
typedef struct SlotDevice {
        SlotFido2 fido2;
        SlotTpm2 tpm2;
        uint8_t bytes[SLOT_CREDENTIAL_MAX];
} SlotDevice;

typedef struct FingerWork FingerWork; /* authenticator1-fingers.c */
FingerWork *finger_work_free(FingerWork *work);
typedef struct BackupWork BackupWork; /* store1-backup.c */
BackupWork *backup_work_free(BackupWork *work);
typedef struct CheckWork CheckWork; /* store1-check.c */
CheckWork *check_work_free(CheckWork *work);
typedef struct ListWork ListWork; /* store1-list.c */
ListWork *list_work_free(ListWork *work);
/* Whether its caller may have one more answer of this size in the making, lists and logs; else -ENOBUFS with `error` set. */
int list_work_room(const Waiting *waiting, sd_bus_error *error);
typedef struct LogWork LogWork; /* store1-log.c */
LogWork *log_work_free(LogWork *work);
typedef struct RestoreWork RestoreWork; /* store1-restore.c */
RestoreWork *restore_work_free(RestoreWork *work);
/* A wipe goes on when its caller has left: then nobody is answered. Returns NULL. */
WipeWork *wipe_work_leave(WipeWork *work);
typedef struct SshWish SshWish; /* ssh1-internal.h */
SshWish *ssh_wish_free(SshWish *wish);
typedef struct PolicyWish PolicyWish; /* authenticator1-internal.h */
PolicyWish *policy_wish_free(PolicyWish *wish);
struct Waiting {
        CallerResource resource;
        Daemon *daemon;
        Waiting *previous, *later; /* all that there are */
        sd_bus_message *call;
        Options options;

        /* At most one of these is under way. */
        Opening *opening;
        Ask *ask;
        Job *job;
        HelperCall *reading;
        TpmCall *tpm;
        struct CtapSealWait *sealed;
        struct EpochWait *counter;
        FingerWork *finger;
        SlotKey *touching;
        BackupWork *backup;
        CheckWork *check;
        ListWork *list;
        LogWork *log;
        RestoreWork *restore;
        WipeWork *wipe;

        /* What the steps have got so far. */
        Root *root;
        SlotDraft *drafts[SLOTS_MAX];
        size_t n_drafts;
        SlotList slots;
        uint32_t slot_changes, key_changes, vault_changes; /* the daemon's, when it began */
        const Vault *slots_of;              /* whose they are; NULL: the daemon's vault */
        size_t at;                          /* rekey: the slot that is worked on */
        int tries;                          /* rekey: questions asked for that slot */
        uint8_t slot[SLOT_ID_SIZE];         /* the slot that is meant */
        uint32_t collection;                /* the collection that is meant; 0: the vault */
        SlotDraft *draft;
        SlotDevice *device; /* of the slot that is made */
        Secret *touched;    /* what the security key, or the TPM, answered */
        struct Blind *blind;
        uint8_t *id; /* the credential that is meant */
        size_t id_size;
        uint64_t number;
        char *text;
        PolicyWish *wish;
        SshWish *ssh;
        TpmProblem tpm_problem; /* of the last waiting_tpm(); 0: none */
        char *tpm_why;          /* the problem in one line */
        Secret *tpm_fields;     /* the answer */
        Secret **ask_target; /* where the answer of `ask` goes */
        VaultRetention retention;
        const struct BackupJob *backup_result; /* while `next` runs after it */
        const struct CheckJob *check_result;   /* the same */
        bool fresh;          /* the root is wanted for more than to unlock */
        bool confirms;       /* `ask` wants a word, not a secret */
        int proof;           /* result of the last job: 0 or VAULT_E_WRONG_SECRET */

        int (*next)(Waiting *waiting, sd_bus_error *error); /* what to do when the current step is done */
        int (*otherwise)(Waiting *waiting, sd_bus_error *error); /* waiting_open(): what to do when nothing opens it; NULL: fail */
        int (*then)(Waiting *waiting, sd_bus_error *error); /* waiting_unlock(): what to do when it is open */
        int (*after)(Waiting *waiting, sd_bus_error *error); /* the same of authenticator1_unlock() */
};

/* Takes over the call: reads its options (see options_read(); `allowed` NULL: it has none) and ties it to its caller.
 */
int waiting_new(Daemon *daemon, sd_bus_message *call, const char *const *allowed, sd_bus_error *error, Waiting **ret);
Waiting *waiting_free(Waiting *waiting);
DEFINE_CLEANUP(Waiting *, waiting_free)

/*
 * Steps. Each starts something and returns 0; when it is done, the result is in `waiting` and next() runs; a failure
 * answers the call and ends the waiting. next() answers by waiting_finish() or starts another step, and returns a
 * negative errno with `error` set to have the call answered with that.
 */
typedef int (*WaitingNext)(Waiting *waiting, sd_bus_error *error);

/* Gets the root of a scope into waiting->root: by `secret` when given, else see opening.h. */
int waiting_open(Waiting *waiting, uint32_t collection, const Secret *secret, const uint8_t *slot, bool unlock,
                 const char *purpose, const char *message, WaitingNext next);
/* Has the vault itself unlocked, unless it is, then runs `next`: at once, when there is nothing to do. */
int waiting_unlock(Waiting *waiting, const char *message, WaitingNext next, sd_bus_error *error);
/* Asks; the answer replaces *ret_secret (NULL for ASK_CONFIRM). */
int waiting_ask(Waiting *waiting, AskKind kind, const char *purpose, const char *title, const char *message,
                const char *problem, Secret **ret_secret, WaitingNext next);
/* Reads a key file by the helper, as one more of options.secrets; a file that can't be read adds none. */
int waiting_read_key(Waiting *waiting, const char *path, WaitingNext next);
/* Asks the TPM; what it says is in tpm_problem, tpm_why and tpm_fields. */
int waiting_tpm(Waiting *waiting, TpmOperation operation, const ByteWriter *fields, WaitingNext next);
/* Runs `next` when the TPM has said all that it is asked of the epoch: at once, when that is nothing. */
int waiting_epoch(Waiting *waiting, WaitingNext next, sd_bus_error *error);
/* Of an unlocked vault: has the storage of the security key opened, where a TPM seals it, then runs `next`: at once, when there is
 * nothing to do. */
int waiting_storage(Waiting *waiting, WaitingNext next, sd_bus_error *error);
/* The same, but `next` runs whatever has become of it. */
int waiting_storage_tried(Waiting *waiting, WaitingNext next, sd_bus_error *error);
/* slot_prepare() with the options' label, path and KDF parameters, into waiting->draft. Copies what it needs. */
int waiting_prepare(Waiting *waiting, SlotKind kind, const Secret *secret, WaitingNext next);
/* The same by slot_prepare_again(); takes the slot. */
int waiting_prepare_again(Waiting *waiting, Slot **slot, const Secret *secret, WaitingNext next);
/* Has a security key asked; `request` without the caller. What it answers is in `touched`, for the credential in `id`. */
int waiting_touch(Waiting *waiting, const SlotKeyRequest *request, WaitingNext next);
/* For slots[at], of kind fido2: the same, and the answer is one more of options.secrets. */
int waiting_touch_slot(Waiting *waiting, WaitingNext next);
/* For slots[at], of kind tpm2: the same by the TPM, after its PIN where it has one. */
int waiting_tpm_slot(Waiting *waiting, WaitingNext next, sd_bus_error *error);
/* For slots[at]: finds the one of options.secrets that opens it, then as waiting_prepare_again(); waiting->proof says
 * whether one did (0, VAULT_E_WRONG_SECRET). The root it opened stays in waiting->root. */
int waiting_prove(Waiting *waiting, WaitingNext next);

/* Ends those that hold a root key or a slot made ready, as if the person had refused: the vault is being locked. */
void waiting_end_with_keys(Daemon *daemon);

/* For what a step waits for that is not here: its result is in `waiting`, so next() runs. */
void waiting_step_done(Waiting *waiting);
/* The same for a step that ends the call: it has answered (`r` 0), started another step, or failed, with `error` set or not. */
void waiting_settle(Waiting *waiting, int r, const sd_bus_error *error);

/* The call is answered: frees. Returns 0. */
int waiting_finish(Waiting *waiting, const char *types, ...);
int waiting_finish_reply(Waiting *waiting, sd_bus_message *reply);
/* See batch_reply_large(). */
int waiting_finish_large(Waiting *waiting, sd_bus_message *reply, size_t size);

/* Whether a root opened since the call began still is the vault's. 0, or a negative errno with `error` Busy. */
int store1_same_keys(Waiting *waiting, sd_bus_error *error);

/* Whether no key slot was added, changed or removed since the call began, by somebody else. The same. */
int store1_same_slots(Waiting *waiting, sd_bus_error *error);

/* Ends a method handler: a failure frees the waiting and returns the error, a start keeps it and returns 1. */
int waiting_started(Waiting *waiting, int r);

/* ---- methods by file ---- */

int store1_status(sd_bus_message *m, void *userdata, sd_bus_error *error);

int store1_init(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_unlock(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_lock(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_check(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_forget_epoch(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* counter s, counter_problem s, counter_handle u: of the epoch. */
int store1_append_counter(Daemon *daemon, sd_bus_message *m);

int store1_backup(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_restore(sd_bus_message *m, void *userdata, sd_bus_error *error);

int store1_history(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_get_version(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_get_retention(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_set_retention(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_wipe(sd_bus_message *m, void *userdata, sd_bus_error *error);

int store1_lookup(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_search(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_store(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_delete(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* Where a deleted collection is found among what ListDeleted gives. */
const char *store1_deleted_path(const VaultCollection *c, char ret[SECRETS_PATH_MAX]);
int store1_list_deleted(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_undelete(sd_bus_message *m, void *userdata, sd_bus_error *error);

int store1_list_policy(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_set_policy(sd_bus_message *m, void *userdata, sd_bus_error *error);

int store1_get_log(sd_bus_message *m, void *userdata, sd_bus_error *error);

#define SLOT_ID_TEXT (2 * SLOT_ID_SIZE + 1)
/* By hex id, a unique beginning of it (four digits at least), or a unique label. 0, or a negative errno with `error` set. */
int store1_find_slot(const SlotList *slots, const char *name, size_t *ret, sd_bus_error *error);

/* Makes the vault of the draft and the label of the options, and tells who listens (store1-vault.c). 0, or a negative errno with
 * `error` set. */
int store1_make_vault(Waiting *waiting, sd_bus_error *error);
/* Makes the collection `text` with the root, and the draft as its slot if there is one, and answers. */
int store1_create_write(Waiting *waiting, sd_bus_error *error);

/* Whose slots are meant: the vault's, or those of a collection that has its own. */
int store1_slot_scope(Waiting *waiting, uint32_t *ret, sd_bus_error *error);
/* One change of the slots, with the root that was opened for it; the others that wait learn that there was one. */
int store1_change_slots(Waiting *waiting, int (*change)(Waiting *waiting), sd_bus_error *error);
/* Adds the draft, and answers. */
int store1_add_write(Waiting *waiting, sd_bus_error *error);
/* Makes the TPM's part of a slot, then the slot (store1-slot-tpm.c). */
int store1_add_tpm(Waiting *waiting, sd_bus_error *error);

int store1_list_slots(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_add_slot(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_remove_slot(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_test_slot(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_rename_slot(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_mirror_slots(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_change_password(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_rekey(sd_bus_message *m, void *userdata, sd_bus_error *error);

int store1_create_collection(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_delete_collection(sd_bus_message *m, void *userdata, sd_bus_error *error);
int store1_set_alias(sd_bus_message *m, void *userdata, sd_bus_error *error);
