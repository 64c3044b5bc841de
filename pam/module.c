/*
 * pam_keyfob.so: what PAM calls
 *
 * PAM_IGNORE takes this module out of a stack as if it were not there, and what was to be a second factor is gone with it
 * (CVE-2025-23013). Authentication says it where the administrator allowed it and the user has no credentials, and in a line that only
 * takes the password and decides nothing. That the vault does not open is no reason to keep somebody out: it is logged.
 */
#include <security/pam_modules.h>
#include <string.h>

#include "pam/change.h"
#include "pam/finger.h"
#include "pam/key-login.h"
#include "pam/login.h"
#include "pam/manual.h"
#include "pam/own.h"
#include "pam/slots.h"
#include "pam/unlock.h"

#define MODULE_API __attribute__((visibility("default")))

/* ---- authentication ---- */

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

/* The password is the item that another module of the stack has put there, after it was found right or not. */
static int capture(Login *login)
{
        const void *password = NULL;
        int r = 0;

        if (pam_get_item(login->pamh, PAM_AUTHTOK, &password) != PAM_SUCCESS)
                return LOGIN_REFUSED;
        if (login->mirror && password && ((const char *)password)[0])
                r = slots_frames_of_password(login->mirror, password, &login->frames);
        if (r < 0)
                log_error(&login->log, "the vault is not opened: %s", strerror(-r));
        else
                unlock_begin(login);
        return r;
}

static int run(Login *login)
{
        const Options *options = login->options;
        int r = 0;

        if (options->unlock || options->unlock_now)
                r = slots_read(login, &login->mirror);
        if (options->capture)
                return r == 0 ? capture(login) : r;
        r = authenticate(login); /* whatever there is of slots */
        if (r == 0)
                unlock_begin(login);
        return r;
}

MODULE_API int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        bool nobody_is_fine = false, captures = false;
        Login login;
        int r;

        r = login_begin(&login, pamh, flags, argc, argv);
        if (r == 0) {
                nobody_is_fine = login.options->nouserok;
                captures = login.options->capture;
                r = run(&login);
        }
        log_debug(&login.log, "authentication ends with %d", r);
        login_done(&login);
        if ((r == LOGIN_NO_KEYS && nobody_is_fine) || (r == 0 && captures))
                return PAM_IGNORE;
        return login_code(r);
}

/* There are no credentials of a process's to be set. */
MODULE_API int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        return PAM_SUCCESS;
}

/* ---- session ---- */

MODULE_API int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        Login login;
        int r;

        r = login_begin(&login, pamh, flags, argc, argv);
        if (r == 0)
                r = unlock_session(&login);
        login_done(&login);
        return r == 0 ? PAM_SUCCESS : PAM_SESSION_ERR;
}

MODULE_API int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        return PAM_SUCCESS;
}

/* ---- password ---- */

MODULE_API int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        const void *old_password = NULL, *new_password = NULL;
        Login login;
        int r;

        if (!(flags & PAM_UPDATE_AUTHTOK))
                return PAM_IGNORE;
        r = login_begin(&login, pamh, flags, argc, argv);
        if (r == 0 && (pam_get_item(pamh, PAM_OLDAUTHTOK, &old_password) != PAM_SUCCESS ||
                       pam_get_item(pamh, PAM_AUTHTOK, &new_password) != PAM_SUCCESS))
                r = LOGIN_REFUSED;
        /* Root changes a password without the old one: then the slot keeps that. */
        if (r == 0 && old_password && new_password)
                r = change_password(&login, old_password, new_password);
        login_done(&login);
        return r == 0 ? PAM_IGNORE : PAM_AUTHTOK_ERR;
}
