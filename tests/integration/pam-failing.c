/*
 * Authentication by the PAM module, with one call failing at a time: the first that it makes, then the second, until none fails any more
 *
 *   pam-failing DIRECTORY USER OPTION...
 *
 * DIRECTORY has a stack with the name keyfob-test; the module is in here, and so are its calls. A line of output for each authentication
 * is the function that failed and what the module answered; the last one's function is "-". It ends at once when a descriptor stays open.
 */
#include <security/pam_appl.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/pam-fail-bus.h"
#include "tests/unit/pam-fail.h"

#define CALLS_MAX   2000U
#define OPTIONS_MAX 16

static int converse(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
        *ret = NULL; /* nobody here; those who are asked are asked by the daemon */
        return messages[0]->msg_style == PAM_TEXT_INFO || messages[0]->msg_style == PAM_ERROR_MSG ? PAM_SUCCESS : PAM_CONV_ERR;
}

static int authenticate(const char *directory, const char *user, int n, const char **options)
{
        const struct pam_conv conversation = {converse, NULL};
        pam_handle_t *pamh;
        int r;

        if (pam_start_confdir("keyfob-test", user, &conversation, directory, &pamh) != PAM_SUCCESS)
                abort();
        fail_enter();
        r = pam_sm_authenticate(pamh, 0, n, options);
        fail_leave();
        (void)pam_end(pamh, r);
        return r;
}

int main(int argc, char *argv[])
{
        const char *options[OPTIONS_MAX];
        unsigned descriptors = 0;

        if (argc < 4 || argc - 3 > OPTIONS_MAX)
                return 2;
        for (int i = 3; i < argc; i++)
                options[i - 3] = argv[i];
        for (unsigned n = 1; n < CALLS_MAX; n++) {
                const char *failed;
                int r;

                fail_bus_begin();
                fail_begin(n);
                r = authenticate(argv[1], argv[2], argc - 3, options);
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
