/*
 * Service: org.freedesktop.Secret.Service, the way in
 *
 * What a method is asked about may be unknown, locked or gone, and clients send whole lists: what is not there is left
 * out, never an error. Without a vault everything reads as empty; only what would store something says what to do.
 */
#include "daemon/access-policy.h"
#include "daemon/lock.h"
#include "daemon/opening.h"
#include "daemon/secret-attributes.h"
#include "daemon/secret-value.h"
#include <errno.h>
#include <string.h>

#define UNPRIVILEGED SD_BUS_VTABLE_UNPRIVILEGED /* doors let only the owner in */

/* ---- shared ---- */

int secret_no_vault(Daemon *daemon, sd_bus_error *error)
{
        return daemon_secret_error(daemon, error, daemon->vault_state != 0 ? daemon->vault_state : VAULT_E_NO_VAULT);
}

int secret_change_begin(Daemon *daemon, Vault *vault)
{
        if (vault == daemon->vault)
                return batch_begin(daemon);
        /* What is done in memory is done, whatever becomes of the writes of others. */
        batch_flush(daemon);
        return 0;
}

int secret_reply_result(Daemon *daemon, sd_bus_message *call, int result)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void)daemon_secret_error(daemon, &error, result);
        return batch_reply_error(daemon, call, &error);
}

/* ---- searching ---- */

static int method_search_items(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(secret_attributes_done) SecretAttributes attributes = {0};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(secret_hits_done) SecretHits hits = {0};
        Daemon *daemon = userdata;
        int r;

        r = secret_attributes_read(message, &attributes, error);
        if (r < 0)
                return r;
        r = secret_search(daemon, /* collection= */ NULL, attributes.attributes, attributes.n, &hits);
        if (r != 0)
                return secret_reply_result(daemon, message, r);

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = secret_append_items(daemon, reply, hits.vaults, hits.unlocked, hits.n);
        if (r >= 0)
                r = secret_append_items(daemon, reply, hits.vaults, hits.locked, hits.n);
        if (r == -EMSGSIZE)
                return secret_reply_result(daemon, message, VAULT_E_LIMIT);
        return r < 0 ? r : batch_reply(daemon, message, reply);
}

/* ---- sessions and secrets ---- */

/* Who it is has to be known before the first secret, and is found out here, so that what a client sends afterwards in one
 * go is handled in its order. */
static int method_open_session(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(identity_unrefp) Identity *who = NULL;
        int r;

        r = identity_of(userdata, message, method_open_session, &who, error);
        return r != 0 ? r : secret_session_open(userdata, message, error);
}

static int method_get_secrets(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Has the person asked before anything is put together: about the first item that needs it, then the call comes again. What nobody
 * can be asked about is not given away, as what is locked. 0, or as access_may_read(). */
static int ask_first(Daemon *daemon, sd_bus_message *call, Identity *who)
{
        const char *path;
        ItemRef item;
        int r;

        r = sd_bus_message_enter_container(call, 'a', "o");
        while (r >= 0 && (r = sd_bus_message_read(call, "o", &path)) > 0) {
                _cleanup_(sd_bus_error_free) sd_bus_error denied = SD_BUS_ERROR_NULL;

                if (!secret_path_item(daemon, path, &item) || !access_would_ask(daemon, who, item) ||
                    !vault_item_exists(item.vault, item.id))
                        continue;
                r = access_may_read(daemon, call, method_get_secrets, who, item, &denied);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(call);
}

/* Appends one entry of GetSecrets' answer, if there is anything to show. `*total` counts bytes. */
static int append_secret(Daemon *daemon, sd_bus_message *reply, const SecretSession *session, Identity *who,
                         const char *path, size_t *total, sd_bus_error *error)
{
        _cleanup_(sd_bus_error_free) sd_bus_error denied = SD_BUS_ERROR_NULL;
        ItemValue value;
        ItemRef item;
        int r;

        if (!secret_path_item(daemon, path, &item))
                return 0;
        r = access_may_read_now(daemon, who, item, &denied);
        if (r == -EINPROGRESS)
                return 0; /* ask_first() has looked: there is nothing to give away */
        if (r <= 0)
                return r;
        r = vault_value_open(item.vault, item.id, &value);
        if (r == -ENOMEM)
                return r;
        if (r != 0)
                return 0;

        *total += value.size + strlen(path) + strlen(value.content_type) + strlen(secret_session_path(session)) +
                  96; /* lengths, padding, initialisation vector */
        if (*total > SECRETS_REPLY_MAX)
                r = sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                      "more than %zu MiB of secrets at once: ask for fewer items",
                                      SECRETS_REPLY_MAX >> 20);
        else
                r = sd_bus_message_open_container(reply, 'e', "o(oayays)");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 'o', path);
        if (r >= 0)
                r = secret_value_append(reply, session, &value);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                access_log_read(daemon, who, &ACCESS_OBJECT(item, &value));
        vault_value_done(item.vault, &value);
        return r;
}

static int method_get_secrets(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(identity_unrefp) Identity *who = NULL;
        const char *path, *session_path;
        Daemon *daemon = userdata;
        SecretSession *session;
        size_t total = 0;
        int r;

        r = identity_of(daemon, message, method_get_secrets, &who, error);
        if (r != 0)
                return r;

        /* The session comes last, the items are needed after it: read again, and again when nobody has to be asked. */
        r = sd_bus_message_skip(message, "ao");
        if (r >= 0)
                r = sd_bus_message_read(message, "o", &session_path);
        if (r < 0)
                return r;
        session = secret_session_of(daemon, message, session_path, error);
        if (!session)
                return -EINVAL;
        r = sd_bus_message_rewind(message, /* complete= */ true);
        if (r >= 0)
                r = ask_first(daemon, message, who);
        if (r < 0)
                return r == -EINPROGRESS ? 1 : r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_sensitive(reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{o(oayays)}");
        if (r >= 0)
                r = sd_bus_message_rewind(message, /* complete= */ true);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "o");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(message, "o", &path)) > 0) {
                r = append_secret(daemon, reply, session, who, path, &total, error);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : batch_reply(daemon, message, reply);
}

/* ---- locks ---- */

/* Opens a scope that needs no secret. */
static void open_unprotected(Daemon *daemon, uint32_t scope)
{
        _cleanup_(slot_list_done) SlotList list = {0};

        if (vault_slots(daemon->vault, &list) != 0)
                return;
        for (size_t i = 0; i < list.n; i++) {
                _cleanup_(root_freep) Root *root = NULL;

                if (slot_kind(list.slots[i]) != SLOT_NONE || slot_collection(list.slots[i]) != scope)
                        continue;
                if (slot_open(list.slots[i], /* secret= */ NULL, &root) == 0 && opening_unlock(daemon, root) == 0)
                        return;
        }
}

static bool unlock_now(Daemon *daemon, CollectionRef collection)
{
        const VaultCollection *c = vault_collection_get(collection.vault, collection.no);

        if (c && c->locked && collection.vault == daemon->vault) {
                open_unprotected(daemon, c->own_slots ? c->no : 0);
                c = vault_collection_get(collection.vault, collection.no);
        }
        return c && !c->locked;
}

static int method_unlock(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ const char **locked = NULL;
        const char *path, *prompt = "/";
        Daemon *daemon = userdata;
        CollectionRef last = {.vault = NULL};
        size_t n = 0, capacity = 0;
        bool open = false;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "o");
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "o");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(message, "o", &path)) > 0) {
                CollectionRef collection;

                if (!secret_path_any(daemon, path, &collection))
                        continue;
                /* Mostly they are many items of one collection, whose slots need no second look. */
                if (collection.vault != last.vault || collection.no != last.no) {
                        last = collection;
                        open = unlock_now(daemon, collection);
                }
                if (open) {
                        r = sd_bus_message_append(reply, "o", path);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (n == capacity) {
                        const char **paths = reallocarray(locked, capacity = 2 * capacity + 8, sizeof(*paths));

                        if (!paths)
                                return -ENOMEM;
                        locked = paths;
                }
                locked[n++] = path;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0 && n > 0)
                /* The prompt copies the strings and leaves them as they are. */
                r = secret_prompt_unlock(daemon, message, locked, n, &prompt, error);
        if (r >= 0)
                r = sd_bus_message_append(reply, "o", prompt);
        return r < 0 ? r : batch_reply(daemon, message, reply);
}

/* Keys of the whole vault go with the last collection: nobody means to leave the rest open. */
static void lock_rest(Daemon *daemon)
{
        if (!vault_is_unlocked(daemon->vault))
                return;
        for (const VaultCollection *c = NULL; (c = vault_collection_next(daemon->vault, c));)
                if (!c->locked)
                        return;
        lock_everything(daemon);
}

static void lock(Daemon *daemon, CollectionRef collection)
{
        const VaultCollection *c = vault_collection_get(collection.vault, collection.no);

        if (!c || c->locked)
                return;
        vault_lock(collection.vault, collection.no);
        secret_notify_lock_changed(daemon, collection);
}

static int method_lock(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Daemon *daemon = userdata;
        const char *path;
        int r;

        batch_flush(daemon); /* what was acknowledged to be written still needs its keys */
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "o");
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "o");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(message, "o", &path)) > 0) {
                CollectionRef collection;

                /* The memory vault has no key that could be given back. */
                if (!secret_path_any(daemon, path, &collection) || collection.vault != daemon->vault)
                        continue;
                lock(daemon, collection);
                r = sd_bus_message_append(reply, "o", path);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "o", "/");
        if (r < 0)
                return r;
        if (daemon->vault)
                lock_rest(daemon);
        return batch_reply(daemon, message, reply);
}

/* GNOME's word for locking everything at once. */
static int method_lock_service(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;

        if (daemon->vault)
                lock_everything(daemon);
        return batch_reply_return(daemon, message, NULL);
}

/* ---- collections and aliases ---- */

int secret_read_label(sd_bus_message *message, const char **ret, sd_bus_error *error)
{
        const char *label = "", *name, *type;
        char kind;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read(message, "s", &name);
                if (r >= 0)
                        r = sd_bus_message_peek_type(message, &kind, &type);
                if (r < 0)
                        return r;
                if (strcmp(name, SECRETS_COLLECTION ".Label") != 0 && strcmp(name, "Label") != 0)
                        r = sd_bus_message_skip(message, "v");
                else if (strcmp(type, "s") == 0)
                        r = sd_bus_message_read(message, "v", "s", &label);
                else
                        r = sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "a label must be a string");
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        if (strlen(label) > VAULT_LABEL_MAX)
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "a label may be up to %u bytes",
                                         VAULT_LABEL_MAX);
        *ret = label;
        return 0;
}

static int check_alias(const char *alias, sd_bus_error *error)
{
        if (strlen(alias) > VAULT_ALIAS_MAX)
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "an alias may be up to %u bytes",
                                         VAULT_ALIAS_MAX);
        return 0;
}

static int method_create_collection(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        char path[SECRETS_PATH_MAX];
        const char *label = "", *alias, *prompt;
        Daemon *daemon = userdata;
        CollectionRef collection;
        int r;

        r = secret_read_label(message, &label, error);
        if (r >= 0)
                r = sd_bus_message_read(message, "s", &alias);
        if (r >= 0)
                r = check_alias(alias, error);
        if (r < 0)
                return r;
        if (*alias && secret_path_alias(daemon, alias, &collection))
                return batch_reply_return(daemon, message, "oo", secret_collection_path(daemon, collection, path),
                                          "/");
        if (!daemon->vault)
                return secret_no_vault(daemon, error);

        if (!*label)
                label = strcmp(alias, "default") == 0 ? "Default" : "Unnamed";
        r = secret_prompt_create(daemon, message, label, alias, &prompt, error);
        return r < 0 ? r : batch_reply_return(daemon, message, "oo", "/", prompt);
}

static int method_read_alias(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        char path[SECRETS_PATH_MAX] = "/";
        Daemon *daemon = userdata;
        CollectionRef collection;
        const char *alias;
        int r;

        r = sd_bus_message_read(message, "s", &alias);
        if (r < 0)
                return r;
        if (secret_path_alias(daemon, alias, &collection))
                secret_collection_path(daemon, collection, path);
        return batch_reply_return(daemon, message, "o", path);
}

static int method_set_alias(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        CollectionRef collection = {.no = 0};
        const char *alias, *path;
        Daemon *daemon = userdata;
        uint32_t before;
        int r;

        r = sd_bus_message_read(message, "so", &alias, &path);
        if (r >= 0)
                r = check_alias(alias, error);
        if (r < 0)
                return r;
        if (!*alias)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "an alias needs a name");
        if (!daemon->vault)
                return secret_no_vault(daemon, error);
        if (strcmp(path, "/") != 0 && !secret_path_collection(daemon, path, &collection))
                return sd_bus_error_setf(error, SECRETS_ERROR_NO_SUCH_OBJECT, "no collection at %s", path);
        if (strcmp(alias, "session") == 0 || (collection.no != 0 && collection.vault != daemon->vault))
                return sd_bus_error_set(error, SD_BUS_ERROR_NOT_SUPPORTED,
                                        "the session collection has its one name only");

        before = vault_alias_get(daemon->vault, alias);
        if (before == collection.no)
                return batch_reply_return(daemon, message, NULL);
        r = secret_change_begin(daemon, daemon->vault);
        if (r == 0)
                r = vault_alias_set(daemon->vault, alias, collection.no);
        if (r != 0)
                return secret_reply_result(daemon, message, r);
        if (before != 0)
                secret_notify_collection_changed(daemon, (CollectionRef){daemon->vault, before});
        if (collection.no != 0)
                secret_notify_collection_changed(daemon, collection);
        return batch_reply_return(daemon, message, NULL);
}

int secret_append_collections(Daemon *daemon, sd_bus_message *message)
{
        Vault *vaults[] = {daemon->vault, daemon->session_vault};
        char name[SECRETS_PATH_MAX];
        int r;

        r = sd_bus_message_open_container(message, 'a', "o");
        for (size_t i = 0; i < ELEMENTSOF(vaults); i++) {
                if (!vaults[i])
                        continue;
                for (const VaultCollection *c = NULL; r >= 0 && (c = vault_collection_next(vaults[i], c));)
                        r = sd_bus_message_append(
                                message, "o", secret_collection_path(daemon, (CollectionRef){vaults[i], c->no}, name));
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int get_collections(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        batch_flush(userdata);
        return secret_append_collections(userdata, reply);
}

/* ---- org.freedesktop.Secret.Service ---- */

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("OpenSession", SD_BUS_ARGS("s", algorithm, "v", input),
                                SD_BUS_RESULT("v", output, "o", result), method_open_session, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateCollection", SD_BUS_ARGS("a{sv}", properties, "s", alias),
                                SD_BUS_RESULT("o", collection, "o", prompt), method_create_collection, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SearchItems", SD_BUS_ARGS("a{ss}", attributes),
                                SD_BUS_RESULT("ao", unlocked, "ao", locked), method_search_items, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Unlock", SD_BUS_ARGS("ao", objects), SD_BUS_RESULT("ao", unlocked, "o", prompt),
                                method_unlock, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Lock", SD_BUS_ARGS("ao", objects), SD_BUS_RESULT("ao", locked, "o", prompt),
                                method_lock, UNPRIVILEGED),
        SD_BUS_METHOD("LockService", NULL, NULL, method_lock_service, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ChangeLock", SD_BUS_ARGS("o", collection), SD_BUS_RESULT("o", prompt),
                                secret_master_change_with_prompt, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetSecrets", SD_BUS_ARGS("ao", items, "o", session),
                                SD_BUS_RESULT("a{o(oayays)}", secrets), method_get_secrets,
                                UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("ReadAlias", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", collection), method_read_alias,
                                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetAlias", SD_BUS_ARGS("s", name, "o", collection), SD_BUS_NO_RESULT,
                                method_set_alias, UNPRIVILEGED),
        SD_BUS_PROPERTY("Collections", "ao", get_collections, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_SIGNAL_WITH_ARGS("CollectionCreated", SD_BUS_ARGS("o", collection), 0),
        SD_BUS_SIGNAL_WITH_ARGS("CollectionDeleted", SD_BUS_ARGS("o", collection), 0),
        SD_BUS_SIGNAL_WITH_ARGS("CollectionChanged", SD_BUS_ARGS("o", collection), 0),
        SD_BUS_VTABLE_END,
};

int secrets_attach(Daemon *daemon, sd_bus *bus)
{
        int r;

        r = sd_bus_add_object_vtable(bus, NULL, SECRETS_PATH, SECRETS_SERVICE, vtable, daemon);
        if (r >= 0)
                r = secret_collection_attach(daemon, bus);
        if (r >= 0)
                r = secret_item_attach(daemon, bus);
        if (r >= 0)
                r = secret_session_attach(daemon, bus);
        if (r >= 0)
                r = secret_prompt_attach(daemon, bus);
        if (r >= 0)
                r = secret_master_attach(daemon, bus);
        return r;
}

int secrets_new(Daemon *daemon, Secrets **ret)
{
        _cleanup_(secrets_freep) Secrets *secrets = NULL;
        const VaultCollection *session;
        int r;

        secrets = calloc(1, sizeof(*secrets));
        if (!secrets)
                return -ENOMEM;
        secrets->daemon = daemon;
        r = vault_open_memory(&daemon->session_vault);
        if (r == 0)
                r = vault_collection_create(daemon->session_vault, /* root= */ NULL, "session", /* own= */ NULL,
                                            &session);
        if (r != 0)
                return r < 0 ? r : -EIO;
        daemon->session_no = session->no;
        *ret = TAKE_PTR(secrets);
        return 0;
}

Secrets *secrets_free(Secrets *secrets)
{
        if (!secrets)
                return NULL;
        secret_prompts_done(secrets);
        secret_sessions_done(secrets);
        secrets->daemon->session_vault = vault_free(secrets->daemon->session_vault);
        free(secrets);
        return NULL;
}
