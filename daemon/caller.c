/*
 * Callers
 *
 * A table of those who hold something here, found by connection and, on a message bus, unique name. A caller that
 * holds nothing is only made for the handler that asks and goes when the loop is reached again, so clients that come
 * and go leave nothing behind. Who has left a bus is told by the doors: the bus sends us a client's last message
 * before it says that the client is gone, so nobody is missed.
 */
#include "daemon/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"

#define CALLER_BUCKETS 256U

typedef struct CallerProgram {
        char name[64]; /* "" until it is wanted */
} CallerProgram;

struct Caller {
        Callers *callers;
        sd_bus *bus;  /* borrowed: the caller goes before it does */
        char *sender; /* NULL on the own socket */
        pid_t pid;
        uid_t uid;
        bool fresh;
        CallerProgram *program;
        CallerResource *resources[_CALLER_RESOURCE_MAX];
        unsigned n[_CALLER_RESOURCE_MAX];
        Caller *next;       /* in its bucket */
        Caller *next_fresh; /* holds nothing, maybe */
};

struct Callers {
        Daemon *daemon;
        Caller *buckets[CALLER_BUCKETS];
        Caller *fresh;
        sd_event_source *sweep;
};

static Caller **bucket_of(Callers *callers, const sd_bus *bus, const char *sender)
{
        uint64_t hash = (uint64_t)(uintptr_t)bus >> 4;

        for (const char *p = sender ? sender : ""; *p; p++)
                hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
        return &callers->buckets[(hash ^ hash >> 17) % CALLER_BUCKETS];
}

static bool same_name(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static Caller *find(Callers *callers, const sd_bus *bus, const char *sender)
{
        for (Caller *caller = *bucket_of(callers, bus, sender); caller; caller = caller->next)
                if (caller->bus == bus && same_name(caller->sender, sender))
                        return caller;
        return NULL;
}

/* The sender field counts only where a bus has written it. */
static const char *sender_of(sd_bus_message *message)
{
        return sd_bus_is_server(sd_bus_message_get_bus(message)) > 0 ? NULL : sd_bus_message_get_sender(message);
}

static bool is_idle(const Caller *caller)
{
        for (unsigned i = 0; i < _CALLER_RESOURCE_MAX; i++)
                if (caller->resources[i])
                        return false;
        return true;
}

static void unlink_caller(Caller *caller)
{
        Caller **p = bucket_of(caller->callers, caller->bus, caller->sender);

        while (*p != caller)
                p = &(*p)->next;
        *p = caller->next;

        if (!caller->fresh)
                return;
        for (p = &caller->callers->fresh; *p != caller;)
                p = &(*p)->next_fresh;
        *p = caller->next_fresh;
}

static Caller *caller_free(Caller *caller)
{
        if (!caller)
                return NULL;
        free(caller->program);
        free(caller->sender);
        free(caller);
        return NULL;
}
DEFINE_CLEANUP(Caller *, caller_free)

static void make_fresh(Caller *caller)
{
        Callers *callers = caller->callers;

        if (caller->fresh)
                return;
        caller->fresh = true;
        caller->next_fresh = callers->fresh;
        callers->fresh = caller;
        (void)sd_event_source_set_enabled(callers->sweep, SD_EVENT_ONESHOT);
}

static int on_sweep(sd_event_source *source, void *userdata)
{
        Callers *callers = userdata;
        Caller *caller;

        while ((caller = callers->fresh)) {
                callers->fresh = caller->next_fresh;
                caller->fresh = false;
                if (!is_idle(caller))
                        continue;
                unlink_caller(caller);
                caller_free(caller);
        }
        return 0;
}

static int query_creds(sd_bus *bus, sd_bus_message *message, bool own_socket, pid_t *ret_pid, uid_t *ret_uid)
{
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        uint64_t mask = SD_BUS_CREDS_PID | SD_BUS_CREDS_EUID;
        pid_t pid = 0;
        uid_t uid;
        int r;

        r = own_socket ? sd_bus_get_owner_creds(bus, mask, &creds) : sd_bus_query_sender_creds(message, mask, &creds);
        if (r < 0)
                return r;
        r = sd_bus_creds_get_euid(creds, &uid);
        if (r < 0)
                return r;
        if (sd_bus_creds_get_pid(creds, &pid) < 0)
                pid = 0;
        *ret_pid = pid;
        *ret_uid = uid;
        return 0;
}

int caller_of(Daemon *daemon, sd_bus_message *message, Caller **ret)
{
        _cleanup_(caller_freep) Caller *caller = NULL;
        sd_bus *bus = sd_bus_message_get_bus(message);
        const char *sender = sender_of(message);
        Caller *known, **bucket;
        int r;

        known = find(daemon->callers, bus, sender);
        if (known) {
                *ret = known;
                return 0;
        }

        caller = calloc(1, sizeof(*caller));
        if (!caller)
                return -ENOMEM;
        caller->callers = daemon->callers;
        caller->bus = bus;
        caller->program = calloc(1, sizeof(*caller->program));
        if (!caller->program)
                return -ENOMEM;
        if (sender) {
                caller->sender = strdup(sender);
                if (!caller->sender)
                        return -ENOMEM;
        }
        r = query_creds(bus, message, sd_bus_is_server(bus) > 0, &caller->pid, &caller->uid);
        if (r < 0)
                return r;
        if (caller->uid != getuid() && caller->uid != 0)
                return -EPERM;

        bucket = bucket_of(daemon->callers, bus, sender);
        caller->next = *bucket;
        *bucket = caller;
        make_fresh(caller);
        *ret = TAKE_PTR(caller);
        return 0;
}

bool caller_is(const Caller *caller, sd_bus_message *message)
{
        return caller->bus == sd_bus_message_get_bus(message) && same_name(caller->sender, sender_of(message));
}

int caller_attach(Caller *caller, CallerResource *resource, CallerResourceKind kind, void (*gone)(CallerResource *))
{
        static const unsigned limits[_CALLER_RESOURCE_MAX] = {
                [CALLER_SESSION] = CALLER_SESSIONS_MAX, [CALLER_PROMPT] = CALLER_PROMPTS_MAX,
                [CALLER_WAIT] = CALLER_WAITS_MAX,       [CALLER_AGENT] = CALLER_AGENTS_MAX,
                [CALLER_HOST] = CALLER_HOSTS_MAX,       [CALLER_SUBJECT] = 1,
                [CALLER_OBSERVER] = UINT32_MAX,
        };

        if (caller->n[kind] >= limits[kind])
                return -ENOBUFS;
        caller->n[kind]++;
        *resource = (CallerResource){.caller = caller, .next = caller->resources[kind], .kind = kind, .gone = gone};
        if (resource->next)
                resource->next->previous = resource;
        caller->resources[kind] = resource;
        return 0;
}

void caller_detach(CallerResource *resource)
{
        Caller *caller = resource->caller;

        if (!caller)
                return;
        if (resource->previous)
                resource->previous->next = resource->next;
        else
                caller->resources[resource->kind] = resource->next;
        if (resource->next)
                resource->next->previous = resource->previous;
        caller->n[resource->kind]--;
        resource->caller = NULL;
        resource->previous = resource->next = NULL;
        if (is_idle(caller))
                make_fresh(caller);
}

CallerResource *caller_resources(Caller *caller, CallerResourceKind kind)
{
        return caller->resources[kind];
}

/* Off the table first: what ends now may look callers up. Its resources may take each other along. */
static void leave(Caller *caller)
{
        unlink_caller(caller);
        caller->fresh = true; /* not to be swept: it is freed here */
        for (unsigned kind = 0; kind < _CALLER_RESOURCE_MAX; kind++) {
                CallerResource *resource;

                while ((resource = caller->resources[kind])) {
                        caller_detach(resource);
                        resource->gone(resource);
                }
        }
        caller_free(caller);
}

void callers_gone(Daemon *daemon, sd_bus *bus, const char *sender)
{
        Callers *callers = daemon->callers;

        if (!callers)
                return;
        if (sender) {
                Caller *caller = find(callers, bus, sender);

                if (caller)
                        leave(caller);
                return;
        }

        /* One that leaves may take another out of the bucket, hence from the top each time. */
        for (unsigned i = 0; i < CALLER_BUCKETS; i++) {
                for (Caller *caller = callers->buckets[i]; caller;) {
                        if (caller->bus == bus) {
                                leave(caller);
                                caller = callers->buckets[i];
                        } else {
                                caller = caller->next;
                        }
                }
        }
}

sd_bus *caller_bus(const Caller *caller)
{
        return caller->bus;
}

const char *caller_sender(const Caller *caller)
{
        return caller->sender;
}

pid_t caller_pid(const Caller *caller)
{
        return caller->pid;
}

bool caller_is_owner(const Caller *caller)
{
        return caller->uid == getuid();
}

/* comm stays readable in the sandbox. A process names itself as it likes, so what a terminal would obey is replaced.
 */
void caller_read_comm(pid_t pid, char *ret, size_t size)
{
        _cleanup_close_ int fd = -1;
        char path[64];
        ssize_t n;

        ret[0] = 0;
        if (pid <= 0)
                return;
        (void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return;
        n = read(fd, ret, size - 1);
        if (n < 0)
                n = 0;
        if (n > 0 && ret[n - 1] == '\n')
                n--;
        ret[n] = 0;
        for (ssize_t i = 0; i < n; i++)
                if ((unsigned char)ret[i] < ' ' || ret[i] == 0x7f)
                        ret[i] = '?';
        if (!utf8_valid(ret, (size_t)n))
                for (ssize_t i = 0; i < n; i++)
                        if ((unsigned char)ret[i] >= 0x80)
                                ret[i] = '?';
}

const char *caller_program(const Caller *caller)
{
        /* Read when it is first wanted, not with every caller: most are never shown. */
        if (caller->program->name[0] == 0)
                caller_read_comm(caller->pid, caller->program->name, sizeof(caller->program->name));
        return caller->program->name;
}

int callers_new(Daemon *daemon, Callers **ret)
{
        _cleanup_(callers_freep) Callers *callers = calloc(1, sizeof(*callers));
        int r;

        if (!callers)
                return -ENOMEM;
        callers->daemon = daemon;
        r = sd_event_add_defer(daemon->event, &callers->sweep, on_sweep, callers);
        if (r >= 0)
                r = sd_event_source_set_enabled(callers->sweep, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(callers);
        return 0;
}

void callers_leave(Callers *callers)
{
        for (unsigned i = 0; callers && i < CALLER_BUCKETS; i++)
                while (callers->buckets[i])
                        leave(callers->buckets[i]);
}

Callers *callers_free(Callers *callers)
{
        if (!callers)
                return NULL;
        callers_leave(callers);
        sd_event_source_disable_unref(callers->sweep);
        free(callers);
        return NULL;
}
