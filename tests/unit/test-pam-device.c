/* What is plugged in may be anybody's: one that says nothing, or another make than its own, and one that was copied. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/pam-world.h"
#include "tests/unit/test.h"

#define PLUGGED(name, adjust) _cleanup_(world_freep) World *name = world_new(adjust)

/* ---- that say nothing ---- */

/* Anybody who may plug something in could keep everybody out with it. */
TEST(a_device_that_says_nothing_is_not_waited_for_without_end)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        pam_keys[0].n_unbounded = 0;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(pam_keys[0].n_unbounded, 0);
}

static bool falls_silent;

static void fall_silent(PamKey *key, uint8_t *reply, size_t *size)
{
        key->silent = falls_silent;
}

TEST(a_device_that_says_nothing_is_asked_once)
{
        char other[512];
        PLUGGED(w, NULL);

        pam_key_plug(1, NULL);
        pam_key_enrol(1, WORLD_RP, COSE_ES256, false, NULL, other, sizeof(other));
        world_line(w, "%s,+presence:%s,+presence:%s,+presence:%s,+presence\n", w->credential, w->credential, w->credential, other);
        falls_silent = true;
        pam_keys[0].tamper = fall_silent; /* it says what it has, and nothing when it is to be touched */
        pam_keys[0].n_requests = 0;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK(pam_keys[0].silent);
        CHECK_EQ(pam_keys[0].n_requests, 4); /* two before it is opened and known, the search, the touch */

        pam_keys[0].tamper = NULL;
        pam_keys[0].silent = false;
        pam_keys[0].n_requests = 0;
        pam_keys[0].u2f_only = true; /* nothing is asked of it before the search */
        pam_keys[0].silent = true;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(pam_keys[0].n_requests, 1);
}

/* ---- that say they are another ---- */

/* A /sys of this process's own, where the kernel says who made hidraw7. False: this process may not have one. */
static bool made_by(const char *uniq)
{
        static const char *const places[] = {"/sys/class", "/sys/class/hidraw", "/sys/class/hidraw/hidraw7",
                                             "/sys/class/hidraw/hidraw7/device"};
        FILE *file;

        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", "/sys", "tmpfs", 0, NULL) < 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                CHECK_EQ(mkdir(places[i], 0755), 0);
        file = fopen("/sys/class/hidraw/hidraw7/device/uevent", "we");
        CHECK(file && fprintf(file, "HID_NAME=Another\nHID_UNIQ=%s\n", uniq) > 0 && fclose(file) == 0);
        return true;
}

/* A program of the user's can be the other end of the kernel's device, and have Keyfob sign behind another name or by U2F. */
static void check_disguised(const char *uniq, bool u2f)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        (void)strcpy(pam_keys[0].path, "/dev/hidraw7");
        pam_keys[0].u2f_only = u2f;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        if (!made_by(uniq))
                return;
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        CHECK_EQ(umount("/sys"), 0);
        if (u2f)
                return;
        CHECK_EQ(pam_key_set_pin(0, WORLD_PIN), FIDO_OK);
        CHECK(made_by(uniq));
        w->answers[0] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(w->n_answered, 1);
        CHECK_EQ(umount("/sys"), 0);
}

TEST(a_touch_of_a_device_that_a_program_made_is_no_proof)
{
        char uniq[32];

        (void)snprintf(uniq, sizeof(uniq), "keyfob-%u", getuid());
        check_disguised(uniq, /* u2f= */ false);
        check_disguised(uniq, /* u2f= */ true);
        check_disguised("keyfob-4294967000", /* u2f= */ false); /* of another user's, who may be the same person */
}

/* ---- counters ---- */

static void counts(Fixture *f)
{
        f->config.counters = true;
}

static void counters_file(const World *w, const char *how, char *ret, size_t size)
{
        char path[80];
        FILE *file;
        size_t n;

        (void)snprintf(path, sizeof(path), "%s/%u.counters", w->dir, getuid());
        file = fopen(path, how);
        CHECK(file);
        if (how[0] == 'r') {
                n = fread(ret, 1, size - 1, file);
                ret[n] = 0;
        } else {
                CHECK(fputs(ret, file) >= 0);
        }
        CHECK_EQ(fclose(file), 0);
}

TEST(a_counter_that_does_not_grow)
{
        char text[4096], again[4096], *digits;
        PLUGGED(w, counts);

        if (getuid() != 0)
                return; /* only root keeps them */
        world_credential(w, "+presence");
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        counters_file(w, "re", text, sizeof(text));
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        counters_file(w, "re", again, sizeof(again));
        CHECK(strlen(text) == strlen(again) && strcmp(text, again) < 0);

        /* As if another key with the same credential had been used meanwhile. */
        digits = strchr(text, ' ') + 1;
        memcpy(digits, "4000000000", 10);
        counters_file(w, "we", text, 0);
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        memcpy(digits, "400000000x", 10);
        counters_file(w, "we", text, 0);
        CHECK_EQ(world_authenticate(w, "nouserok", NULL), PAM_SYSTEM_ERR);
        memcpy(digits, "0000000001", 10);
        counters_file(w, "we", text, 0);
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(chmod(w->dir, 0777), 0);
        CHECK_EQ(world_authenticate(w, NULL), PAM_SYSTEM_ERR);
}

/* The id is a text "id" and a byte string with an 8-bit length (62 69 64 58). It is not among what was signed. */
static void rename_credential(PamKey *key, uint8_t *reply, size_t *size)
{
        for (size_t i = 0; i + 6 < *size; i++)
                if (memcmp(reply + i, "\x62id\x58", 4) == 0) {
                        reply[i + 5] ^= 1;
                        return;
                }
        CHECK(!"there is an id");
}

TEST(a_copy_that_gives_a_resident_credential_another_id)
{
        char resident[512], text[4096];
        PLUGGED(w, counts);

        if (getuid() != 0)
                return; /* only root keeps them */
        pam_key_enrol(0, WORLD_RP, COSE_ES256, /* resident= */ true, NULL, resident, sizeof(resident));
        world_line(w, "%s,+presence\n", resident);
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(world_authenticate(w, "nodetect", NULL), PAM_SUCCESS);
        counters_file(w, "re", text, sizeof(text));
        CHECK(strchr(text, '\n') && !strchr(text, '\n')[1]); /* one line */
        memcpy(strchr(text, ' ') + 1, "4000000000", 10);
        counters_file(w, "we", text, 0);
        CHECK_EQ(world_authenticate(w, "nodetect", NULL), PAM_AUTH_ERR);
        pam_keys[0].tamper = rename_credential;
        CHECK_EQ(world_authenticate(w, "nodetect", NULL), PAM_AUTH_ERR);
}

/* The power went while a line was written. */
TEST(a_counter_behind_a_line_that_is_cut_off)
{
        char text[4096] = "0123456789abcdef 00000", *digits;
        PLUGGED(w, counts);

        if (getuid() != 0)
                return; /* only root keeps them */
        world_credential(w, "+presence");
        counters_file(w, "we", text, 0);
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        counters_file(w, "re", text, sizeof(text));
        digits = strrchr(text, ' ') + 1;
        memcpy(digits, "4000000000", 10);
        counters_file(w, "we", text, 0);
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
}

static int heard[2];

static void on_signal(int number)
{
        (void)!write(heard[1], "!", 1);
}

/* The program around the module has signals of its own, and another login has the counters. */
TEST(a_signal_while_another_login_has_the_counters)
{
        const struct sigaction interrupts = {.sa_handler = on_signal};
        pid_t parent = getpid(), other;
        char path[80], nothing[1] = "", byte;
        int status, lock;
        PLUGGED(w, counts);

        if (getuid() != 0)
                return; /* only root keeps them */
        world_credential(w, "+presence");
        counters_file(w, "we", nothing, 0);
        (void)snprintf(path, sizeof(path), "%s/%u.counters", w->dir, getuid());
        CHECK_EQ(pipe2(heard, O_CLOEXEC), 0);
        CHECK_EQ(sigaction(SIGUSR1, &interrupts, NULL), 0);
        lock = open(path, O_RDWR | O_CLOEXEC);
        CHECK(lock >= 0);
        CHECK_EQ(flock(lock, LOCK_EX), 0);
        other = fork();
        CHECK(other >= 0);
        if (other == 0) {
                while (!world_waits_for_lock(parent))
                        (void)usleep(1000);
                (void)kill(parent, SIGUSR1);
                _exit(read(heard[0], &byte, 1) == 1 ? 0 : 1); /* the last one who has the lock */
        }
        (void)close(lock);
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(waitpid(other, &status, 0), other);
        CHECK_EQ(status, 0);
        (void)close(heard[0]);
        (void)close(heard[1]);
}

TEST(a_key_that_does_not_count)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
}

TEST_MAIN
