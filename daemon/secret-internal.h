/*
 * What the objects of the Secret Service share among themselves
 */
#pragma once

#include "crypto/exchange.h"
#include "daemon/batch.h"
#include "daemon/caller.h"
#include "daemon/secret-notify.h"
#include "daemon/secret-path.h"
#include "daemon/secret-service.h"

#define SECRETS_SESSIONS_MAX 1024U /* of all callers together: their keys live in the arena */
#define SECRETS_REPLY_MAX                                                                                             \
        ((size_t)64 * 1024 * 1024) /* bytes of one reply; the bus drops who sends more than twice that */

#define SECRETS_ERROR_IS_LOCKED      "org.freedesktop.Secret.Error.IsLocked"
#define SECRETS_ERROR_NO_SESSION     "org.freedesktop.Secret.Error.NoSession"
#define SECRETS_ERROR_NO_SUCH_OBJECT "org.freedesktop.Secret.Error.NoSuchObject"

typedef struct SecretSession SecretSession;
typedef struct SecretPrompt SecretPrompt;

struct Secrets {
        Daemon *daemon;
        SecretSession *sessions; /* newest first */
        SecretPrompt *prompts;
        size_t n_sessions;
        uint64_t last_session, last_prompt; /* numbers in paths, never used again */
};

/* One for each kind of object: its vtable on a connection. */
int secret_collection_attach(Daemon *daemon, sd_bus *bus);
int secret_item_attach(Daemon *daemon, sd_bus *bus);
int secret_session_attach(Daemon *daemon, sd_bus *bus);
int secret_prompt_attach(Daemon *daemon, sd_bus *bus);
int secret_master_attach(Daemon *daemon, sd_bus *bus);

/* ---- changes ---- */

/* Before a change to `vault` inside a method: joins the batch. The memory vault has none. 0, or a vault result. */
int secret_change_begin(Daemon *daemon, Vault *vault);

/* Answers a call with an outcome of the vault that is not 0. Returns 1, or a negative errno. */
int secret_reply_result(Daemon *daemon, sd_bus_message *call, int result);

/* Why nothing can be done without a vault: sets `error`, returns a negative errno. */
int secret_no_vault(Daemon *daemon, sd_bus_error *error);

/* The label among the properties of a collection that is to be made, "" when there is none; the message's. */
int secret_read_label(sd_bus_message *message, const char **ret, sd_bus_error *error);

/* ---- sessions ---- */

/* The session at `path`, if the sender of `message` opened it; else NULL and `error` is NoSession. */
SecretSession *secret_session_of(Daemon *daemon, sd_bus_message *message, const char *path, sd_bus_error *error);
const char *secret_session_path(const SecretSession *session);
const ExchangeKey *secret_session_key(const SecretSession *session); /* NULL: plain */
void secret_sessions_done(Secrets *secrets);

/* OpenSession() */
int secret_session_open(Daemon *daemon, sd_bus_message *message, sd_bus_error *error);

/* ---- prompts ---- */

/*
 * Each makes a prompt that belongs to the sender of `message`, and shows nothing yet. `*ret_path` is good as long as
 * the prompt. 0, or a negative errno with `error` set.
 */
int secret_prompt_unlock(Daemon *daemon, sd_bus_message *message, const char *const *paths, size_t n,
                         const char **ret_path, sd_bus_error *error);
int secret_prompt_create(Daemon *daemon, sd_bus_message *message, const char *label, const char *alias,
                         const char **ret_path, sd_bus_error *error);
int secret_prompt_delete(Daemon *daemon, sd_bus_message *message, const char *path, const char **ret_path,
                         sd_bus_error *error);
int secret_prompt_change(Daemon *daemon, sd_bus_message *message, const char *path, const char **ret_path,
                         sd_bus_error *error);
void secret_prompts_done(Secrets *secrets);

/* ---- passwords of collections ---- */

/* ChangeWithPrompt(), which is called ChangeLock() as well. */
int secret_master_change_with_prompt(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* ---- items ---- */

/* Appends an ao of the items. -EMSGSIZE when that would be too large a reply. */
int secret_append_items(Daemon *daemon, sd_bus_message *reply, Vault *const *vaults, const ItemIds *ids, size_t n);

/* Appends an ao of all collections. */
int secret_append_collections(Daemon *daemon, sd_bus_message *message);

/* A collection or item path as a collection: Lock() and Unlock() take both. */
bool secret_path_any(Daemon *daemon, const char *path, CollectionRef *ret);

/* By alias alone, with what ReadAlias() adds to the stored ones: `session`, and `login` for the default. */
bool secret_path_alias(Daemon *daemon, const char *alias, CollectionRef *ret);

/* Searches the vault and the memory vault, `collection` NULL: everywhere. An open collection's hits come most recently
 * modified first, as long as they are few enough to look. Lists are for secret_append_items(). */
typedef struct SecretHits {
        Vault *vaults[2];
        ItemIds unlocked[2], locked[2];
        size_t n;
} SecretHits;
int secret_search(Daemon *daemon, const CollectionRef *collection, const VaultAttribute *attributes, size_t n,
                  SecretHits *ret);
void secret_hits_done(SecretHits *hits);
