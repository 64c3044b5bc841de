/*
 * Store1: GetLog, who read or changed what
 *
 * The newest entries come first, as many as a message takes. What still waits in memory is written before it is looked, so
 * an answer is never behind. An app in a sandbox gets none: what the person's other programs do is none of its business.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/access-log.h"

#define REPLY_MAX   ((size_t)32 * 1024 * 1024)
#define ENTRY_FRAME 512U /* of an entry: names, lengths, padding, numbers */

typedef struct Listing {
        Daemon *daemon;
        const Options *options;
        sd_bus_message *reply;
        ItemIds items; /* that the options name, of those there are */
        bool by_item;
        size_t n, total;
        int result;
} Listing;

static bool is(const char *text, const char *wanted)
{
        return text[0] && strcmp(text, wanted) == 0;
}

/* A program is named as it is shown: by path, the end of it, what it calls itself, its unit or its app. */
static bool is_program(const AccessEntry *entry, const char *wanted)
{
        const char *slash = strrchr(entry->program, '/');

        return is(entry->program, wanted) || (slash && is(slash + 1, wanted)) || is(entry->comm, wanted) ||
               is(entry->unit, wanted) || is(entry->app, wanted);
}

static int compare(const void *a, const void *b)
{
        ItemId x = *(const ItemId *)a, y = *(const ItemId *)b;

        return x < y ? -1 : x > y;
}

/* A search gives ids in ascending order. */
static bool has_object(const AccessEntry *entry, const ItemIds *ids)
{
        for (size_t i = 0; ids->n > 0 && i < entry->n_objects; i++)
                if (bsearch(&entry->objects[i], ids->ids, ids->n, sizeof(*ids->ids), compare))
                        return true;
        return false;
}

/* By the names that it had then, or as one of those that have them now. */
static bool is_item(const Listing *listing, const AccessEntry *entry)
{
        const Options *options = listing->options;

        return ((!options->service || is(entry->service, options->service)) &&
                (!options->username || is(entry->username, options->username))) ||
               has_object(entry, &listing->items);
}

static int append_text(sd_bus_message *m, const char *key, const char *value)
{
        return value[0] ? sd_bus_message_append(m, "{sv}", key, "s", value) : 0;
}

static int append_object(Listing *listing, const AccessEntry *entry)
{
        const VaultCollection *c = vault_collection_get(listing->daemon->vault, entry->collection);
        ItemRef ref = {listing->daemon->vault, entry->n_objects > 0 ? entry->objects[0] : 0};
        char path[SECRETS_PATH_MAX];
        int r = 0;

        if (c)
                r = append_text(listing->reply, "collection", c->name);
        if (r >= 0 && c && entry->n_objects == 1)
                r = sd_bus_message_append(listing->reply, "{sv}", "item", "o",
                                          secret_item_path(listing->daemon, ref, path));
        return r;
}

static int append_entry(Listing *listing, const AccessEntry *entry)
{
        static const char *const confinements[] = {"unknown", "free", "confined"};
        sd_bus_message *m = listing->reply;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}", "kind", "s", access_kind_name(entry->kind), "first",
                                          "t", entry->first / 1000000, "last", "t", entry->last / 1000000, "count", "u",
                                          entry->count, "items", "u", (uint32_t)entry->n_objects);
        if (r >= 0 && entry->pid > 0)
                r = sd_bus_message_append(m, "{sv}", "pid", "u", entry->pid);
        if (r >= 0)
                r = append_text(m, "program", entry->program);
        if (r >= 0)
                r = append_text(m, "comm", entry->comm);
        if (r >= 0)
                r = append_text(m, "unit", entry->unit);
        if (r >= 0)
                r = append_text(m, "app", entry->app);
        if (r >= 0)
                r = append_text(m, "confinement", confinements[entry->confinement]);
        if (r >= 0)
                r = append_object(listing, entry);
        if (r >= 0)
                r = append_text(m, "label", entry->label);
        if (r >= 0)
                r = append_text(m, "service", entry->service);
        if (r >= 0)
                r = append_text(m, "username", entry->username);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* 1 ends the walk: there is enough, or it failed. */
static int list(const AccessEntry *entry, void *userdata)
{
        Listing *listing = userdata;
        const Options *options = listing->options;

        if (entry->last / 1000000 < options->since)
                return 0;
        if ((options->program && !is_program(entry, options->program)) ||
            (listing->by_item && !is_item(listing, entry)))
                return 0;
        listing->total += ENTRY_FRAME + strlen(entry->program) + strlen(entry->comm) + strlen(entry->unit) +
                          strlen(entry->app) + strlen(entry->label) + strlen(entry->service) + strlen(entry->username);
        if (listing->total > REPLY_MAX || (options->limit > 0 && listing->n >= options->limit))
                return 1;
        listing->n++;
        listing->result = append_entry(listing, entry);
        return listing->result < 0;
}

static int find_items(Listing *listing)
{
        const Options *options = listing->options;
        _cleanup_(item_ids_done) ItemIds closed = {0};
        VaultAttribute attributes[2];
        size_t n = 0;

        if (options->service)
                attributes[n++] = (VaultAttribute){.name = "service", .value = options->service};
        if (options->username)
                attributes[n++] = (VaultAttribute){.name = "username", .value = options->username};
        listing->by_item = n > 0;
        return n > 0 ? vault_search(listing->daemon->vault, 0, attributes, n, 0, &listing->items, &closed) : 0;
}

static int answer(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Listing listing = {.daemon = waiting->daemon, .options = &waiting->options};
        int r;

        access_log_settle(waiting->daemon);
        r = sd_bus_message_new_method_return(waiting->call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r < 0)
                return r;
        listing.reply = reply;
        r = find_items(&listing);
        if (r == 0)
                r = access_log_walk(waiting->daemon, list, &listing);
        item_ids_done(&listing.items);
        if (listing.result < 0)
                return listing.result;
        if (r != 0 && r != 1)
                return daemon_error(waiting->daemon, error, r);
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : waiting_finish_large(waiting, reply, listing.total);
}

int store1_get_log(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"interactive", "limit", "program", "service", "since", "username", NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        int r;

        r = store1_not_for_apps(daemon, m, store1_get_log, "can't read the log", error);
        if (r != 0)
                return r;
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        return waiting_started(waiting, waiting_unlock(waiting, "Enter the password of your Keyfob vault, to read its log.",
                                                       answer, error));
}
