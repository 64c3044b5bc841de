/*
 * Whatever fails on the way to the vault
 *
 * As for logging in by itself, each call of the module's fails in turn. A login that was proven goes on without the
 * vault; but nobody is let in without a proof, nothing but the right frame ever reaches the daemon, and when a changed
 * password is said to be in order, what logins know of the slot is what the daemon has of it.
 */
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/unlock-frame.h"
#include "tests/unit/pam-desk.h"
#include "tests/unit/pam-fail.h"
#include "tests/unit/test.h"

#define CALLS_MAX 2000U

/* A daemon in another process; what it was told is in memory that both have. */
typedef struct Daemon {
        unsigned n_frames;
        uint8_t frame[UNLOCK_FRAME_SIZE + 1];
        ssize_t size;
} Daemon;

static void serve(const Desk *desk, Daemon *daemon)
{
        UnlockAnswer answer = {.status = UNLOCK_DONE};
        uint8_t bytes[UNLOCK_ANSWER_SIZE];

        unlock_answer_encode(&answer, bytes);
        for (;;) {
                int fd = accept(desk->listener, NULL, NULL);
                ssize_t n;

                if (fd < 0)
                        _exit(0);
                n = recv(fd, daemon->frame, sizeof(daemon->frame), 0);
                if (n > 0) {
                        daemon->size = n;
                        __atomic_add_fetch(&daemon->n_frames, 1, __ATOMIC_SEQ_CST);
                        (void)send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
                }
                (void)close(fd);
        }
}

static Daemon *daemon_start(const Desk *desk, pid_t *ret)
{
        Daemon *daemon = mmap(NULL, sizeof(*daemon), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        CHECK(daemon != MAP_FAILED);
        *ret = fork();
        CHECK(*ret >= 0);
        if (*ret == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a check that fails ends both */
                serve(desk, daemon);
        }
        return daemon;
}

/* Connections are served in turn: when one that says nothing has ended, so has every one before. A call that failed may have left
 * a frame on its way. */
static unsigned frames_of(const Desk *desk, const Daemon *daemon)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        socklen_t size = sizeof(address);
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        uint8_t byte;

        CHECK(fd >= 0);
        CHECK_EQ(getsockname(desk->listener, (struct sockaddr *)&address, &size), 0);
        CHECK_EQ(connect(fd, (const struct sockaddr *)&address, size), 0);
        CHECK_EQ(shutdown(fd, SHUT_WR), 0);
        CHECK_EQ(recv(fd, &byte, 1, 0), 0);
        (void)close(fd);
        return __atomic_load_n(&daemon->n_frames, __ATOMIC_SEQ_CST);
}

static void daemon_stop(Daemon *daemon, const Desk *desk, pid_t pid)
{
        CHECK_EQ(shutdown(desk->listener, SHUT_RDWR), 0);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
        CHECK_EQ(munmap(daemon, sizeof(*daemon)), 0);
}

static void failing(bool on)
{
        pam_key_enter = on ? fail_enter : fail_leave;
        pam_key_leave = fail_leave;
        world_fails = on ? fail_now : NULL;
        if (!on)
                fail_begin(0);
}

/* ---- logging in ---- */

static void check_login(bool now)
{
        unsigned n_failed = 0, n_without = 0;
        Daemon *daemon;
        Desk desk;
        pid_t pid;

        desk_open(&desk, /* uv= */ false, NULL);
        desk.w->session = !now;
        daemon = daemon_start(&desk, &pid);
        failing(true);
        for (unsigned n = 1;; n++) {
                unsigned n_frames, descriptors = fail_descriptors();
                int r;

                CHECK(n < CALLS_MAX);
                fixture_restart(pam_keys[0].fixture);
                daemon->n_frames = 0;
                fail_begin(n);
                r = world_authenticate(desk.w, now ? "unlock_now" : "unlock", desk.option, "authpending_file=", NULL);
                CHECK(r != PAM_IGNORE);
                CHECK(r != PAM_SUCCESS || fail_verified());
                n_frames = frames_of(&desk, daemon);
                CHECK_EQ(fail_descriptors(), descriptors);
                CHECK(now || desk.w->session_result == PAM_SUCCESS || desk.w->session_result == PAM_SESSION_ERR);
                CHECK(n_frames <= 1 && (r == PAM_SUCCESS || n_frames == 0));
                if (n_frames == 1) {
                        CHECK_EQ(daemon->size, UNLOCK_FRAME_SIZE);
                        CHECK(memcmp(daemon->frame + 6, desk.slots->slots[0].id, UNLOCK_ID_SIZE) == 0);
                }
                if (!fail_happened()) {
                        CHECK_EQ(r, PAM_SUCCESS);
                        CHECK_EQ(n_frames, 1);
                        break;
                }
                n_failed++;
                n_without += r == PAM_SUCCESS && n_frames == 0;
        }
        failing(false);
        printf("  %u calls failed, one at a time; after %u of them the vault stayed as it was\n", n_failed, n_without);
        CHECK(n_failed > 100);
        CHECK(n_without > 20);
        daemon_stop(daemon, &desk, pid);
        desk_close(&desk);
}

TEST(in_the_session)
{
        check_login(/* now= */ false);
}

TEST(at_the_end_of_authentication)
{
        check_login(/* now= */ true);
}

/* ---- passwords ---- */

static void login_slot(Desk *desk)
{
        desk->slots->slots[0] = (SlotMirrorEntry){.kind = SLOT_MIRROR_LOGIN, .memory_kib = 65536, .passes = 3};
        memset(desk->slots->slots[0].id, 7, UNLOCK_ID_SIZE);
        desk_write(desk);
}

/* The salt of the login slot, as logins know it. */
static void read_salt(const Desk *desk, uint8_t ret[UNLOCK_SALT_SIZE])
{
        SlotMirror *mirror = NULL;
        uint8_t data[4096];
        FILE *file = fopen(desk->mirror, "re");
        size_t n;

        CHECK(file);
        n = fread(data, 1, sizeof(data), file);
        CHECK_EQ(fclose(file), 0);
        CHECK_EQ(slot_mirror_read(data, n, &mirror), 0);
        CHECK_EQ(mirror->n, 1);
        memcpy(ret, mirror->slots[0].kdf_salt, UNLOCK_SALT_SIZE);
        (void)slot_mirror_free(mirror);
}

TEST(a_captured_password)
{
        unsigned n_failed = 0;
        Daemon *daemon;
        Desk desk;
        pid_t pid;

        desk_open(&desk, false, NULL);
        login_slot(&desk);
        fail_new_password = "login word";
        daemon = daemon_start(&desk, &pid);
        failing(true);
        for (unsigned n = 1;; n++) {
                unsigned n_frames, descriptors = fail_descriptors();
                int r;

                CHECK(n < CALLS_MAX);
                daemon->n_frames = 0;
                fail_begin(n);
                r = world_authenticate(desk.w, "unlock", "capture", desk.option, NULL);
                n_frames = frames_of(&desk, daemon);
                CHECK_EQ(fail_descriptors(), descriptors);
                CHECK(r != PAM_SUCCESS);
                CHECK(n_frames <= 1 && (n_frames == 0 || daemon->size == UNLOCK_FRAME_SIZE));
                if (!fail_happened()) {
                        CHECK_EQ(r, PAM_IGNORE);
                        CHECK_EQ(n_frames, 1);
                        break;
                }
                n_failed++;
        }
        failing(false);
        fail_new_password = NULL;
        CHECK(n_failed > 40);
        daemon_stop(daemon, &desk, pid);
        desk_close(&desk);
}

TEST(a_changed_password)
{
        unsigned n_failed = 0, n_told = 0, n_synced = 0;
        Daemon *daemon;
        Desk desk;
        pid_t pid;

        desk_open(&desk, false, NULL);
        fail_old_password = "old word";
        fail_new_password = "new word";
        daemon = daemon_start(&desk, &pid);
        failing(true);
        for (unsigned n = 1;; n++) {
                uint8_t before[UNLOCK_SALT_SIZE], after[UNLOCK_SALT_SIZE];
                const char *failed;
                UnlockFrame frame;
                unsigned n_frames, descriptors = fail_descriptors();
                int r;

                CHECK(n < CALLS_MAX);
                login_slot(&desk);
                read_salt(&desk, before);
                daemon->n_frames = 0;
                fail_begin(n);
                r = world_change(desk.w, desk.option, NULL);
                failed = fail_happened();
                n_frames = frames_of(&desk, daemon);
                CHECK_EQ(fail_descriptors(), descriptors);
                read_salt(&desk, after);
                CHECK(r == PAM_IGNORE || r == PAM_AUTHTOK_ERR);
                CHECK(n_frames <= 1);
                if (n_frames == 0) {
                        CHECK(memcmp(after, before, sizeof(after)) == 0);
                        /* What needs no doing was not left undone in silence. */
                        if (r == PAM_IGNORE)
                                fprintf(stderr, "call %u, %s, fails, and nobody is told\n", n, failed);
                        CHECK(r != PAM_IGNORE);
                } else {
                        CHECK_EQ(unlock_frame_decode(daemon->frame, (size_t)daemon->size, &frame), 0);
                        CHECK_EQ(frame.kind, UNLOCK_FRAME_REPLACE);
                        CHECK(r != PAM_IGNORE || memcmp(frame.salt, after, sizeof(after)) == 0);
                }
                if (!failed) {
                        CHECK_EQ(r, PAM_IGNORE);
                        break;
                }
                n_failed++;
                n_told += r == PAM_AUTHTOK_ERR;
                n_synced += strcmp(failed, "fsync") == 0;
        }
        failing(false);
        fail_old_password = fail_new_password = NULL;
        printf("  %u calls failed, one at a time; %u of them were told\n", n_failed, n_told);
        CHECK(n_failed > 60);
        CHECK_EQ(n_synced, 2); /* what logins know, and that it is in its place */
        daemon_stop(daemon, &desk, pid);
        desk_close(&desk);
}

TEST_MAIN
