/*
 * org.freedesktop.impl.portal.Secret
 *
 * An app in a sandbox encrypts its secrets itself, with a key that the portal hands it. The frontend of the portals
 * (xdg-desktop-portal) finds out who the app is, and nobody else is believed: only the owner of its name may call. A
 * program outside of a sandbox has no identity, and one key for all of those would be nobody's: it gets none.
 *
 * The keys are items of the default collection, with the attributes that gnome-keyring gives them, so that what was
 * brought over from there goes on being found. A key is handed out when it is durable, never before: the app may use it
 * at once.
 */
#include "daemon/portal-secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/app-name.h"
#include "crypto/seal.h"
#include "daemon/access-policy.h"
#include "daemon/log.h"
#include "daemon/opening.h"
#include "daemon/present.h"
#include "daemon/secret-internal.h"

#define PORTAL_PATH       "/org/freedesktop/portal/desktop"
#define PORTAL_REQUESTS   PORTAL_PATH "/request/"
#define PORTAL_SECRET     "org.freedesktop.impl.portal.Secret"
#define PORTAL_REQUEST    "org.freedesktop.impl.portal.Request"
#define FRONTEND          "org.freedesktop.portal.Desktop"
#define PORTAL_VERSION    1U
#define ATTRIBUTE_APP     "app_id"
#define ATTRIBUTE_SCHEMA  "xdg:schema"
#define KEY_SCHEMA        "org.freedesktop.portal.Secret"
#define KEY_SIZE          64U
#define KEY_MAX           ((size_t)4096) /* of one from elsewhere: what a pipe takes at once */
#define APP_MAX           255U
#define RESPONSE_DONE     0U
#define RESPONSE_REFUSED  1U
#define RESPONSE_FAILED   2U

typedef struct PortalCall {
        CallerResource resource; /* first: gone() gets it */
        Daemon *daemon;
        sd_bus_message *call;
        sd_bus_slot *asking, *request;
        Opening *opening;
        char *app, *handle;
        int fd;
} PortalCall;

static PortalCall *portal_call_free(PortalCall *call)
{
        if (!call)
                return NULL;
        caller_detach(&call->resource);
        sd_bus_slot_unref(call->asking);
        sd_bus_slot_unref(call->request);
        opening_cancel(call->opening);
        sd_bus_message_unref(call->call);
        free(call->app);
        free(call->handle);
        if (call->fd >= 0)
                (void)close(call->fd);
        free(call);
        return NULL;
}
DEFINE_CLEANUP(PortalCall *, portal_call_free)

static void portal_call_gone(CallerResource *resource)
{
        portal_call_free((PortalCall *)resource);
}

/* ---- the end ---- */

static void end(PortalCall *call, uint32_t response)
{
        (void)batch_reply_return(call->daemon, call->call, "ua{sv}", response, 0);
        portal_call_free(call);
}

/* What went wrong, the frontend keeps to itself; so it is logged as well. */
static void fail(PortalCall *call, int result)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (result == -EKEYREJECTED)
                (void)sd_bus_error_set(&error, KEYFOB_ERROR_NOT_ALLOWED, "keyfob policy denies it");
        else
                (void)opening_error(call->daemon, &error, result);
        log_line(LOG_WARNING, "the app %s got no key: %s", call->app, error.message);
        end(call, result == OPENING_CANCELLED || result == -EKEYREJECTED ? RESPONSE_REFUSED : RESPONSE_FAILED);
}

/* ---- the key ---- */

/* Nothing but the app, and perhaps the schema: other items may say as well which app they are of. */
static bool is_key(const Item *item, const char *app)
{
        bool found = false;

        for (size_t i = 0; i < item->n_attributes; i++) {
                const VaultAttribute *a = &item->attributes[i];

                if (strcmp(a->name, ATTRIBUTE_APP) == 0 && strcmp(a->value, app) == 0)
                        found = true;
                else if (strcmp(a->name, ATTRIBUTE_SCHEMA) != 0 ||
                         (strcmp(a->value, KEY_SCHEMA) != 0 && strcmp(a->value, VAULT_GENERIC_SCHEMA) != 0))
                        return false;
        }
        return found && item->value->size > 0 && item->value->size <= KEY_MAX;
}

/* The oldest, if there are several. VAULT_E_NOT_FOUND; VAULT_E_DAMAGED: it may have been there. */
static int find_key(const PortalCall *call, CollectionRef collection, Item **ret)
{
        const VaultAttribute app = {ATTRIBUTE_APP, call->app};
        _cleanup_(item_ids_done) ItemIds open = {0}, locked = {0};
        int r;

        r = vault_search(collection.vault, collection.no, &app, 1, /* limit= */ 0, &open, &locked);
        if (r != 0)
                return r;
        for (size_t i = 0; i < open.n; i++) {
                _cleanup_(item_freep) Item *item = NULL;

                r = vault_item_get(collection.vault, open.ids[i], /* with_value= */ true, &item);
                if (r < 0)
                        return r;
                if (r != 0 || !is_key(item, call->app))
                        continue;
                *ret = TAKE_PTR(item);
                return 0;
        }
        return open.damaged ? VAULT_E_DAMAGED : VAULT_E_NOT_FOUND;
}

/* Durable when this returns, with its line of the log. */
static int make_key(const PortalCall *call, CollectionRef collection, const char *label, Identity *who, Item **ret)
{
        const VaultAttribute attributes[] = {{ATTRIBUTE_APP, call->app}, {ATTRIBUTE_SCHEMA, KEY_SCHEMA}};
        uint8_t key[KEY_SIZE];
        const ItemChange change = {
                .label = label,
                .attributes = attributes,
                .n_attributes = ELEMENTSOF(attributes),
                .value = key,
                .value_size = sizeof(key),
                .value_set = true,
                .content_type = "application/octet-stream",
        };
        ItemRef item = {.vault = collection.vault};
        int r;

        r = secret_change_begin(call->daemon, collection.vault);
        if (r != 0)
                return r;
        random_bytes(key, sizeof(key));
        r = vault_item_create(collection.vault, collection.no, &change, /* replace= */ false, &item.id, NULL);
        explicit_bzero(key, sizeof(key));
        if (r == 0) {
                access_log_wrote(call->daemon, ACCESS_CREATED, who, &ACCESS_OBJECT(item, &change));
                r = batch_commit(call->daemon);
        } else
                batch_flush(call->daemon);
        if (r != 0)
                return r;
        log_line(LOG_NOTICE, "a key was made for the app %s", call->app);
        secret_notify_item_created(call->daemon, item);
        return vault_item_get(item.vault, item.id, /* with_value= */ true, ret);
}

/* At once or not at all: nobody is waited for who does not read. A pipe that can be written to takes this much, and so does
 * a socket. */
static int hand_over(int fd, const Secret *key)
{
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        ssize_t n;

        if (poll(&ready, 1, /* timeout= */ 0) < 1 || !(ready.revents & POLLOUT))
                return -EAGAIN;
        n = write(fd, key->data, key->size);
        return n < 0 ? -errno : (size_t)n == key->size ? 0 : -EIO;
}

/* The frontend calls a snap "snap.NAME"; a name of Flatpak's has two dots at least. */
static Identity *identify(const PortalCall *call)
{
        bool snap = strncmp(call->app, "snap.", 5) == 0 && !strchr(call->app + 5, '.');
        char name[APP_MAX + 16];

        (void)snprintf(name, sizeof(name), "%s%s", snap ? APP_SNAP : APP_FLATPAK, snap ? call->app + 5 : call->app);
        return identity_of_app(call->daemon, name);
}

static int find_or_make(const PortalCall *call, CollectionRef collection, Identity *who, Item **ret)
{
        _cleanup_free_ char *label = NULL;
        int r, allowed;

        r = find_key(call, collection, ret);
        if (r == 0)
                return access_may_have_key(call->daemon, who, &ACCESS_OBJECT(((ItemRef){collection.vault, (*ret)->id}), *ret));
        if (r != VAULT_E_NOT_FOUND)
                return r;
        if (asprintf(&label, "Key of the app %s", call->app) < 0) {
                label = NULL;
                return -ENOMEM;
        }
        allowed = access_may_have_key(call->daemon, who,
                                      &(AccessObject){.item = {collection.vault, ITEM_ID(collection.no, 0)}, .label = label});
        return allowed != 0 ? allowed : make_key(call, collection, label, who, ret);
}

static void give_key(PortalCall *call)
{
        _cleanup_(identity_unrefp) Identity *who = identify(call);
        _cleanup_(item_freep) Item *key = NULL;
        Daemon *daemon = call->daemon;
        CollectionRef collection;
        int r;

        batch_flush(daemon);
        if (!secret_path_alias(daemon, "default", &collection)) {
                fail(call, VAULT_E_NOT_FOUND);
                return;
        }
        r = who ? find_or_make(call, collection, who, &key) : -ENOMEM;
        if (r == 0)
                r = hand_over(call->fd, key->value);
        if (r != 0) {
                fail(call, r);
                return;
        }
        access_log_read(daemon, who, &ACCESS_OBJECT(((ItemRef){collection.vault, key->id}), key));
        end(call, RESPONSE_DONE);
}

/* ---- the vault ---- */

static void opened(void *userdata, int result, Root *root)
{
        PortalCall *call = userdata;

        call->opening = NULL;
        if (result == 0 && root)
                result = opening_unlock(call->daemon, root);
        root_free(root);
        if (result == 0)
                give_key(call);
        else
                fail(call, result);
}

static void open_default(PortalCall *call)
{
        _cleanup_free_ char *message = NULL;
        Daemon *daemon = call->daemon;
        const VaultCollection *c;
        CollectionRef collection;
        int r;

        if (!daemon->vault || !secret_path_alias(daemon, "default", &collection)) {
                fail(call, !daemon->vault && daemon->vault_state != 0 ? daemon->vault_state : VAULT_E_NOT_FOUND);
                return;
        }
        c = vault_collection_get(collection.vault, collection.no);
        if (!c->locked) {
                give_key(call);
                return;
        }
        if (asprintf(&message, "The app \"%s\" wants the key of its own secrets.", call->app) < 0) {
                message = NULL;
                fail(call, -ENOMEM);
                return;
        }
        r = opening_start(daemon,
                          &(OpeningRequest){
                                  .about = {.program = call->app},
                                  .collection = c->own_slots ? c->no : 0,
                                  .interactive = true,
                                  /* As a prompt of the Secret Service: see secret-prompt-act.c. */
                                  .unlock = c->own_slots || !opening_scope_is_open(daemon, 0),
                                  .purpose = "unlock",
                                  .message = message,
                          },
                          opened, call, &call->opening);
        if (r != 0)
                fail(call, r);
}

/* ---- org.freedesktop.impl.portal.Request ---- */

static int method_close(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        PortalCall *call = userdata;
        Daemon *daemon = call->daemon;

        if (!caller_is(call->resource.caller, message))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "this request belongs to another client");
        end(call, RESPONSE_REFUSED);
        return batch_reply_return(daemon, message, NULL);
}

static const sd_bus_vtable request_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Close", NULL, NULL, method_close, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- org.freedesktop.impl.portal.Secret ---- */

static int on_frontend(sd_bus_message *reply, void *userdata, sd_bus_error *unused)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        PortalCall *call = userdata;
        const char *owner;

        call->asking = sd_bus_slot_unref(call->asking);
        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "s", &owner) < 0 ||
            strcmp(owner, caller_sender(call->resource.caller)) != 0) {
                sd_bus_error_set(&error, SD_BUS_ERROR_ACCESS_DENIED,
                                 "only " FRONTEND " may ask for keys: it knows which app is which");
                (void)batch_reply_error(call->daemon, call->call, &error);
                portal_call_free(call);
                return 0;
        }
        if (sd_bus_add_object_vtable(sd_bus_message_get_bus(call->call), &call->request, call->handle, PORTAL_REQUEST,
                                     request_vtable, call) < 0) {
                fail(call, -EEXIST);
                return 0;
        }
        open_default(call);
        return 0;
}

static bool is_app(const char *app)
{
        size_t n = strlen(app);

        return n <= APP_MAX && strspn(app, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

/* Writing to anything else may block, or leave the key lying there. */
static bool takes_key(int fd)
{
        int flags = fcntl(fd, F_GETFL);
        struct stat st;

        return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && fstat(fd, &st) == 0 &&
               (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

static int method_retrieve(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(portal_call_freep) PortalCall *call = NULL;
        const char *handle, *app;
        Daemon *daemon = userdata;
        Caller *caller;
        int r, fd;

        r = sd_bus_message_read(message, "osh", &handle, &app, &fd);
        if (r < 0)
                return r;
        if (!*app)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                                        "programs outside of a sandbox get no key, they would share it: use the Secret Service");
        if (!is_app(app))
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "that is not the id of an app");
        if (strncmp(handle, PORTAL_REQUESTS, strlen(PORTAL_REQUESTS)) != 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "a request lies below " PORTAL_REQUESTS);
        if (!takes_key(fd))
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                        "the descriptor must be a pipe or a socket that can be written to");
        r = caller_of(daemon, message, &caller);
        if (r < 0)
                return r;

        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        call->daemon = daemon;
        call->fd = -1;
        call->call = sd_bus_message_ref(message);
        call->app = strdup(app);
        call->handle = strdup(handle);
        call->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (call->fd < 0)
                return -errno;
        if (!call->app || !call->handle)
                return -ENOMEM;
        r = caller_attach(caller, &call->resource, CALLER_WAIT, portal_call_gone);
        if (r == -ENOBUFS)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many apps wait for their keys");
        if (r >= 0)
                r = sd_bus_call_method_async(sd_bus_message_get_bus(message), &call->asking, "org.freedesktop.DBus",
                                             "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner", on_frontend,
                                             call, "s", FRONTEND);
        if (r < 0)
                return r;
        call = NULL; /* it is the caller's now */
        return 1;
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "u", PORTAL_VERSION);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("RetrieveSecret", SD_BUS_ARGS("o", handle, "s", app_id, "h", fd, "a{sv}", options),
                                SD_BUS_RESULT("u", response, "a{sv}", results), method_retrieve,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("version", "u", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

int portal_secret_attach(Daemon *daemon, sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, PORTAL_PATH, PORTAL_SECRET, vtable, daemon);
}
