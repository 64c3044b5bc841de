/*
 * Whatever fails on the way to the vault
 *
 * As for logging in by itself, each call of the module's fails in turn. A login that was proven goes on without the
 * vault; but nobody is let in without a proof, nothing but the right frame ever reaches the daemon, and whatever became of a
 * changed password, what the daemon has of the slot is among what logins know of it: the next one opens the vault with it.
 */
#include <unistd.h>

#include "common/unlock-frame.h"
#include "tests/unit/pam-daemon.h"
#include "tests/unit/pam-fail.h"
#include "tests/unit/test.h"

#define CALLS_MAX 2000U

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
        PamDaemon *daemon;
        Desk desk;
        pid_t pid;

        desk_open(&desk, /* uv= */ false, NULL);
        desk.w->session = !now;
        daemon = pam_daemon_start(&desk, &pid);
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
                n_frames = pam_daemon_frames(daemon, &desk);
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
        pam_daemon_stop(daemon, &desk, pid);
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

/* Nothing fails now: the vault opens by that password, and after that logins know one way, the daemon's. */
static void check_opens(Desk *desk, PamDaemon *daemon, const char *password)
{
        unsigned before = daemon->n_opened;
        bool known;

        fail_begin(0);
        fail_new_password = password;
        CHECK_EQ(world_authenticate(desk->w, "unlock", "capture", desk->option, NULL), PAM_IGNORE);
        CHECK_EQ(desk->w->session_result, PAM_SUCCESS);
        CHECK_EQ(daemon->n_opened, before + 1);
        CHECK_EQ(pam_daemon_ways(desk, daemon->salt, &known), 1);
        CHECK(known);
}

/* `salts` is what logins know, and the first of them is true. */
static void check_captured(const char *salts, bool now)
{
        unsigned n_failed = 0, n_left = 0;
        size_t n_ways = strlen(salts);
        PamDaemon *daemon;
        Desk desk;
        pid_t pid;

        desk_open(&desk, false, NULL);
        daemon = pam_daemon_start(&desk, &pid);
        failing(true);
        for (unsigned n = 1;; n++) {
                unsigned n_frames, descriptors = fail_descriptors();
                const char *failed;
                bool known;
                size_t left;
                int r;

                CHECK(n < CALLS_MAX);
                pam_daemon_mirror(&desk, salts);
                pam_daemon_slot(daemon, "login word", (uint8_t)salts[0]);
                fail_new_password = "login word";
                desk.w->session = !now;
                fail_begin(n);
                r = world_authenticate(desk.w, now ? "unlock_now" : "unlock", "capture", desk.option, NULL);
                failed = fail_happened();
                n_frames = pam_daemon_frames(daemon, &desk);
                CHECK_EQ(fail_descriptors(), descriptors);
                CHECK(r != PAM_SUCCESS);
                CHECK(n_frames <= n_ways && (n_frames == 0 || daemon->size == UNLOCK_FRAME_SIZE));
                CHECK_EQ(daemon->n_replaced, 0);
                left = pam_daemon_ways(&desk, daemon->salt, &known);
                CHECK(known);
                if (!failed) {
                        CHECK_EQ(r, PAM_IGNORE);
                        CHECK_EQ(daemon->n_opened, 1);
                        CHECK_EQ(left, 1);
                        break;
                }
                n_left += left > 1;
                n_failed++;
                desk.w->session = true;
                check_opens(&desk, daemon, "login word");
        }
        failing(false);
        fail_new_password = NULL;
        printf("  ways %s: %u calls failed, one at a time; %u times they stayed\n", salts, n_failed, n_left);
        CHECK(n_failed > 40);
        CHECK(n_ways == 1 ? n_left == 0 : n_left > 40);
        pam_daemon_stop(daemon, &desk, pid);
        desk_close(&desk);
}

TEST(a_captured_password)
{
        check_captured("s", /* now= */ false);
}

TEST(a_captured_password_with_two_ways)
{
        check_captured("sa", /* now= */ false);
        check_captured("sa", /* now= */ true);
}

/* `salts` is what logins know, and the first of them is true. `again`: before somebody logs in, the password is changed once more. */
static void check_changed(const char *salts, bool again)
{
        unsigned n_failed = 0, n_told = 0, n_synced = 0, n_synced_first = 0, n_both = 0;
        size_t n_ways = strlen(salts);
        PamDaemon *daemon;
        Desk desk;
        pid_t pid;

        desk_open(&desk, false, NULL);
        daemon = pam_daemon_start(&desk, &pid);
        failing(true);
        for (unsigned n = 1;; n++) {
                unsigned n_frames, descriptors = fail_descriptors();
                const char *failed, *word;
                bool known;
                size_t left;
                int r;

                CHECK(n < CALLS_MAX);
                pam_daemon_mirror(&desk, salts);
                pam_daemon_slot(daemon, "old word", (uint8_t)salts[0]);
                fail_old_password = "old word";
                fail_new_password = "new word";
                fail_begin(n);
                r = world_change(desk.w, desk.option, NULL);
                failed = fail_happened();
                n_frames = pam_daemon_frames(daemon, &desk);
                CHECK_EQ(fail_descriptors(), descriptors);
                CHECK(r == PAM_IGNORE || r == PAM_AUTHTOK_ERR);
                CHECK(n_frames <= (n_ways == 1 ? 1 : n_ways + 1));
                CHECK(daemon->n_replaced <= 1 && daemon->n_unannounced == 0);

                /* Nothing is lost, whatever it was, and what needs no doing was not left undone in silence. */
                word = daemon->n_replaced == 0 ? "old word" : "new word";
                CHECK(pam_daemon_has(daemon, word));
                left = pam_daemon_ways(&desk, daemon->salt, &known);
                CHECK(known && left <= 2);
                if (r == PAM_IGNORE && daemon->n_replaced == 0)
                        fprintf(stderr, "call %u, %s, fails, and nobody is told\n", n, failed);
                CHECK(r != PAM_IGNORE || daemon->n_replaced == 1);
                if (!failed) {
                        CHECK_EQ(r, PAM_IGNORE);
                        CHECK_EQ(left, 1);
                        break;
                }
                n_failed++;
                n_told += r == PAM_AUTHTOK_ERR;
                n_both += left == 2;
                n_synced += strcmp(failed, "fsync") == 0;
                n_synced_first += strcmp(failed, "fsync") == 0 && daemon->n_replaced == 0;
                if (again) {
                        fail_begin(0);
                        fail_old_password = word;
                        fail_new_password = word = "third word";
                        CHECK_EQ(world_change(desk.w, desk.option, NULL), PAM_IGNORE);
                        CHECK_EQ(pam_daemon_ways(&desk, daemon->salt, &known), 1);
                        CHECK(known && daemon->n_unannounced == 0);
                }
                check_opens(&desk, daemon, word);
        }
        failing(false);
        fail_old_password = fail_new_password = NULL;
        printf("  ways %s: %u calls failed, one at a time; %u of them were told; %u times logins knew two ways then\n", salts, n_failed,
               n_told, n_both);
        CHECK(n_failed > 60);
        CHECK(n_both > 10);
        CHECK_EQ(n_synced_first, 2); /* that logins know both ways, and that this is in its place: before the daemon hears of it */
        CHECK_EQ(n_synced, 4);       /* and that they know one */
        pam_daemon_stop(daemon, &desk, pid);
        desk_close(&desk);
}

TEST(a_changed_password)
{
        check_changed("s", /* again= */ false);
        check_changed("s", /* again= */ true);
}

TEST(a_changed_password_with_two_ways)
{
        check_changed("st", /* again= */ false);
        check_changed("sa", /* again= */ true);
}

TEST_MAIN
