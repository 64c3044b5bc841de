/*
 * A disk that fails, and loses power: see fault-disk.h
 *
 * The real files hold what a running system sees. Beside them, for each file, is what the disk has for certain and the
 * list of changes since. A sector of a file after a power cut is what it was after any number of these changes, each
 * sector by itself: so writes get lost, overtake each other and tear. Names of files are durable when their directory
 * was synced, or SQLite's file itself (whose VFS syncs the directory with it).
 */
#include "tests/unit/fault-internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "tests/unit/test.h"

#define SECTOR 512U

static struct {
        char directory[PATH_MAX];
        Node *nodes;
        bool subdirectory_for_certain;
        bool armed, for_good, fired;
        DiskFault fault;
        unsigned at, passed;
        unsigned steps[_DISK_FAULT_MAX];
        uint64_t chance;
        void (*watch)(void *userdata);
        void *watch_userdata;
        bool away; /* what happens now is the test's own */
} disk = {.chance = 1};

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
        x += UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        return x ^ (x >> 31);
}

const char *disk_fault_name(DiskFault fault)
{
        return (const char *const[]){"full", "error", "short write", "torn write", "late error", "failed sync"}[fault];
}

/* ---- what is certain ---- */

static void drop_changes(Node *node)
{
        for (size_t i = 0; i < node->n_changes; i++)
                free(node->changes[i].data);
        free(node->changes);
        node->changes = NULL;
        node->n_changes = node->changed_end = 0;
}

Node *disk_node(const char *name)
{
        Node *node;

        for (node = disk.nodes; node; node = node->next)
                if (strcmp(node->name, name) == 0)
                        return node;
        node = calloc(1, sizeof(*node));
        CHECK(node);
        CHECK(snprintf(node->name, sizeof(node->name), "%s", name) < (int)sizeof(node->name));
        node->next = disk.nodes;
        disk.nodes = node;
        return node;
}

const char *disk_directory(void)
{
        return disk.directory;
}

const char *disk_name(const char *path)
{
        size_t n = strlen(disk.directory);

        return n > 0 && strncmp(path, disk.directory, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

void disk_note(Node *node, size_t offset, const void *data, size_t size)
{
        _cleanup_free_ uint8_t *all = NULL;
        Change *change;

        node->there = true;
        if (size == 0 && data)
                return;
        if (data && node->lossy) {
                /* Memory is written in pages. */
                char path[PATH_MAX + 64];
                size_t end = offset + size, all_size, used;
                const bool away = disk.away;

                (void)snprintf(path, sizeof(path), "%s/%s", disk.directory, node->name);
                disk.away = true;
                all = disk_read_file(path, &all_size, &used);
                disk.away = away;
                offset -= offset % PAGE;
                end += PAGE - 1 - (end - 1) % PAGE;
                size = (end < all_size ? end : all_size) - offset;
                data = all + offset;
        }
        node->changes = reallocarray(node->changes, node->n_changes + 1, sizeof(*node->changes));
        CHECK(node->changes);
        change = node->changes + node->n_changes++;
        *change = (Change){.offset = offset, .size = size};
        if (data && offset + size > node->changed_end)
                node->changed_end = offset + size;
        if (data) {
                change->data = malloc(size);
                CHECK(change->data);
                memcpy(change->data, data, size);
        }
}

/* What becomes of changes that were not synced. */
typedef enum Fate {
        FATE_LOST,
        FATE_DONE,
        FATE_PAGES,     /* any of the pages */
        FATE_SECTORS,   /* any of the sectors */
        FATE_CUT_SHORT, /* those up to a moment */
        FATE_BELOW,     /* those of a file up to a place, */
        FATE_ABOVE,     /* or from there on */
        _FATE_MAX
} Fate;

/* How many of the changes the sector at this offset has seen. */
static size_t limit_of(const Node *node, size_t offset, Fate fate, uint64_t seed)
{
        size_t n = node->n_changes, last = mix(seed ^ 1) % (n + 1);
        size_t place = node->changed_end >> mix(seed ^ 3) % 16, some = mix(seed ^ 4) % PAGE;
        uint64_t chance = mix(seed ^ mix(offset / (fate == FATE_PAGES ? PAGE : SECTOR)));

        switch (fate) {
        case FATE_LOST:
                return 0;
        case FATE_DONE:
                return n;
        case FATE_CUT_SHORT:
                return last < n && (chance & 1) ? last + 1 : last;
        case FATE_BELOW:
                return offset < place + some ? n : 0;
        case FATE_ABOVE:
                return offset < place + some ? 0 : n;
        default:
                return chance % 3 == 0 ? 0 : chance % 3 == 1 ? n : (chance >> 8) % (n + 1);
        }
}

static void replay_one(const Node *node, size_t i, Fate fate, uint64_t seed, uint8_t **data, size_t *size,
                       size_t *capacity)
{
        const Change *change = node->changes + i;
        size_t end = change->data ? change->offset + change->size : change->size, part;

        if (end > *capacity) {
                *data = realloc(*data, end);
                CHECK(*data);
                memset(*data + *capacity, 0, end - *capacity);
                *capacity = end;
        }
        if (!change->data) {
                for (size_t at = end; at < *size; at += part) {
                        part = SECTOR - at % SECTOR < *size - at ? SECTOR - at % SECTOR : *size - at;
                        if (limit_of(node, at, fate, seed) > i)
                                memset(*data + at, 0, part);
                }
                if (fate == FATE_DONE)
                        *size = end;
                return;
        }
        for (size_t at = change->offset; at < end; at += part) {
                part = SECTOR - at % SECTOR < end - at ? SECTOR - at % SECTOR : end - at;
                if (limit_of(node, at, fate, seed) <= i)
                        continue;
                memcpy(*data + at, change->data + (at - change->offset), part);
                if (at + part > *size)
                        *size = at + part;
        }
}

/* What the disk may have of a file when the power fails. */
static uint8_t *replay(const Node *node, Fate fate, uint64_t seed, size_t *ret_size, size_t *ret_used)
{
        size_t size = node->durable_size, used = node->durable_used, capacity = size > 0 ? size : 1;
        uint8_t *data = calloc(1, capacity);

        CHECK(data);
        if (used > 0)
                memcpy(data, node->durable, used);
        for (size_t i = 0; i < node->n_changes; i++)
                if (node->changes[i].data && node->changes[i].offset + node->changes[i].size > used)
                        used = node->changes[i].offset + node->changes[i].size;
        for (size_t i = 0; i < node->n_changes; i++)
                replay_one(node, i, fate, seed, &data, &size, &capacity);
        if (fate > FATE_DONE && (mix(seed ^ 2) & 3) == 0 && size > node->durable_size)
                size = node->durable_size; /* the inode was not written */
        *ret_size = size;
        *ret_used = used < size ? used : size;
        return data;
}

static void settle(Node *node, Fate fate, uint64_t seed)
{
        size_t size, used;
        uint8_t *data;

        if (node->n_changes == 0)
                return;
        data = replay(node, fate, seed, &size, &used);
        free(node->durable);
        node->durable = data;
        node->durable_size = size;
        node->durable_used = used;
        drop_changes(node);
}

void disk_settle_names(const char *below)
{
        for (Node *node = disk.nodes; node; node = node->next) {
                const char *slash = strchr(node->name, '/');

                if (below ? slash && strncmp(node->name, below, (size_t)(slash - node->name)) == 0 : !slash)
                        node->there_for_certain = node->there;
        }
        if (!below)
                disk.subdirectory_for_certain = true;
}

static void mount_one(const char *path, const char *name, void *userdata)
{
        Node *node = disk_node(name);

        node->there = node->there_for_certain = true;
        node->durable = disk_read_file(path, &node->durable_size, &node->durable_used);
        if (strchr(name, '/'))
                disk.subdirectory_for_certain = true;
}

void disk_mount(const char *directory)
{
        Node *next;

        for (Node *node = disk.nodes; node; node = next) {
                next = node->next;
                drop_changes(node);
                free(node->durable);
                free(node);
        }
        disk.nodes = NULL;
        disk.directory[0] = 0;
        disk.armed = false;
        disk.watch = NULL;
        disk.subdirectory_for_certain = false;
        memset(disk.steps, 0, sizeof(disk.steps));
        if (!directory)
                return;
        disk_walk(directory, "", mount_one, NULL);
        CHECK(realpath(directory, disk.directory));
}

void disk_copy(const char *to)
{
        const bool away = disk.away;
        DiskImage image;

        disk.away = true;
        disk_image_take(disk.directory, &image);
        disk_image_put(&image, to);
        disk_image_done(&image);
        disk.away = away;
}

void disk_cut(uint64_t seed, const char *to)
{
        bool below = disk.subdirectory_for_certain || (mix(seed) & 1);

        disk_clear(to);
        for (Node *node = disk.nodes; node; node = node->next) {
                uint64_t own = mix(seed ^ mix((uint64_t)node->name[strlen(node->name) - 1] + strlen(node->name)));
                bool there = node->there == node->there_for_certain ? node->there : own & 1;
                uint8_t *data;
                size_t size, used;

                if (!there || node->name[0] == NAMELESS[0] || (strchr(node->name, '/') && !below))
                        continue;
                data = replay(node, (Fate)(mix(own) % _FATE_MAX), own, &size, &used);
                disk_put_file(to, node->name, data, size, used);
                free(data);
        }
}

/* ---- steps ---- */

void disk_arm(DiskFault fault, unsigned at, bool for_good)
{
        disk.armed = true;
        disk.fired = false;
        disk.fault = fault;
        disk.at = at;
        disk.passed = 0;
        disk.for_good = for_good;
}

bool disk_disarm(void)
{
        disk.armed = false;
        return disk.fired;
}

unsigned disk_steps(DiskFault fault)
{
        return disk.steps[fault];
}

void disk_watch(void (*before)(void *userdata), void *userdata)
{
        disk.watch = before;
        disk.watch_userdata = userdata;
}

static bool can_have(Kind kind, DiskFault fault)
{
        switch (fault) {
        case DISK_FULL:
                return kind == KIND_WRITE || kind == KIND_ROOM;
        case DISK_SYNC:
                return kind == KIND_SYNC;
        case DISK_IO:
                return true;
        default:
                return kind == KIND_WRITE;
        }
}

/* Whether the step fails, and how. */
bool disk_step(Kind kind, DiskFault *ret)
{
        if (disk.away)
                return false;
        if (disk.watch && kind != KIND_READ && kind != KIND_OTHER) {
                disk.away = true;
                disk.watch(disk.watch_userdata);
                disk.away = false;
        }
        for (DiskFault fault = 0; fault < _DISK_FAULT_MAX; fault++)
                disk.steps[fault] += can_have(kind, fault);
        if (!disk.armed || !can_have(kind, disk.fault))
                return false;
        if (disk.passed++ != disk.at && !(disk.for_good && disk.passed > disk.at))
                return false;
        disk.fired = true;
        *ret = disk.fault;
        return true;
}

/* How much of a write is done before it fails. */
size_t disk_part(DiskFault fault, size_t offset, size_t size)
{
        size_t keep;

        switch (fault) {
        case DISK_SHORT:
                return size / 2;
        case DISK_LATE:
                return size;
        case DISK_TORN:
                keep = mix(disk.chance++) % (size + 1);
                keep -= (offset + keep) % SECTOR < keep ? (offset + keep) % SECTOR : keep;
                return keep;
        default:
                return 0;
        }
}

void disk_synced(Node *node, bool name)
{
        settle(node, FATE_DONE, 0);
        if (name)
                node->there_for_certain = node->there;
}

void disk_sync_failed(Node *node)
{
        uint64_t seed = mix(disk.chance++);

        settle(node, (Fate)(seed % _FATE_MAX), seed);
        node->lossy = true;
}

/* ---- files that get a name ---- */

void disk_nameless(void)
{
        Node *node = disk_node(NAMELESS);

        drop_changes(node);
        free(node->durable);
        node->durable = NULL;
        node->durable_size = node->durable_used = 0;
        node->lossy = false;
}

void disk_move(Node *from, Node *to, bool keep)
{
        drop_changes(to);
        free(to->durable);
        to->durable = malloc(from->durable_size + 1);
        CHECK(to->durable);
        if (from->durable_size > 0)
                memcpy(to->durable, from->durable, from->durable_size);
        to->durable_size = from->durable_size;
        to->durable_used = from->durable_used;
        for (size_t i = 0; i < from->n_changes; i++)
                disk_note(to, from->changes[i].offset, from->changes[i].data, from->changes[i].size);
        to->there = true;
        from->there = keep;
}
