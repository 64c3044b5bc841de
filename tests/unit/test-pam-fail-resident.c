/*
 * Whatever fails where a key is asked which credentials it has, or where names are read
 *
 * Each call of the module's fails in turn, as for other logins. Finding out without a touch may fail, and so may names, and then the
 * login goes on; but nobody is let in without a touch and a signature that was found right, and nothing is ever passed over.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/hex.h"
#include "crypto/sha.h"
#include "tests/unit/pam-fail.h"
#include "tests/unit/pam-world.h"
#include "tests/unit/pin-tools.h"
#include "tests/unit/test.h"

#define CALLS_MAX 2000U
#define GONE      "*,axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==,es256"

typedef struct Scenario {
        const char *options[2], *demands;
        bool gone;  /* the authfile has a resident credential that no key has */
        bool names; /* and another one, which is not */
        bool pin;
        int end;
        unsigned n_let_in_max; /* in percent of the calls */
} Scenario;

static void name_it(const World *w, const char *credential, const char *name)
{
        _cleanup_free_ uint8_t *key = NULL;
        char path[80], hash[2 * SHA256_SIZE + 1];
        const char *text = strchr(credential, ',') + 1;
        uint8_t digest[SHA256_SIZE];
        size_t size;
        FILE *file;

        CHECK_EQ(base64_decode(text, strcspn(text, ","), &key, &size), 0);
        sha256(key, size, digest);
        hex_encode(digest, sizeof(digest), hash);
        (void)snprintf(path, sizeof(path), "%s.names", w->authfile);
        file = fopen(path, "we");
        CHECK(file && fprintf(file, "%s - %s\n", hash, name) > 0 && fclose(file) == 0);
        CHECK_EQ(chmod(path, 0600), 0);
}

static void check(const Scenario *scenario)
{
        _cleanup_(world_freep) World *w = world_new(NULL);
        unsigned n_failed = 0, n_let_in = 0, n_named = 0;
        char resident[512], line[600];

        if (scenario->pin)
                CHECK_EQ(pam_key_set_pin(0, WORLD_PIN), FIDO_OK);
        pam_key_enrol(0, WORLD_RP, COSE_ES256, /* resident= */ true, scenario->pin ? WORLD_PIN : NULL, resident, sizeof(resident));
        (void)snprintf(line, sizeof(line), "%s,%s", scenario->gone ? GONE : resident, scenario->demands);
        if (scenario->names)
                world_line(w, "%s:%s,+presence\n", line, w->credential);
        else
                world_line(w, "%s\n", line);
        if (scenario->names)
                name_it(w, resident, "blue");
        w->answers[0] = w->answers[1] = w->answers[2] = WORLD_PIN;
        pam_key_enter = fail_enter;
        pam_key_leave = fail_leave;
        for (unsigned n = 1;; n++) {
                unsigned before;
                int r;

                CHECK(n < CALLS_MAX);
                fixture_restart(pam_keys[0].fixture);
                before = pam_keys[0].fixture->n_asked;
                w->said[0] = 0;
                fail_begin(n);
                r = world_authenticate(w, "authpending_file=", scenario->options[0], scenario->options[1], NULL);
                if (!fail_happened()) {
                        CHECK_EQ(r, scenario->end);
                        CHECK(!scenario->names || strstr(w->said, "\"blue\""));
                        break;
                }
                n_failed++;
                CHECK(r != PAM_IGNORE);
                if (r != PAM_SUCCESS)
                        continue;
                n_let_in++;
                n_named += strstr(w->said, "\"blue\"") != NULL;
                if (scenario->end != PAM_SUCCESS || !fail_verified() || pam_keys[0].fixture->n_asked == before) {
                        fprintf(stderr, "call %u, %s, fails, and somebody is let in\n", n, fail_happened());
                        exit(1);
                }
        }
        fail_begin(0);
        pam_key_enter = pam_key_leave = fail_leave;
        printf("  %u calls failed, one at a time; after %u of them the login went on, %u times with a name\n", n_failed, n_let_in, n_named);
        CHECK(n_failed > 20);
        CHECK(100 * n_let_in < scenario->n_let_in_max * n_failed);
        CHECK(!scenario->names || n_named < n_let_in); /* what failed there was seen */
}

TEST(resident)
{
        check(&(Scenario){.options = {"cue"}, .demands = "+presence", .end = PAM_SUCCESS, .n_let_in_max = 40});
}

TEST(resident_by_pin)
{
        check(&(Scenario){.options = {"nouserok"}, .demands = "+presence+pin", .pin = true, .end = PAM_SUCCESS, .n_let_in_max = 40});
}

TEST(with_a_name)
{
        check(&(Scenario){.options = {"cue", "nouserok"}, .demands = "+presence", .names = true, .end = PAM_SUCCESS, .n_let_in_max = 70});
}

TEST(refused)
{
        check(&(Scenario){.options = {"nouserok"}, .demands = "+presence", .gone = true, .end = PAM_AUTH_ERR, .n_let_in_max = 1});
}

TEST_MAIN
