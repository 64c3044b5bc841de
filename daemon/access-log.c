/*
 * The log of accesses, until it is written
 *
 * Lines of a period wait in memory, found by who, what and which item, so that a repetition only counts. A period ends
 * when its lines are written: with the first change (whose line has to be in that very transaction), or when the timer
 * wants it. Lines become one record, in the order they came. When the transaction fails, lines of changes go with
 * the changes; what was read stays, for it was read.
 *
 * Nothing here may fail a call: a person who can't log is worse off without the password than without the line. What is
 * lost is said in the daemon's own log.
 */
#include "daemon/access-log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/access-internal.h"
#include "daemon/batch.h"
#include "daemon/log.h"

#define READ_USEC      (UINT64_C(3) * 1000000)  /* until what was read is written */
#define LOCKED_USEC    (UINT64_C(30) * 1000000) /* until it is tried again */
#define ACCURACY_USEC  (UINT64_C(500) * 1000)
#define LINES_MAX      1024U /* that wait; then what was read is written at once, or given up while locked */
#define LINES_OF_ONE   16U   /* of one caller in a period: then one for all further items */
#define RECORD_FULL    ((size_t)128 * 1024)
#define LOOSE_READ_MAX (16U * ACCESS_LOOSE_MAX) /* records that may wait to be put together while somebody reads */
#define BUCKETS        256U

typedef struct Line Line;
struct Line {
        AccessEntry entry; /* without the strings of `who`, and `objects` a set with gaps while there are many */
        Identity *who;     /* NULL: unknown */
        ItemId item;       /* 0: many, or a collection */
        size_t capacity;   /* of the set */
        bool change;       /* its transaction is not committed */
        Line *next;
        Line *same; /* in its bucket */
};

struct AccessLog {
        Daemon *daemon;
        Line *first, **last, *buckets[BUCKETS];
        size_t n_lines;
        uint64_t period;
        sd_event_source *timer;
        bool armed, due, joined, changes;
        AccessKeep keep;
        unsigned n_readers;
        uint64_t tidied; /* times that records were put together */
};

static uint64_t now_usec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- lines ---- */

static Line *line_free(Line *line)
{
        if (!line)
                return NULL;
        access_entry_done(&line->entry);
        identity_unref(line->who);
        free(line);
        return NULL;
}
DEFINE_CLEANUP(Line *, line_free)

static Line **bucket_of(AccessLog *log, const Identity *who, AccessKind kind, ItemId item)
{
        uint64_t hash = (uint64_t)(uintptr_t)who / sizeof(*who) + kind;

        hash = (hash ^ item) * UINT64_C(0x9e3779b97f4a7c15);
        return &log->buckets[hash >> 56];
}

static Line *find(AccessLog *log, const Identity *who, AccessKind kind, ItemId item)
{
        for (Line *line = *bucket_of(log, who, kind, item); line; line = line->same)
                if (line->who == who && line->entry.kind == kind && line->item == item)
                        return line;
        return NULL;
}

static void arm(AccessLog *log, uint64_t usec)
{
        log->armed = true;
        (void)sd_event_source_set_time_relative(log->timer, usec);
        (void)sd_event_source_set_enabled(log->timer, SD_EVENT_ONESHOT);
}

/* A period begins: lines that stay are found no more, and so are as they will be written. */
static void begin_period(AccessLog *log, bool drop_all)
{
        Line *line = log->first, *next;

        memset(log->buckets, 0, sizeof(log->buckets));
        log->first = NULL;
        log->last = &log->first;
        log->n_lines = 0;
        log->period++;
        log->changes = false;
        for (; line; line = next) {
                next = line->next;
                if (drop_all || line->change) {
                        line_free(line);
                        continue;
                }
                line->next = NULL;
                *log->last = line;
                log->last = &line->next;
                log->n_lines++;
        }
}

static void lose_oldest(AccessLog *log)
{
        Line *line = log->first, **p;

        for (p = bucket_of(log, line->who, line->entry.kind, line->item); *p && *p != line;)
                p = &(*p)->same;
        if (*p)
                *p = line->same;
        log->first = line->next;
        if (!log->first)
                log->last = &log->first;
        log->n_lines--;
        line_free(line);
}

static void add(AccessLog *log, Line *line)
{
        Line **bucket = bucket_of(log, line->who, line->entry.kind, line->item);

        line->same = *bucket;
        *bucket = line;
        *log->last = line;
        log->last = &line->next;
        log->n_lines++;
        if (line->change)
                log->changes = true;
        else if (!log->armed)
                arm(log, READ_USEC);
        if (log->n_lines < LINES_MAX)
                return;
        if (log->daemon->vault && vault_is_unlocked(log->daemon->vault))
                arm(log, 0);
        else if (!log->first->change)
                lose_oldest(log);
}

static char *attribute_of(const AccessObject *object, const char *const *names)
{
        for (; *names; names++)
                for (size_t i = 0; i < object->n_attributes; i++)
                        if (strcmp(object->attributes[i].name, *names) == 0)
                                return strndup(object->attributes[i].value, ACCESS_TEXT_MAX + 1);
        return strdup("");
}

static Line *line_new(AccessKind kind, Identity *who, uint32_t collection, ItemId item)
{
        Line *line = calloc(1, sizeof(*line));

        if (!line)
                return NULL;
        line->who = who ? identity_ref(who) : NULL;
        line->item = item;
        line->change = kind != ACCESS_READ && kind != ACCESS_REFUSED;
        line->entry.kind = kind;
        line->entry.collection = collection;
        line->entry.count = 1;
        line->entry.first = line->entry.last = now_usec();
        return line;
}

static Line *line_of_item(AccessKind kind, Identity *who, const AccessObject *object)
{
        static const char *const services[] = {"service", "server", NULL};
        static const char *const usernames[] = {"username", "user", "account", NULL};
        _cleanup_(line_freep) Line *line = line_new(kind, who, ITEM_ID_COLLECTION(object->item.id), object->item.id);

        if (!line)
                return NULL;
        line->entry.label = strndup(object->label ? object->label : "", ACCESS_TEXT_MAX + 1);
        line->entry.service = attribute_of(object, services);
        line->entry.username = attribute_of(object, usernames);
        line->entry.objects = calloc(1, sizeof(*line->entry.objects));
        if (!line->entry.label || !line->entry.service || !line->entry.username || !line->entry.objects)
                return NULL;
        line->entry.objects[0] = object->item.id;
        line->entry.n_objects = 1;
        return TAKE_PTR(line);
}

/* ---- lines for many ---- */

static bool set_put(uint64_t *set, size_t capacity, uint64_t value)
{
        size_t i = (size_t)((value * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (capacity - 1);

        while (set[i] != 0 && set[i] != value)
                i = (i + 1) & (capacity - 1);
        if (set[i] == value)
                return false;
        set[i] = value;
        return true;
}

static int set_grow(Line *line)
{
        size_t capacity = line->capacity > 0 ? 2 * line->capacity : 32;
        uint64_t *set = calloc(capacity, sizeof(*set));

        if (!set)
                return -ENOMEM;
        for (size_t i = 0; i < line->capacity; i++)
                if (line->entry.objects[i] != 0)
                        (void)set_put(set, capacity, line->entry.objects[i]);
        free(line->entry.objects);
        line->entry.objects = set;
        line->capacity = capacity;
        return 0;
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

/* What is in the set, in order and without gaps. */
static void set_close(Line *line)
{
        size_t n = 0;

        for (size_t i = 0; i < line->capacity; i++)
                if (line->entry.objects[i] != 0)
                        line->entry.objects[n++] = line->entry.objects[i];
        if (n > 1)
                qsort(line->entry.objects, n, sizeof(*line->entry.objects), compare);
        line->capacity = 0;
}

static Line *find_many(AccessLog *log, const Identity *who, AccessKind kind, uint32_t collection)
{
        for (Line *line = *bucket_of(log, who, kind, 0); line; line = line->same)
                if (line->who == who && line->entry.kind == kind && line->item == 0 && line->entry.collection == collection)
                        return line;
        return NULL;
}

/* A full one is left alone; the next begins before it in the bucket. */
static int put_among_many(AccessLog *log, AccessKind kind, Identity *who, const AccessObject *object)
{
        uint32_t collection = ITEM_ID_COLLECTION(object->item.id);
        Line *line = find_many(log, who, kind, collection);

        if (!line || line->entry.n_objects >= ACCESS_OBJECTS_MAX) {
                line = line_new(kind, who, collection, 0);
                if (!line)
                        return -ENOMEM;
                if (set_grow(line) < 0) {
                        line_free(line);
                        return -ENOMEM;
                }
                line->entry.count = 0;
                add(log, line);
        }
        if (line->entry.n_objects * 2 >= line->capacity && set_grow(line) < 0)
                return -ENOMEM;
        line->entry.n_objects += set_put(line->entry.objects, line->capacity, object->item.id);
        line->entry.count++;
        line->entry.last = now_usec();
        return 0;
}

/* ---- what happens ---- */

static bool has_room(AccessLog *log, Identity *who)
{
        if (!who)
                return true;
        if (who->period != log->period) {
                who->period = log->period;
                who->n_entries = 0;
        }
        if (who->n_entries >= LINES_OF_ONE)
                return false;
        who->n_entries++;
        return true;
}

static void note(Daemon *daemon, AccessKind kind, Identity *who, const AccessObject *object)
{
        AccessLog *log = daemon->access;
        Line *line;
        int r = 0;

        if (object->item.vault != daemon->vault)
                return;
        line = find(log, who, kind, object->item.id);
        if (line) {
                line->entry.count++;
                line->entry.last = now_usec();
                return;
        }
        if (has_room(log, who)) {
                _cleanup_(item_freep) Item *content = NULL;

                if (object->label || vault_item_get(object->item.vault, object->item.id, /* with_value= */ false, &content) != 0)
                        line = line_of_item(kind, who, object);
                else
                        line = line_of_item(kind, who, &ACCESS_OBJECT(object->item, content));
                if (line)
                        add(log, line);
                else
                        r = -ENOMEM;
        } else
                r = put_among_many(log, kind, who, object);
        if (r < 0)
                log_line(LOG_WARNING, "out of memory: a line of keyfob log is lost");
}

void access_log_read(Daemon *daemon, Identity *who, const AccessObject *object)
{
        note(daemon, ACCESS_READ, who, object);
}

void access_log_refused(Daemon *daemon, Identity *who, const AccessObject *object)
{
        note(daemon, ACCESS_REFUSED, who, object);
}

void access_log_wrote(Daemon *daemon, AccessKind kind, Identity *who, const AccessObject *object)
{
        note(daemon, kind, who, object);
}

void access_log_wrote_collection(Daemon *daemon, AccessKind kind, Identity *who, CollectionRef collection,
                                 const char *label)
{
        Line *line;

        if (collection.vault != daemon->vault)
                return;
        line = line_new(kind, who, collection.no, 0);
        if (line)
                line->entry.label = strndup(label, ACCESS_TEXT_MAX + 1);
        if (line && line->entry.label)
                add(daemon->access, line);
        else
                line_free(line);
}

/* ---- writing ---- */

static void write_line(ByteWriter *chunk, Line *line)
{
        AccessEntry entry = line->entry;

        if (line->capacity > 0) {
                set_close(line);
                entry = line->entry;
        }
        if (line->who) {
                entry.pid = (uint32_t)line->who->pid;
                entry.confinement = line->who->confinement;
                entry.program = line->who->program;
                entry.comm = line->who->comm;
                entry.unit = line->who->unit;
                entry.app = line->who->app;
        }
        access_chunk_add(chunk, &entry);
}

static int write_record(AccessLog *log, ByteWriter *chunk)
{
        uint64_t number;
        int r;

        r = chunk->failed ? -ENOMEM
                          : vault_record_create(log->daemon->vault, VAULT_CLASS_LOG, NULL, 0, chunk->data, chunk->size,
                                                &number);
        if (r == 0)
                access_keep_added(&log->keep);
        byte_writer_done(chunk);
        *chunk = BYTE_WRITER_NULL;
        return r;
}

static int write_lines(AccessLog *log)
{
        ByteWriter chunk = BYTE_WRITER_NULL;
        int r = 0;

        for (Line *line = log->first; line && r == 0; line = line->next) {
                if (chunk.size == 0)
                        access_chunk_begin(&chunk);
                write_line(&chunk, line);
                if (chunk.size >= RECORD_FULL || !line->next)
                        r = write_record(log, &chunk);
        }
        byte_writer_done(&chunk);
        return r;
}

void access_log_join(Daemon *daemon)
{
        AccessLog *log = daemon->access;
        int r;

        log->joined = false;
        if (!log->first || !(log->changes || log->due))
                return;
        r = write_lines(log);
        log->joined = r == 0;
        if (r == 0 || r == VAULT_E_LOCKED)
                return;
        log_line(LOG_WARNING, "what was done could not be written to keyfob log: %s", vault_strerror(r));
}

void access_log_committed(Daemon *daemon, int result)
{
        AccessLog *log = daemon->access;

        if (!log->first || !(log->changes || log->due))
                return;
        log->due = false;
        if (result == 0 && log->joined) {
                begin_period(log, /* drop_all= */ true);
                return;
        }
        if (result != 0)
                access_keep_forget(&log->keep);
        /* They were done, but could not be written: they are as good as what was read. */
        for (Line *line = log->first; line && result == 0; line = line->next)
                line->change = false;
        begin_period(log, /* drop_all= */ false);
        while (log->n_lines > LINES_MAX)
                lose_oldest(log);
        if (log->first && !log->armed)
                arm(log, LOCKED_USEC);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        AccessLog *log = userdata;
        Daemon *daemon = log->daemon;

        log->armed = false;
        if (!log->first)
                return 0;
        log->due = true;
        if (!daemon->vault || !vault_is_unlocked(daemon->vault) || batch_begin(daemon) != 0) {
                log->due = false;
                arm(log, LOCKED_USEC);
        }
        return 0;
}

void access_log_settle(Daemon *daemon)
{
        AccessLog *log = daemon->access;

        if (!log || !log->first || !daemon->vault || !vault_is_unlocked(daemon->vault))
                return;
        log->due = true;
        batch_flush(daemon);
        /* By itself, for this may be the end of the loop that commits. */
        if (log->first && vault_batch_begin(daemon->vault) == 0) {
                access_log_join(daemon);
                access_log_committed(daemon, vault_batch_commit(daemon->vault));
                batch_wrote(daemon);
        }
        log->due = false;
}

void access_log_forget(Daemon *daemon)
{
        if (!daemon->access)
                return;
        begin_period(daemon->access, /* drop_all= */ true);
        access_keep_forget(&daemon->access->keep);
}

void access_log_tidy(Daemon *daemon)
{
        AccessLog *log = daemon->access;
        size_t loose = log->keep.n_loose;

        if (log->n_readers > 0 && loose < LOOSE_READ_MAX)
                return;
        access_keep_tidy(&log->keep, daemon->vault);
        log->tidied += log->keep.n_loose < loose;
}

void access_log_hold(Daemon *daemon)
{
        daemon->access->n_readers++;
}

void access_log_release(Daemon *daemon)
{
        daemon->access->n_readers--;
}

uint64_t access_log_tidied(const Daemon *daemon)
{
        return daemon->access->tidied;
}

/* ---- life ---- */

int access_log_new(Daemon *daemon, AccessLog **ret)
{
        _cleanup_(access_log_freep) AccessLog *log = calloc(1, sizeof(*log));
        int r;

        if (!log)
                return -ENOMEM;
        log->daemon = daemon;
        log->last = &log->first;
        log->period = 1;
        r = sd_event_add_time_relative(daemon->event, &log->timer, CLOCK_MONOTONIC, READ_USEC, ACCURACY_USEC, on_timer,
                                       log);
        if (r >= 0)
                r = sd_event_source_set_enabled(log->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(log);
        return 0;
}

AccessLog *access_log_free(AccessLog *log)
{
        if (!log)
                return NULL;
        begin_period(log, /* drop_all= */ true);
        sd_event_source_disable_unref(log->timer);
        free(log);
        return NULL;
}
