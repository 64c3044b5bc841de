/*
 * Whatever fails, nobody is let in who would not be, and the module is never as if it were not there
 *
 * Each scenario is run until nothing failed any more, with the first call that the module makes failing, then the second, and so on.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/pam-fail.h"
#include "tests/unit/pam-world.h"
#include "tests/unit/pin-tools.h"
#include "tests/unit/test.h"

#define CALLS_MAX 2000U

/* What may fail without any harm, and why. Nothing else may, where somebody is let in. */
static const struct {
        const char *name, *why;
} harmless[] = {
        {"waitpid", "a child that has said all may be anybody's to bury"},
        {"sd_pid_get_session", "there need be no logind"},
        {"fido_cbor_info_new", "a key that does not say what it is has more to prove"},
        {"fido_dev_get_cbor_info", "the same"},
        {"fopen64", "of an ancestor that has gone meanwhile"},
        {"fido_dev_is_fido2", "what U2F signs is checked alike"},
        {"fido_dev_has_uv", "then it is the PIN"},
        {"gethostname", "to see whether PAM_RHOST is this machine: then it is not"},
        {"fido_assert_hmac_secret_len", "a key need not bring what opens the vault"},
        {"pam_get_item", "a line that is only shown"},
};

static bool is_harmless(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(harmless); i++)
                if (strcmp(harmless[i].name, name) == 0)
                        return true;
        return false;
}

typedef struct Scenario {
        const char *name, *options[2];
        void (*adjust)(Fixture *fixture);
        const char *credential; /* its options; NULL: the file has none */
        const char *answer;
        bool pin, eddsa;
        const char *user; /* NULL: who runs this */
        int end;          /* when nothing fails */
} Scenario;

static World *make(const Scenario *scenario)
{
        World *w = world_new(scenario->adjust);

        if (scenario->pin)
                CHECK_EQ(pam_key_set_pin(0, WORLD_PIN), FIDO_OK);
        if (scenario->eddsa)
                pam_key_enrol(0, WORLD_RP, COSE_EDDSA, /* resident= */ false, NULL, w->credential, sizeof(w->credential));
        if (scenario->user) {
                free((void *)(uintptr_t)w->user);
                w->user = strdup(scenario->user);
        }
        if (scenario->credential)
                world_credential(w, scenario->credential);
        else
                world_write(w, "somebody-else:x\n");
        w->answers[0] = w->answers[1] = w->answers[2] = scenario->answer;
        return w;
}

static void check(const Scenario *scenario)
{
        _cleanup_(world_freep) World *w = make(scenario);
        unsigned n_failed = 0, n_let_in = 0;

        pam_key_enter = fail_enter;
        pam_key_leave = fail_leave;
        for (unsigned n = 1;; n++) {
                unsigned descriptors;
                const char *failed;
                int r;

                CHECK(n < CALLS_MAX);
                fixture_restart(pam_keys[0].fixture);
                descriptors = fail_descriptors();
                fail_begin(n);
                r = world_authenticate(w, "authpending_file=", scenario->options[0], scenario->options[1], NULL);
                CHECK_EQ(fail_descriptors(), descriptors);
                failed = fail_happened();
                if (!failed) {
                        CHECK_EQ(r, scenario->end);
                        break;
                }
                n_failed++;
                n_let_in += r == PAM_SUCCESS;
                if ((r == PAM_SUCCESS && (scenario->end != PAM_SUCCESS || !is_harmless(failed))) ||
                    (r == PAM_IGNORE && (scenario->end != PAM_IGNORE || !is_harmless(failed)))) {
                        fprintf(stderr, "%s: call %u, %s, fails: %d\n", scenario->name, n, failed, r);
                        exit(1);
                }
        }
        fail_begin(0);
        pam_key_enter = pam_key_leave = fail_leave;
        printf("  %s: %u calls failed, one at a time\n", scenario->name, n_failed);
        CHECK(n_failed > 20);
        CHECK(n_let_in < n_failed / 4);
}

static void counts(Fixture *f)
{
        f->config.counters = true;
}

static void fingers(Fixture *f)
{
        use_fingers(f);
}

TEST(by_touch)
{
        check(&(Scenario){.name = "touch", .options = {"cue"}, .credential = "+presence", .end = PAM_SUCCESS});
}

TEST(by_touch_and_another_algorithm)
{
        check(&(Scenario){.name = "EdDSA", .credential = "+presence", .eddsa = true, .end = PAM_SUCCESS});
}

/* Whose directory of that file it is not, so root has to read it after all. */
TEST(for_another_user)
{
        if (geteuid() == 0)
                check(&(Scenario){.name = "another user", .credential = "+presence", .user = "nobody", .end = PAM_SUCCESS});
}

TEST(by_touch_of_a_key_that_counts)
{
        check(&(Scenario){.name = "counter", .adjust = counts, .credential = "+presence", .end = PAM_SUCCESS});
}

TEST(nobody_is_fine_and_there_is_somebody)
{
        check(&(Scenario){.name = "nouserok", .options = {"nouserok"}, .credential = "+presence", .end = PAM_SUCCESS});
}

TEST(nobody_is_fine_and_there_is_nobody)
{
        check(&(Scenario){.name = "nobody", .options = {"nouserok"}, .end = PAM_IGNORE});
}

TEST(by_pin)
{
        check(&(Scenario){.name = "PIN", .options = {"cue"}, .credential = "+presence+pin", .pin = true, .answer = WORLD_PIN,
                          .end = PAM_SUCCESS});
}

TEST(by_fingers_and_then_the_pin)
{
        check(&(Scenario){.name = "finger", .adjust = fingers, .credential = "+verification", .pin = true, .answer = WORLD_PIN,
                          .end = PAM_SUCCESS});
}

TEST(by_nothing)
{
        check(&(Scenario){.name = "wrong PIN", .credential = "+pin", .pin = true, .answer = "", .end = PAM_AUTH_ERR});
}

TEST(by_hand)
{
        check(&(Scenario){.name = "manual", .options = {"manual"}, .credential = "+presence", .answer = "", .end = PAM_AUTH_ERR});
}

TEST_MAIN
