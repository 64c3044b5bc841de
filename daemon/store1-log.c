/*
 * Store1: GetLog, who read or changed what
 *
 * The newest entries come first, as many as a message takes. What still waits in memory is written before it is looked, so
 * an answer is never behind. All of it takes a second to tell, so it is told in slices, of which there is one where little is wanted.
 * An app in a sandbox gets none: what the person's other programs do is none of its business.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/access-log.h"
#include "daemon/slices.h"

#define REPLY_MAX   ((size_t)32 * 1024 * 1024)
#define ENTRY_FRAME 512U /* of an entry: names, lengths, padding, numbers */
#define SLICE       64U  /* entries, after which a record is the last of its slice */

struct LogWork {
        Daemon *daemon;
        Waiting *waiting;
        Slices *slices; /* NULL: the first one */
        const Options *options;
        sd_bus_message *reply;
        ItemIds items; /* that the options name, of those there are */
        bool by_item;
        uint64_t before, tidied;
        size_t seen; /* in this slice */
        size_t n, total;
        int result;
};

LogWork *log_work_free(LogWork *work)
{
        if (!work)
                return NULL;
        access_log_release(work->daemon);
        (void)slices_free(work->slices);
        item_ids_done(&work->items);
        sd_bus_message_unref(work->reply);
        free(work);
        return NULL;
}

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
static bool is_item(const LogWork *work, const AccessEntry *entry)
{
        const Options *options = work->options;

        return ((!options->service || is(entry->service, options->service)) &&
                (!options->username || is(entry->username, options->username))) ||
               has_object(entry, &work->items);
}

static int append_text(sd_bus_message *m, const char *key, const char *value)
{
        return value[0] ? sd_bus_message_append(m, "{sv}", key, "s", value) : 0;
}

static int append_object(LogWork *work, const AccessEntry *entry)
{
        const VaultCollection *c = vault_collection_get(work->daemon->vault, entry->collection);
        ItemRef ref = {work->daemon->vault, entry->n_objects > 0 ? entry->objects[0] : 0};
        char path[SECRETS_PATH_MAX];
        int r = 0;

        if (c)
                r = append_text(work->reply, "collection", c->name);
        if (r >= 0 && c && entry->n_objects == 1)
                r = sd_bus_message_append(work->reply, "{sv}", "item", "o",
                                          secret_item_path(work->daemon, ref, path));
        return r;
}

static int append_entry(LogWork *work, const AccessEntry *entry)
{
        static const char *const confinements[] = {"unknown", "free", "confined"};
        sd_bus_message *m = work->reply;
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
                r = append_object(work, entry);
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
        LogWork *work = userdata;
        const Options *options = work->options;

        work->seen++;
        if (entry->last / 1000000 < options->since)
                return 0;
        if ((options->program && !is_program(entry, options->program)) ||
            (work->by_item && !is_item(work, entry)))
                return 0;
        work->total += ENTRY_FRAME + strlen(entry->program) + strlen(entry->comm) + strlen(entry->unit) +
                          strlen(entry->app) + strlen(entry->label) + strlen(entry->service) + strlen(entry->username);
        if (work->total > REPLY_MAX || (options->limit > 0 && work->n >= options->limit))
                return 1;
        work->n++;
        work->result = append_entry(work, entry);
        return work->result < 0;
}

static int find_items(LogWork *work)
{
        const Options *options = work->options;
        _cleanup_(item_ids_done) ItemIds closed = {0};
        VaultAttribute attributes[2];
        size_t n = 0;

        if (options->service)
                attributes[n++] = (VaultAttribute){.name = "service", .value = options->service};
        if (options->username)
                attributes[n++] = (VaultAttribute){.name = "username", .value = options->username};
        work->by_item = n > 0;
        return n > 0 ? vault_search(work->daemon->vault, 0, attributes, n, 0, &work->items, &closed) : 0;
}

/* Part of it; *ret_done after the last. */
static int slice(LogWork *work, bool *ret_done, sd_bus_error *error)
{
        int r = 0;

        work->seen = 0;
        while (r == 0 && work->before > 0 && work->seen < SLICE)
                r = access_log_walk(work->daemon, &work->before, 1, list, work);
        if (work->result < 0)
                return work->result;
        if (r != 0 && r != 1)
                return daemon_error(work->daemon, error, r);
        *ret_done = r == 1 || work->before == 0;
        return 0;
}

static int finish(LogWork *work)
{
        int r = sd_bus_message_close_container(work->reply);

        return r < 0 ? r : waiting_finish_large(work->waiting, work->reply, work->total);
}

static int go_on(Waiting *waiting, sd_bus_error *error)
{
        LogWork *work = waiting->log;
        bool done = false;
        int r;

        if (access_log_tidied(work->daemon) != work->tidied)
                return sd_bus_error_set(error, KEYFOB_ERROR_BUSY, "the log was put in order meanwhile: try again");
        r = slice(work, &done, error);
        if (r < 0)
                return r;
        if (done)
                return finish(work);
        slices_again(work->slices);
        return 0;
}

static void step(void *userdata)
{
        LogWork *work = userdata;

        batch_flush(work->daemon);
        work->waiting->next = go_on;
        waiting_step_done(work->waiting);
}

static int answer(Waiting *waiting, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        bool done = false;
        LogWork *work;
        int r;

        work = waiting->log = calloc(1, sizeof(*work));
        if (!work)
                return -ENOMEM;
        *work = (LogWork){.daemon = daemon, .waiting = waiting, .options = &waiting->options, .before = UINT64_MAX};
        access_log_hold(daemon);
        access_log_settle(daemon);
        work->tidied = access_log_tidied(daemon);
        r = sd_bus_message_new_method_return(waiting->call, &work->reply);
        if (r >= 0)
                r = sd_bus_message_open_container(work->reply, 'a', "a{sv}");
        if (r < 0)
                return r;
        r = find_items(work);
        if (r != 0)
                return daemon_error(daemon, error, r);
        r = slice(work, &done, error);
        if (r < 0)
                return r;
        if (done)
                return finish(work);
        r = list_work_room(waiting, error);
        return r < 0 ? r : slices_new(daemon->event, step, work, &work->slices);
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
