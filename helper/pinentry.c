/*
 * Pinentry by libassuan
 *
 * What can be asked depends on which pinentry it is, and only pinentry knows: one without a window, given no terminal,
 * reads its own protocol as if it were the password and hangs. So it is asked for its flavor before anything else, and
 * everything up to the question has a time limit.
 *
 * libassuan keeps lines, and with them the answer, in memory it allocates: it gets an allocator that locks and wipes.
 * The process ends right after the answer anyway.
 */
#include "helper/pinentry.h"

#include <assuan.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "helper/escape.h"
#include "helper/task.h"

#define START_SECONDS 15U
#define FLAVOR_MAX    64U
#define NEW_TRIES     3U

typedef struct Answer {
        Secret *secret;
        bool repeated; /* pinentry itself had it typed twice */
} Answer;

/* Memory */

static void *wiping_malloc(size_t size)
{
        void *p = calloc(1, size);

        if (p)
                (void)mlock(p, size);
        return p;
}

static void wiping_free(void *p)
{
        if (p)
                explicit_bzero(p, malloc_usable_size(p));
        free(p);
}

static void *wiping_realloc(void *old, size_t size)
{
        size_t had = old ? malloc_usable_size(old) : 0;
        void *p = wiping_malloc(size);

        if (!p)
                return NULL;
        if (old)
                memcpy(p, old, had < size ? had : size);
        wiping_free(old);
        return p;
}

/* The program */

static bool is_program(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *pinentry_find(void)
{
        const char *path = getenv("PATH");
        _cleanup_free_ char *directories = NULL;
        char *rest;

        directories = strdup(path && path[0] ? path : "/usr/local/bin:/usr/bin:/bin");
        if (!directories)
                return NULL;

        rest = directories;
        for (char *directory; (directory = strsep(&rest, ":"));) {
                _cleanup_free_ char *program = NULL;

                if (directory[0] != '/' || asprintf(&program, "%s/pinentry", directory) < 0)
                        continue;
                if (is_program(program))
                        return TAKE_PTR(program);
        }
        return NULL;
}

static void set_environment(const char *name, const char *value)
{
        if (value)
                (void)setenv(name, value, 1);
        else
                (void)unsetenv(name);
}

/* A pinentry that finds a bus talks to the desktop on it: without a display it must find none. */
static void prepare_environment(const Surface *surface, bool graphical)
{
        set_environment("DISPLAY", graphical ? surface->display : NULL);
        set_environment("WAYLAND_DISPLAY", graphical ? surface->wayland : NULL);
        set_environment("XAUTHORITY", graphical ? surface->xauthority : NULL);
        set_environment("DBUS_SESSION_BUS_ADDRESS", graphical ? surface->bus : NULL);
        set_environment("GPG_TTY", surface->tty);
        set_environment("TERM", surface->tty_type);
        set_environment("ASSUAN_DEBUG", NULL);
        set_environment("PINENTRY_USER_DATA", NULL);
}

/* Between fork and exec. */
static void at_fork(void *userdata, int reserved)
{
        static const int signals[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGTTOU, SIGTTIN, SIGALRM};

        if (reserved == 1)
                return;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void)signal(signals[i], SIG_DFL);
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        /* A SIGTERM from before that was taken by the handler that we had from our parent. */
        if (task_ending())
                _exit(1);
}

/* The conversation */

static gpg_error_t on_secret(void *userdata, const void *data, size_t size)
{
        Answer *answer = userdata;

        if (answer->secret->size + size > HELPER_TEXT_MAX)
                return gpg_error(GPG_ERR_TOO_LARGE);
        return secret_append(answer->secret, data, size) < 0 ? gpg_error(GPG_ERR_ENOMEM) : 0;
}

static gpg_error_t on_status(void *userdata, const char *line)
{
        Answer *answer = userdata;

        if (strncmp(line, "PIN_REPEATED", strlen("PIN_REPEATED")) == 0)
                answer->repeated = true;
        return 0;
}

static gpg_error_t on_flavor(void *userdata, const void *data, size_t size)
{
        char *flavor = userdata;
        size_t used = strlen(flavor);

        if (size >= FLAVOR_MAX - used)
                size = FLAVOR_MAX - used - 1;
        memcpy(flavor + used, data, size);
        flavor[used + size] = 0;
        return 0;
}

/* Sends a command with a text; what an old pinentry does not know is left out. */
static void set(assuan_context_t context, const char *command, const char *text)
{
        _cleanup_free_ char *escaped = NULL, *line = NULL;

        if (!text || !text[0])
                return;
        escaped = escape_text(text, ESCAPE_MAX);
        if (!escaped || asprintf(&line, "%s%s", command, escaped) < 0) {
                line = NULL;
                return;
        }
        (void)assuan_transact(context, line, NULL, NULL, NULL, NULL, NULL, NULL);
}

static void set_surface(assuan_context_t context, const Surface *surface, bool graphical)
{
        set(context, "OPTION ttyname=", surface->tty);
        set(context, "OPTION ttytype=", surface->tty_type);
        set(context, "OPTION lc-ctype=", surface->lc_ctype);
        set(context, "OPTION lc-messages=", surface->lc_messages);
        if (graphical)
                set(context, "OPTION display=", surface->display);
}

static bool needs_terminal(assuan_context_t context)
{
        char flavor[FLAVOR_MAX] = "";
        const char *fallback;

        if (assuan_transact(context, "GETINFO flavor", on_flavor, flavor, NULL, NULL, NULL, NULL) != 0)
                return false;
        fallback = strrchr(flavor, ':');
        return strcmp(flavor, "curses") == 0 || strcmp(flavor, "tty") == 0 ||
               (fallback && strcmp(fallback, ":curses") == 0);
}

static void set_texts(assuan_context_t context, const Request *request, const char *error)
{
        set(context, "SETTITLE ", request->title);
        set(context, "SETDESC ", request->message[0] ? request->message : request->title);
        set(context, "SETERROR ", error);
        switch (request->kind) {
        case HELPER_ASK_CONFIRM:
                set(context, "SETOK ", "_Allow");
                set(context, "SETCANCEL ", "_Deny");
                break;
        case HELPER_ASK_SHOW:
                set(context, "SETOK ", "_Cancel");
                break;
        case HELPER_ASK_NEW_SECRET:
                set(context, "SETREPEATERROR ", "they do not match");
                set(context, "SETREPEAT ", "Again:");
                set(context, "SETPROMPT ", "New password:");
                break;
        case HELPER_ASK_SECRET:
                set(context, "SETPROMPT ", "Password:");
                break;
        case HELPER_ASK_PIN:
                set(context, "SETPROMPT ", "PIN:");
                break;
        }
}

static HelperResult outcome(gpg_error_t error, char **reterr_why)
{
        switch (gpg_err_code(error)) {
        case GPG_ERR_NO_ERROR:
                return HELPER_OK;
        case GPG_ERR_CANCELED:
        case GPG_ERR_FULLY_CANCELED:
        case GPG_ERR_NOT_CONFIRMED:
                return HELPER_DENIED;
        case GPG_ERR_ENOTTY:
        case GPG_ERR_ENXIO:
        case GPG_ERR_ENODEV:
        case GPG_ERR_ENOENT:
        case GPG_ERR_EACCES:
        case GPG_ERR_EPERM:
        case GPG_ERR_EIO:
        case GPG_ERR_EOF:
        case GPG_ERR_EPIPE:
        case GPG_ERR_NO_PIN_ENTRY:
        case GPG_ERR_ASS_CONNECT_FAILED:
                return HELPER_NO_PROMPTER;
        default:
                if (asprintf(reterr_why, "pinentry: %s", gpg_strerror(error)) < 0)
                        *reterr_why = NULL;
                return HELPER_FAILED;
        }
}

static HelperResult get_secret(assuan_context_t context, Answer *answer, char **reterr_why)
{
        gpg_error_t error;

        answer->repeated = false;
        answer->secret = secret_free(answer->secret);
        if (secret_new(&answer->secret, HELPER_TEXT_MAX) < 0)
                return HELPER_FAILED;

        assuan_begin_confidential(context);
        error = assuan_transact(context, "GETPIN", on_secret, answer, NULL, NULL, on_status, answer);
        assuan_end_confidential(context);
        return outcome(error, reterr_why);
}

static void answer_done(Answer *answer)
{
        answer->secret = secret_free(answer->secret);
}

/* A pinentry that can't repeat is asked twice. */
static HelperResult get_new_secret(assuan_context_t context, const Request *request, Answer *ret, char **reterr_why)
{
        const char *error = request->error;

        for (unsigned i = 0; i < NEW_TRIES; i++) {
                _cleanup_(answer_done) Answer again = {0};
                HelperResult result;

                set_texts(context, request, error);
                result = get_secret(context, ret, reterr_why);
                if (result != HELPER_OK || ret->repeated)
                        return result;

                set(context, "SETPROMPT ", "Again:");
                result = get_secret(context, &again, reterr_why);
                if (result != HELPER_OK)
                        return result;
                if (secret_equal(ret->secret, again.secret))
                        return HELPER_OK;
                error = "they do not match";
        }
        return HELPER_DENIED;
}

/* Its one button, closing it: whatever the person does to it refuses. */
static HelperResult show(assuan_context_t context, char **reterr_why)
{
        gpg_error_t error = assuan_transact(context, "CONFIRM --one-button", NULL, NULL, NULL, NULL, NULL, NULL);
        HelperResult result = outcome(error, reterr_why);

        return result == HELPER_OK ? HELPER_DENIED : result;
}

static HelperResult converse(assuan_context_t context, const Request *request, const Surface *surface, bool graphical,
                             Answer *ret, char **reterr_why)
{
        if (!surface->tty && needs_terminal(context))
                return HELPER_NO_PROMPTER;

        set_surface(context, surface, graphical);
        set_texts(context, request, request->error);

        /* From here on it is the person's time. */
        (void)alarm(0);
        switch (request->kind) {
        case HELPER_ASK_CONFIRM:
                return outcome(assuan_transact(context, "CONFIRM", NULL, NULL, NULL, NULL, NULL, NULL), reterr_why);
        case HELPER_ASK_SECRET:
        case HELPER_ASK_PIN:
                return get_secret(context, ret, reterr_why);
        case HELPER_ASK_SHOW:
                return show(context, reterr_why);
        case HELPER_ASK_NEW_SECRET:
                return get_new_secret(context, request, ret, reterr_why);
        }
        return HELPER_FAILED;
}

/* Ends pinentry (and whatever it started); the conversation then breaks. */
static void on_alarm(int signal_number)
{
        (void)kill(0, SIGTERM);
}

HelperResult pinentry_ask(const char *program, const Request *request, const Surface *surface, bool graphical,
                          Secret **ret_secret, char **reterr_why)
{
        static struct assuan_malloc_hooks hooks = {wiping_malloc, wiping_realloc, wiping_free};
        const char *argv[] = {"pinentry", NULL};
        _cleanup_(answer_done) Answer answer = {0};
        assuan_context_t context;
        HelperResult result;

        if (assuan_new_ext(&context, GPG_ERR_SOURCE_USER_1, &hooks, NULL, NULL) != 0)
                return HELPER_FAILED;
        assuan_set_flag(context, ASSUAN_NO_LOGGING, 1);

        (void)signal(SIGALRM, on_alarm);
        (void)alarm(START_SECONDS);
        prepare_environment(surface, graphical);
        if (assuan_pipe_connect(context, program, argv, NULL, at_fork, NULL, 0) != 0)
                result = HELPER_NO_PROMPTER;
        else
                result = converse(context, request, surface, graphical, &answer, reterr_why);

        /* One that does not end when its input does must not keep the answer from being given. */
        (void)alarm(2);
        assuan_release(context);
        (void)alarm(0);

        if (result == HELPER_OK && request->kind != HELPER_ASK_CONFIRM)
                *ret_secret = TAKE_PTR(answer.secret);
        return result;
}
