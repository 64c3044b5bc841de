/*
 * org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface: passwords of collections, given by programs
 *
 * gnome-keyring's own interface, which Seahorse, headless scripts and replacements of its PAM module call: a password comes as
 * a secret of a session, and nobody is asked. A collection without slots of its own opens with the vault, so its password
 * is the vault's; on a machine without a vault the first collection that is made so makes one. An empty password is
 * gnome-keyring's way to say that there is none: here that is a slot of kind `none`.
 *
 * Whatever takes a key to do (another collection, another password) takes a password that is tried anew, as everywhere.
 */
#include "daemon/secret-value.h"
#include "daemon/store1-internal.h"

#include <errno.h>
#include <string.h>

#define MASTER_INTERFACE    "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface"
#define MASTER_ERROR_DENIED "org.gnome.keyring.Error.Denied"
#define LOGIN_PATH          SECRETS_PATH "/collection/login"

/* ---- shared ---- */

static int denied(Waiting *waiting, sd_bus_error *error)
{
        sd_bus_error_set(error, MASTER_ERROR_DENIED, "the password is wrong");
        return -EACCES;
}

/* By its path or an alias; `login` is where gnome-keyring has its default, and is written into programs. */
static int read_collection(Daemon *daemon, sd_bus_message *message, CollectionRef *ret, sd_bus_error *error)
{
        const char *path;
        int r;

        r = sd_bus_message_read(message, "o", &path);
        if (r < 0)
                return r;
        if (secret_path_any(daemon, path, ret) ||
            (strcmp(path, LOGIN_PATH) == 0 && secret_path_alias(daemon, "login", ret)))
                return 0;
        return sd_bus_error_setf(error, SECRETS_ERROR_NO_SUCH_OBJECT, "no collection at %s", path);
}

static int read_collection_of_vault(Daemon *daemon, sd_bus_message *message, CollectionRef *ret, sd_bus_error *error)
{
        int r = read_collection(daemon, message, ret, error);

        if (r >= 0 && ret->vault != daemon->vault)
                return sd_bus_error_set(error, SD_BUS_ERROR_NOT_SUPPORTED, "the session collection has no password");
        return r;
}

static int read_password(Waiting *waiting, Secret **ret, sd_bus_error *error)
{
        SecretValue value;
        int r;

        r = secret_value_read(waiting->daemon, waiting->call, &value, error);
        if (r < 0)
                return r;
        if (value.size > SLOT_SECRET_MAX)
                r = sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "a password may be up to %u bytes",
                                      SLOT_SECRET_MAX);
        else
                r = secret_new_from(ret, value.data, value.size);
        secret_value_done(&value);
        return r;
}

static const Secret *unless_empty(const Secret *secret)
{
        return secret->size > 0 ? secret : NULL;
}

static SlotKind kind_for(const Secret *secret)
{
        return secret->size > 0 ? SLOT_PASSWORD : SLOT_NONE;
}

/* The scope that opens a collection; of a collection in memory there is none. */
static uint32_t scope_of(CollectionRef collection)
{
        const VaultCollection *c = vault_collection_get(collection.vault, collection.no);

        return c && c->own_slots ? c->no : 0;
}

/* ---- UnlockWithMasterPassword ---- */

static int unlock_opened(Waiting *waiting, sd_bus_error *error)
{
        int r;

        r = opening_unlock(waiting->daemon, waiting->root);
        return r != 0 ? daemon_secret_error(waiting->daemon, error, r) : waiting_finish(waiting, NULL);
}

/* Also of what is open: who gives a password wants to know whether it is right. */
static int method_unlock(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;
        CollectionRef collection;
        Waiting *waiting;
        int r;

        r = read_collection(daemon, message, &collection, error);
        if (r < 0)
                return r;
        r = waiting_new(daemon, message, /* allowed= */ NULL, error, &waiting);
        if (r < 0)
                return r;
        r = read_password(waiting, &waiting->options.secret, error);
        if (r < 0)
                return waiting_started(waiting, r);
        if (collection.vault != daemon->vault)
                return waiting_started(waiting, waiting_finish(waiting, NULL));
        waiting->options.no_interactive = true;
        waiting->otherwise = denied;
        r = waiting_open(waiting, scope_of(collection), unless_empty(waiting->options.secret), /* slot= */ NULL,
                         /* unlock= */ false, "unlock", /* message= */ NULL, unlock_opened);
        return waiting_started(waiting, r);
}

/* ---- CreateWithMasterPassword ---- */

static int vault_drafted(Waiting *waiting, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        char path[SECRETS_PATH_MAX];
        CollectionRef collection;
        int r;

        waiting->options.label = TAKE_PTR(waiting->text);
        r = store1_make_vault(waiting, error);
        if (r < 0)
                return r;
        if (!secret_path_alias(daemon, "default", &collection))
                return -EIO;
        return waiting_finish(waiting, "o", secret_collection_path(daemon, collection, path));
}

static int create_opened(Waiting *waiting, sd_bus_error *error)
{
        const Secret *password = waiting->options.secret;
        Daemon *daemon = waiting->daemon;
        int r;

        if (daemon->vault && !vault_is_unlocked(daemon->vault)) {
                r = opening_unlock(daemon, waiting->root);
                if (r != 0)
                        return daemon_secret_error(daemon, error, r);
        }
        return waiting_prepare(waiting, kind_for(password), unless_empty(password), store1_create_write);
}

static int create_ask(Waiting *waiting, sd_bus_error *error)
{
        return waiting_open(waiting, /* collection= */ 0, /* secret= */ NULL, /* slot= */ NULL, /* unlock= */ false,
                            "create-collection", "Enter the password of your Keyfob vault, to make a collection in it.",
                            create_opened);
}

/* Many use one password for everything: it may be the vault's too. Else somebody has to give that. */
static int create_in_vault(Waiting *waiting, sd_bus_error *error)
{
        if (waiting->options.secret->size == 0)
                return create_ask(waiting, error);
        waiting->otherwise = create_ask;
        return waiting_open(waiting, /* collection= */ 0, waiting->options.secret, /* slot= */ NULL,
                            /* unlock= */ false, "create-collection", /* message= */ NULL, create_opened);
}

static int method_create(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Secret *password;
        Daemon *daemon = userdata;
        const char *label;
        Waiting *waiting;
        int r;

        r = secret_read_label(message, &label, error);
        if (r < 0)
                return r;
        /* The file may have come, or gone free, since the daemon started. */
        if (!daemon_find_vault(daemon) && daemon->vault_state != VAULT_E_NO_VAULT)
                return secret_no_vault(daemon, error);
        r = waiting_new(daemon, message, /* allowed= */ NULL, error, &waiting);
        if (r < 0)
                return r;
        r = read_password(waiting, &waiting->options.secret, error);
        if (r < 0)
                return waiting_started(waiting, r);
        waiting->text = strdup(*label ? label : daemon->vault ? "Unnamed" : "Default");
        password = waiting->options.secret;
        if (!waiting->text)
                r = -ENOMEM;
        else if (daemon->vault)
                r = create_in_vault(waiting, error);
        else
                r = waiting_prepare(waiting, kind_for(password), unless_empty(password), vault_drafted);
        return waiting_started(waiting, r);
}

/* ---- ChangeWithMasterPassword ---- */

static int put_new(Waiting *waiting)
{
        return vault_slot_exchange(waiting->daemon->vault, waiting->root, waiting->draft, waiting->slot);
}

static int change_write(Waiting *waiting, sd_bus_error *error)
{
        int r;

        r = store1_same_slots(waiting, error);
        if (r >= 0)
                r = store1_change_slots(waiting, put_new, error);
        return r < 0 ? r : waiting_finish(waiting, NULL);
}

static int change_opened(Waiting *waiting, sd_bus_error *error)
{
        const Secret *new = waiting->options.new;
        SlotKind kind = kind_for(waiting->options.old);

        if (kind != kind_for(new))
                return waiting_prepare(waiting, kind_for(new), unless_empty(new), change_write);
        if (kind == SLOT_NONE)
                return waiting_finish(waiting, NULL);
        return waiting_prepare_again(waiting, &waiting->slots.slots[waiting->at - 1], new, change_write);
}

/* The next slot that the old password may be of. */
static int change_try(Waiting *waiting, sd_bus_error *error)
{
        const Secret *old = waiting->options.old;

        while (waiting->at < waiting->slots.n) {
                const Slot *slot = waiting->slots.slots[waiting->at++];

                if (slot_collection(slot) != waiting->collection || slot_kind(slot) != kind_for(old))
                        continue;
                memcpy(waiting->slot, slot_id(slot), SLOT_ID_SIZE);
                waiting->otherwise = change_try;
                return waiting_open(waiting, waiting->collection, unless_empty(old), waiting->slot,
                                    /* unlock= */ false, "change-password", /* message= */ NULL, change_opened);
        }
        return denied(waiting, error);
}

static int method_change(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;
        CollectionRef collection;
        Waiting *waiting;
        int r;

        r = read_collection_of_vault(daemon, message, &collection, error);
        if (r < 0)
                return r;
        r = waiting_new(daemon, message, /* allowed= */ NULL, error, &waiting);
        if (r < 0)
                return r;
        r = read_password(waiting, &waiting->options.old, error);
        if (r >= 0)
                r = read_password(waiting, &waiting->options.new, error);
        if (r >= 0) {
                waiting->collection = scope_of(collection);
                waiting->options.no_interactive = true;
                r = vault_slots(daemon->vault, &waiting->slots);
                r = r != 0 ? daemon_secret_error(daemon, error, r) : change_try(waiting, error);
        }
        return waiting_started(waiting, r);
}

/* ---- ChangeWithPrompt ---- */

int secret_master_change_with_prompt(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        char path[SECRETS_PATH_MAX];
        Daemon *daemon = userdata;
        CollectionRef collection;
        const char *prompt;
        int r;

        r = read_collection_of_vault(daemon, message, &collection, error);
        if (r < 0)
                return r;
        r = secret_prompt_change(daemon, message, secret_collection_path(daemon, collection, path), &prompt, error);
        return r < 0 ? r : batch_reply_return(daemon, message, "o", prompt);
}

#define SENSITIVE (SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("ChangeWithMasterPassword",
                                SD_BUS_ARGS("o", collection, "(oayays)", original, "(oayays)", master),
                                SD_BUS_NO_RESULT, method_change, SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("ChangeWithPrompt", SD_BUS_ARGS("o", collection), SD_BUS_RESULT("o", prompt),
                                secret_master_change_with_prompt, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateWithMasterPassword", SD_BUS_ARGS("a{sv}", attributes, "(oayays)", master),
                                SD_BUS_RESULT("o", collection), method_create, SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("UnlockWithMasterPassword", SD_BUS_ARGS("o", collection, "(oayays)", master),
                                SD_BUS_NO_RESULT, method_unlock, SENSITIVE),
        SD_BUS_VTABLE_END,
};

int secret_master_attach(Daemon *daemon, sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, SECRETS_PATH, MASTER_INTERFACE, vtable, daemon);
}
