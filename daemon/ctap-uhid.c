/*
 * The kernel's device
 *
 * A connection to keyfob-uhid (helper/uhid.h) is a security key among the kernel's HID devices for as long as it is
 * there, for browsers, libfido2 and ssh. Where there is no relay it is looked for again, less and less often, and
 * nothing else changes. Only root may be at the other end: whoever else listened there would be given every request.
 *
 * All programs share this one client. So that the person is told which of them asks, reports wait for a moment when a
 * program asks for a channel, until the helper has looked who has the device open (ctap-programs.c).
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/peer.h"
#include "daemon/ctap-line.h"
#include "daemon/ctap-programs.h"
#include "daemon/helper-link.h"
#include "daemon/log.h"
#include "daemon/settings.h"
#include "helper/uhid.h"

#define PAUSE_MIN_USEC (UINT64_C(1) * 1000 * 1000)
#define PAUSE_MAX_USEC (UINT64_C(60) * 1000 * 1000)
#define PAUSE_ACCURACY (UINT64_C(100) * 1000)
#define STEADY_MS      60000U /* a device that was there for so long has not failed at once */
#define MESSAGE_MAX    1500U /* 26 reports: the kernel keeps 31 that keyfob-uhid has not read yet, and drops the rest */
#define WHO_USEC       (UINT64_C(200) * 1000) /* how long a program waits to be recognized */

_Static_assert(UHID_REPORT_SIZE == AUTHENTICATOR_REPORT_SIZE, "a packet is a report");

typedef enum State {
        STATE_STARTING = 0,
        STATE_READY,
        STATE_OFF,
        STATE_ABSENT,
        STATE_FOREIGN,
        STATE_IN_USE,
        STATE_NO_DEVICE,
        STATE_FAILED,
        STATE_LOST,
} State;

/* What is told of it, and how loudly. */
static const struct {
        const char *text;
        int level;
} states[] = {
        [STATE_STARTING] = {"starting", LOG_DEBUG},
        [STATE_READY] = {"ready", LOG_INFO},
        [STATE_OFF] = {"turned off in keyfobd.conf", LOG_DEBUG},
        [STATE_ABSENT] = {"nothing listens at " UHID_SOCKET_PATH ": systemctl enable --now keyfob-uhid.socket",
                          LOG_DEBUG},
        [STATE_FOREIGN] = {UHID_SOCKET_PATH " is not root's, or may not be opened: systemctl restart keyfob-uhid.socket", LOG_WARNING},
        [STATE_IN_USE] = {"another keyfobd of this user has the device", LOG_WARNING},
        [STATE_NO_DEVICE] = {"the kernel has no /dev/uhid that could be used: modprobe uhid", LOG_NOTICE},
        [STATE_FAILED] = {"keyfob-uhid has failed: its log says why", LOG_WARNING},
        [STATE_LOST] = {"keyfob-uhid has ended", LOG_NOTICE},
};

typedef struct Held {
        uint8_t bytes[CTAP_LINE_SIZE];
        size_t size;
} Held;

struct CtapUhid {
        CtapLine line; /* first; its client has no `ctap` while there is no connection */
        Ctap *ctap;
        State state, logged;
        uint64_t pause, ready_since; /* usec; ms */
        sd_event_source *retry;

        CtapPrograms programs;
        pid_t asking; /* the program whose INIT is being answered, or 0 */
        Held held[CTAP_LINE_AT_ONCE];
        unsigned n_held, next_held;
        HelperCall *call;
        sd_event_source *patience;
};

static void set_state(CtapUhid *uhid, State state)
{
        uhid->state = state;
        if (state == STATE_STARTING || state == uhid->logged)
                return;
        uhid->logged = state;
        log_line(states[state].level, "the security key as a device of the kernel: %s", states[state].text);
}

/* ---- connections come and go ---- */

static void try_again(CtapUhid *uhid, uint64_t usec)
{
        if (sd_event_source_set_time_relative(uhid->retry, usec) >= 0)
                (void)sd_event_source_set_enabled(uhid->retry, SD_EVENT_ONESHOT);
}

static void disconnect(CtapUhid *uhid)
{
        ctap_line_done(&uhid->line);
        uhid->call = helper_call_cancel(uhid->call);
        (void)sd_event_source_set_enabled(uhid->patience, SD_EVENT_OFF);
        explicit_bzero(uhid->held, sizeof(uhid->held));
        uhid->n_held = uhid->next_held = 0;
        uhid->programs = (CtapPrograms){0};
}

/* It ended, or never began. */
static void fail(CtapUhid *uhid, State state)
{
        if (uhid->state == STATE_READY && ctap_now(NULL) - uhid->ready_since >= STEADY_MS)
                uhid->pause = PAUSE_MIN_USEC;
        disconnect(uhid);
        set_state(uhid, state);
        try_again(uhid, uhid->pause);
        uhid->pause = uhid->pause * 2 < PAUSE_MAX_USEC ? uhid->pause * 2 : PAUSE_MAX_USEC;
}

static State state_of(uint32_t refusal)
{
        switch (refusal) {
        case UHID_REFUSED_IN_USE:
                return STATE_IN_USE;
        case UHID_REFUSED_NO_DEVICE:
                return STATE_NO_DEVICE;
        default:
                return STATE_FAILED;
        }
}

static void on_ended(CtapLine *line)
{
        CtapUhid *uhid = (CtapUhid *)line;

        /* A refusal has said what it is already. */
        fail(uhid, uhid->state == STATE_READY || uhid->state == STATE_STARTING ? STATE_LOST : uhid->state);
}

/* ---- what the relay says ---- */

static void take_event(CtapUhid *uhid, const uint8_t event[UHID_EVENT_SIZE])
{
        ByteReader reader = BYTE_READER(event, UHID_EVENT_SIZE);
        uint32_t kind = byte_reader_u32(&reader), number = byte_reader_u32(&reader);

        switch (kind) {
        case UHID_EVENT_READY:
                uhid->ready_since = ctap_now(NULL);
                set_state(uhid, STATE_READY);
                break;
        case UHID_EVENT_REFUSED:
                uhid->state = state_of(number);
                uhid->line.dead = true;
                break;
        case UHID_EVENT_CLOSED:
                authenticator_port_reset(uhid->line.port);
                uhid->programs = (CtapPrograms){0};
                break;
        default:
                break;
        }
}

/* ---- who asks ---- */

/* The INIT that comes first among the held ones is answered, and what came behind it up to the next one. */
static void ask_who(CtapUhid *uhid);
static void release(CtapUhid *uhid, pid_t asking)
{
        CtapLine *line = &uhid->line;
        bool answering = true;

        uhid->call = helper_call_cancel(uhid->call);
        (void)sd_event_source_set_enabled(uhid->patience, SD_EVENT_OFF);
        line->client.ctap->acting = &line->client;
        while (uhid->next_held < uhid->n_held && !line->dead) {
                const Held *held = &uhid->held[uhid->next_held];

                if (held->size == UHID_EVENT_SIZE) {
                        take_event(uhid, held->bytes);
                } else if (!answering && ctap_report_is_init(held->bytes)) {
                        ask_who(uhid);
                        break;
                } else {
                        uhid->asking = answering ? asking : 0;
                        authenticator_port_receive(line->port, held->bytes, held->size);
                        uhid->asking = 0;
                }
                answering = false;
                uhid->next_held++;
        }
        if (uhid->next_held == uhid->n_held) {
                explicit_bzero(uhid->held, sizeof(uhid->held));
                uhid->n_held = uhid->next_held = 0;
                line->held = false;
        }
        ctap_line_settle(line);
}

static void on_who(void *userdata, HelperResult result, ByteReader *fields)
{
        CtapUhid *uhid = userdata;
        pid_t pids[HELPER_WHO_MAX];
        unsigned n = 0, announced = result == HELPER_OK ? byte_reader_u16(fields) : 0;

        uhid->call = NULL;
        for (; n < announced && n < HELPER_WHO_MAX && !fields->failed; n++) {
                size_t size;

                pids[n] = (pid_t)byte_reader_u32(fields);
                (void)byte_reader_blob(fields, HELPER_TEXT_MAX, &size);
        }
        release(uhid, result == HELPER_OK && !fields->failed ? ctap_programs_see(&uhid->programs, pids, n) : 0);
}

static int on_impatient(sd_event_source *source, uint64_t usec, void *userdata)
{
        release(userdata, /* asking= */ 0);
        return 0;
}

static void ask_who(CtapUhid *uhid)
{
        ByteWriter fields = BYTE_WRITER_NULL;
        char uniq[32];
        int r;

        (void)snprintf(uniq, sizeof(uniq), UHID_UNIQ_FORMAT, getuid());
        byte_writer_string(&fields, uniq);
        r = helper_call(uhid->ctap->daemon, HELPER_WHO_HAS, &fields, on_who, uhid, &uhid->call);
        byte_writer_done(&fields);
        /* Nobody can be asked: at once, but from the loop. */
        if (sd_event_source_set_time_relative(uhid->patience, r < 0 ? 0 : WHO_USEC) < 0 ||
            sd_event_source_set_enabled(uhid->patience, SD_EVENT_ONESHOT) < 0)
                uhid->line.dead = true;
}

static void on_packet(CtapLine *line, const uint8_t *packet, size_t size)
{
        CtapUhid *uhid = (CtapUhid *)line;

        if (size != UHID_EVENT_SIZE && size != UHID_REPORT_SIZE)
                return;
        if (!line->held && size == UHID_REPORT_SIZE && ctap_report_is_init(packet)) {
                line->held = true;
                ask_who(uhid);
        }
        /* Nothing more is read then, so there is room for what was read at once. */
        if (line->held) {
                Held *held = &uhid->held[uhid->n_held++];

                memcpy(held->bytes, packet, size);
                held->size = size;
        } else if (size == UHID_EVENT_SIZE) {
                take_event(uhid, packet);
        } else {
                authenticator_port_receive(line->port, packet, size);
        }
}

static void on_said(CtapLine *line, const uint8_t report[AUTHENTICATOR_REPORT_SIZE])
{
        CtapUhid *uhid = (CtapUhid *)line;

        if (uhid->asking > 0 && ctap_report_is_init(report))
                ctap_programs_give(&uhid->programs, ctap_report_given_channel(report), uhid->asking);
}

void ctap_uhid_identify(const CtapUhid *uhid, uint32_t channel, char *ret_program, size_t size, pid_t *ret_pid)
{
        pid_t pid = ctap_programs_find(&uhid->programs, channel);

        caller_read_comm(pid, ret_program, size);
        *ret_pid = ret_program[0] ? pid : 0;
}

/* ---- life ---- */

/* A peer of our own uid is not enough here. */
static int connect_to_relay(void)
{
        _cleanup_close_ int fd = peer_connect(UHID_SOCKET_PATH, SOCK_SEQPACKET | SOCK_NONBLOCK, /* place= */ false);
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (fd < 0)
                return TAKE_FD(fd);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        return peer.uid == 0 ? TAKE_FD(fd) : -EPERM;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        CtapUhid *uhid = userdata;
        int fd = connect_to_relay();

        if (fd < 0) {
                fail(uhid, fd == -EPERM ? STATE_FOREIGN : STATE_ABSENT);
                return 0;
        }
        uhid->line.client = (CtapClient){.ctap = uhid->ctap, .door = "uhid", .uhid = uhid};
        uhid->line.ended = on_ended;
        uhid->line.packet = on_packet;
        uhid->line.said = on_said;
        set_state(uhid, STATE_STARTING);
        if (ctap_line_init(&uhid->line, fd) < 0)
                fail(uhid, STATE_LOST);
        else
                authenticator_host_limit(uhid->line.client.host, MESSAGE_MAX);
        return 0;
}

int ctap_uhid_new(Ctap *ctap)
{
        CtapUhid *uhid = calloc(1, sizeof(*uhid));
        sd_event *event = ctap->daemon->event;
        int r;

        if (!uhid)
                return -ENOMEM;
        ctap->uhid = uhid;
        uhid->ctap = ctap;
        uhid->pause = PAUSE_MIN_USEC;
        if (!ctap->daemon->settings->uhid) {
                set_state(uhid, STATE_OFF);
                return 0;
        }
        r = sd_event_add_time_relative(event, &uhid->retry, CLOCK_MONOTONIC, 0, PAUSE_ACCURACY, on_retry, uhid);
        if (r >= 0)
                r = sd_event_add_time(event, &uhid->patience, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_impatient, uhid);
        if (r >= 0)
                r = sd_event_source_set_enabled(uhid->patience, SD_EVENT_OFF);
        return r;
}

void ctap_uhid_free(Ctap *ctap)
{
        CtapUhid *uhid = ctap->uhid;

        if (!uhid)
                return;
        disconnect(uhid);
        sd_event_source_disable_unref(uhid->retry);
        sd_event_source_disable_unref(uhid->patience);
        free(uhid);
        ctap->uhid = NULL;
}

void ctap_uhid_drop(Ctap *ctap)
{
        CtapUhid *uhid = ctap->uhid;

        if (!uhid || uhid->state == STATE_OFF)
                return;
        disconnect(uhid);
        set_state(uhid, STATE_STARTING);
        uhid->pause = PAUSE_MIN_USEC;
        try_again(uhid, 0);
}

void ctap_uhid_rearm(Ctap *ctap)
{
        CtapUhid *uhid = ctap->uhid;

        if (uhid && uhid->line.port)
                ctap_client_arm(&uhid->line.client, authenticator_port_deadline(uhid->line.port));
}

const char *ctap_uhid_status(const Ctap *ctap)
{
        return ctap->uhid ? states[ctap->uhid->state].text : states[STATE_OFF].text;
}
