/*
 * The hand-over
 *
 * A child that has become the user connects to the user's socket, so root never talks to what a user has put there;
 * who listens must be that user (or root), in a directory of theirs alone. Who has authenticated may not be whose
 * session begins (sudo): what was kept goes to the one whose it is, and to nobody else. One packet goes there and one
 * comes back: there is no protocol to be out of step with, and no process of the user's can keep a login waiting for
 * long.
 */
#include "pam/handover.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "common/peer.h"
#include "common/places.h"
#include "common/unlock-frame.h"
#include "pam/child.h"

#define KEPT        "keyfob-unlock"
#define PATIENCE_MS 10000

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

static int send_frame(const User *user, void *data, ByteWriter *reply)
{
        uint8_t bytes[UNLOCK_ANSWER_SIZE + 1];
        _cleanup_close_ int fd = -1;
        struct pollfd ready;
        UnlockAnswer answer;
        ssize_t n;

        if (geteuid() != user->uid)
                return -EPERM;
        fd = connect_daemon();
        if (fd < 0)
                return fd;
        if (send(fd, data, UNLOCK_FRAME_SIZE, MSG_NOSIGNAL) != UNLOCK_FRAME_SIZE)
                return -errno;
        ready = (struct pollfd){.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, PATIENCE_MS) != 1)
                return -ETIMEDOUT;
        n = recv(fd, bytes, sizeof(bytes), 0);
        if (n < 0)
                return -errno;
        if (unlock_answer_decode(bytes, (size_t)n, &answer) < 0)
                return -EBADMSG;
        byte_writer_u8(reply, (uint8_t)answer.status);
        return 0;
}

/* ---- in the module ---- */

static int read_answer(const Login *login, const Secret *reply)
{
        const char *text;

        if (reply->size != 1)
                return -EBADMSG;
        if (reply->data[0] == UNLOCK_DONE)
                return 0;
        text = unlock_status_text(reply->data[0]);
        log_error(&login->log, "the vault is not opened: %s", text ? text : "the daemon did not say why");
        return LOGIN_REFUSED;
}

static int send_to(const Login *login, const User *user, const Secret *frame)
{
        _cleanup_(secret_freep) Secret *reply = NULL;
        uint8_t bytes[UNLOCK_FRAME_SIZE]; /* what a Secret holds does not go to children */
        UnlockFrame check;
        int r;

        r = unlock_frame_decode(frame->data, frame->size, &check);
        explicit_bzero(&check, sizeof(check));
        if (r < 0)
                return r;
        memcpy(bytes, frame->data, sizeof(bytes));
        r = child_run(user, send_frame, bytes, /* max= */ 1, &reply);
        explicit_bzero(bytes, sizeof(bytes));
        if (r == 0)
                return read_answer(login, reply);
        if (r == -ENOTCONN)
                log_debug(&login->log, "the vault is not opened: no daemon of the user's listens");
        else
                log_error(&login->log, "the vault is not opened: %s", strerror(-r));
        return r;
}

int handover_send(const Login *login, const Secret *frame)
{
        return send_to(login, &login->user, frame);
}

/* ---- kept ---- */

typedef struct Kept {
        char *name;
        Secret *frame;
} Kept;

static Kept *kept_free(Kept *kept)
{
        if (!kept)
                return NULL;
        kept->frame = secret_free(kept->frame);
        free(kept->name);
        free(kept);
        return NULL;
}

static void forget(pam_handle_t *pamh, void *data, int status)
{
        (void)kept_free(data);
}

int handover_keep(const Login *login, Secret *frame)
{
        Kept *kept = calloc(1, sizeof(*kept));

        if (!kept) {
                (void)secret_free(frame);
                return -ENOMEM;
        }
        kept->frame = frame;
        kept->name = strdup(login->user.name);
        if (kept->name && pam_set_data(login->pamh, KEPT, kept, forget) == PAM_SUCCESS)
                return 0;
        (void)kept_free(kept);
        return -ENOMEM;
}

int handover_send_kept(const Login *login)
{
        _cleanup_(user_done) User user = USER_NULL;
        const void *data = NULL;
        const Kept *kept;
        int r;

        if (pam_get_data(login->pamh, KEPT, &data) != PAM_SUCCESS || !data)
                return 0;
        kept = data;
        r = user_find(kept->name, &user);
        r = r == 0 ? send_to(login, &user, kept->frame) : -ENOENT;
        (void)pam_set_data(login->pamh, KEPT, NULL, NULL); /* wipes it: once is enough, whatever became of it */
        return r;
}
