/*
 * Store1: items, each method in one round trip
 *
 * Lookup is what `keyfob get` and every script wants: attributes in, value out. Of several matches the most recently
 * modified one answers; only when no open collection has one does a locked match count, and then the answer is Locked;
 * a damaged one comes last, and the answer is Damaged.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/access-policy.h"
#include "daemon/secret-attributes.h"

/* An item that is open. */
typedef struct Found {
        ItemRef ref; /* without a vault: nothing is */
        ItemValue value;
} Found;

#define FOUND_NULL ((Found){.ref = {.vault = NULL}})

static void found_done(Found *found)
{
        if (found->ref.vault)
                vault_value_done(found->ref.vault, &found->value);
        found->ref.vault = NULL;
}

/* The best match in the vault, and with `session` in the one in memory. 0, VAULT_E_NOT_FOUND, VAULT_E_LOCKED, …; with
 * `value` it carries its value. */
static int find_one(Daemon *daemon, const VaultAttribute *attributes, size_t n, uint32_t only, bool session,
                    bool value, Found *ret)
{
        Vault *vaults[] = {daemon->vault, session ? daemon->session_vault : NULL};
        bool any_locked = false, any_damaged = false;
        Found found[ELEMENTSOF(vaults)], *best = NULL;

        for (size_t v = 0; v < ELEMENTSOF(vaults); v++) {
                bool locked = false, damaged = false;
                int r;

                if (!vaults[v])
                        continue;
                r = vault_lookup(vaults[v], only, attributes, n, value, &found[v].value, &locked, &damaged);
                if (r != 0 && r != VAULT_E_NOT_FOUND) {
                        if (best)
                                found_done(best);
                        return r;
                }
                any_locked |= locked;
                any_damaged |= damaged;
                if (r != 0)
                        continue;
                found[v].ref = (ItemRef){.vault = vaults[v], .id = found[v].value.id};
                if (best && best->value.modified > found[v].value.modified) {
                        found_done(&found[v]);
                        continue;
                }
                if (best)
                        found_done(best);
                best = &found[v];
        }
        /* "Not found" would invite the caller to put a new item in place of what can perhaps be restored. */
        if (!best)
                return any_locked ? VAULT_E_LOCKED : any_damaged ? VAULT_E_DAMAGED : VAULT_E_NOT_FOUND;
        *ret = *best;
        return 0;
}

/* The same, where only which one it is counts. */
static int find_ref(Daemon *daemon, const VaultAttribute *attributes, size_t n, uint32_t only, bool session, ItemRef *ret)
{
        Found found;
        int r;

        r = find_one(daemon, attributes, n, only, session, /* value= */ false, &found);
        if (r != 0)
                return r;
        *ret = found.ref;
        found_done(&found);
        return 0;
}

/* Answers the error of a vault through the batch: it may rest on something not yet durable. */
static int reply_result(Daemon *daemon, sd_bus_message *m, int result)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void)daemon_error(daemon, &error, result);
        return batch_reply_error(daemon, m, &error);
}

int store1_lookup(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(secret_attributes_done) SecretAttributes query = {0};
        _cleanup_(sd_bus_error_free) sd_bus_error denied = SD_BUS_ERROR_NULL;
        _cleanup_(identity_unrefp) Identity *who = NULL;
        _cleanup_(found_done) Found found = FOUND_NULL;
        char path[SECRETS_PATH_MAX];
        Daemon *daemon = userdata;
        ItemRef ref;
        int r;

        r = identity_of(daemon, m, store1_lookup, &who, error);
        if (r == 0)
                r = store1_need_vault(daemon, error);
        if (r != 0)
                return r;
        r = secret_attributes_read(m, &query, error);
        if (r < 0)
                return r;
        r = find_one(daemon, query.attributes, query.n, 0, true, true, &found);
        if (r != 0)
                return reply_result(daemon, m, r);
        ref = found.ref;
        if (!access_is_allowed(daemon, who, ref)) {
                /* To ask, and to say what was refused, takes the vault. */
                found_done(&found);
                r = access_may_read(daemon, m, store1_lookup, who, ref, &denied);
                if (r <= 0)
                        return r == -EINPROGRESS ? 1 : r < 0 ? daemon_error(daemon, error, r) : batch_reply_error(daemon, m, &denied);
                r = vault_value_open(ref.vault, ref.id, &found.value);
                if (r != 0)
                        return reply_result(daemon, m, r);
                found.ref = ref;
        }

        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        sd_bus_message_sensitive(reply);
        r = sd_bus_message_append_basic(reply, 'o', secret_item_path(daemon, ref, path));
        if (r >= 0)
                r = secret_attributes_append(reply, found.value.attributes, found.value.n_attributes);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', found.value.content_type);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', found.value.value, found.value.size);
        if (r < 0)
                return r;
        access_log_read(daemon, who, &ACCESS_OBJECT(ref, &found.value));
        found_done(&found);
        return batch_reply(daemon, m, reply);
}

/* The item that Store updates: of those that match, the most recently modified in an open collection. */
static int find_to_update(Daemon *daemon, const SecretAttributes *match, CollectionRef collection, bool named,
                          ItemRef *ret)
{
        int r;

        if (match->n == 0)
                return VAULT_E_NOT_FOUND;
        if (collection.vault != daemon->vault)
                return VAULT_E_NOT_FOUND;
        r = find_ref(daemon, match->attributes, match->n, named ? collection.no : 0, /* session= */ false, ret);
        return r == VAULT_E_LOCKED || r == VAULT_E_DAMAGED ? VAULT_E_NOT_FOUND : r;
}

int store1_store(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"collection", "content_type", NULL};
        _cleanup_(secret_attributes_done) SecretAttributes match = {0}, attributes = {0};
        _cleanup_(identity_unrefp) Identity *who = NULL;
        _cleanup_(options_done) Options options = {0};
        char path[SECRETS_PATH_MAX];
        Daemon *daemon = userdata;
        CollectionRef collection;
        ItemChange change = {.value_set = true};
        ItemRef ref = {0};
        bool replaced = false;
        int r;

        r = identity_of(daemon, m, store1_store, &who, error);
        if (r == 0)
                r = store1_need_vault(daemon, error);
        if (r != 0)
                return r;
        r = secret_attributes_read(m, &match, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &change.label);
        if (r >= 0)
                r = secret_attributes_read(m, &attributes, error);
        if (r >= 0)
                r = options_read(m, allowed, &options, error);
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &change.value, &change.value_size);
        if (r >= 0)
                r = store1_collection(daemon, options.collection, &collection, error);
        if (r < 0)
                return r;
        change.content_type = options.content_type;

        if (collection.vault == daemon->vault) {
                r = batch_begin(daemon);
                if (r != 0)
                        return daemon_error(daemon, error, r);
        } else
                batch_flush(daemon); /* what is done in memory is done, whatever becomes of the writes of others */

        r = find_to_update(daemon, &match, collection, options.collection != NULL, &ref);
        if (r == 0) {
                replaced = true;
                change.label = NULL;
                r = vault_item_update(ref.vault, ref.id, &change);
        } else if (r == VAULT_E_NOT_FOUND) {
                change.attributes = attributes.attributes;
                change.n_attributes = attributes.n;
                ref.vault = collection.vault;
                r = vault_item_create(collection.vault, collection.no, &change, true, &ref.id, &replaced);
        }
        if (r != 0)
                return reply_result(daemon, m, r);

        if (replaced)
                access_log_wrote(daemon, ACCESS_CHANGED, who, &(AccessObject){.item = ref});
        else
                access_log_wrote(daemon, ACCESS_CREATED, who, &ACCESS_OBJECT(ref, &change));
        if (replaced)
                secret_notify_item_changed(daemon, ref);
        else
                secret_notify_item_created(daemon, ref);
        return batch_reply_return(daemon, m, "ob", secret_item_path(daemon, ref, path), (int)!replaced);
}

int store1_delete(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(secret_attributes_done) SecretAttributes query = {0};
        _cleanup_(identity_unrefp) Identity *who = NULL;
        _cleanup_(item_freep) Item *item = NULL;
        char path[SECRETS_PATH_MAX];
        Daemon *daemon = userdata;
        const char *named;
        ItemRef ref;
        int r;

        r = identity_of(daemon, m, store1_delete, &who, error);
        if (r == 0)
                r = store1_need_vault(daemon, error);
        if (r != 0)
                return r;
        r = sd_bus_message_read(m, "o", &named);
        if (r >= 0)
                r = secret_attributes_read(m, &query, error);
        if (r < 0)
                return r;

        if (strcmp(named, "/") != 0) {
                if (query.n > 0)
                        return store1_invalid(error, "give a path or attributes, not both");
                if (!secret_path_item(daemon, named, &ref))
                        return reply_result(daemon, m, VAULT_E_NOT_FOUND);
        } else if (query.n == 0)
                return store1_invalid(error, "an item to delete is named by its path or by attributes");

        r = batch_begin(daemon);
        if (r != 0)
                return daemon_error(daemon, error, r);
        if (strcmp(named, "/") == 0) {
                r = find_ref(daemon, query.attributes, query.n, 0, /* session= */ true, &ref);
                if (r != 0)
                        return reply_result(daemon, m, r);
        }
        /* What it was called is known only now. */
        (void)vault_item_get(ref.vault, ref.id, /* with_value= */ false, &item);
        r = vault_item_delete(ref.vault, ref.id);
        if (r != 0)
                return reply_result(daemon, m, r);
        access_log_wrote(daemon, ACCESS_DELETED, who, item ? &ACCESS_OBJECT(ref, item) : &(AccessObject){.item = ref});
        secret_notify_item_deleted(daemon, ref);
        return batch_reply_return(daemon, m, "o", secret_item_path(daemon, ref, path));
}

static uint32_t deleted_collection(Daemon *daemon, const char *path)
{
        for (const VaultCollection *c = NULL; (c = vault_collection_next_deleted(daemon->vault, c));) {
                char own[SECRETS_PATH_MAX];

                if (strcmp(store1_deleted_path(c, own), path) == 0)
                        return c->no;
        }
        return 0;
}

int store1_undelete(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(identity_unrefp) Identity *who = NULL;
        Daemon *daemon = userdata;
        const char *path;
        uint64_t version;
        uint32_t collection;
        ItemRef ref = {0};
        bool existed;
        int r;

        r = identity_of(daemon, m, store1_undelete, &who, error);
        if (r == 0)
                r = store1_need_vault(daemon, error);
        if (r != 0)
                return r;
        r = sd_bus_message_read(m, "ot", &path, &version);
        if (r < 0)
                return r;
        r = batch_begin(daemon);
        if (r != 0)
                return daemon_error(daemon, error, r);

        collection = deleted_collection(daemon, path);
        if (collection > 0) {
                r = vault_collection_undelete(daemon->vault, collection);
                if (r != 0)
                        return reply_result(daemon, m, r);
                access_log_wrote_collection(daemon, ACCESS_COLLECTION_RESTORED, who,
                                            (CollectionRef){daemon->vault, collection},
                                            vault_collection_get(daemon->vault, collection)->label);
                secret_notify_collection_created(daemon, (CollectionRef){daemon->vault, collection});
                return batch_reply_return(daemon, m, NULL);
        }

        if (!secret_path_item(daemon, path, &ref) || ref.vault != daemon->vault)
                return reply_result(daemon, m, VAULT_E_NOT_FOUND);
        existed = vault_item_exists(ref.vault, ref.id);
        r = vault_undelete(ref.vault, ref.id, version);
        if (r != 0)
                return reply_result(daemon, m, r);
        access_log_wrote(daemon, ACCESS_RESTORED, who, &(AccessObject){.item = ref});
        if (existed)
                secret_notify_item_changed(daemon, ref);
        else
                secret_notify_item_created(daemon, ref);
        return batch_reply_return(daemon, m, NULL);
}
