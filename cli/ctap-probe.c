/*
 * A probe of the CTAP socket
 *
 * One INIT on the broadcast channel, as every client begins (CTAP 2.3, section 11.2.9.1.3). The nonce comes back, so
 * that an answer is known to be one.
 */
#include "cli/ctap-probe.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/peer.h"

#define REPORT_SIZE 64U
#define NONCE_SIZE  8U
#define WAIT_MS     2000

/* Where things are in the first report of a message, and in INIT's answer */
enum {
        AT_COMMAND = 4,
        AT_LENGTH = 5,
        AT_NONCE = 7,
        AT_PROTOCOL = 19,
        AT_DEVICE = 20,
        INIT_COMMAND = 0x86,
        INIT_ANSWER_SIZE = 17,
};

int ctap_probe(const char *path, char ret[64])
{
        uint8_t report[REPORT_SIZE] = {0xff, 0xff, 0xff, 0xff, INIT_COMMAND, 0, NONCE_SIZE}, answer[REPORT_SIZE];
        _cleanup_close_ int fd = peer_connect(path, SOCK_SEQPACKET, /* place= */ false);
        struct pollfd pollfd = {.fd = fd, .events = POLLIN};
        ssize_t n;

        if (fd < 0)
                return fd;
        if (getrandom(report + AT_NONCE, NONCE_SIZE, 0) != NONCE_SIZE)
                return -EIO;
        if (send(fd, report, sizeof(report), MSG_NOSIGNAL) < 0)
                return -errno;
        n = poll(&pollfd, 1, WAIT_MS);
        if (n <= 0)
                return n < 0 ? -errno : -ETIMEDOUT;
        n = recv(fd, answer, sizeof(answer), 0);
        if (n < 0)
                return -errno;
        if (n == 0)
                return -ECONNRESET;
        if (n != REPORT_SIZE || memcmp(answer, report, AT_LENGTH) != 0 || answer[AT_LENGTH] != 0 ||
            answer[AT_LENGTH + 1] != INIT_ANSWER_SIZE || memcmp(answer + AT_NONCE, report + AT_NONCE, NONCE_SIZE) != 0)
                return -EBADMSG;
        (void)snprintf(ret, 64, "answers: CTAPHID %u, device %u.%u.%u", answer[AT_PROTOCOL], answer[AT_DEVICE],
                       answer[AT_DEVICE + 1], answer[AT_DEVICE + 2]);
        return 0;
}
