/*
 * The helper, from the daemon's side
 *
 * Found next to keyfobd (the build tree, an installation that was moved) or where it was installed. It is spawned with
 * everything else closed and only its end of the socketpair. Answers may carry a password or a key file: a packet is
 * read into locked memory and wiped when it has been handed on.
 */
#include "daemon/helper-link.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/secret.h"
#include "daemon/log.h"
#include "daemon/present.h"

#define HELPER_NAME "keyfob-helper"

struct HelperCall {
        HelperLink *link;
        uint32_t id;
        bool task;
        HelperDone done;
        HelperProgress progress; /* NULL: nobody wants to know */
        void *userdata;
        HelperCall *next;
};

struct HelperLink {
        pid_t pid; /* 0: there is none */
        int fd;
        bool pinentry;
        uint32_t last_id;
        unsigned n_calls;
        HelperCall *calls;
        HelperCall *probe;
        Secret *packet;
        sd_event_source *io, *child;
        sd_event_source *fail; /* answers what nobody else will */
};

static HelperCall *take_call(HelperLink *link, uint32_t id)
{
        for (HelperCall **p = &link->calls; *p; p = &(*p)->next) {
                HelperCall *call = *p;

                if (call->id != id)
                        continue;
                *p = call->next;
                link->n_calls--;
                return call;
        }
        return NULL;
}

static void finish_call(HelperCall *call, HelperResult result, ByteReader *fields)
{
        HelperDone done = call->done;
        void *userdata = call->userdata;

        free(call);
        done(userdata, result, fields);
}

static int on_fail(sd_event_source *source, void *userdata)
{
        HelperLink *link = userdata;

        while (link->pid == 0 && link->calls) {
                ByteReader nothing = BYTE_READER(NULL, 0);

                finish_call(take_call(link, link->calls->id), HELPER_NO_PROMPTER, &nothing);
        }
        return 0;
}

static void lose(HelperLink *link)
{
        if (link->pid == 0)
                return;
        log_line(LOG_ERR, "keyfob-helper has ended: nothing can be asked through pinentry, no key file be read and no caller told "
                          "from another until keyfobd is started again");
        link->io = sd_event_source_disable_unref(link->io);
        closep(&link->fd);
        link->fd = -1;
        link->pid = 0;
        link->pinentry = false;
        (void)sd_event_source_set_enabled(link->fail, SD_EVENT_ONESHOT);
}

static int on_exit_of_helper(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        lose(userdata);
        return 0;
}

static HelperCall *find_call(HelperLink *link, uint32_t id)
{
        HelperCall *call = link->calls;

        while (call && call->id != id)
                call = call->next;
        return call;
}

static void report(const HelperCall *call, ByteReader *fields)
{
        if (call && call->progress)
                call->progress(call->userdata, fields);
}

static int on_packet(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        HelperLink *link = userdata;
        ByteReader reader;
        HelperCall *call;
        uint8_t result;
        uint32_t id;
        ssize_t n;

        n = recv(fd, link->packet->data, HELPER_PACKET_MAX, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0 || n > (ssize_t)HELPER_PACKET_MAX) {
                lose(link);
                return 0;
        }

        reader = BYTE_READER(link->packet->data, (size_t)n);
        id = byte_reader_u32(&reader);
        result = byte_reader_u8(&reader);
        if (result == HELPER_PROGRESS && !reader.failed)
                report(find_call(link, id), &reader);
        else if ((call = take_call(link, id)))
                finish_call(call, reader.failed || result > HELPER_FAILED ? HELPER_FAILED : (HelperResult)result,
                            &reader);
        explicit_bzero(link->packet->data, (size_t)n);
        return 0;
}

static int send_packet(HelperLink *link, uint32_t id, HelperOperation operation, const ByteWriter *fields)
{
        ByteWriter packet = BYTE_WRITER_NULL;
        int r = 0;

        byte_writer_u32(&packet, id);
        byte_writer_u8(&packet, (uint8_t)operation);
        if (fields && fields->size > 0)
                byte_writer_raw(&packet, fields->data, fields->size);
        if (packet.failed || (fields && fields->failed))
                r = -ENOMEM;
        else if (packet.size > HELPER_PACKET_MAX)
                r = -E2BIG;
        else if (send(link->fd, packet.data, packet.size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                r = -errno;
        byte_writer_done(&packet);
        return r;
}

static bool is_task(HelperOperation operation)
{
        return operation == HELPER_ASK || operation == HELPER_READ_KEY || operation == HELPER_KEY ||
               operation == HELPER_TPM;
}

int helper_call(Daemon *daemon, HelperOperation operation, const ByteWriter *fields, HelperDone done, void *userdata,
                HelperCall **ret)
{
        HelperLink *link = daemon->helper;
        HelperCall *call;
        int r;

        if (link->n_calls >= HELPER_CALLS_MAX)
                return -ENOBUFS;
        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (HelperCall){.link = link,
                             .id = ++link->last_id,
                             .task = is_task(operation),
                             .done = done,
                             .userdata = userdata};

        if (link->pid == 0) {
                (void)sd_event_source_set_enabled(link->fail, SD_EVENT_ONESHOT);
        } else {
                r = send_packet(link, call->id, operation, fields);
                if (r < 0) {
                        free(call);
                        return r;
                }
        }
        call->next = link->calls;
        link->calls = call;
        link->n_calls++;
        *ret = call;
        return 0;
}

void helper_call_on_progress(HelperCall *call, HelperProgress progress)
{
        call->progress = progress;
}

HelperCall *helper_call_cancel(HelperCall *call)
{
        HelperLink *link;

        if (!call)
                return NULL;
        link = call->link;
        (void)take_call(link, call->id);
        if (call->task && link->pid > 0) {
                ByteWriter fields = BYTE_WRITER_NULL;

                byte_writer_u32(&fields, call->id);
                (void)send_packet(link, ++link->last_id, HELPER_CANCEL, &fields);
                byte_writer_done(&fields);
        }
        free(call);
        return NULL;
}

static void on_probed(void *userdata, HelperResult result, ByteReader *fields)
{
        HelperLink *link = userdata;

        link->probe = NULL;
        link->pinentry = result == HELPER_OK && byte_reader_u8(fields) == 1;
}

/* What it quotes of others may have been cut inside a character. */
char *helper_why(ByteReader *fields)
{
        const uint8_t *data;
        size_t size;
        char *why;

        data = byte_reader_blob(fields, HELPER_TEXT_MAX, &size);
        why = data ? strndup((const char *)data, size) : NULL;
        if (why)
                present_in_line(why);
        return why;
}

bool helper_link_pinentry(const Daemon *daemon)
{
        return daemon->helper && daemon->helper->pinentry;
}

/* ---- start ---- */

static int find_helper(char ret[PATH_MAX])
{
        static const char *const places[] = {"", "../helper/", "../libexec/keyfob/"};
        char self[PATH_MAX / 2];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        char *slash;

        if (n > 0) {
                self[n] = 0;
                slash = strrchr(self, '/');
                slash[1] = 0;
                for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                        (void)snprintf(ret, PATH_MAX, "%s%s" HELPER_NAME, self, places[i]);
                        if (access(ret, X_OK) == 0)
                                return 0;
                }
        }
        (void)snprintf(ret, PATH_MAX, "%s/" HELPER_NAME, LIBEXECDIR);
        return access(ret, X_OK) < 0 ? -errno : 0;
}

/* Signals as a fresh process has them; the socket is the only descriptor beyond the three usual ones. */
static int spawn(const char *path, int fd, pid_t *ret)
{
        char name[] = HELPER_NAME;
        char *const argv[] = {name, NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        int r;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        if (posix_spawnattr_init(&attributes) != 0) {
                (void)posix_spawn_file_actions_destroy(&actions);
                return -ENOMEM;
        }
        (void)sigemptyset(&none);
        (void)sigfillset(&all);
        r = posix_spawn_file_actions_adddup2(&actions, fd, HELPER_FD);
        if (r == 0)
                r = posix_spawn_file_actions_addclosefrom_np(&actions, HELPER_FD + 1);
        if (r == 0)
                r = posix_spawnattr_setsigmask(&attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(&attributes, &all);
        if (r == 0)
                r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        if (r == 0)
                r = posix_spawn(ret, path, &actions, &attributes, argv, environ);
        (void)posix_spawnattr_destroy(&attributes);
        (void)posix_spawn_file_actions_destroy(&actions);
        return -r;
}

static int start(HelperLink *link, sd_event *event)
{
        _cleanup_close_ int ours = -1, theirs = -1;
        char path[PATH_MAX];
        int pair[2], r;

        r = find_helper(path);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        r = sd_event_add_io(event, &link->io, ours, EPOLLIN, on_packet, link);
        if (r < 0)
                return r;
        r = spawn(path, theirs, &link->pid);
        if (r < 0) {
                link->io = sd_event_source_disable_unref(link->io);
                link->pid = 0;
                return r;
        }
        link->fd = TAKE_FD(ours);
        return sd_event_add_child(event, &link->child, link->pid, WEXITED, on_exit_of_helper, link);
}

int helper_link_new(Daemon *daemon, HelperLink **ret)
{
        _cleanup_(helper_link_freep) HelperLink *link = calloc(1, sizeof(*link));
        int r;

        if (!link)
                return -ENOMEM;
        link->fd = -1;
        r = secret_new(&link->packet, HELPER_PACKET_MAX);
        if (r >= 0)
                r = sd_event_add_defer(daemon->event, &link->fail, on_fail, link);
        if (r >= 0)
                r = sd_event_source_set_enabled(link->fail, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = start(link, daemon->event);
        if (r < 0)
                log_line(LOG_WARNING, "keyfob-helper could not be started (%s): no pinentry, no key files",
                         strerror(-r));

        daemon->helper = link;
        if (helper_call(daemon, HELPER_PROBE, NULL, on_probed, link, &link->probe) < 0)
                log_line(LOG_WARNING, "keyfob-helper does not answer");
        *ret = TAKE_PTR(link);
        return 0;
}

/* The helper ends by itself when its socket does; it is not waited for. */
HelperLink *helper_link_free(HelperLink *link)
{
        if (!link)
                return NULL;
        while (link->calls)
                free(take_call(link, link->calls->id));
        sd_event_source_disable_unref(link->io);
        sd_event_source_disable_unref(link->child);
        sd_event_source_disable_unref(link->fail);
        closep(&link->fd);
        secret_free(link->packet);
        free(link);
        return NULL;
}
