/* Logging in with a security key: what is asked, what is believed, what each end is. */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/sha.h"
#include "tests/unit/pam-world.h"
#include "tests/unit/pin-tools.h"
#include "tests/unit/test.h"

#define PLUGGED(name, adjust) _cleanup_(world_freep) World *name = world_new(adjust)

static void with_fingers(Fixture *f)
{
        use_fingers(f);
}

static unsigned asked(void)
{
        return pam_keys[0].fixture->n_asked;
}

/* ---- touch ---- */

TEST(by_touch)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(w->said[0], 0);
        CHECK(asked() == 2); /* once to make it, once now: looking for it asks nobody */
}

TEST(refused_on_the_key)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        pam_keys[0].fixture->answer = AUTHENTICATOR_NO;
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        CHECK(world_said(w, "E It was refused"));
        pam_keys[0].fixture->answer = AUTHENTICATOR_TIMED_OUT;
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
}

TEST(the_cue_comes_before_the_wait)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        CHECK_EQ(world_authenticate(w, "cue", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, "I Touch the security key.\n") == 0);
        CHECK_EQ(world_authenticate(w, "cue", "cue_prompt=Now!", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, "I Now!\n") == 0);
        w->answers[0] = "";
        CHECK_EQ(world_authenticate(w, "cue", "cue_question", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, "? Press ENTER, then touch the security key.\n") == 0);
        w->answers[0] = ANSWER_FAILURE;
        CHECK_EQ(world_authenticate(w, "cue", "cue_question", NULL), PAM_CONV_ERR);
}

TEST(no_cue_for_a_key_that_is_not_there)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        pam_keys[0].plugged = false;
        CHECK_EQ(world_authenticate(w, "cue", NULL), PAM_AUTH_ERR);
        CHECK_EQ(w->said[0], 0);
}

TEST(interactive)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        w->answers[0] = "";
        CHECK_EQ(world_authenticate(w, "interactive", "prompt=Insert it", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, "? Insert it\n") == 0);
}

TEST(resident_and_eddsa)
{
        char resident[512], eddsa[512];
        PLUGGED(w, NULL);

        pam_key_enrol(0, WORLD_RP, COSE_ES256, /* resident= */ true, NULL, resident, sizeof(resident));
        pam_key_enrol(0, WORLD_RP, COSE_EDDSA, /* resident= */ false, NULL, eddsa, sizeof(eddsa));
        world_line(w, "%s,+presence\n", resident);
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        world_line(w, "%s,+presence\n", eddsa);
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(world_authenticate(w, "nodetect", NULL), PAM_SUCCESS);
}

TEST(second_key_and_second_credential)
{
        char other[512];
        PLUGGED(w, NULL);

        pam_key_plug(1, NULL);
        pam_key_enrol(1, WORLD_RP, COSE_ES256, false, NULL, other, sizeof(other));
        world_line(w, "%s,+presence:%s,+presence\n", other, w->credential);
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        pam_keys[1].plugged = false;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        pam_keys[0].plugged = false;
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        pam_keys[0].plugged = true;
        CHECK_EQ(world_authenticate(w, "max_devices=1", NULL), PAM_AUTH_ERR);
}

TEST(another_origin)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        CHECK_EQ(world_authenticate(w, "origin=pam://elsewhere", NULL), PAM_AUTH_ERR);
}

TEST(the_public_key_of_another)
{
        char other[512], line[1024], *comma;
        PLUGGED(w, NULL);

        pam_key_enrol(0, WORLD_RP, COSE_ES256, false, NULL, other, sizeof(other));
        comma = strchr(other, ',');
        (void)snprintf(line, sizeof(line), "%.*s%s", (int)strcspn(w->credential, ","), w->credential, comma);
        world_line(w, "%s,+presence\n", line);
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
}

/* ---- what was signed ---- */

/* The last byte of the reply is one of the signature's, or of what follows it. */
static void flip_last(PamKey *key, uint8_t *reply, size_t *size)
{
        reply[*size - 1] ^= 1;
}

static unsigned flag_to_clear;

/* The byte of flags is behind the hash of the RP's name. What looks like the head of authData (58 25) may be in the id before it, too. */
static void clear_flag(PamKey *key, uint8_t *reply, size_t *size)
{
        uint8_t hash[SHA256_SIZE], *at;

        sha256(WORLD_RP, strlen(WORLD_RP), hash);
        at = memmem(reply, *size, hash, sizeof(hash));
        CHECK(at);
        at[SHA256_SIZE] &= (uint8_t)~flag_to_clear;
}

static unsigned n_kept;
static uint8_t kept[4096];
static size_t kept_size;

/* The first answer is kept, and given again. */
static void replay(PamKey *key, uint8_t *reply, size_t *size)
{
        if (n_kept++ == 0) {
                memcpy(kept, reply, *size);
                kept_size = *size;
        } else {
                memcpy(reply, kept, kept_size);
                *size = kept_size;
        }
}

TEST(a_changed_signature)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        pam_keys[0].tamper = flip_last;
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
}

TEST(presence_is_read_from_what_was_signed)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        pam_keys[0].tamper = clear_flag;
        flag_to_clear = 1;
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        world_credential(w, "");
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
}

TEST(an_answer_is_good_once)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        n_kept = 0;
        pam_keys[0].tamper = replay;
        CHECK_EQ(world_authenticate(w, "nodetect", NULL), PAM_SUCCESS);
        CHECK_EQ(world_authenticate(w, "nodetect", NULL), PAM_AUTH_ERR);
}

TEST(without_presence_only_where_it_is_said)
{
        PLUGGED(w, NULL);

        world_credential(w, "");
        pam_keys[0].fixture->answer = AUTHENTICATOR_NO;
        CHECK_EQ(world_authenticate(w, "userpresence=0", NULL), PAM_SUCCESS);
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        world_credential(w, "+presence");
        CHECK_EQ(world_authenticate(w, "userpresence=0", NULL), PAM_AUTH_ERR);
}

/* ---- PIN ---- */

static World *with_pin(const char *options, void (*adjust)(Fixture *fixture))
{
        World *w = world_new(adjust);

        CHECK_EQ(pam_key_set_pin(0, WORLD_PIN), FIDO_OK);
        world_credential(w, options);
        return w;
}

TEST(by_pin)
{
        _cleanup_(world_freep) World *w = with_pin("+presence+pin", NULL);

        w->answers[0] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK(world_said(w, "? PIN of the security key (8 tries left): "));
        CHECK_EQ(world_authenticate(w, "cue", NULL), PAM_SUCCESS);
        CHECK(world_said(w, "? PIN of the security key (8 tries left), then touch it: "));
}

TEST(a_wrong_pin_is_said_and_counted)
{
        _cleanup_(world_freep) World *w = with_pin("+pin", NULL);

        w->answers[0] = "00000000";
        w->answers[1] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK(world_said(w, "E That is not the PIN"));
        CHECK(world_said(w, "(7 tries left)"));
}

TEST(the_last_tries_are_not_spent)
{
        _cleanup_(world_freep) World *w = with_pin("+pin", NULL);

        for (unsigned i = 0; i < 3; i++)
                w->answers[i] = "00000000";
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR); /* 8, 7, 6; now it is blocked softly */
        fixture_restart(pam_keys[0].fixture);
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR); /* 5, 4, 3 */
        fixture_restart(pam_keys[0].fixture);
        w->answers[0] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        CHECK(world_said(w, "E Only 2 tries") && !world_said(w, "?"));
        CHECK_EQ(world_authenticate(w, "keep_tries=2", NULL), PAM_SUCCESS);
}

TEST(none_left)
{
        _cleanup_(world_freep) World *w = with_pin("+pin", NULL);

        for (unsigned i = 0; i < 8; i++) {
                w->answers[0] = "00000000";
                w->answers[1] = "";
                CHECK_EQ(world_authenticate(w, "keep_tries=1", NULL), PAM_AUTH_ERR);
                fixture_restart(pam_keys[0].fixture);
        }
        CHECK_EQ(world_authenticate(w, "keep_tries=1", NULL), PAM_AUTH_ERR);
        CHECK(world_said(w, "E The PIN of the security key is blocked. It can only be reset.") && !world_said(w, "brings them back"));
}

TEST(three_in_a_row)
{
        _cleanup_(world_freep) World *w = with_pin("+pin", NULL);

        for (unsigned i = 0; i < 4; i++)
                w->answers[i] = "00000000";
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        CHECK_EQ(w->n_answered, 3);
        CHECK(world_said(w, "plug the security key out and in again"));
}

TEST(a_key_without_a_pin)
{
        PLUGGED(w, NULL);

        world_credential(w, "+pin");
        w->answers[0] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        CHECK(world_said(w, "has no PIN") && w->n_answered == 0);
}

/* ---- the key's own verification, then the PIN ---- */

TEST(by_finger_on_the_key)
{
        _cleanup_(world_freep) World *w = with_pin("+presence+verification", with_fingers);

        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(w->n_answered, 0);
}

TEST(from_fingers_to_the_pin_in_one_call)
{
        _cleanup_(world_freep) World *w = with_pin("+presence+verification", with_fingers);

        pam_keys[0].fixture->verification_answer = AUTHENTICATOR_BLOCKED;
        w->answers[0] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(w->n_answered, 1);
        pam_keys[0].fixture->verification_answer = AUTHENTICATOR_NO_MATCH;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK(world_said(w, "E ") && w->n_answered == 1);
}

TEST(a_key_without_fingers_asks_for_the_pin)
{
        _cleanup_(world_freep) World *w = with_pin("+verification", NULL);

        w->answers[0] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(w->n_answered, 1);
        world_credential(w, "+presence");
        CHECK_EQ(world_authenticate(w, "userverification=1", NULL), PAM_SUCCESS);
        CHECK_EQ(w->n_answered, 1);
        CHECK_EQ(world_authenticate(w, "pinverification=1", NULL), PAM_SUCCESS);
        CHECK_EQ(w->n_answered, 1);
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(w->n_answered, 0);
}

TEST(verification_is_read_from_what_was_signed)
{
        _cleanup_(world_freep) World *w = with_pin("+presence+verification", with_fingers);

        pam_keys[0].tamper = clear_flag;
        flag_to_clear = 4;
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
}

/* ---- Keyfob's own ---- */

static void is_keyfob(Fixture *f)
{
        static const uint8_t aaguid[16] = {0xee, 0xde, 0x58, 0x9b, 0xb4, 0xc8, 0x47, 0x88, 0xb9, 0xf6, 0xde, 0x70, 0x86, 0x0a, 0x82, 0x6e};

        memcpy(f->config.aaguid, aaguid, sizeof(aaguid));
}

TEST(a_touch_of_keyfob_is_no_proof)
{
        PLUGGED(w, is_keyfob);

        world_credential(w, "+presence");
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        CHECK_EQ(pam_key_set_pin(0, WORLD_PIN), FIDO_OK);
        w->answers[0] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        w->answers[0] = NULL;
        CHECK_EQ(world_authenticate(w, NULL), PAM_CONV_ERR);
}

/* ---- from afar ---- */

TEST(from_afar_only_what_is_typed_there)
{
        _cleanup_(world_freep) World *w = with_pin("+presence", with_fingers);

        w->rhost = "192.0.2.1";
        w->answers[0] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, "-remote", NULL), PAM_SUCCESS);
        CHECK_EQ(w->n_answered, 1); /* neither a touch nor a finger would do */
        w->answers[0] = "";
        CHECK_EQ(world_authenticate(w, "-remote", NULL), PAM_AUTH_ERR);
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS); /* the administrator says so */
        CHECK_EQ(w->n_answered, 0);
}

/* ---- users, files ---- */

TEST(ends_without_a_key)
{
        PLUGGED(w, NULL);
        const char *user = w->user;

        world_write(w, "nobody-else:x\n");
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTHINFO_UNAVAIL);
        CHECK_EQ(world_authenticate(w, "nouserok", NULL), PAM_IGNORE);
        world_line(w, "cut,off\n");
        CHECK_EQ(world_authenticate(w, "nouserok", NULL), PAM_AUTHINFO_UNAVAIL);
        CHECK_EQ(unlink(w->authfile), 0);
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTHINFO_UNAVAIL);
        CHECK_EQ(world_authenticate(w, "nouserok", NULL), PAM_IGNORE);
        w->user = "no-such-user-here";
        CHECK_EQ(world_authenticate(w, "nouserok", NULL), PAM_USER_UNKNOWN);
        w->user = user;
        world_credential(w, "+presence");
        CHECK_EQ(world_authenticate(w, "alwaysok", NULL), PAM_SERVICE_ERR);
        CHECK_EQ(world_authenticate(w, "nouserok", "no_such_option", NULL), PAM_SERVICE_ERR);
        CHECK_EQ(world_authenticate(w, "conf=/none", NULL), PAM_SERVICE_ERR);
        CHECK_EQ(world_authenticate(w, "expand", "authfile=/x/%d", NULL), PAM_SERVICE_ERR);
}

/* ---- the reference table of known holes ---- */

TEST(CVE_2025_23013_an_error_is_not_ignored)
{
        PLUGGED(w, NULL);

        world_credential(w, "+presence");
        CHECK_EQ(chmod(w->authfile, 0666), 0);
        CHECK_EQ(world_authenticate(w, "nouserok", NULL), PAM_AUTHINFO_UNAVAIL);
        CHECK_EQ(chmod(w->authfile, 0644), 0);
        CHECK_EQ(world_authenticate(w, "nouserok", NULL), PAM_SUCCESS);
        pam_keys[0].plugged = false;
        CHECK_EQ(world_authenticate(w, "nouserok", NULL), PAM_AUTH_ERR);
}

TEST(CVE_2021_31924_no_pin_is_no_verification)
{
        _cleanup_(world_freep) World *w = with_pin("+presence+pin", NULL);
        const char *const nothings[] = {ANSWER_NOTHING, ANSWER_NO_ROOM, ANSWER_FAILURE, ""};
        unsigned until_the_question = 0; /* requests to the key: none follows */

        for (size_t i = 0; i < ELEMENTSOF(nothings); i++) {
                unsigned before = asked(), requests = pam_keys[0].n_requests;

                w->answers[0] = w->answers[1] = nothings[i];
                CHECK_EQ(world_authenticate(w, NULL), nothings[i] == ANSWER_FAILURE ? PAM_CONV_ERR : PAM_AUTH_ERR);
                CHECK_EQ(asked(), before);
                CHECK_EQ(w->n_answered, 1);
                requests = pam_keys[0].n_requests - requests;
                CHECK(i == 0 || requests == until_the_question);
                until_the_question = requests;
        }
}

TEST(CVE_2019_12209_no_link_is_followed_and_nothing_told)
{
        PLUGGED(w, NULL);
        char target[64], debug[96], path[80], text[4096];
        FILE *file;
        size_t n;

        world_credential(w, "+presence"); /* it would do, if it were read */
        (void)snprintf(target, sizeof(target), "%s/target", w->dir);
        CHECK_EQ(rename(w->authfile, target), 0);
        CHECK_EQ(symlink(target, w->authfile), 0);
        (void)snprintf(path, sizeof(path), "%s/debug", w->dir);
        (void)snprintf(debug, sizeof(debug), "debug_file=%s", path);
        CHECK((file = fopen(path, "we")) && fclose(file) == 0);
        CHECK_EQ(world_authenticate(w, "nouserok", "debug", debug, NULL), PAM_AUTHINFO_UNAVAIL);
        CHECK_EQ(unlink(w->authfile), 0);
        CHECK_EQ(rename(target, w->authfile), 0);
        world_line(w, "secret-contents\n");
        CHECK_EQ(world_authenticate(w, "debug", debug, NULL), PAM_AUTHINFO_UNAVAIL);
        CHECK((file = fopen(path, "re")));
        n = fread(text, 1, sizeof(text) - 1, file);
        text[n] = 0;
        CHECK(fclose(file) == 0 && n > 0 && !strstr(text, "secret"));
}

TEST(CVE_2019_12210_nothing_is_left_open)
{
        PLUGGED(w, NULL);
        char command[128];

        world_credential(w, "+presence");
        (void)snprintf(command, sizeof(command), "debug_file=%s/debug", w->dir);
        CHECK_EQ(world_authenticate(w, "debug", command, NULL), PAM_SUCCESS);
        for (int fd = 3; fd < 64; fd++) {
                char link[64], target[256];
                ssize_t n;

                (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
                n = readlink(link, target, sizeof(target) - 1);
                if (n > 0)
                        target[n] = 0;
                CHECK(n < 0 || !strstr(target, w->dir));
        }
}

TEST(CVE_2020_24612_what_cannot_be_read_is_not_nothing)
{
        PLUGGED(w, NULL);
        char inside[64];

        /* A directory where the file should be, and a file where a directory should be. */
        CHECK_EQ(mkdir(w->authfile, 0700), 0);
        CHECK_EQ(world_authenticate(w, "nouserok", NULL), PAM_AUTHINFO_UNAVAIL);
        CHECK_EQ(rmdir(w->authfile), 0);
        world_credential(w, "+presence");
        (void)snprintf(inside, sizeof(inside), "authfile=%s/keys/more", w->dir);
        CHECK_EQ(world_authenticate(w, "nouserok", inside, NULL), PAM_AUTHINFO_UNAVAIL);
        if (getuid() != 0) {
                CHECK_EQ(chmod(w->authfile, 0), 0);
                CHECK_EQ(world_authenticate(w, "nouserok", NULL), PAM_AUTHINFO_UNAVAIL);
        }
}

TEST(NEWS_1_2_1_a_line_that_is_cut_off_demands_no_less)
{
        _cleanup_(world_freep) World *w = with_pin("+presence+pin", NULL);

        world_line(w, "%s\n", w->credential);
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTHINFO_UNAVAIL);
        world_line(w, "%s,+presence+pi\n", w->credential);
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTHINFO_UNAVAIL);
}

TEST(PIN_burn_what_was_typed_elsewhere_is_no_pin)
{
        _cleanup_(world_freep) World *w = with_pin("+pin", NULL);

        /* Whatever stands in PAM_AUTHTOK: a question is asked, and only its answer is tried. */
        w->answers[0] = "";
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        w->answers[0] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK(world_said(w, "8 tries left"));
}

TEST_MAIN
