/* One touch logs in and opens the vault: what is handed over, to whom, when, and what happens when it can't be. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/slot-mirror.h"
#include "common/unlock-frame.h"
#include "crypto/sha.h"
#include "tests/unit/pam-desk.h"
#include "tests/unit/pin-tools.h"
#include "tests/unit/test.h"

/* As the program around the module may have it, for the size of its window or whatever. */
static bool interrupts;

static void on_signal(int number)
{
}

/* Who waits for the answer is interrupted, again and again. */
static void interrupt(int fd)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                _exit(4);
        for (unsigned i = 0; i < 50; i++) {
                (void)kill(peer.pid, SIGUSR1);
                (void)usleep(1000);
        }
}

/* Plays the daemon for one frame in a child, which ends with 0 if it was this one. */
static pid_t play(const Desk *desk, const UnlockFrame *expected, UnlockStatus status)
{
        uint8_t packet[UNLOCK_FRAME_SIZE + 1], wanted[UNLOCK_FRAME_SIZE], answer[UNLOCK_ANSWER_SIZE];
        struct pollfd ready = {.fd = desk->listener, .events = POLLIN};
        UnlockAnswer said = {.status = status};
        pid_t pid = fork();
        ssize_t n;
        int fd;

        CHECK(pid >= 0);
        if (pid > 0)
                return pid;
        unlock_frame_encode(expected, wanted);
        if (poll(&ready, 1, 60000) != 1)
                _exit(2);
        fd = accept(desk->listener, NULL, NULL);
        n = recv(fd, packet, sizeof(packet), 0);
        if (interrupts)
                interrupt(fd);
        unlock_answer_encode(&said, answer);
        if (status < _UNLOCK_STATUS_MAX && send(fd, answer, sizeof(answer), MSG_NOSIGNAL) < 0)
                _exit(3);
        _exit(n == UNLOCK_FRAME_SIZE && memcmp(packet, wanted, sizeof(wanted)) == 0 ? 0 : 1);
}

static int played(pid_t pid)
{
        int status;

        CHECK_EQ(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

/* Nobody has knocked. */
static bool is_quiet(const Desk *desk)
{
        struct pollfd ready = {.fd = desk->listener, .events = POLLIN};

        return poll(&ready, 1, 0) == 0;
}

static UnlockFrame expected(const Desk *desk, const char *pin)
{
        UnlockFrame frame = {.kind = UNLOCK_FRAME_OPEN};
        uint8_t secret[32], info[SLOT_FIDO2_INFO_SIZE];

        memcpy(frame.slot, desk->slots->slots[0].id, sizeof(frame.slot));
        pam_key_secret(0, WORLD_RP, desk->id, desk->id_size, pin, desk->slots->hmac_salt, secret);
        slot_fido2_info(frame.slot, info);
        hkdf_sha256(NULL, 0, secret, sizeof(secret), info, sizeof(info), frame.key, sizeof(frame.key));
        return frame;
}

TEST(in_the_session_of_the_same_handle)
{
        Desk desk;
        UnlockFrame frame;
        pid_t daemon;

        desk_open(&desk, /* uv= */ false, NULL);
        frame = expected(&desk, NULL);
        daemon = play(&desk, &frame, UNLOCK_DONE);
        CHECK_EQ(world_authenticate(desk.w, "unlock", desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(desk.w->session_result, PAM_SUCCESS);
        CHECK_EQ(played(daemon), 0);
        desk_close(&desk);
}

TEST(signals_while_the_answer_is_awaited)
{
        struct sigaction before;
        Desk desk;
        UnlockFrame frame;
        pid_t daemon;

        desk_open(&desk, false, NULL);
        frame = expected(&desk, NULL);
        CHECK_EQ(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal}, &before), 0);
        interrupts = true;
        daemon = play(&desk, &frame, UNLOCK_DONE);
        CHECK_EQ(world_authenticate(desk.w, "unlock", desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(desk.w->session_result, PAM_SUCCESS);
        CHECK_EQ(played(daemon), 0);
        interrupts = false;
        CHECK_EQ(sigaction(SIGUSR1, &before, NULL), 0);
        desk_close(&desk);
}

TEST(at_the_end_of_authentication)
{
        Desk desk;
        UnlockFrame frame;
        pid_t daemon;

        desk_open(&desk, false, NULL);
        desk.w->session = false;
        frame = expected(&desk, NULL);
        daemon = play(&desk, &frame, UNLOCK_DONE);
        CHECK_EQ(world_authenticate(desk.w, "unlock_now", desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(played(daemon), 0);
        desk_close(&desk);
}

TEST(one_touch)
{
        Desk desk;
        unsigned before;

        desk_open(&desk, false, NULL);
        before = pam_keys[0].fixture->n_asked;
        CHECK_EQ(world_authenticate(desk.w, "unlock", desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(pam_keys[0].fixture->n_asked, before + 1);
        desk_close(&desk);
}

TEST(by_pin_it_is_the_other_secret)
{
        Desk desk;
        UnlockFrame frame;
        pid_t daemon;

        desk_open(&desk, /* uv= */ true, NULL);
        CHECK_EQ(pam_key_set_pin(0, WORLD_PIN), FIDO_OK);
        world_credential(desk.w, "+presence+pin");
        desk.w->answers[0] = WORLD_PIN;
        frame = expected(&desk, WORLD_PIN);
        daemon = play(&desk, &frame, UNLOCK_DONE);
        CHECK_EQ(world_authenticate(desk.w, "unlock", desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(played(daemon), 0);

        /* The slot is for verified users, and this one was not: nothing is handed over. */
        world_credential(desk.w, "+presence");
        CHECK_EQ(world_authenticate(desk.w, "unlock", desk.option, NULL), PAM_SUCCESS);
        CHECK(is_quiet(&desk));
        desk_close(&desk);
}

TEST(only_where_the_administrator_says_so_and_after_success)
{
        Desk desk;

        desk_open(&desk, false, NULL);
        CHECK_EQ(world_authenticate(desk.w, desk.option, NULL), PAM_SUCCESS);
        CHECK(is_quiet(&desk));
        pam_keys[0].fixture->answer = AUTHENTICATOR_NO;
        CHECK_EQ(world_authenticate(desk.w, "unlock", desk.option, NULL), PAM_AUTH_ERR);
        CHECK_EQ(desk.w->session_result, PAM_SUCCESS);
        CHECK(is_quiet(&desk));
        desk_close(&desk);
}

/* Logging in goes on whatever becomes of the vault. */
static void check_login_without(Desk *desk)
{
        CHECK_EQ(world_authenticate(desk->w, "unlock", desk->option, NULL), PAM_SUCCESS);
        CHECK(is_quiet(desk));
}

TEST(a_mirror_that_is_not_right)
{
        Desk desk;
        FILE *file;

        desk_open(&desk, false, NULL);
        desk.slots->slots[0].credential[0] ^= 1;
        desk_write(&desk);
        check_login_without(&desk);
        desk.slots->slots[0].credential[0] ^= 1;
        desk.slots->uid++;
        desk_write(&desk);
        check_login_without(&desk);
        desk.slots->uid--;
        desk_write(&desk);
        CHECK_EQ(chmod(desk.mirror, 0666), 0);
        check_login_without(&desk);
        file = fopen(desk.mirror, "we");
        CHECK(file && fputs("keyfob slots 2", file) >= 0 && fclose(file) == 0);
        check_login_without(&desk);
        CHECK_EQ(unlink(desk.mirror), 0);
        check_login_without(&desk);
        desk_close(&desk);
}

TEST(a_daemon_that_refuses_or_says_nothing)
{
        Desk desk;
        UnlockFrame frame;
        pid_t daemon;

        desk_open(&desk, false, NULL);
        frame = expected(&desk, NULL);
        daemon = play(&desk, &frame, UNLOCK_WRONG_KEY);
        CHECK_EQ(world_authenticate(desk.w, "unlock", desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(desk.w->session_result, PAM_SESSION_ERR);
        CHECK_EQ(played(daemon), 0);
        daemon = play(&desk, &frame, _UNLOCK_STATUS_MAX); /* it dies */
        CHECK_EQ(world_authenticate(desk.w, "unlock", desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(desk.w->session_result, PAM_SESSION_ERR);
        CHECK_EQ(played(daemon), 0);
        CHECK_EQ(shutdown(desk.listener, SHUT_RDWR), 0);
        CHECK_EQ(world_authenticate(desk.w, "unlock", desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(desk.w->session_result, PAM_SESSION_ERR);
        desk_close(&desk);
}

TEST(a_place_where_others_may_write)
{
        Desk desk;
        char path[96], log[96], option[128], text[2048] = "";
        FILE *file;

        desk_open(&desk, false, NULL);
        (void)snprintf(path, sizeof(path), "%s/keyfob", desk.w->dir);
        CHECK_EQ(chmod(path, 0777), 0);
        (void)snprintf(log, sizeof(log), "%s/log", desk.w->dir);
        (void)snprintf(option, sizeof(option), "debug_file=%s", log);
        file = fopen(log, "we+");
        CHECK(file);
        CHECK_EQ(world_authenticate(desk.w, "unlock", "debug", option, desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(desk.w->session_result, PAM_SESSION_ERR);
        CHECK(is_quiet(&desk));
        CHECK(fread(text, 1, sizeof(text) - 1, file) > 0);
        CHECK(strstr(text, "the vault is not opened: Operation not permitted"));
        CHECK_EQ(fclose(file), 0);
        desk_close(&desk);
}

TEST_MAIN
