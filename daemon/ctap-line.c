/*
 * Lines
 *
 * What has come is read in one call and handed on, and what there is to say goes out in one call before the loop is
 * reached again, so a request costs two system calls here and waits for no timer. Who does not read is waited for up
 * to a bound.
 */
#include "daemon/ctap-line.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "daemon/log.h"

#define ROUNDS_AT_ONCE 8U    /* of so many reports, before others have their turn */
#define UNREAD_MAX     1024U /* reports that may be left unread, beside what the kernel keeps */

struct CtapReport {
        uint8_t bytes[AUTHENTICATOR_REPORT_SIZE];
};

/* ---- out ---- */

static void on_send(void *userdata, const uint8_t report[AUTHENTICATOR_REPORT_SIZE])
{
        CtapClient *client = userdata;
        CtapLine *line = client->owner;

        if (line->said)
                line->said(line, report);
        if (line->n_out - line->sent >= UNREAD_MAX) {
                if (!line->dead)
                        log_line(LOG_WARNING, "process %d at the %s reads no reports: its connection is closed",
                                 client->pid, client->door);
                line->dead = true;
        }
        if (line->n_out == line->room && !line->dead) {
                size_t room = line->room ? line->room * 2 : 16;
                CtapReport *out = reallocarray(line->out, room, sizeof(*out));

                if (out) {
                        line->out = out;
                        line->room = room;
                } else {
                        line->dead = true;
                }
        }
        if (!line->dead)
                memcpy(line->out[line->n_out++].bytes, report, AUTHENTICATOR_REPORT_SIZE);
}

static void flush(CtapLine *line)
{
        while (line->sent < line->n_out && !line->dead) {
                struct mmsghdr messages[CTAP_LINE_AT_ONCE];
                struct iovec parts[CTAP_LINE_AT_ONCE];
                unsigned n = 0;
                int r;

                for (size_t i = line->sent; i < line->n_out && n < CTAP_LINE_AT_ONCE; i++, n++) {
                        parts[n] = (struct iovec){line->out[i].bytes, AUTHENTICATOR_REPORT_SIZE};
                        messages[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[n], .msg_iovlen = 1}};
                }
                r = sendmmsg(line->client.fd, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0 && errno == EAGAIN)
                        break;
                if (r < 0)
                        line->dead = true;
                else
                        line->sent += (size_t)r;
        }
        if (line->sent == line->n_out) {
                line->out = (free(line->out), NULL);
                line->n_out = line->sent = line->room = 0;
        } else if (line->sent > 0) {
                line->n_out -= line->sent;
                memmove(line->out, line->out + line->sent, line->n_out * sizeof(CtapReport));
                line->sent = 0;
        }
}

void ctap_line_settle(CtapLine *line)
{
        uint32_t events;

        flush(line);
        ctap_acted(line->client.ctap);
        events = (line->held ? 0 : EPOLLIN) | (line->n_out > 0 ? EPOLLOUT : 0);
        if (!line->dead && events != line->events) {
                line->events = events;
                if (sd_event_source_set_io_events(line->io, events) < 0)
                        line->dead = true;
        }
        if (line->dead)
                line->ended(line);
        else
                ctap_client_arm(&line->client, authenticator_port_deadline(line->port));
}

/* ---- in ---- */

/* Whether there may be more. */
static bool receive(CtapLine *line)
{
        uint8_t packets[CTAP_LINE_AT_ONCE][CTAP_LINE_SIZE]; /* one byte more shows what is too long */
        struct mmsghdr messages[CTAP_LINE_AT_ONCE];
        struct iovec parts[CTAP_LINE_AT_ONCE];
        int n;

        for (unsigned i = 0; i < CTAP_LINE_AT_ONCE; i++) {
                parts[i] = (struct iovec){packets[i], sizeof(packets[i])};
                messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
        }
        n = recvmmsg(line->client.fd, messages, CTAP_LINE_AT_ONCE, MSG_DONTWAIT, NULL);
        if (n < 0) {
                line->dead |= errno != EAGAIN && errno != EINTR;
                return false;
        }
        for (int i = 0; i < n && !line->dead; i++) {
                /* The end; or a packet without content, which looks the same and is no report either. */
                if (messages[i].msg_len == 0)
                        line->dead = true;
                else if (line->packet)
                        line->packet(line, packets[i], messages[i].msg_len);
                else
                        authenticator_port_receive(line->port, packets[i], messages[i].msg_len);
        }
        explicit_bzero(packets, sizeof(packets));
        return n == CTAP_LINE_AT_ONCE && !line->dead;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        CtapLine *line = userdata;

        line->client.ctap->acting = &line->client;
        if (line->held)
                line->dead |= (revents & (EPOLLHUP | EPOLLERR)) != 0;
        for (unsigned i = 0; i < ROUNDS_AT_ONCE && !line->held; i++) {
                if (!receive(line))
                        break;
                flush(line);
        }
        ctap_line_settle(line);
        return 0;
}

static void on_answered(CtapClient *client, AuthenticatorAnswer answer)
{
        CtapLine *line = client->owner;

        client->ctap->acting = client;
        authenticator_port_answer(line->port, answer);
        ctap_line_settle(line);
}

static void on_key_done(CtapClient *client, const AuthenticatorKeyResult *result)
{
        CtapLine *line = client->owner;

        client->ctap->acting = client;
        authenticator_port_key_answer(line->port, result);
        ctap_line_settle(line);
}

static void on_due(CtapClient *client)
{
        CtapLine *line = client->owner;

        client->ctap->acting = client;
        authenticator_port_tick(line->port);
        ctap_line_settle(line);
}

/* ---- life ---- */

int ctap_line_init(CtapLine *line, int fd)
{
        static const AuthenticatorPortOps ops = {.send = on_send};
        Ctap *ctap = line->client.ctap;
        int r;

        line->client.fd = fd;
        line->client.deadline = CTAP_NEVER;
        line->client.owner = line;
        line->client.answered = on_answered;
        line->client.key_done = on_key_done;
        line->client.due = on_due;
        line->events = EPOLLIN;
        r = authenticator_port_new(ctap->authenticator, &ops, &line->client, &line->port);
        if (r < 0)
                return r;
        line->client.host = authenticator_port_host(line->port);
        return sd_event_add_io(ctap->daemon->event, &line->io, fd, EPOLLIN, on_io, line);
}

void ctap_line_done(CtapLine *line)
{
        if (!line->client.ctap)
                return;
        authenticator_port_free(line->port);
        ctap_client_done(&line->client);
        sd_event_source_disable_unref(line->io);
        closep(&line->client.fd);
        free(line->out);
        *line = (CtapLine){0};
}
