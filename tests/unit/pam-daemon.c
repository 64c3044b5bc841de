/*
 * A daemon at a desk
 *
 * The real one has its own tests; this one answers as it does where a slot's key is right or wrong, and as it never should. Keys are
 * derived as tests/unit/pam-fail.c has it: at no cost.
 */
#include "tests/unit/pam-daemon.h"

#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/unlock-frame.h"
#include "tests/unit/test.h"

#define SLOT_BYTE 7

/* ---- what logins know ---- */

static void add_ways(Desk *desk, uint8_t slot, const char *salts)
{
        for (; *salts; salts++) {
                SlotMirrorEntry *entry = desk->slots->slots + desk->slots->n++;

                *entry = (SlotMirrorEntry){.kind = SLOT_MIRROR_LOGIN, .memory_kib = 65536, .passes = 3};
                memset(entry->id, slot, sizeof(entry->id));
                memset(entry->kdf_salt, *salts, sizeof(entry->kdf_salt));
        }
        desk_write(desk);
}

void pam_daemon_mirror(Desk *desk, const char *salts)
{
        memset(desk->slots->slots, 0, sizeof(desk->slots->slots));
        desk->slots->n = 0;
        add_ways(desk, SLOT_BYTE, salts);
}

void pam_daemon_other(Desk *desk, uint8_t slot, const char *salts)
{
        add_ways(desk, slot, salts);
}

size_t pam_daemon_ways(const Desk *desk, const uint8_t salt[UNLOCK_SALT_SIZE], bool *ret_has)
{
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = NULL;
        uint8_t data[4096];
        FILE *file = fopen(desk->mirror, "re");
        size_t n;

        CHECK(file);
        n = fread(data, 1, sizeof(data), file);
        CHECK_EQ(fclose(file), 0);
        CHECK_EQ(slot_mirror_read(data, n, &mirror), 0);
        *ret_has = false;
        for (size_t i = 0; i < mirror->n; i++)
                *ret_has |= memcmp(mirror->slots[i].kdf_salt, salt, UNLOCK_SALT_SIZE) == 0;
        return mirror->n;
}

/* ---- the slot ---- */

static void derive(const char *password, const uint8_t salt[UNLOCK_SALT_SIZE], uint8_t ret[UNLOCK_KEY_SIZE])
{
        CHECK_EQ(crypto_pwhash(ret, UNLOCK_KEY_SIZE, password, strlen(password), salt, 3, 65536U * 1024U, crypto_pwhash_ALG_ARGON2ID13), 0);
}

void pam_daemon_slot(PamDaemon *daemon, const char *password, uint8_t salt)
{
        *daemon = (PamDaemon){.has_slot = true, .other = UNLOCK_INVALID};
        memset(daemon->salt, salt, sizeof(daemon->salt));
        derive(password, daemon->salt, daemon->key);
}

bool pam_daemon_has(const PamDaemon *daemon, const char *password)
{
        uint8_t key[UNLOCK_KEY_SIZE];

        derive(password, daemon->salt, key);
        return memcmp(key, daemon->key, sizeof(key)) == 0;
}

static UnlockStatus obey(const Desk *desk, PamDaemon *daemon)
{
        bool before, after;
        UnlockFrame frame;

        if (!daemon->has_slot)
                return UNLOCK_DONE;
        if (unlock_frame_decode(daemon->frame, (size_t)daemon->size, &frame) < 0)
                return UNLOCK_INVALID;
        if (frame.slot[0] != SLOT_BYTE)
                return daemon->other;
        if (memcmp(frame.key, daemon->key, sizeof(frame.key)) != 0)
                return UNLOCK_WRONG_KEY;
        if (frame.kind == UNLOCK_FRAME_OPEN) {
                daemon->n_opened++;
                return UNLOCK_DONE;
        }
        if (memcmp(frame.salt, daemon->salt, sizeof(frame.salt)) != 0) {
                (void)pam_daemon_ways(desk, daemon->salt, &before);
                (void)pam_daemon_ways(desk, frame.salt, &after);
                daemon->n_unannounced += !before || !after;
                daemon->n_replaced++;
        }
        memcpy(daemon->key, frame.new_key, sizeof(daemon->key));
        memcpy(daemon->salt, frame.salt, sizeof(daemon->salt));
        return UNLOCK_DONE;
}

/* ---- the process ---- */

static UnlockStatus answer_to(const Desk *desk, PamDaemon *daemon)
{
        bool odd = daemon->n_frames + 1 == daemon->odd_frame;
        UnlockStatus status = odd && !daemon->odd_after ? daemon->odd_answer : obey(desk, daemon);

        return odd ? daemon->odd_answer : status;
}

static void serve(const Desk *desk, PamDaemon *daemon)
{
        for (;;) {
                int fd = accept(desk->listener, NULL, NULL);
                ssize_t n;

                if (fd < 0)
                        _exit(0);
                n = recv(fd, daemon->frame, sizeof(daemon->frame), 0);
                if (n > 0) {
                        UnlockAnswer answer;
                        uint8_t bytes[UNLOCK_ANSWER_SIZE];

                        daemon->size = n;
                        answer = (UnlockAnswer){.status = answer_to(desk, daemon)};
                        __atomic_add_fetch(&daemon->n_frames, 1, __ATOMIC_SEQ_CST);
                        if (answer.status < _UNLOCK_STATUS_MAX) {
                                unlock_answer_encode(&answer, bytes);
                                (void)send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
                        }
                }
                (void)close(fd);
        }
}

PamDaemon *pam_daemon_start(const Desk *desk, pid_t *ret)
{
        PamDaemon *daemon = mmap(NULL, sizeof(*daemon), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        CHECK(daemon != MAP_FAILED);
        *ret = fork();
        CHECK(*ret >= 0);
        if (*ret == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a check that fails ends both */
                serve(desk, daemon);
        }
        return daemon;
}

/* Connections are served in turn: when one that says nothing has ended, so has every one before. */
unsigned pam_daemon_frames(const PamDaemon *daemon, const Desk *desk)
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

void pam_daemon_stop(PamDaemon *daemon, const Desk *desk, pid_t pid)
{
        CHECK_EQ(shutdown(desk->listener, SHUT_RDWR), 0);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
        CHECK_EQ(munmap(daemon, sizeof(*daemon)), 0);
}
