/*
 * A line: a port of the authenticator at the end of a socket of packets, each a report
 *
 * What the doors share that speak CTAPHID: connections of the socket, and the relay to the kernel. An owner embeds it.
 * A line ends only where its event or answer was taken up, never under the port's hands: each entry, which is one of
 * the owner's too, ends with ctap_line_settle(), after which it may be gone.
 */
#pragma once

#include "daemon/ctap-internal.h"

#define CTAP_LINE_AT_ONCE 32U
#define CTAP_LINE_SIZE    (AUTHENTICATOR_REPORT_SIZE + 1) /* of a packet that is too long, no more is seen */

typedef struct CtapLine CtapLine;
typedef struct CtapReport CtapReport;
struct CtapLine {
        CtapClient client;
        AuthenticatorPort *port;
        sd_event_source *io;
        CtapReport *out; /* still to be sent, from `sent` on */
        size_t n_out, sent, room;
        uint32_t events;
        bool dead; /* to be ended when the port is out of the way */
        bool held; /* nothing is read until it is false */

        /* Its other end is gone, or reads nothing: the owner calls ctap_line_done(). */
        void (*ended)(CtapLine *line);
        /* A packet of 1 to CTAP_LINE_SIZE bytes. NULL: it goes to the port. */
        void (*packet)(CtapLine *line, const uint8_t *packet, size_t size);
        /* What the port says, before it is sent. NULL: nobody wants to know. */
        void (*said)(CtapLine *line, const uint8_t report[AUTHENTICATOR_REPORT_SIZE]);
};

/* The caller has set `ended` and the others, and the client's `ctap`, `door`, `pid` and `uhid`. Takes the descriptor,
 * whatever comes of it; after an error, too, ctap_line_done() is due. */
int ctap_line_init(CtapLine *line, int fd);
/* All zero is allowed. */
void ctap_line_done(CtapLine *line);

/* The end of every entry: says what is to be said, and sees to what comes next. */
void ctap_line_settle(CtapLine *line);
