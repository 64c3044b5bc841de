/*
 * pam_keyfob.so: what PAM calls
 *
 * PAM_IGNORE takes this module out of a stack as if it were not there, and what was to be a second factor is gone with it
 * (CVE-2025-23013). It is said in one place: where the administrator allowed it and the user has no credentials.
 */
#include <security/pam_modules.h>

#include "pam/finger.h"
#include "pam/key-login.h"
#include "pam/login.h"
#include "pam/manual.h"
#include "pam/own.h"

#define MODULE_API __attribute__((visibility("default")))

static int by_credentials(Login *login)
{
        int r;

        r = login_read_credentials(login);
        if (r != 0)
                return r;
        if (login->options->manual)
                return manual_login(login);
        r = key_login(login);
        return r == LOGIN_REFUSED && login->options->own ? own_login(login) : r;
}

/* One after the other. Who has fingers but no credentials has something to prove it with; who has neither has nothing. */
static int authenticate(Login *login)
{
        int r, by_finger;

        r = by_credentials(login);
        if ((r != LOGIN_REFUSED && r != LOGIN_NO_KEYS) || !login->options->fingerprint)
                return r;
        by_finger = finger_login(login);
        return by_finger == LOGIN_NO_KEYS ? r : by_finger;
}

MODULE_API int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        bool nobody_is_fine = false;
        Login login;
        int r;

        r = login_begin(&login, pamh, flags, argc, argv);
        if (r == 0) {
                nobody_is_fine = login.options->nouserok;
                r = authenticate(&login);
        }
        log_debug(&login.log, "authentication ends with %d", r);
        login_done(&login);
        if (r == LOGIN_NO_KEYS && nobody_is_fine)
                return PAM_IGNORE;
        return login_code(r);
}

/* There are no credentials of a process's to be set. */
MODULE_API int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        return PAM_SUCCESS;
}
