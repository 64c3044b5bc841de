/*
 * The world around a call of the PAM module
 *
 * libpam makes the handle and keeps its items; its stack has nothing of ours, the module's function is called as libpam would.
 */
#include "tests/unit/pam-world.h"

#include <pwd.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define OPTIONS_MAX 16

bool (*world_fails)(const char *name);

/* ---- what libpam lets only modules do: one datum of one handle ---- */

static struct {
        void *data;
        void (*done)(pam_handle_t *pamh, void *data, int status);
} kept;

int __wrap_pam_set_data(pam_handle_t *pamh, const char *name, void *data, void (*done)(pam_handle_t *, void *, int));
int __wrap_pam_set_data(pam_handle_t *pamh, const char *name, void *data, void (*done)(pam_handle_t *, void *, int))
{
        if (data && world_fails && world_fails("pam_set_data"))
                return PAM_BUF_ERR;
        if (kept.data && kept.done)
                kept.done(pamh, kept.data, PAM_DATA_REPLACE);
        kept.data = data;
        kept.done = done;
        return PAM_SUCCESS;
}

int __wrap_pam_get_data(const pam_handle_t *pamh, const char *name, const void **ret);
int __wrap_pam_get_data(const pam_handle_t *pamh, const char *name, const void **ret)
{
        if (world_fails && world_fails("pam_get_data"))
                return PAM_SYSTEM_ERR;
        *ret = kept.data;
        return kept.data ? PAM_SUCCESS : PAM_NO_MODULE_DATA;
}

/* ---- a world ---- */

static void write_stack(const World *world)
{
        char path[64];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/keyfob-test", world->dir);
        file = fopen(path, "we");
        CHECK(file && fputs("auth required pam_deny.so\n", file) >= 0 && fclose(file) == 0);
}

World *world_new(void (*adjust)(Fixture *fixture))
{
        World *world = calloc(1, sizeof(*world));
        const struct passwd *entry = getpwuid(getuid());

        CHECK(world && entry);
        world->user = strdup(entry->pw_name);
        (void)strcpy(world->dir, "/tmp/kf-pam-XXXXXX");
        CHECK(mkdtemp(world->dir));
        (void)snprintf(world->authfile, sizeof(world->authfile), "%s/keys", world->dir);
        write_stack(world);
        pam_key_plug(0, adjust);
        pam_key_enrol(0, WORLD_RP, COSE_ES256, /* resident= */ false, NULL, world->credential, sizeof(world->credential));
        return world;
}

World *world_free(World *world)
{
        char command[64];

        pam_key_unplug_all();
        (void)snprintf(command, sizeof(command), "rm -rf %s", world->dir);
        CHECK_EQ(system(command), 0);
        free((void *)(uintptr_t)world->user);
        free(world);
        return NULL;
}

void world_write(World *world, const char *text)
{
        FILE *file = fopen(world->authfile, "we");

        CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
        CHECK_EQ(chmod(world->authfile, 0644), 0);
}

void world_line(World *world, const char *format, ...)
{
        char text[16384];
        va_list args;
        int n = snprintf(text, sizeof(text), "%s:", world->user);

        va_start(args, format);
        (void)vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
        va_end(args);
        world_write(world, text);
}

void world_credential(World *world, const char *options)
{
        world_line(world, "%s,%s\n", world->credential, options);
}

static int respond(World *world, struct pam_response **ret)
{
        const char *answer = world->n_answered < sizeof(world->answers) / sizeof(world->answers[0]) ?
                                     world->answers[world->n_answered++] :
                                     NULL;

        if (answer == ANSWER_FAILURE || !answer)
                return PAM_CONV_ERR;
        if (answer == ANSWER_NO_ROOM)
                return PAM_SUCCESS;
        *ret = calloc(1, sizeof(**ret));
        CHECK(*ret);
        if (answer != ANSWER_NOTHING)
                (*ret)->resp = strdup(answer);
        return PAM_SUCCESS;
}

static int converse(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
        World *world = data;
        size_t size = strlen(world->said);
        int style = messages[0]->msg_style, r = PAM_SUCCESS;

        pam_key_leave();
        *ret = NULL;
        (void)snprintf(world->said + size, sizeof(world->said) - size, "%c %s\n",
                       style == PAM_TEXT_INFO ? 'I' : style == PAM_ERROR_MSG ? 'E' : '?', messages[0]->msg);
        if (style == PAM_PROMPT_ECHO_ON || style == PAM_PROMPT_ECHO_OFF)
                r = respond(world, ret);
        pam_key_enter();
        return r;
}

static int authenticate(World *world, pam_handle_t *pamh, int n, const char **arguments)
{
        int r = pam_sm_authenticate(pamh, 0, n, arguments);

        if (world->between)
                world->between(pamh, n, arguments);
        if (world->session)
                world->session_result = pam_sm_open_session(pamh, 0, n, arguments);
        return r;
}

static int change(World *world, pam_handle_t *pamh, int n, const char **arguments)
{
        return pam_sm_chauthtok(pamh, PAM_UPDATE_AUTHTOK, n, arguments);
}

static int call(World *world, int (*stage)(World *, pam_handle_t *, int, const char **), va_list args)
{
        const struct pam_conv conversation = {converse, world};
        char authfile[80], pending[80], mirror[80];
        const char *arguments[OPTIONS_MAX] = {authfile, pending, "origin=" WORLD_RP, "allow_remote", mirror};
        pam_handle_t *pamh;
        int n = 5, r;

        (void)snprintf(authfile, sizeof(authfile), "authfile=%s", world->authfile);
        (void)snprintf(pending, sizeof(pending), "authpending_file=%s/pending", world->dir);
        (void)snprintf(mirror, sizeof(mirror), "mirror=%s", world->dir);
        for (const char *argument; (argument = va_arg(args, const char *)); n++) {
                CHECK(n < OPTIONS_MAX);
                if (strcmp(argument, "-remote") == 0) /* the default of the test's is that it may run from afar */
                        arguments[3] = arguments[2], n--;
                else
                        arguments[n] = argument;
        }
        world->said[0] = 0;
        world->n_answered = 0;
        CHECK_EQ(pam_start_confdir("keyfob-test", world->user, &conversation, world->dir, &pamh), PAM_SUCCESS);
        if (world->rhost)
                CHECK_EQ(pam_set_item(pamh, PAM_RHOST, world->rhost), PAM_SUCCESS);
        pam_key_enter();
        r = stage(world, pamh, n, arguments);
        pam_key_leave();
        CHECK_EQ(__wrap_pam_set_data(pamh, NULL, NULL, NULL), PAM_SUCCESS);
        CHECK_EQ(pam_end(pamh, r), PAM_SUCCESS);
        return r;
}

int world_authenticate(World *world, ...)
{
        va_list args;
        int r;

        va_start(args, world);
        r = call(world, authenticate, args);
        va_end(args);
        return r;
}

int world_change(World *world, ...)
{
        va_list args;
        int r;

        va_start(args, world);
        r = call(world, change, args);
        va_end(args);
        return r;
}

bool world_said(const World *world, const char *text)
{
        return strstr(world->said, text);
}

bool world_waits_for_lock(pid_t pid)
{
        char line[256], wanted[32];
        FILE *file = fopen("/proc/locks", "re");
        bool found = false;

        if (!file)
                _exit(2);
        (void)snprintf(wanted, sizeof(wanted), " %d ", (int)pid);
        while (fgets(line, sizeof(line), file))
                found |= strstr(line, "-> FLOCK") && strstr(line, wanted);
        (void)fclose(file);
        return found;
}
