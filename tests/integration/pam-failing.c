/*
 * The PAM module, with one of its calls failing
 *
 *   pam-failing DIRECTORY USER OPTION...
 *   pam-failing -k N -o OLD -w NEW DIRECTORY USER OPTION...
 *
 * DIRECTORY has a stack with the name keyfob-test; the module is in here, and so are its calls. The first authenticates with the first call
 * that the module makes failing, then with the second, until none fails any more: a line of output for each is the function that failed and
 * what the module answered; the last one's function is "-". It ends at once when a descriptor stays open.
 *
 * The second changes a password, once, and is gone at the n-th call after it has been found that there is a slot to follow it. Its exit
 * code is 0 when it was in time.
 */
#include <security/pam_appl.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/pam-fail-bus.h"
#include "tests/unit/pam-fail.h"

#define CALLS_MAX   2000U
#define OPTIONS_MAX 16

static int converse(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
        *ret = NULL; /* nobody here; those who are asked are asked by the daemon */
        return messages[0]->msg_style == PAM_TEXT_INFO || messages[0]->msg_style == PAM_ERROR_MSG ? PAM_SUCCESS : PAM_CONV_ERR;
}

static int call(const char *directory, const char *user, int (*stage)(pam_handle_t *, int, int, const char **), int flags, int n,
                const char **options)
{
        const struct pam_conv conversation = {converse, NULL};
        pam_handle_t *pamh;
        int r;

        if (pam_start_confdir("keyfob-test", user, &conversation, directory, &pamh) != PAM_SUCCESS)
                abort();
        fail_enter();
        r = stage(pamh, flags, n, options);
        fail_leave();
        (void)pam_end(pamh, r);
        return r;
}

static int fail_in_turn(const char *directory, const char *user, int n_options, const char **options)
{
        unsigned descriptors = 0;

        for (unsigned n = 1; n < CALLS_MAX; n++) {
                const char *failed;
                int r;

                fail_bus_begin();
                fail_begin(n);
                r = call(directory, user, pam_sm_authenticate, /* flags= */ 0, n_options, options);
                failed = fail_happened();
                printf("%s %d\n", failed ? failed : "-", r);
                (void)fflush(stdout);
                if (n == 1)
                        descriptors = fail_descriptors();
                if (fail_descriptors() != descriptors) {
                        fprintf(stderr, "call %u, %s, fails, and a descriptor stays open\n", n, failed ? failed : "none");
                        return 1;
                }
                if (!failed)
                        return 0;
        }
        return 1;
}

static int change_password(const char *directory, const char *user, unsigned n, int n_options, const char **options)
{
        fail_bus_begin();
        fail_by_power_loss(n, "flock");
        return call(directory, user, pam_sm_chauthtok, PAM_UPDATE_AUTHTOK, n_options, options) == PAM_IGNORE ? 0 : 1;
}

int main(int argc, char *argv[])
{
        const char *options[OPTIONS_MAX];
        unsigned n = 0;
        int c, n_options;

        while ((c = getopt(argc, argv, "+k:o:w:")) >= 0) {
                if (c == 'k')
                        n = (unsigned)strtoul(optarg, NULL, 10);
                else if (c == 'o')
                        fail_old_password = optarg;
                else if (c == 'w')
                        fail_new_password = optarg;
                else
                        return 2;
        }
        n_options = argc - optind - 2;
        if (n_options < 1 || n_options > OPTIONS_MAX)
                return 2;
        for (int i = 0; i < n_options; i++)
                options[i] = argv[optind + 2 + i];
        fail_derives = n > 0;
        return n > 0 ? change_password(argv[optind], argv[optind + 1], n, n_options, options) :
                       fail_in_turn(argv[optind], argv[optind + 1], n_options, options);
}
