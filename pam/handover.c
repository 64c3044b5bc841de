/*
 * The hand-over
 *
 * A child that has become the user connects to the user's socket, so root never talks to what a user has put there;
 * who listens must be that user (or root), in a directory of theirs alone. Who has authenticated may not be whose
 * session begins (sudo): what was kept goes to the one whose it is, and to nobody else. One packet goes there and one
 * comes back: there is no protocol to be out of step with, and no process of the user's can keep a login waiting for
 * long.
 *
 * Only where the daemon has said no, or has got nothing, is it certain that nothing has changed there: LOGIN_REFUSED is that, and an
 * errno is not.
 */
#include "pam/handover.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/peer.h"
#include "common/places.h"
#include "common/unlock-frame.h"
#include "pam/child.h"

#define PATIENCE_MS 10000
#define REPLY_SIZE  5U /* u32 errno of what kept the frame from going, u8 what the daemon answered */

/* ---- in the child ---- */

/* That somebody else's thing is in the way says more than that nobody listens. */
static int connect_daemon(void)
{
        int fd = -ENOENT, worst = -ENOTCONN, r;

        for (unsigned turn = 0; fd < 0; turn++) {
                _cleanup_free_ char *path = NULL;

                r = places_socket(turn, UNLOCK_SOCKET, &path);
                if (r < 0)
                        return r == -ENOENT ? worst : r;
                fd = peer_connect(path, SOCK_SEQPACKET | SOCK_NONBLOCK, /* place= */ true);
                if (fd == -EPERM)
                        worst = fd;
        }
        return fd;
}

static int reply_with(ByteWriter *reply, int error, UnlockStatus status)
{
        byte_writer_u32(reply, (uint32_t)error);
        byte_writer_u8(reply, (uint8_t)status);
        return 0;
}

/* The program's handlers of signals are here as well: a window that changes its size ends no wait. */
static int wait_for_answer(int fd)
{
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        uint64_t now, until = clock_msec() + PATIENCE_MS;
        int r;

        do {
                now = clock_msec();
                r = poll(&ready, 1, now < until ? (int)(until - now) : 0);
        } while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        return r == 0 ? -ETIMEDOUT : 0;
}

/* Fails where the frame is gone and no answer came. */
static int send_frame(const User *user, void *data, ByteWriter *reply)
{
        uint8_t bytes[UNLOCK_ANSWER_SIZE + 1];
        _cleanup_close_ int fd = -1;
        UnlockAnswer answer;
        ssize_t n;
        int r;

        if (geteuid() != user->uid)
                return reply_with(reply, EPERM, 0);
        fd = connect_daemon();
        if (fd < 0)
                return reply_with(reply, -fd, 0);
        n = send(fd, data, UNLOCK_FRAME_SIZE, MSG_NOSIGNAL);
        if (n != UNLOCK_FRAME_SIZE)
                return reply_with(reply, n < 0 ? errno : EIO, 0); /* 0 would stand for an answer */
        r = wait_for_answer(fd);
        if (r < 0)
                return r;
        n = recv(fd, bytes, sizeof(bytes), 0);
        if (n < 0)
                return -errno;
        if (unlock_answer_decode(bytes, (size_t)n, &answer) < 0)
                return -EBADMSG;
        return reply_with(reply, 0, answer.status);
}

/* ---- in the module ---- */

/* 0: *ret is the daemon's answer. LOGIN_REFUSED: it has not got the frame. A negative errno: nobody knows. */
static int ask(const Login *login, const User *user, const uint8_t *frame, UnlockStatus *ret)
{
        _cleanup_(secret_freep) Secret *reply = NULL;
        uint8_t bytes[UNLOCK_FRAME_SIZE]; /* what a Secret holds does not go to children */
        ByteReader reader;
        int r, error;

        memcpy(bytes, frame, sizeof(bytes));
        r = child_run(user, send_frame, bytes, REPLY_SIZE, &reply);
        explicit_bzero(bytes, sizeof(bytes));
        if (r == 0 && reply->size != REPLY_SIZE)
                r = -EBADMSG;
        if (r != 0) {
                log_error(&login->log, "the vault is not opened: %s", strerror(-r));
                return r;
        }
        reader = (ByteReader)BYTE_READER(reply->data, reply->size);
        error = (int)byte_reader_u32(&reader);
        *ret = (UnlockStatus)byte_reader_u8(&reader);
        if (error == 0)
                return 0;
        log_error(&login->log, "the vault is not opened: %s", strerror(error));
        return LOGIN_REFUSED;
}

/* A daemon that fails while it writes may find what it wrote when it looks again. */
static bool may_have_changed(UnlockStatus status)
{
        return status == UNLOCK_FAILED || status == UNLOCK_DAMAGED;
}

/* What was refused for its key may be right the other way; of a slot that is gone, no way is. */
static bool may_be_taken(UnlockStatus before, const uint8_t *frame)
{
        UnlockFrame this, last;
        bool r;

        if (before != UNLOCK_NO_SLOT)
                return before == UNLOCK_WRONG_KEY;
        r = unlock_frame_decode(frame, UNLOCK_FRAME_SIZE, &this) == 0 &&
            unlock_frame_decode(frame - UNLOCK_FRAME_SIZE, UNLOCK_FRAME_SIZE, &last) == 0 &&
            memcmp(this.slot, last.slot, sizeof(this.slot)) != 0;
        explicit_bzero(&this, sizeof(this));
        explicit_bzero(&last, sizeof(last));
        return r;
}

int handover_send(const Login *login, const User *user, const Secret *frames, size_t *ret)
{
        UnlockStatus status = UNLOCK_WRONG_KEY;
        const char *text;

        for (size_t i = 0; i < frames->size / UNLOCK_FRAME_SIZE; i++) {
                const uint8_t *frame = frames->data + i * UNLOCK_FRAME_SIZE;
                int r;

                if (!may_be_taken(status, frame))
                        continue;
                r = ask(login, user, frame, &status);
                if (r != 0)
                        return r;
                if (status == UNLOCK_DONE) {
                        *ret = i;
                        return 0;
                }
        }
        text = unlock_status_text(status);
        log_error(&login->log, "the vault is not opened: %s", text ? text : "the daemon did not say why");
        return may_have_changed(status) ? -EIO : LOGIN_REFUSED;
}
