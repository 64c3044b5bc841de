/*
 * Identities
 *
 * A caller that has been identified, or is being, has a resource here (a Subject), so that it stays known until it leaves.
 * The process is held by a descriptor: the kernel's own of who connected where it gives one, else one that is opened for
 * the pid while the connection still stands. What the helper says of the pid counts only if that process was still there
 * afterwards, for then the number was nobody else's. When it has ended and its connection lives on (a child has it), the
 * caller is unknown. An app would take off its name like that, so it keeps it, and who had ended before the first look
 * counts as one.
 *
 * Calls that come before the answer wait in order. The helper is asked about few at a time; the rest waits here.
 */
#include "daemon/identity.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/bytes.h"
#include "daemon/batch.h"
#include "daemon/helper-link.h"
#include "daemon/own-socket.h"

#define ASKED_MAX     64U
#define APPS_MAX      64U  /* that are remembered, so that of each the log has one line for many reads */
#define PROCESSES_MAX 128U /* held at a time: of further ones, who they were at first is believed */

typedef struct Parked Parked;
struct Parked {
        sd_bus_message *call;
        sd_bus_message_handler_t again;
        Parked *next;
};

typedef struct Subject Subject;
struct Subject {
        CallerResource resource; /* first: gone() gets it */
        Identities *identities;
        int process;        /* its pidfd, or a negative errno: why there is none */
        Identity *identity; /* NULL: being found out */
        HelperCall *asked;
        bool in_line;
        Subject *next; /* in line */
        Parked *first, **last;
        unsigned n_parked;
        bool resuming, gone; /* its calls are being handled; it has left meanwhile */
};

struct Identities {
        Daemon *daemon;
        unsigned n_asked, n_processes;
        Subject *line, **line_end;
        Identity *apps[APPS_MAX];
        unsigned next_app; /* whose place is taken next */
};

/* ---- identity ---- */

static Identity *identity_free(Identity *identity)
{
        if (!identity)
                return NULL;
        free(identity->program);
        free(identity->comm);
        free(identity->unit);
        free(identity->app);
        free(identity);
        return NULL;
}
DEFINE_CLEANUP(Identity *, identity_free)

Identity *identity_ref(Identity *identity)
{
        identity->n_refs++;
        return identity;
}

Identity *identity_unref(Identity *identity)
{
        if (identity && --identity->n_refs == 0)
                identity_free(identity);
        return NULL;
}

/* Of what the daemon sees by itself. */
static Identity *identity_new(pid_t pid)
{
        _cleanup_(identity_freep) Identity *identity = calloc(1, sizeof(*identity));
        char comm[64];

        if (!identity)
                return NULL;
        caller_read_comm(pid, comm, sizeof(comm));
        identity->n_refs = 1;
        identity->pid = pid;
        identity->program = strdup("");
        identity->comm = strdup(comm);
        identity->unit = strdup("");
        identity->app = strdup("");
        if (!identity->program || !identity->comm || !identity->unit || !identity->app)
                return NULL;
        return TAKE_PTR(identity);
}

static void take_string(char **place, char *text)
{
        if (!text)
                return;
        free(*place);
        *place = text;
}

static void read_answer(Identity *identity, ByteReader *fields)
{
        char *program = byte_reader_string(fields, HELPER_TEXT_MAX), *comm = byte_reader_string(fields, HELPER_TEXT_MAX);
        char *unit = byte_reader_string(fields, HELPER_UNIT_MAX);
        uint8_t confinement = byte_reader_u8(fields);
        char *app = byte_reader_string(fields, HELPER_UNIT_MAX);

        take_string(&identity->program, program);
        take_string(&identity->comm, comm);
        take_string(&identity->unit, unit);
        take_string(&identity->app, app);
        identity->confinement = fields->failed || confinement > HELPER_CONFINED ? HELPER_CONFINEMENT_UNKNOWN
                                                                                : (HelperConfinement)confinement;
}

/* ---- processes ---- */

static int pidfd_of(pid_t pid)
{
        int fd;

        if (pid <= 0)
                return -EOPNOTSUPP;
        fd = (int)syscall(SYS_pidfd_open, pid, 0);
        return fd < 0 ? -errno : fd;
}

/* On a bus only the pid is told; on our own sockets the kernel may know more. */
static int open_process(const Caller *caller)
{
        sd_bus *bus = caller_bus(caller);
        int fd;

        if (sd_bus_is_server(bus) > 0) {
                fd = own_socket_peer_process(sd_bus_get_fd(bus));
                if (fd != -EOPNOTSUPP)
                        return fd;
        }
        return pidfd_of(caller_pid(caller));
}

/* Where the system can't hold processes, or tells of none (from another container), nobody hides anything by it. */
static bool is_hidden(int process)
{
        return process != -ENOSYS && process != -EPERM && process != -EOPNOTSUPP;
}

static bool is_there(int process)
{
        struct pollfd ended = {.fd = process, .events = POLLIN};

        return process >= 0 && poll(&ended, 1, 0) == 0;
}

/* ---- calls that wait ---- */

void call_again(Daemon *daemon, sd_bus_message *call, sd_bus_message_handler_t handler)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_message_rewind(call, /* complete= */ true);
        if (r >= 0)
                r = handler(call, daemon, &error);
        if (r >= 0 && !sd_bus_error_is_set(&error))
                return;
        if (!sd_bus_error_is_set(&error))
                (void)sd_bus_error_set_errno(&error, r);
        (void)batch_reply_error(daemon, call, &error);
}

static Parked *parked_free(Parked *parked)
{
        sd_bus_message_unref(parked->call);
        free(parked);
        return NULL;
}

static int park(Subject *subject, sd_bus_message *call, sd_bus_message_handler_t again, sd_bus_error *error)
{
        Parked *parked;

        if (subject->n_parked >= IDENTITY_WAITING_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                        "too many calls before it is known who makes them: wait for answers");
        parked = calloc(1, sizeof(*parked));
        if (!parked)
                return -ENOMEM;
        parked->call = sd_bus_message_ref(call);
        parked->again = again;
        *subject->last = parked;
        subject->last = &parked->next;
        subject->n_parked++;
        return 1;
}

static Parked *take_parked(Subject *subject)
{
        Parked *parked = subject->first;

        if (!parked)
                return NULL;
        subject->first = parked->next;
        if (!subject->first)
                subject->last = &subject->first;
        subject->n_parked--;
        return parked;
}

/* ---- subjects ---- */

static void close_process(Subject *subject)
{
        if (subject->process < 0)
                return;
        closep(&subject->process);
        subject->process = -EBADF;
        subject->identities->n_processes--;
}

static void ask_next(Identities *identities);

static void leave_line(Subject *subject)
{
        Identities *identities = subject->identities;
        Subject **p = &identities->line;

        if (!subject->in_line)
                return;
        while (*p != subject)
                p = &(*p)->next;
        *p = subject->next;
        if (identities->line_end == &subject->next)
                identities->line_end = p;
        subject->in_line = false;
}

static void subject_gone(CallerResource *resource)
{
        Subject *subject = (Subject *)resource;
        Identities *identities = subject->identities;
        Parked *parked;

        leave_line(subject);
        if (subject->asked) {
                helper_call_cancel(subject->asked);
                identities->n_asked--;
                ask_next(identities);
        }
        while ((parked = take_parked(subject)))
                parked_free(parked);
        close_process(subject);
        subject->identity = identity_unref(subject->identity);
        if (subject->resuming)
                subject->gone = true;
        else
                free(subject);
}

/* A handler may have the caller leave: then there is nothing more to handle. */
static void resume(Subject *subject)
{
        Daemon *daemon = subject->identities->daemon;
        Parked *parked;

        subject->resuming = true;
        while ((parked = take_parked(subject))) {
                call_again(daemon, parked->call, parked->again);
                parked_free(parked);
        }
        subject->resuming = false;
        if (subject->gone)
                free(subject);
}

static void settle(Subject *subject, HelperResult result, ByteReader *fields)
{
        bool there = is_there(subject->process);

        subject->identity = identity_new(there ? caller_pid(subject->resource.caller) : 0);
        if (subject->identity && !there)
                subject->identity->hidden = is_hidden(subject->process);
        if (subject->identity && result == HELPER_OK && is_there(subject->process))
                read_answer(subject->identity, fields);
        if (subject->identities->n_processes > PROCESSES_MAX)
                close_process(subject);
        resume(subject);
}

static void on_identified(void *userdata, HelperResult result, ByteReader *fields)
{
        Subject *subject = userdata;
        Identities *identities = subject->identities;

        subject->asked = NULL;
        identities->n_asked--;
        settle(subject, result, fields);
        ask_next(identities);
}

static int ask(Subject *subject)
{
        Identities *identities = subject->identities;
        ByteWriter fields = BYTE_WRITER_NULL;
        int r;

        if (subject->process < 0) {
                subject->process = open_process(subject->resource.caller);
                identities->n_processes += subject->process >= 0;
        }
        byte_writer_u32(&fields, (uint32_t)caller_pid(subject->resource.caller));
        r = fields.failed ? -ENOMEM
                          : helper_call(identities->daemon, HELPER_IDENTIFY, &fields, on_identified, subject,
                                        &subject->asked);
        byte_writer_done(&fields);
        if (r >= 0)
                identities->n_asked++;
        return r;
}

/* The helper is always asked about somebody while there is a line, so each answer lets the next one go. */
static void ask_next(Identities *identities)
{
        while (identities->line && identities->n_asked < ASKED_MAX) {
                Subject *subject = identities->line;
                int r = ask(subject);

                /* Its socket is full, or others ask too much: when an answer comes, there is room again. */
                if (r < 0 && identities->n_asked > 0)
                        return;
                leave_line(subject);
                if (r < 0) {
                        ByteReader nothing = BYTE_READER(NULL, 0);

                        settle(subject, HELPER_FAILED, &nothing);
                }
        }
}

static int subject_new(Daemon *daemon, Caller *caller, Subject **ret)
{
        Identities *identities = daemon->identities;
        Subject *subject = calloc(1, sizeof(*subject));
        int r;

        if (!subject)
                return -ENOMEM;
        r = caller_attach(caller, &subject->resource, CALLER_SUBJECT, subject_gone);
        if (r < 0) {
                free(subject);
                return r;
        }
        subject->identities = identities;
        subject->last = &subject->first;
        subject->process = -EBADF;
        subject->in_line = true;
        *identities->line_end = subject;
        identities->line_end = &subject->next;
        *ret = subject;
        return 0;
}

static int subject_of(Daemon *daemon, Caller *caller, Subject **ret, bool *ret_new)
{
        *ret = (Subject *)caller_resources(caller, CALLER_SUBJECT);
        *ret_new = !*ret;
        return *ret ? 0 : subject_new(daemon, caller, ret);
}

/* What is left of `before` when its process has ended: an app goes on being that. */
static Identity *identity_after(const Identity *before)
{
        _cleanup_(identity_freep) Identity *after = identity_new(0);
        char *app;

        if (!after)
                return NULL;
        after->hidden = before->hidden;
        if (before->confinement == HELPER_CONFINED) {
                app = strdup(before->app);
                if (!app)
                        return NULL;
                take_string(&after->app, app);
                after->confinement = HELPER_CONFINED;
        }
        return TAKE_PTR(after);
}

/* Somebody else has the connection now. */
static void look_again(Subject *subject)
{
        Identity *before = subject->identity;

        if (subject->process < 0 || is_there(subject->process))
                return;
        close_process(subject);
        subject->identity = identity_after(before);
        identity_unref(before);
}

int identity_of(Daemon *daemon, sd_bus_message *call, sd_bus_message_handler_t again, Identity **ret,
                sd_bus_error *error)
{
        Subject *subject;
        Caller *caller;
        bool new;
        int r;

        r = caller_of(daemon, call, &caller);
        if (r >= 0)
                r = subject_of(daemon, caller, &subject, &new);
        if (r < 0)
                return sd_bus_error_set_errno(error, r);
        if (subject->identity)
                look_again(subject);
        if (subject->identity) {
                *ret = identity_ref(subject->identity);
                return 0;
        }
        /* It was asked for, and there was no memory for the answer. */
        if (!subject->asked && !subject->in_line)
                return -ENOMEM;
        r = park(subject, call, again, error);
        if (r >= 0 && new)
                ask_next(daemon->identities);
        return r;
}

Identity *identity_by_now(Daemon *daemon, Caller *caller)
{
        Subject *subject;
        bool new;

        if (subject_of(daemon, caller, &subject, &new) < 0)
                return identity_new(0);
        if (new)
                ask_next(daemon->identities);
        if (subject->identity)
                look_again(subject);
        return subject->identity ? identity_ref(subject->identity)
                                 : identity_new(is_there(subject->process) ? caller_pid(caller) : 0);
}

Identity *identity_of_app(Daemon *daemon, const char *app)
{
        Identities *identities = daemon->identities;
        _cleanup_(identity_freep) Identity *identity = NULL;
        Identity **place;
        char *name;

        for (size_t i = 0; i < APPS_MAX; i++)
                if (identities->apps[i] && strcmp(identities->apps[i]->app, app) == 0)
                        return identity_ref(identities->apps[i]);
        identity = identity_new(0);
        name = strdup(app);
        if (!identity || !name) {
                free(name);
                return NULL;
        }
        take_string(&identity->app, name);
        identity->confinement = HELPER_CONFINED;
        place = &identities->apps[identities->next_app++ % APPS_MAX];
        identity_unref(*place);
        *place = TAKE_PTR(identity);
        return identity_ref(*place);
}

/* ---- life ---- */

int identities_new(Daemon *daemon, Identities **ret)
{
        Identities *identities = calloc(1, sizeof(*identities));

        if (!identities)
                return -ENOMEM;
        identities->daemon = daemon;
        identities->line_end = &identities->line;
        *ret = identities;
        return 0;
}

Identities *identities_free(Identities *identities)
{
        for (size_t i = 0; identities && i < APPS_MAX; i++)
                identity_unref(identities->apps[i]);
        free(identities);
        return NULL;
}
