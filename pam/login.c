/*
 * Login
 *
 * What the administrator, the user database and the user's files say, before anybody is asked anything. Only one thing
 * counts as having no credentials: a place where they could be read, and that has none of this user.
 */
#include "pam/login.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "pam/authfile.h"
#include "pam/authfile-path.h"
#include "pam/file.h"
#include "pam/remote.h"

#define ORIGIN      "pam://"
#define ORIGIN_SSH  "ssh:"

static const char *const option_files[] = {"/etc/security/pam_keyfob.conf", "/etc/security/pam_u2f.conf"};

/* ---- options ---- */

static int read_option_file(Login *login, const char *path, bool must_exist)
{
        _cleanup_(secret_freep) Secret *text = NULL;
        int r;

        r = file_read_own(path, OPTIONS_FILE_MAX, &text);
        if (r == FILE_MISSING && !must_exist)
                return r;
        if (r > 0) {
                log_error(&login->log, "%s: %s", path, file_outcome(r));
                return -ENOEXEC;
        }
        return r < 0 ? r : options_read_file(login->options, (const char *)text->data, text->size) ? -ENOEXEC : 0;
}

static int read_option_files(Login *login, int n, const char *const *arguments)
{
        const char *path;
        int r;

        if (options_find_file(login->options, n, arguments, &path) != 0)
                return -ENOEXEC;
        if (path)
                return read_option_file(login, path, /* must_exist= */ true);
        for (size_t i = 0; i < ELEMENTSOF(option_files); i++) {
                r = read_option_file(login, option_files[i], /* must_exist= */ false);
                if (r != FILE_MISSING)
                        return r;
        }
        return 0;
}

int login_read_options(Login *login, int n, const char *const *arguments)
{
        int r;

        r = options_new(&login->options);
        if (r < 0)
                return r;
        r = read_option_files(login, n, arguments);
        if (r == 0)
                r = options_read_arguments(login->options, n, arguments);
        if (r != 0 && login->options->problem[0])
                log_error(&login->log, "the options are wrong, so nobody is let in: %s", login->options->problem);
        if (r > 0 || r == -ENOEXEC)
                return LOGIN_NO_CONFIG;
        return r;
}

/* ---- user and host ---- */

static int read_user(Login *login)
{
        const char *name = NULL;
        int r;

        r = pam_get_user(login->pamh, &name, NULL);
        if (r == PAM_BUF_ERR)
                return -ENOMEM;
        if (r != PAM_SUCCESS || !name || !name[0])
                return LOGIN_NO_QUESTION;
        r = user_find(name, &login->user);
        if (r == USER_UNKNOWN) {
                log_debug(&login->log, "no such user");
                return LOGIN_UNKNOWN_USER;
        }
        return r;
}

int login_read_host(Login *login)
{
        const Options *options = login->options;
        char host[HOST_NAME_MAX + 1] = {0};

        if (gethostname(host, sizeof(host) - 1) < 0)
                return -errno;
        login->host = strdup(host);
        if (!login->host)
                return -ENOMEM;
        if (options->origin)
                login->origin = strdup(options->origin);
        else if (options->sshformat)
                login->origin = strdup(ORIGIN_SSH);
        else if (asprintf(&login->origin, ORIGIN "%s", host) < 0)
                login->origin = NULL;
        if (!login->origin)
                return -ENOMEM;
        login->appid = strdup(options->appid ? options->appid : login->origin);
        return login->appid ? 0 : -ENOMEM;
}

static int read_service(Login *login)
{
        const void *service = NULL;

        if (pam_get_item(login->pamh, PAM_SERVICE, &service) != PAM_SUCCESS)
                return -EIO;
        login->service = service ? service : "";
        return 0;
}

int login_begin(Login *login, pam_handle_t *pamh, int flags, int n, const char *const *arguments)
{
        int r;

        *login = (Login){.pamh = pamh,
                         .log = {.pamh = pamh, .fd = -1},
                         .talk = {.pamh = pamh, .silent = flags & PAM_SILENT},
                         .user = USER_NULL};
        r = login_read_options(login, n, arguments);
        if (r != 0)
                return r;
        log_open(&login->log, login->options->debug, login->options->debug_file);
        r = read_service(login);
        if (r == 0)
                r = read_user(login);
        if (r == 0)
                r = login_read_host(login);
        if (r == 0)
                login->remote = !login->options->allow_remote && remote_is(pamh);
        return r;
}

void login_done(Login *login)
{
        credentials_done(&login->credentials);
        login->mirror = slot_mirror_free(login->mirror);
        login->frames = secret_free(login->frames);
        login->names = secret_free(login->names);
        user_done(&login->user);
        login->options = options_free(login->options);
        free(login->host);
        free(login->origin);
        free(login->appid);
        log_done(&login->log);
        login->host = login->origin = login->appid = NULL;
}

/* ---- credentials ---- */

static int parse(Login *login, const AuthfilePath *path, const Secret *text)
{
        AuthfileRules rules = {.user = login->user.name,
                               .max = login->options->max_devices,
                               .ssh_keys = login->options->sshformat || path->of_user};
        int r;

        r = authfile_read((const char *)text->data, text->size, &rules, &login->credentials);
        if (r == AUTHFILE_NOBODY)
                return LOGIN_NO_KEYS;
        if (r == AUTHFILE_WRONG) {
                log_error(&login->log, "what the authfile says of this user is cut off or not known: none of it counts");
                return LOGIN_NO_FILE;
        }
        if (r == 0 && login->credentials.n_left_out > 0)
                log_debug(&login->log, "more credentials than max_devices: the last %zu are left out",
                          login->credentials.n_left_out);
        return r;
}

int login_read_credentials(Login *login)
{
        _cleanup_(authfile_path_done) AuthfilePath path = {0};
        _cleanup_(secret_freep) Secret *text = NULL;
        int r;

        r = authfile_path_find(&login->user, login->options, &path);
        if (r > 0) {
                log_error(&login->log, "authfile has a %% that is neither %%u nor %%%%, or the user's name is none for a file");
                return LOGIN_NO_CONFIG;
        }
        if (r == 0)
                r = file_read_of_user(&login->user, path.path, path.as_user, AUTHFILE_MAX, &text);
        if (r == FILE_MISSING) {
                log_debug(&login->log, "there is no authfile");
                return LOGIN_NO_KEYS;
        }
        if (r > 0)
                log_error(&login->log, "the authfile is not read: %s", file_outcome(r));
        else if (r < 0 && r != -ENOMEM)
                log_error(&login->log, "the authfile can't be read: %s", strerror(-r));
        if (r != 0)
                return r == -ENOMEM ? r : LOGIN_NO_FILE;
        return parse(login, &path, text);
}

/* It lies beside the authfile, and is read with the same care and the same rights. */
static void read_names(Login *login)
{
        _cleanup_(authfile_path_done) AuthfilePath path = {0};
        _cleanup_free_ char *names = NULL;
        int r;

        r = authfile_path_find(&login->user, login->options, &path);
        if (r == 0 && !(names = names_path(path.path)))
                r = -ENOMEM;
        if (r == 0)
                r = file_read_of_user(&login->user, names, path.as_user, NAMES_MAX, &login->names);
        if (r != 0 && r != FILE_MISSING)
                log_debug(&login->log, "what security keys are called is not known: %s",
                          r > 0 && file_outcome(r) ? file_outcome(r) : strerror(abs(r)));
}

bool login_key_name(Login *login, const Credential *credential, char ret[NAMES_NAME_SIZE])
{
        ret[0] = 0;
        if (login->credentials.n < 2)
                return false;
        if (!login->names_sought) {
                login->names_sought = true;
                read_names(login);
        }
        return login->names && names_find((const char *)login->names->data, login->names->size, credential, ret);
}

/* ---- the end ---- */

int login_code(int result)
{
        switch (result) {
        case 0:
                return PAM_SUCCESS;
        case LOGIN_REFUSED:
                return PAM_AUTH_ERR;
        case LOGIN_UNKNOWN_USER:
                return PAM_USER_UNKNOWN;
        case LOGIN_NO_KEYS:
        case LOGIN_NO_FILE:
                return PAM_AUTHINFO_UNAVAIL;
        case LOGIN_NO_CONFIG:
                return PAM_SERVICE_ERR;
        case LOGIN_NO_QUESTION:
        case -ECOMM:
                return PAM_CONV_ERR;
        case -ENOMEM:
                return PAM_BUF_ERR;
        default:
                return PAM_SYSTEM_ERR;
        }
}
