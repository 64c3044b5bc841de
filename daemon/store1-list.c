/*
 * Store1: lists of items, of those that are there and of those that were deleted
 *
 * A list may have as many entries as a message takes, and to open that many records takes seconds. So it is made in slices. The
 * first is made at once, and is all there is of most lists. What changes between two slices is in the list as it is
 * when its turn comes.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/secret-attributes.h"
#include "daemon/slices.h"

#define SLICE       ((size_t)200)              /* entries */
#define LISTS_MAX   4U                         /* of one client, that take more than one slice */
#define SEARCH_MAX  ((size_t)200000)           /* items a reply may list: the message limit is near */
#define LIST_MAX    ((size_t)62 * 1024 * 1024) /* bytes of a list; an array has 64 MiB at most */
#define ENTRY_FRAME 176U                       /* of an entry of Search: path, times, lengths, padding */
#define TRASH_FRAME 304U                       /* of ListDeleted: names as well */

struct ListWork {
        Daemon *daemon;
        Waiting *waiting; /* NULL: the first slice */
        Slices *slices;
        sd_bus_message *reply;
        SecretAttributes query;
        Options options;
        CollectionRef only;
        /* Entries that may still come, and what there are take. */
        size_t left, total;
        bool done;
        /* Where it goes on. */
        bool in_session; /* Search: of the vault in memory */
        ItemId from;
        uint64_t before; /* ListDeleted: a number of the trash */
        int (*slice)(ListWork *work, sd_bus_error *error);
};

ListWork *list_work_free(ListWork *work)
{
        if (!work)
                return NULL;
        (void)slices_free(work->slices);
        sd_bus_message_unref(work->reply);
        secret_attributes_done(&work->query);
        options_done(&work->options);
        free(work);
        return NULL;
}
DEFINE_CLEANUP(ListWork *, list_work_free)

/* Counts an item that is listed; false when the list would be more than a message takes. */
static bool fits(size_t *total, size_t frame, const Item *item)
{
        *total += frame;
        if (item) {
                *total += strlen(item->label);
                for (size_t i = 0; i < item->n_attributes; i++)
                        *total += strlen(item->attributes[i].name) + strlen(item->attributes[i].value) +
                                  20; /* lengths, padding */
        }
        return *total <= LIST_MAX;
}

static int too_large(sd_bus_error *error)
{
        sd_bus_error_setf(error, KEYFOB_ERROR_LIMITS,
                          "more than %zu MiB to list: ask for fewer with more attributes or a limit", LIST_MAX >> 20);
        return -E2BIG;
}

static int append_item(Daemon *daemon, sd_bus_message *m, ItemRef ref, bool locked, size_t *total, sd_bus_error *error)
{
        _cleanup_(item_freep) Item *item = NULL;
        char path[SECRETS_PATH_MAX];
        int r;

        if (locked && !fits(total, ENTRY_FRAME, NULL))
                return too_large(error);
        if (locked)
                return sd_bus_message_append(m, "(osa{ss}ttb)", secret_item_path(daemon, ref, path), "", 0,
                                             UINT64_C(0), UINT64_C(0), true);

        r = vault_item_get(ref.vault, ref.id, false, &item);
        if (r == VAULT_E_DAMAGED || r == VAULT_E_NOT_FOUND)
                return 0;
        if (r != 0)
                return r < 0 ? r : -EIO;
        if (!fits(total, ENTRY_FRAME, item))
                return too_large(error);
        r = sd_bus_message_open_container(m, 'r', "osa{ss}ttb");
        if (r >= 0)
                r = sd_bus_message_append(m, "os", secret_item_path(daemon, ref, path), item->label);
        if (r >= 0)
                r = secret_attributes_append(m, item->attributes, item->n_attributes);
        if (r >= 0)
                r = sd_bus_message_append(m, "ttb", item->created, item->modified, false);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ---- Search ---- */

static int search_slice(ListWork *work, sd_bus_error *error)
{
        _cleanup_(item_ids_done) ItemIds open = {0}, closed = {0};
        Daemon *daemon = work->daemon;
        Vault *vault = work->in_session ? daemon->session_vault : daemon->vault;
        int r;

        if (!work->only.vault || work->only.vault == vault) {
                r = vault_search_next(vault, work->only.no, work->query.attributes, work->query.n, &work->from,
                                      work->left < SLICE ? work->left + 1 : SLICE, &open, &closed);
                if (r != 0)
                        return daemon_error(daemon, error, r);
                if (open.n + closed.n > work->left && work->options.limit == 0) {
                        sd_bus_error_setf(error, KEYFOB_ERROR_LIMITS,
                                          "more than %zu items match: ask for fewer with more attributes or a limit",
                                          SEARCH_MAX);
                        return -E2BIG;
                }
        }
        for (size_t i = 0; i < open.n && work->left > 0; i++, work->left--) {
                r = append_item(daemon, work->reply, (ItemRef){vault, open.ids[i]}, false, &work->total, error);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < closed.n && work->left > 0; i++, work->left--) {
                r = append_item(daemon, work->reply, (ItemRef){vault, closed.ids[i]}, true, &work->total, error);
                if (r < 0)
                        return r;
        }
        if (work->from != 0 && (work->left > 0 || work->options.limit == 0))
                return 0;
        /* After the vault, the one in memory. */
        work->from = 0;
        work->done = work->in_session || work->left == 0;
        work->in_session = true;
        return 0;
}

/* ---- ListDeleted ---- */

static int append_trash(Daemon *daemon, sd_bus_message *m, const TrashEntry *entry)
{
        ItemRef ref = {.vault = daemon->vault, .id = entry->item->id};
        char path[SECRETS_PATH_MAX];
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}", "item", "o", secret_item_path(daemon, ref, path),
                                          "version", "t", entry->item->version, "label", "s", entry->item->label,
                                          "removed", "t", entry->removed, "deleted", "b", (int)entry->deleted);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "attributes");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a{ss}");
        if (r >= 0)
                r = secret_attributes_append(m, entry->item->attributes, entry->item->n_attributes);
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* A deleted collection is not among the objects, but its name stays its own. */
const char *store1_deleted_path(const VaultCollection *c, char ret[SECRETS_PATH_MAX])
{
        (void)snprintf(ret, SECRETS_PATH_MAX, SECRETS_PATH "/collection/%s", c->name);
        return ret;
}

static int append_deleted_collections(ListWork *work)
{
        const VaultCollection *c = NULL;
        int r = 0;

        while (r >= 0 && (c = vault_collection_next_deleted(work->daemon->vault, c))) {
                char path[SECRETS_PATH_MAX];

                r = sd_bus_message_append(work->reply, "a{sv}", 5, "item", "o", store1_deleted_path(c, path), "version", "t",
                                          UINT64_C(0), "label", "s", c->label, "collection", "s", c->name, "deleted", "b",
                                          true);
        }
        return r;
}

static int trash_slice(ListWork *work, sd_bus_error *error)
{
        _cleanup_(trash_list_done) TrashList trash = {0};
        Daemon *daemon = work->daemon;
        int r;

        r = vault_trash_next(daemon->vault, work->only.no, &work->before, work->left < SLICE ? work->left : SLICE, &trash);
        if (r != 0)
                return daemon_error(daemon, error, r);
        for (size_t i = 0; r >= 0 && i < trash.n; i++)
                r = fits(&work->total, TRASH_FRAME, trash.entries[i].item) ? append_trash(daemon, work->reply, &trash.entries[i])
                                                                           : too_large(error);
        work->left -= trash.n;
        work->done = work->before == 0 || work->left == 0;
        return r;
}

/* ---- all of it ---- */

static int go_on(Waiting *waiting, sd_bus_error *error)
{
        ListWork *work = waiting->list;
        int r = work->slice(work, error);

        if (r >= 0 && !work->done) {
                slices_again(work->slices);
                return 0;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(work->reply);
        return r < 0 ? r : waiting_finish_large(waiting, work->reply, work->total);
}

static void step(void *userdata)
{
        ListWork *work = userdata;

        batch_flush(work->daemon);
        work->waiting->next = go_on;
        waiting_step_done(work->waiting);
}

int list_work_room(const Waiting *waiting, sd_bus_error *error)
{
        unsigned n = 0;

        for (const Waiting *other = waiting->daemon->waitings; other; other = other->later)
                n += other != waiting && (other->list || other->log) && other->resource.caller == waiting->resource.caller;
        if (n < LISTS_MAX)
                return 0;
        sd_bus_error_setf(error, KEYFOB_ERROR_LIMITS, "more than %u long lists at a time: wait for one to end", LISTS_MAX);
        return -ENOBUFS;
}

/* Takes over the work. */
static int run(ListWork *taken, sd_bus_message *m, sd_bus_error *error)
{
        _cleanup_(list_work_freep) ListWork *work = taken;
        Waiting *waiting;
        int r;

        r = work->slice(work, error);
        if (r < 0) {
                _cleanup_(sd_bus_error_free) sd_bus_error own = SD_BUS_ERROR_NULL;

                /* It may rest on something not yet durable. */
                (void)sd_bus_error_set_errno(&own, r);
                return batch_reply_error(work->daemon, m, sd_bus_error_is_set(error) ? error : &own);
        }
        if (work->done) {
                r = sd_bus_message_close_container(work->reply);
                return r < 0 ? r : batch_reply_large(work->daemon, m, work->reply, work->total);
        }
        r = waiting_new(work->daemon, m, /* allowed= */ NULL, error, &waiting);
        if (r < 0)
                return r;
        work->waiting = waiting;
        r = list_work_room(waiting, error);
        if (r >= 0)
                r = slices_new(work->daemon->event, step, work, &work->slices);
        waiting->list = TAKE_PTR(work);
        return waiting_started(waiting, r);
}

static int work_new(Daemon *daemon, sd_bus_message *m, const char *entries, ListWork **ret)
{
        _cleanup_(list_work_freep) ListWork *work = calloc(1, sizeof(*work));
        int r;

        if (!work)
                return -ENOMEM;
        work->daemon = daemon;
        work->before = UINT64_MAX;
        r = sd_bus_message_new_method_return(m, &work->reply);
        if (r >= 0)
                r = sd_bus_message_open_container(work->reply, 'a', entries);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(work);
        return 0;
}

static int read_options(ListWork *work, sd_bus_message *m, sd_bus_error *error)
{
        static const char *const allowed[] = {"collection", "limit", NULL};
        int r;

        r = options_read(m, allowed, &work->options, error);
        if (r >= 0 && work->options.collection)
                r = store1_collection(work->daemon, work->options.collection, &work->only, error);
        work->left = work->options.limit > 0 && work->options.limit < SEARCH_MAX ? work->options.limit : SEARCH_MAX;
        return r;
}

int store1_search(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(list_work_freep) ListWork *work = NULL;
        Daemon *daemon = userdata;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = work_new(daemon, m, "(osa{ss}ttb)", &work);
        if (r >= 0)
                r = secret_attributes_read(m, &work->query, error);
        if (r >= 0)
                r = read_options(work, m, error);
        if (r < 0)
                return r;
        work->slice = search_slice;
        return run(TAKE_PTR(work), m, error);
}

int store1_list_deleted(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(list_work_freep) ListWork *work = NULL;
        Daemon *daemon = userdata;
        int r;

        r = store1_need_vault(daemon, error);
        if (r >= 0)
                r = work_new(daemon, m, "a{sv}", &work);
        if (r >= 0)
                r = read_options(work, m, error);
        if (r < 0)
                return r;
        if (work->only.vault && work->only.vault != daemon->vault)
                return store1_invalid(error, "the session collection keeps nothing that was deleted");
        r = work->only.vault ? 0 : append_deleted_collections(work);
        if (r < 0)
                return r;
        work->slice = trash_slice;
        return run(TAKE_PTR(work), m, error);
}
