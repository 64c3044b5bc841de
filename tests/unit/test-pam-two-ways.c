/*
 * Two ways to a login slot
 *
 * Between the daemon, which has a changed password, and the mirror, which says how its key is derived, the power can go. What logins know
 * then is both ways; who opens the vault finds out which one is true, and leaves that one.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/unlock-frame.h"
#include "tests/unit/pam-daemon.h"
#include "tests/unit/pam-fail.h"
#include "tests/unit/test.h"

#define BOTH "ab"

typedef struct Stage {
        Desk desk;
        PamDaemon *daemon;
        pid_t pid;
} Stage;

/* Logins know these ways; the daemon has one of them, for the word "old". */
static void set(Stage *stage, const char *salts, char salt)
{
        pam_daemon_mirror(&stage->desk, salts);
        pam_daemon_slot(stage->daemon, "old", (uint8_t)salt);
}

static void stage_open(Stage *stage, const char *salts, char salt)
{
        desk_open(&stage->desk, /* uv= */ false, NULL);
        stage->daemon = pam_daemon_start(&stage->desk, &stage->pid);
        set(stage, salts, salt);
}

static void stage_close(Stage *stage)
{
        fail_old_password = fail_new_password = NULL;
        pam_daemon_stop(stage->daemon, &stage->desk, stage->pid);
        desk_close(&stage->desk);
}

/* What the session says of it. */
static int log_in(Stage *stage, const char *password)
{
        fail_new_password = password;
        stage->desk.w->session = true;
        CHECK_EQ(world_authenticate(stage->desk.w, "unlock", "capture", stage->desk.option, NULL), PAM_IGNORE);
        return stage->desk.w->session_result;
}

static void unlock_screen(Stage *stage, const char *password)
{
        fail_new_password = password;
        stage->desk.w->session = false;
        CHECK_EQ(world_authenticate(stage->desk.w, "unlock_now", "capture", stage->desk.option, NULL), PAM_IGNORE);
}

static int change(Stage *stage, const char *old_password, const char *new_password)
{
        fail_old_password = old_password;
        fail_new_password = new_password;
        return world_change(stage->desk.w, stage->desk.option, NULL);
}

/* How many ways logins know; the daemon's has to be among them. */
static size_t ways(const Stage *stage)
{
        bool known;
        size_t n = pam_daemon_ways(&stage->desk, stage->daemon->salt, &known);

        CHECK(known);
        return n;
}

static unsigned frames(const Stage *stage)
{
        return pam_daemon_frames(stage->daemon, &stage->desk);
}

static void lock_path(const Stage *stage, char ret[80])
{
        (void)snprintf(ret, 80, "%s.lock", stage->desk.mirror);
}

/* ---- logging in ---- */

TEST(a_session_finds_out_which_one_is_true)
{
        Stage stage;

        stage_open(&stage, BOTH, 'a');
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        CHECK_EQ(frames(&stage), 1);
        CHECK_EQ(ways(&stage), 1);
        set(&stage, BOTH, 'b');
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        CHECK_EQ(frames(&stage), 2);
        CHECK_EQ(ways(&stage), 1);
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        CHECK_EQ(frames(&stage), 3);
        CHECK_EQ(stage.daemon->n_opened, 2);
        stage_close(&stage);
}

TEST(a_screen_locker_finds_out)
{
        Stage stage;

        stage_open(&stage, BOTH, 'b');
        unlock_screen(&stage, "old");
        CHECK_EQ(frames(&stage), 2);
        CHECK_EQ(stage.daemon->n_opened, 1);
        CHECK_EQ(ways(&stage), 1);
        stage_close(&stage);
}

TEST(a_wrong_password_finds_out_nothing)
{
        Stage stage;

        stage_open(&stage, BOTH, 'a');
        CHECK_EQ(log_in(&stage, "another"), PAM_SESSION_ERR);
        CHECK_EQ(frames(&stage), 2);
        CHECK_EQ(ways(&stage), 2);
        stage_close(&stage);
}

TEST(the_second_follows_only_a_wrong_key)
{
        Stage stage;

        stage_open(&stage, BOTH, 'b');
        for (UnlockStatus status = UNLOCK_NO_SLOT; status <= _UNLOCK_STATUS_MAX; status++) {
                set(&stage, BOTH, 'b');
                stage.daemon->odd_frame = 1;
                stage.daemon->odd_answer = status;
                CHECK_EQ(log_in(&stage, "old"), PAM_SESSION_ERR);
                CHECK_EQ(frames(&stage), 1);
                CHECK_EQ(ways(&stage), 2);
        }
        stage_close(&stage);
}

/* What is said where a screen locker may not write: it is opened, and that is all. */
TEST(who_may_not_write_opens_it_all_the_same)
{
        char path[80], log[80], option[96], text[4096] = "";
        Stage stage;
        FILE *file;

        stage_open(&stage, BOTH, 'b');
        lock_path(&stage, path);
        CHECK_EQ(mkdir(path, 0700), 0); /* so not even root can write */
        (void)snprintf(log, sizeof(log), "%s/log", stage.desk.w->dir);
        (void)snprintf(option, sizeof(option), "debug_file=%s", log);
        file = fopen(log, "we+");
        CHECK(file);
        fail_new_password = "old";
        stage.desk.w->session = false;
        CHECK_EQ(world_authenticate(stage.desk.w, "unlock_now", "capture", "debug", option, stage.desk.option, NULL), PAM_IGNORE);
        CHECK_EQ(frames(&stage), 2);
        CHECK_EQ(stage.daemon->n_opened, 1);
        CHECK_EQ(ways(&stage), 2);
        CHECK(fread(text, 1, sizeof(text) - 1, file) > 0);
        CHECK(strstr(text, "logins go on trying both ways"));
        CHECK(!strstr(text, "is not opened"));
        CHECK_EQ(fclose(file), 0);

        CHECK_EQ(change(&stage, "old", "new"), PAM_AUTHTOK_ERR); /* but nothing is changed there */
        CHECK_EQ(frames(&stage), 2);
        CHECK(world_said(stage.desk.w, "does not follow"));
        stage_close(&stage);
}

/* While somebody else has the lock, an answer of now says nothing of what will be. */
TEST(while_the_password_is_being_changed_both_stay)
{
        char path[80];
        Stage stage;
        int lock;

        stage_open(&stage, BOTH, 'a');
        lock_path(&stage, path);
        lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK(lock >= 0);
        CHECK_EQ(flock(lock, LOCK_EX), 0);
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        CHECK_EQ(ways(&stage), 2);
        (void)close(lock);
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        CHECK_EQ(ways(&stage), 1);
        stage_close(&stage);
}

static Stage *changing;

static bool change_what_is_known(const char *name)
{
        if (changing && strcmp(name, "pam_set_data") == 0)
                pam_daemon_mirror(&changing->desk, "ac");
        return false;
}

/* Between authentication and the session somebody else has written. */
TEST(what_is_known_otherwise_by_now_stays)
{
        Stage stage;

        stage_open(&stage, BOTH, 'a');
        changing = &stage;
        world_fails = change_what_is_known;
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        world_fails = NULL;
        CHECK_EQ(stage.daemon->n_opened, 1);
        CHECK_EQ(ways(&stage), 2);
        stage_close(&stage);
}

TEST(a_security_key_opens_its_own_slot)
{
        SlotMirrorEntry fido2;
        Stage stage;

        fail_begin(0); /* nothing fails, but what is verified is noted */
        desk_open(&stage.desk, /* uv= */ false, NULL);
        stage.daemon = pam_daemon_start(&stage.desk, &stage.pid);
        fido2 = stage.desk.slots->slots[0];
        memset(fido2.id, 9, sizeof(fido2.id));
        set(&stage, BOTH, 'a');
        stage.desk.slots->slots[stage.desk.slots->n++] = fido2;
        desk_write(&stage.desk);
        stage.daemon->has_slot = false;
        CHECK_EQ(world_authenticate(stage.desk.w, "unlock", stage.desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(stage.desk.w->session_result, PAM_SUCCESS);
        CHECK_EQ(frames(&stage), 1);
        CHECK_EQ(stage.daemon->frame[6], 9);
        CHECK_EQ(ways(&stage), 3);
        stage_close(&stage);
}

/* ---- changing the password ---- */

TEST(what_was_refused_for_certain_leaves_one)
{
        static const UnlockStatus certain[] = {UNLOCK_WRONG_KEY,   UNLOCK_NO_SLOT, UNLOCK_NO_VAULT,
                                               UNLOCK_NOT_ALLOWED, UNLOCK_WAIT,    UNLOCK_INVALID};
        Stage stage;

        stage_open(&stage, "s", 's');
        for (size_t i = 0; i < sizeof(certain) / sizeof(certain[0]); i++) {
                set(&stage, "s", 's');
                stage.daemon->odd_frame = 1;
                stage.daemon->odd_answer = certain[i];
                CHECK_EQ(change(&stage, "old", "new"), PAM_AUTHTOK_ERR);
                CHECK_EQ(frames(&stage), 1);
                CHECK_EQ(ways(&stage), 1);
                CHECK(world_said(stage.desk.w, "does not follow the new login password"));
        }
        CHECK_EQ(shutdown(stage.desk.listener, SHUT_RDWR), 0);
        CHECK_EQ(change(&stage, "old", "new"), PAM_AUTHTOK_ERR);
        CHECK_EQ(ways(&stage), 1);
        fail_old_password = fail_new_password = NULL;
        CHECK_EQ(waitpid(stage.pid, NULL, 0), stage.pid);
        desk_close(&stage.desk);
}

TEST(what_nobody_knows_leaves_both)
{
        static const UnlockStatus uncertain[] = {UNLOCK_DAMAGED, UNLOCK_FAILED, _UNLOCK_STATUS_MAX};
        Stage stage;

        stage_open(&stage, "s", 's');
        for (size_t i = 0; i < 2 * sizeof(uncertain) / sizeof(uncertain[0]); i++) {
                set(&stage, "s", 's');
                stage.daemon->odd_frame = 1;
                stage.daemon->odd_answer = uncertain[i / 2];
                stage.daemon->odd_after = i % 2;
                CHECK_EQ(change(&stage, "old", "new"), PAM_AUTHTOK_ERR);
                CHECK_EQ(frames(&stage), 1);
                CHECK_EQ(stage.daemon->n_replaced, i % 2);
                CHECK_EQ(ways(&stage), 2);
                CHECK(world_said(stage.desk.w, "if the next login does not open the vault"));
                CHECK_EQ(log_in(&stage, i % 2 ? "old" : "new"), PAM_SESSION_ERR);
                CHECK_EQ(ways(&stage), 2);
                CHECK_EQ(log_in(&stage, i % 2 ? "new" : "old"), PAM_SUCCESS);
                CHECK_EQ(ways(&stage), 1);
        }
        stage_close(&stage);
}

TEST(a_change_while_there_are_two)
{
        Stage stage;

        stage_open(&stage, BOTH, 'a');
        CHECK_EQ(change(&stage, "old", "new"), PAM_IGNORE);
        CHECK_EQ(frames(&stage), 2); /* which one it is, and the change */
        CHECK_EQ(ways(&stage), 1);
        set(&stage, BOTH, 'b');
        CHECK_EQ(change(&stage, "old", "new"), PAM_IGNORE);
        CHECK_EQ(frames(&stage), 3);
        CHECK_EQ(ways(&stage), 1);
        CHECK(pam_daemon_has(stage.daemon, "new"));
        CHECK_EQ(stage.daemon->n_unannounced, 0);
        CHECK_EQ(stage.daemon->n_opened, 0);

        set(&stage, BOTH, 'b');
        CHECK_EQ(change(&stage, "another", "new"), PAM_AUTHTOK_ERR);
        CHECK_EQ(frames(&stage), 2);
        CHECK_EQ(ways(&stage), 2);
        stage_close(&stage);
}

/* Which of two ways is tried first is a matter of their random salts, so it takes many to have something of everything. */
#define CHANGES 480U

/* The daemon dies at every frame, before or after it has done what that says: never more than two ways, and the true one among them. */
TEST(changes_that_nobody_hears_of_again)
{
        char words[2][16] = {"old", ""};
        Stage stage;

        stage_open(&stage, "s", 's');
        for (unsigned i = 0; i < CHANGES; i++) {
                unsigned n_replaced = stage.daemon->n_replaced;
                char *old_word = words[i % 2], *new_word = words[1 - i % 2];

                stage.daemon->odd_frame = frames(&stage) + 1 + i % 3;
                stage.daemon->odd_answer = _UNLOCK_STATUS_MAX;
                stage.daemon->odd_after = i / 3 % 2;
                (void)snprintf(new_word, sizeof(words[0]), "word %u", i);
                (void)change(&stage, old_word, new_word);
                CHECK(frames(&stage) > 0 && ways(&stage) <= 2);
                if (stage.daemon->n_replaced == n_replaced)
                        memcpy(new_word, old_word, sizeof(words[0]));
                CHECK(pam_daemon_has(stage.daemon, new_word));
        }
        CHECK(stage.daemon->n_replaced > CHANGES / 4 && stage.daemon->n_replaced < CHANGES);
        CHECK_EQ(stage.daemon->n_unannounced, 0);
        stage.daemon->odd_frame = 0;
        CHECK_EQ(log_in(&stage, words[0]), PAM_SUCCESS);
        CHECK_EQ(ways(&stage), 1);
        stage_close(&stage);
}

/* Deriving the key takes memory, which a login may not have. */
TEST(a_key_that_can_not_be_derived_is_logged)
{
        char log[80], option[96], text[4096] = "";
        const char *failed = NULL;
        Stage stage;
        FILE *file;

        stage_open(&stage, "s", 's');
        (void)snprintf(log, sizeof(log), "%s/log", stage.desk.w->dir);
        (void)snprintf(option, sizeof(option), "debug_file=%s", log);
        fail_new_password = "old";
        pam_key_enter = fail_enter;
        pam_key_leave = fail_leave;
        for (unsigned n = 1; !failed || strcmp(failed, "crypto_pwhash") != 0; n++) {
                CHECK(n < 1000);
                file = fopen(log, "we");
                CHECK(file && fclose(file) == 0);
                fail_begin(n);
                (void)world_authenticate(stage.desk.w, "unlock", "capture", "debug", option, stage.desk.option, NULL);
                failed = fail_happened();
                CHECK(failed);
        }
        pam_key_enter = fail_leave;
        fail_begin(0);
        file = fopen(log, "re");
        CHECK(file && fread(text, 1, sizeof(text) - 1, file) > 0 && fclose(file) == 0);
        CHECK(strstr(text, "the vault is not opened: Cannot allocate memory"));
        stage_close(&stage);
}

/* ---- one that has expired ---- */

static int changed;

static void change_before_the_session(pam_handle_t *pamh, int n, const char **arguments)
{
        fail_old_password = fail_new_password;
        fail_new_password = "new";
        changed = pam_sm_chauthtok(pamh, PAM_UPDATE_AUTHTOK | PAM_CHANGE_EXPIRED_AUTHTOK, n, arguments);
}

/* As login(1) does it, while the user's daemon runs already: what was kept of the old password opens nothing any more. */
TEST(changed_between_authentication_and_session)
{
        Stage stage;

        stage_open(&stage, "s", 's');
        stage.desk.w->between = change_before_the_session;
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        CHECK_EQ(changed, PAM_IGNORE);
        CHECK_EQ(stage.daemon->n_opened, 1);
        CHECK(pam_daemon_has(stage.daemon, "new"));

        set(&stage, BOTH, 'b');
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        CHECK_EQ(changed, PAM_IGNORE);
        CHECK_EQ(stage.daemon->n_opened, 1);
        CHECK_EQ(ways(&stage), 1);

        set(&stage, "s", 's'); /* refused: the old one goes on opening it */
        stage.daemon->odd_frame = 1;
        stage.daemon->odd_answer = UNLOCK_WAIT;
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        CHECK_EQ(changed, PAM_AUTHTOK_ERR);
        CHECK_EQ(stage.daemon->n_opened, 1);
        stage_close(&stage);
}

/* A security key has logged in: its slot is opened, whatever becomes of the password. */
TEST(changed_after_a_login_by_a_security_key)
{
        SlotMirrorEntry fido2;
        Stage stage;

        fail_begin(0);
        desk_open(&stage.desk, /* uv= */ false, NULL);
        stage.daemon = pam_daemon_start(&stage.desk, &stage.pid);
        fido2 = stage.desk.slots->slots[0];
        memset(fido2.id, 9, sizeof(fido2.id));
        set(&stage, "s", 's');
        stage.desk.slots->slots[stage.desk.slots->n++] = fido2;
        desk_write(&stage.desk);
        stage.daemon->other = UNLOCK_DONE;
        stage.desk.w->between = change_before_the_session;
        fail_new_password = "old";
        CHECK_EQ(world_authenticate(stage.desk.w, "unlock", stage.desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(changed, PAM_IGNORE);
        CHECK_EQ(stage.desk.w->session_result, PAM_SUCCESS);
        CHECK_EQ(frames(&stage), 2);
        CHECK_EQ(stage.daemon->frame[6], 9);
        stage_close(&stage);
}

/* ---- several login slots ---- */

/* As after "keyfob slot add --kind login", which makes one beside that of a password of the past; or that one is gone again. */
TEST(another_login_slot_does_not_stand_in_the_way)
{
        static const UnlockStatus others[] = {UNLOCK_WRONG_KEY, UNLOCK_NO_SLOT};
        Stage stage;

        stage_open(&stage, "s", 's');
        for (size_t i = 0; i < 2 * sizeof(others) / sizeof(others[0]); i++) {
                set(&stage, "s", 's');
                pam_daemon_other(&stage.desk, i % 2 ? 9 : 3, "x"); /* before and behind it */
                stage.daemon->other = others[i / 2];
                CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
                unlock_screen(&stage, "old");
                CHECK_EQ(stage.daemon->n_opened, 2);
                CHECK_EQ(ways(&stage), 2);
                CHECK_EQ(change(&stage, "old", "new"), PAM_IGNORE);
                CHECK(pam_daemon_has(stage.daemon, "new"));
                CHECK_EQ(stage.daemon->n_unannounced, 0);
                CHECK_EQ(ways(&stage), 2);
                CHECK_EQ(log_in(&stage, "new"), PAM_SUCCESS);
                CHECK_EQ(log_in(&stage, "old"), PAM_SESSION_ERR);
                CHECK_EQ(stage.daemon->n_opened, 3);
        }
        stage_close(&stage);
}

TEST(two_ways_to_one_of_several)
{
        Stage stage;

        stage_open(&stage, BOTH, 'b');
        pam_daemon_other(&stage.desk, 3, "x");
        stage.daemon->other = UNLOCK_WRONG_KEY;
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        CHECK_EQ(ways(&stage), 2);

        /* What logins know has no room for another slot that has two. */
        set(&stage, "s", 's');
        pam_daemon_other(&stage.desk, 3, "xy");
        stage.daemon->other = UNLOCK_WRONG_KEY;
        CHECK_EQ(change(&stage, "old", "new"), PAM_AUTHTOK_ERR);
        CHECK(world_said(stage.desk.w, "does not follow the new login password"));
        CHECK(pam_daemon_has(stage.daemon, "old"));
        CHECK_EQ(ways(&stage), 3);
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        stage_close(&stage);
}

/* A login takes no longer than so many derivations. */
TEST(a_mirror_full_of_login_slots)
{
        Stage stage;

        stage_open(&stage, "s", 's');
        for (uint8_t slot = 100; slot < 120; slot++)
                pam_daemon_other(&stage.desk, slot, "x");
        stage.daemon->other = UNLOCK_WRONG_KEY;
        CHECK_EQ(log_in(&stage, "another"), PAM_SESSION_ERR);
        CHECK_EQ(frames(&stage), 8);
        CHECK_EQ(log_in(&stage, "old"), PAM_SUCCESS);
        stage_close(&stage);
}

/* ---- at once ---- */

/* Whose change ends first wins; who waited goes by what is known then. */
TEST(two_changes_at_once)
{
        pid_t parent = getpid(), other;
        char path[80];
        int status, lock;
        Stage stage;

        stage_open(&stage, "s", 's');
        lock_path(&stage, path);
        lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK(lock >= 0);
        CHECK_EQ(flock(lock, LOCK_EX), 0);
        other = fork();
        CHECK(other >= 0);
        if (other == 0) {
                while (!world_waits_for_lock(parent))
                        (void)usleep(1000);
                set(&stage, "t", 't');
                _exit(0); /* the last one who has the lock */
        }
        (void)close(lock);
        CHECK_EQ(change(&stage, "old", "new"), PAM_IGNORE);
        CHECK_EQ(waitpid(other, &status, 0), other);
        CHECK_EQ(status, 0);
        CHECK_EQ(frames(&stage), 1);
        CHECK(pam_daemon_has(stage.daemon, "new"));
        CHECK_EQ(ways(&stage), 1);
        stage_close(&stage);
}

TEST_MAIN
