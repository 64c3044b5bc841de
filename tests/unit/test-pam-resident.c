/* Resident credentials, whose ids the authfile does not have, and several keys: each by one touch, with its name, and with the vault. */
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/hex.h"
#include "common/unlock-frame.h"
#include "crypto/sha.h"
#include "tests/unit/pam-desk.h"
#include "tests/unit/test.h"

#include <fido/config.h> /* behind what the core calls the same */

#define PLUGGED(name, adjust) _cleanup_(world_freep) World *name = world_new(adjust)

typedef struct Made {
        char line[512]; /* "*,key,es256" */
        uint8_t id[256];
        size_t id_size;
        char hash[2 * SHA256_SIZE + 1]; /* of its public key */
} Made;

static fido_dev_t *open_key(unsigned i)
{
        fido_dev_t *dev = fido_dev_new();

        CHECK_EQ(fido_dev_open(dev, pam_keys[i].path), FIDO_OK);
        return dev;
}

static void close_key(fido_dev_t *dev)
{
        (void)fido_dev_close(dev);
        fido_dev_free(&dev);
}

/* A resident credential of key i, which it shows to whom `protection` says. */
static Made make(unsigned i, uint8_t user, int protection, const char *pin)
{
        fido_dev_t *dev = open_key(i);
        fido_cred_t *cred = fido_cred_new();
        Made made = {.id_size = 0};
        uint8_t hash[SHA256_SIZE];
        char *key;
        int r;

        r = fido_cred_set_type(cred, COSE_ES256);
        r |= fido_cred_set_clientdata(cred, (const uint8_t *)"x", 1);
        r |= fido_cred_set_rp(cred, WORLD_RP, WORLD_RP);
        r |= fido_cred_set_user(cred, &user, 1, "alice", NULL, NULL);
        r |= fido_cred_set_rk(cred, FIDO_OPT_TRUE);
        r |= fido_cred_set_extensions(cred, FIDO_EXT_HMAC_SECRET | (protection ? FIDO_EXT_CRED_PROTECT : 0));
        if (protection)
                r |= fido_cred_set_prot(cred, protection);
        CHECK_EQ(r, FIDO_OK);
        CHECK_EQ(fido_dev_make_cred(dev, cred, pin), FIDO_OK);
        key = base64_encode(fido_cred_pubkey_ptr(cred), fido_cred_pubkey_len(cred));
        (void)snprintf(made.line, sizeof(made.line), "*,%s,es256", key);
        made.id_size = fido_cred_id_len(cred);
        CHECK(made.id_size <= sizeof(made.id));
        memcpy(made.id, fido_cred_id_ptr(cred), made.id_size);
        sha256(fido_cred_pubkey_ptr(cred), fido_cred_pubkey_len(cred), hash);
        hex_encode(hash, sizeof(hash), made.hash);
        free(key);
        fido_cred_free(&cred);
        close_key(dev);
        return made;
}

/* ---- which one ---- */

TEST(the_second_of_two_keys_by_one_touch)
{
        unsigned before;
        Made one, two;
        PLUGGED(w, NULL);

        pam_key_plug(1, NULL);
        one = make(0, 1, 0, NULL);
        two = make(1, 1, 0, NULL);
        world_line(w, "%s,+presence:%s,+presence\n", one.line, two.line);
        for (unsigned i = 0; i < 2; i++) {
                pam_keys[!i].plugged = false;
                before = pam_keys[i].fixture->n_asked;
                CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
                CHECK_EQ(pam_keys[i].fixture->n_asked, before + 1);
                pam_keys[!i].plugged = true;
        }
        world_line(w, "%s,+presence\n", two.line);
        before = pam_keys[0].fixture->n_asked;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        CHECK_EQ(pam_keys[0].fixture->n_asked, before); /* nobody touches a key in vain */
}

/* The authenticator data of a reply to getAssertion: hash of the name, flags, counter. */
static uint8_t *signed_data(uint8_t *reply, size_t size)
{
        uint8_t hash[SHA256_SIZE], *at;

        sha256(WORLD_RP, strlen(WORLD_RP), hash);
        at = memmem(reply, size, hash, sizeof(hash));
        CHECK(at);
        return at;
}

static unsigned n_choices;

/* Member 5 is the number of credentials, where there are several to choose from. */
static void count_choices(PamKey *key, uint8_t *reply, size_t *size)
{
        bool touched = signed_data(reply, *size)[SHA256_SIZE] & 1;

        n_choices += touched && reply[1] == 0xa5;
}

/* Another person's, or one of an earlier enrolment: the key answers with all of them, and would ask which, had it a display. */
TEST(several_on_one_key)
{
        unsigned before;
        Made one, two, three;
        PLUGGED(w, NULL);

        one = make(0, 1, 0, NULL);
        two = make(0, 2, 0, NULL);
        three = make(0, 3, 0, NULL);
        for (unsigned i = 0; i < 3; i++) {
                world_line(w, "%s,+presence\n", i == 0 ? one.line : i == 1 ? two.line : three.line);
                before = pam_keys[0].fixture->n_asked;
                pam_keys[0].tamper = count_choices;
                n_choices = 0;
                CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
                CHECK_EQ(pam_keys[0].fixture->n_asked, before + 1);
                CHECK_EQ(n_choices, 0);
                CHECK_EQ(world_authenticate(w, "nodetect", NULL), PAM_SUCCESS);
                CHECK_EQ(n_choices, 1);
        }
}

TEST(of_nobody_here)
{
        Made one, gone;
        PLUGGED(w, NULL);

        one = make(0, 1, 0, NULL);
        pam_key_plug(1, NULL);
        gone = make(1, 1, 0, NULL);
        pam_keys[1].plugged = false;
        world_line(w, "%s,+presence\n", gone.line);
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        CHECK_EQ(world_authenticate(w, "nouserok", NULL), PAM_AUTH_ERR);
        CHECK_EQ(world_authenticate(w, "nodetect", NULL), PAM_AUTH_ERR);
        /* A key that has to be tried, and is another's, does not end the search. */
        world_line(w, "%s,+presence:%s,+presence\n", gone.line, one.line);
        CHECK_EQ(world_authenticate(w, "nodetect", NULL), PAM_SUCCESS);
}

static void forge(PamKey *key, uint8_t *reply, size_t *size)
{
        signed_data(reply, *size)[SHA256_SIZE + 4] ^= 1; /* the counter */
}

/* Not all of them know how to be asked without a touch for what they know themselves. */
static void answer_touched_only(PamKey *key, uint8_t *reply, size_t *size)
{
        if (signed_data(reply, *size)[SHA256_SIZE] & 1)
                return;
        reply[0] = 0x2c; /* CTAP2_ERR_INVALID_OPTION */
        *size = 1;
}

TEST(a_key_that_can_not_be_asked)
{
        Made one;
        PLUGGED(w, NULL);

        one = make(0, 1, 0, NULL);
        world_line(w, "%s,+presence\n", one.line);
        pam_keys[0].tamper = answer_touched_only;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
}

TEST(a_forged_answer_is_no_answer)
{
        Made one;
        PLUGGED(w, NULL);

        one = make(0, 1, 0, NULL);
        world_line(w, "%s,+presence\n", one.line);
        pam_keys[0].tamper = forge;
        CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
        CHECK_EQ(world_authenticate(w, "nodetect", NULL), PAM_AUTH_ERR);
        pam_keys[0].tamper = NULL;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
}

/* CTAP 2.1, 12.1: without its id, one of level 2 or 3 is shown to a verified person only. */
TEST(protected_ones)
{
        for (int protection = FIDO_CRED_PROT_UV_OPTIONAL_WITH_ID; protection <= FIDO_CRED_PROT_UV_REQUIRED; protection++) {
                Made one;
                PLUGGED(w, NULL);

                CHECK_EQ(pam_key_set_pin(0, WORLD_PIN), FIDO_OK);
                one = make(0, 1, protection, WORLD_PIN);
                world_line(w, "%s,+presence\n", one.line);
                CHECK_EQ(world_authenticate(w, NULL), PAM_AUTH_ERR);
                world_line(w, "%s,+presence+verification\n", one.line);
                w->answers[0] = WORLD_PIN;
                CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        }
}

TEST(a_key_that_always_verifies)
{
        fido_dev_t *dev;
        Made one, two;
        PLUGGED(w, NULL);

        CHECK_EQ(pam_key_set_pin(0, WORLD_PIN), FIDO_OK);
        pam_key_plug(1, NULL);
        one = make(0, 1, 0, WORLD_PIN);
        two = make(1, 1, 0, NULL);
        pam_keys[1].plugged = false;
        dev = open_key(0);
        CHECK_EQ(fido_dev_toggle_always_uv(dev, WORLD_PIN), FIDO_OK);
        close_key(dev);
        world_line(w, "%s,+presence\n", one.line);
        w->answers[0] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
        /* It says nothing before the PIN, so it is tried once for each. */
        world_line(w, "%s,+presence:%s,+presence\n", two.line, one.line);
        w->answers[1] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, NULL), PAM_SUCCESS);
}

/* ---- the vault ---- */

static pid_t play(const Desk *desk, const Made *made, const char *pin)
{
        uint8_t packet[UNLOCK_FRAME_SIZE + 1], wanted[UNLOCK_FRAME_SIZE], answer[UNLOCK_ANSWER_SIZE];
        uint8_t secret[32], info[SLOT_FIDO2_INFO_SIZE];
        struct pollfd ready = {.fd = desk->listener, .events = POLLIN};
        UnlockFrame frame = {.kind = UNLOCK_FRAME_OPEN};
        pid_t pid;
        int fd;

        memcpy(frame.slot, desk->slots->slots[0].id, sizeof(frame.slot));
        pam_key_secret(0, WORLD_RP, made->id, made->id_size, pin, desk->slots->hmac_salt, secret);
        slot_fido2_info(frame.slot, info);
        hkdf_sha256(NULL, 0, secret, sizeof(secret), info, sizeof(info), frame.key, sizeof(frame.key));
        unlock_frame_encode(&frame, wanted);
        unlock_answer_encode(&(UnlockAnswer){.status = UNLOCK_DONE}, answer);
        pid = fork();
        if (pid != 0)
                return pid;
        if (poll(&ready, 1, 20000) != 1)
                _exit(2);
        fd = accept(desk->listener, NULL, NULL);
        if (recv(fd, packet, sizeof(packet), 0) != UNLOCK_FRAME_SIZE || memcmp(packet, wanted, sizeof(wanted)) != 0)
                _exit(1);
        _exit(send(fd, answer, sizeof(answer), MSG_NOSIGNAL) < 0);
}

static void check_opens(Desk *desk, const Made *made, const char *pin, const char *option)
{
        pid_t daemon = play(desk, made, pin);
        int status;

        CHECK_EQ(world_authenticate(desk->w, "unlock", desk->option, option, NULL), PAM_SUCCESS);
        CHECK_EQ(waitpid(daemon, &status, 0), daemon);
        CHECK_EQ(status, 0);
}

/* The mirror has slots of all of `made`, the one at `i` as the first, whose frame is awaited. */
static void mirror(Desk *desk, const Made *made, size_t i, bool uv)
{
        SlotMirrorEntry *entry = desk->slots->slots;

        entry->uv = uv;
        memcpy(entry->credential, made[i].id, made[i].id_size);
        entry->credential_size = made[i].id_size;
        desk_write(desk);
}

TEST(the_vault_opens_by_the_same_touch)
{
        Desk desk;
        unsigned before;
        Made made[2];

        desk_open(&desk, /* uv= */ false, NULL);
        made[0] = make(0, 1, 0, NULL);
        made[1] = make(0, 2, 0, NULL);
        for (size_t i = 0; i < 2; i++) {
                mirror(&desk, made, i, false);
                world_line(desk.w, "%s,+presence\n", made[i].line);
                before = pam_keys[0].fixture->n_asked;
                check_opens(&desk, made + i, NULL, NULL);
                CHECK_EQ(pam_keys[0].fixture->n_asked, before + 2); /* one is the test's */
                check_opens(&desk, made + i, NULL, "nodetect");     /* nothing known before: the statement says which it is */
        }
        desk_close(&desk);
}

TEST(protected_and_by_pin)
{
        Desk desk;
        Made made;

        desk_open(&desk, /* uv= */ true, NULL);
        CHECK_EQ(pam_key_set_pin(0, WORLD_PIN), FIDO_OK);
        made = make(0, 1, FIDO_CRED_PROT_UV_REQUIRED, WORLD_PIN);
        mirror(&desk, &made, 0, true);
        world_line(desk.w, "%s,+presence+pin\n", made.line);
        desk.w->answers[0] = WORLD_PIN;
        check_opens(&desk, &made, WORLD_PIN, NULL);
        desk_close(&desk);
}

/* A slot of another credential: logging in does not ask for what would open nothing, and hands nothing over. */
TEST(another_ones_slot)
{
        struct pollfd ready;
        Desk desk;
        Made made[2];

        desk_open(&desk, /* uv= */ false, NULL);
        made[0] = make(0, 1, 0, NULL);
        made[1] = make(0, 2, 0, NULL);
        mirror(&desk, made, 1, false);
        world_line(desk.w, "%s,+presence\n", made[0].line);
        CHECK_EQ(world_authenticate(desk.w, "unlock", desk.option, NULL), PAM_SUCCESS);
        CHECK_EQ(world_authenticate(desk.w, "unlock", desk.option, "nodetect", NULL), PAM_SUCCESS);
        ready = (struct pollfd){.fd = desk.listener, .events = POLLIN};
        CHECK_EQ(poll(&ready, 1, 0), 0);
        desk_close(&desk);
}

/* ---- names ---- */

static void write_names(const World *w, const void *text, size_t size, mode_t mode)
{
        char path[80];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s.names", w->authfile);
        (void)unlink(path);
        file = fopen(path, "we");
        CHECK(file && fwrite(text, 1, size, file) == size && fclose(file) == 0);
        CHECK_EQ(chmod(path, mode), 0);
}

TEST(which_one_to_touch)
{
        char text[512];
        Made one, two;
        PLUGGED(w, NULL);

        pam_key_plug(1, NULL);
        one = make(0, 1, 0, NULL);
        two = make(1, 1, 0, NULL);
        pam_keys[0].plugged = false;
        world_line(w, "%s,+presence:%s,+presence\n", one.line, two.line);
        CHECK_EQ(world_authenticate(w, "cue", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, "I Touch the security key.\n") == 0);
        w->said[0] = 0;

        (void)snprintf(text, sizeof(text), "%s - the blue one\n", one.hash);
        write_names(w, text, strlen(text), 0644);
        CHECK_EQ(world_authenticate(w, "cue", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, "I Touch the security key.\n") == 0);
        w->said[0] = 0;

        (void)snprintf(text, sizeof(text), "%s - the blue one\n%s - rot\n", one.hash, two.hash);
        write_names(w, text, strlen(text), 0600);
        CHECK_EQ(world_authenticate(w, "cue", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, "I Touch the security key \"rot\".\n") == 0);
        w->said[0] = 0;
        CHECK_EQ(world_authenticate(w, "cue", "nodetect", NULL), PAM_SUCCESS); /* it could be another one */
        CHECK(strcmp(w->said, "I Touch the security key.\n") == 0);
        w->said[0] = 0;
        CHECK_EQ(world_authenticate(w, "cue", "cue_prompt=Hey", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, "I Hey\n") == 0);
        w->said[0] = 0;
        w->answers[0] = w->answers[1] = "";
        CHECK_EQ(world_authenticate(w, "cue", "interactive", "cue_question", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, "? Plug in one of your security keys (the blue one, rot), then press ENTER.\n"
                              "? Press ENTER, then touch the security key \"rot\".\n") == 0);
        w->said[0] = 0;
        CHECK_EQ(pam_key_set_pin(1, WORLD_PIN), FIDO_OK);
        w->answers[0] = WORLD_PIN;
        CHECK_EQ(world_authenticate(w, "pinverification=1", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, "? PIN of the security key \"rot\" (8 tries left): \n") == 0);
        w->said[0] = 0;

        /* Who has one has no choice. */
        world_line(w, "%s,+presence\n", two.line);
        CHECK_EQ(world_authenticate(w, "cue", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, "I Touch the security key.\n") == 0);
}

static void check_cue(World *w, const char *expected)
{
        w->said[0] = 0;
        CHECK_EQ(world_authenticate(w, "cue", NULL), PAM_SUCCESS);
        CHECK(strcmp(w->said, expected) == 0);
}

/* Whatever becomes of the file, and whatever somebody puts into it. */
TEST(logging_in_does_not_need_names)
{
        static const char *const bad[] = {" - \x1b[2J\n", " - a\rb\n", " - 1\n", " -  blank\n", "\n", "", (" - a\xe2\x80\xae" "b\n")};
        static char large[200000];
        char path[80], elsewhere[80], good[256], text[256];
        Made one;
        PLUGGED(w, NULL);

        (void)snprintf(path, sizeof(path), "%s.names", w->authfile);
        (void)snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", w->dir);
        one = make(0, 1, 0, NULL);
        world_line(w, "%s,+presence:%s,+presence\n", one.line, w->credential);
        (void)snprintf(good, sizeof(good), "%s - blue\n", one.hash);
        write_names(w, good, strlen(good), 0600);
        check_cue(w, "I Touch the security key \"blue\".\n");

        write_names(w, good, strlen(good), 0666);
        check_cue(w, "I Touch the security key.\n");
        write_names(w, "\0\0\0", 3, 0600);
        check_cue(w, "I Touch the security key.\n");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                (void)snprintf(text, sizeof(text), "%s%s", one.hash, bad[i]);
                write_names(w, text, strlen(text), 0600);
                check_cue(w, "I Touch the security key.\n");
        }
        memset(large, '\n', sizeof(large));
        memcpy(large, good, strlen(good));
        write_names(w, large, sizeof(large), 0600);
        check_cue(w, "I Touch the security key.\n");

        CHECK_EQ(unlink(path), 0);
        CHECK_EQ(mkfifo(path, 0600), 0);
        check_cue(w, "I Touch the security key.\n");
        write_names(w, good, strlen(good), 0600);
        CHECK_EQ(rename(path, elsewhere), 0);
        CHECK_EQ(symlink(elsewhere, path), 0);
        check_cue(w, "I Touch the security key.\n");
        CHECK_EQ(unlink(path), 0);
        CHECK_EQ(mkdir(path, 0700), 0);
        check_cue(w, "I Touch the security key.\n");
}

TEST_MAIN
