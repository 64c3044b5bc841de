/*
 * keyfob pam status: what stands in the stacks
 *
 * Options of a stack's line may lead a login elsewhere than where enrolment has put its credential, and a line that is missing lets the
 * vault stay locked without a word. So every service is read as libpam reads it, its options as the module does, and what does not fit
 * together is said, with what mends it. Services about which the same is to be said stand in one line. Nothing is changed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pam/authfile.h"
#include "pam/file.h"
#include "pam/stack.h"
#include "pam/tool.h"

#define MODULE       "pam_keyfob"
#define MODULE_OTHER "pam_u2f"
#define USUAL        ".config/Yubico/u2f_keys"
#define SERVICES_MAX 512U
#define TEXT_SIZE    480U

static const char *const places_of_system[] = {"/etc/pam.d", "/usr/lib/pam.d", NULL};
/* Sessions of these are those in which the user's daemon is brought up. */
static const char *const session_makers[] = {"pam_systemd", "pam_elogind"};

typedef struct Service {
        char *name;
        Stack stack;
        bool uses; /* pam_keyfob in auth, session or password */
        bool unlocks, unlocks_now, hands_over, makes_session, has_session;
} Service;

/* A text, and the services that it is about. */
typedef struct Finding {
        char *text, *services;
} Finding;

typedef struct Findings {
        Finding *list;
        size_t n;
} Findings;

typedef struct Report {
        const Login *login;
        const ToolAuthfile *file;
        StackPlaces places;
        Service *services;
        size_t n;
        Findings shown, warnings;
        bool failed; /* out of memory */
} Report;

static void findings_done(Findings *findings)
{
        for (size_t i = 0; i < findings->n; i++) {
                free(findings->list[i].text);
                free(findings->list[i].services);
        }
        free(findings->list);
}

static void report_done(Report *report)
{
        for (size_t i = 0; i < report->n; i++) {
                free(report->services[i].name);
                stack_done(&report->services[i].stack);
        }
        free(report->services);
        findings_done(&report->shown);
        findings_done(&report->warnings);
}

/* ---- findings ---- */

static int add_service(Finding *finding, const char *service)
{
        char *more;

        if (asprintf(&more, "%s, %s", finding->services, service) < 0)
                return -ENOMEM;
        free(finding->services);
        finding->services = more;
        return 0;
}

static int add_text(Findings *findings, const char *service, const char *text)
{
        Finding *list;

        for (size_t i = 0; i < findings->n; i++)
                if (strcmp(findings->list[i].text, text) == 0)
                        return add_service(findings->list + i, service);
        list = reallocarray(findings->list, findings->n + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        findings->list = list;
        list[findings->n] = (Finding){strdup(text), strdup(service)};
        findings->n++;
        return list[findings->n - 1].text && list[findings->n - 1].services ? 0 : -ENOMEM;
}

__attribute__((format(printf, 3, 4))) static void warn(Report *report, const Service *service, const char *format, ...)
{
        char text[TEXT_SIZE];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        report->failed |= add_text(&report->warnings, service->name, text) < 0;
}

/* ---- one line ---- */

static const char *file_problem(int r)
{
        return r > 0 ? file_outcome(r) : strerror(-r);
}

/* What a line with wrong options leads to: the module refuses to do anything. */
static const char *effect_of(StackType type)
{
        if (type == STACK_AUTH)
                return "nobody is let in";
        return type == STACK_SESSION ? "the vault stays locked" : "a changed password is not followed";
}

/* Why the options are not right, which reading them has not said. */
static void warn_of_options(Report *report, const Service *service, const StackLine *line, const Login *login)
{
        const char *effect = effect_of(line->type);
        _cleanup_(options_freep) Options *options = NULL;
        _cleanup_(secret_freep) Secret *text = NULL;
        const char *path = NULL;
        int r = options_new(&options);

        if (r == 0)
                r = options_find_file(options, (int)line->n, (const char *const *)line->words + 2, &path);
        r = r == 0 && path ? file_read_own(path, OPTIONS_FILE_MAX, &text) : 0;
        if (r == -EACCES)
                warn(report, service, "conf=%s can't be read by you: whether its options are right, root sees", path);
        else if (r != 0)
                warn(report, service, "%s, because of conf=%s: %s: mend it, or take the option out", effect, path, file_problem(r));
        else
                warn(report, service, "%s, because an option is wrong%s%s: see pam_keyfob(8)", effect,
                     login->options && login->options->problem[0] ? ": " : "", login->options ? login->options->problem : "");
}

/* How many of the person's credentials another authfile has. */
static size_t read_other(Report *report, const Service *service, const Login *login, const AuthfilePath *path)
{
        _cleanup_(credentials_done) Credentials credentials = CREDENTIALS_NULL;
        _cleanup_(secret_freep) Secret *text = NULL;
        AuthfileRules rules = {.user = report->login->user.name,
                               .max = login->options->max_devices,
                               .ssh_keys = login->options->sshformat || path->of_user};
        const char *mine = report->file->credentials.n > 0 ? report->file->path.path : NULL;
        int r = file_read_own(path->path, AUTHFILE_MAX, &text);

        if (r == -EACCES) {
                warn(report, service, "authfile=%s can't be read by you: whether you are in it, root sees", path->path);
                return 0;
        }
        if (r != 0 && r != FILE_MISSING) {
                warn(report, service, "%s: %s, so it lets nobody in: mend it", path->path, file_problem(r));
                return 0;
        }
        if (r == 0)
                r = authfile_read((const char *)text->data, text->size, &rules, &credentials);
        if (r == AUTHFILE_WRONG)
                warn(report, service, "%s: your line is cut off or not known, so none of it counts: mend it", path->path);
        else if (r > 0 && mine)
                warn(report, service,
                     "it looks for you in %s, which %s: your security keys are in %s: copy your line, or take authfile= out", path->path,
                     text ? "does not have you" : "is not there", mine);
        else if (r > 0)
                warn(report, service, "it looks for you in %s, which %s: have the line of keyfob pam enroll put there", path->path,
                     text ? "does not have you" : "is not there");
        return r == 0 ? credentials.n : 0;
}

/* XDG_CONFIG_HOME is followed in programs of the person's own only: what root lets in with looks in the home. */
static void check_place(Report *report, const Service *service, const Login *login, const char *path)
{
        _cleanup_free_ char *usual = NULL;
        _cleanup_(secret_freep) Secret *text = NULL;

        if (login->options->authfile || login->options->sshformat)
                return;
        if (asprintf(&usual, "%s/" USUAL, report->login->user.home) < 0) {
                usual = NULL;
                report->failed = true;
                return;
        }
        if (strcmp(usual, path) != 0 && file_read_own(usual, AUTHFILE_MAX, &text) == FILE_MISSING)
                warn(report, service, "what does not run as you looks in %s, and not where your XDG_CONFIG_HOME leads: copy %s there",
                     usual, path);
}

static size_t check_authfile(Report *report, const Service *service, Login *login)
{
        _cleanup_(authfile_path_done) AuthfilePath path = {0};
        int r = authfile_path_find(&report->login->user, login->options, &path);

        if (r > 0)
                warn(report, service, "nobody is let in: authfile has a %% that is neither %%u nor %%%%");
        if (r != 0)
                return 0;
        check_place(report, service, login, path.path);
        if (report->file->path.path && strcmp(path.path, report->file->path.path) == 0)
                return 0;
        return read_other(report, service, login, &path);
}

/* Reads the options of a line, and answers how many credentials there are where they lead: of another authfile in auth, else 0. */
static size_t check_line(Report *report, Service *service, const StackLine *line)
{
        Login login = {.log = LOG_NULL, .user = USER_NULL};
        size_t n = 0;
        int r;

        r = login_read_options(&login, (int)line->n, (const char *const *)line->words + 2);
        if (r == 0)
                r = login_read_host(&login);
        if (r == LOGIN_NO_CONFIG) {
                warn_of_options(report, service, line, &login);
        } else if (r == 0 && line->type == STACK_AUTH) {
                service->unlocks |= login.options->unlock;
                service->unlocks_now |= login.options->unlock_now;
                if (!login.options->capture) {
                        n = check_authfile(report, service, &login);
                        if (strcmp(login.origin, report->login->origin) != 0)
                                warn(report, service,
                                     "it wants credentials that were made for %s: keyfob pam enroll --origin %s makes such",
                                     login.origin, login.origin);
                }
        }
        report->failed |= r == -ENOMEM;
        login_done(&login);
        return n;
}

/* ---- one service ---- */

static void describe_line(ByteWriter *text, const StackLine *line, const char *type, size_t n)
{
        char count[64];

        if (text->size > 0)
                byte_writer_raw(text, "; ", 2);
        byte_writer_raw(text, type, strlen(type));
        for (size_t i = 0; i < line->n; i++) {
                const char *word = line->words[2 + i];
                bool blank = strchr(word, ' ');

                byte_writer_raw(text, blank ? " [" : " ", blank ? 2 : 1);
                byte_writer_raw(text, word, strlen(word));
                byte_writer_raw(text, "]", blank);
        }
        if (n == 0)
                return;
        (void)snprintf(count, sizeof(count), " (which has %zu of yours)", n);
        byte_writer_raw(text, count, strlen(count));
}

static void look(Report *report, Service *service, ByteWriter *text)
{
        bool other = false;
        size_t at_session = 0, at_maker = 0, n;

        for (size_t i = 0; i < service->stack.n_lines; i++) {
                const StackLine *line = service->stack.lines + i;

                service->has_session |= line->type == STACK_SESSION;
                other |= line->type == STACK_AUTH && stack_line_calls(line, MODULE_OTHER);
                for (size_t k = 0; line->type == STACK_SESSION && k < ELEMENTSOF(session_makers); k++)
                        if (stack_line_calls(line, session_makers[k]))
                                at_maker = i + 1;
                if (line->type == STACK_ACCOUNT || !stack_line_calls(line, MODULE))
                        continue;
                n = check_line(report, service, line);
                describe_line(text, line, line->type == STACK_AUTH ? "auth" : line->type == STACK_SESSION ? "session" : "password", n);
                if (line->type == STACK_SESSION)
                        at_session = i + 1;
        }
        service->uses = text->size > 0;
        service->hands_over = at_session > 0;
        service->makes_session = at_maker > 0;
        if (!service->uses)
                return;
        if (other)
                warn(report, service,
                     "pam_u2f is in auth beside pam_keyfob, so a key is asked for twice: take pam_u2f out, pam_keyfob reads the same "
                     "authfile");
        if (at_session > 0 && at_session < at_maker)
                warn(report, service,
                     "the vault stays locked: pam_keyfob's session line has to be behind pam_systemd's, which brings up your daemon");
        if (service->stack.missing)
                warn(report, service, "%s, which it includes, can't be read: what is in there is not known", service->stack.missing);
        if (service->stack.too_large)
                warn(report, service, "it is too large, or includes itself: not all of it was looked at");
}

/* A fragment that others include, as Debian's common-auth: it is not a service, though its place says so. */
static bool is_fragment(const Report *report, const Service *service)
{
        bool types[STACK_ANY] = {false}, included = false;

        for (size_t i = 0; i < service->stack.n_lines; i++)
                types[service->stack.lines[i].type] = true;
        for (size_t i = 0; i < report->n; i++)
                for (size_t k = 0; k < report->services[i].stack.n_included; k++)
                        included |= strcmp(report->services[i].stack.included[k], service->name) == 0;
        return included && !(types[STACK_AUTH] && types[STACK_ACCOUNT]);
}

/* Of services whose session is none of the person's own (sudo, chsh), nobody expects that they open a vault; unless no other does. */
static void check_session(Report *report, const Service *service, bool anybody, ByteWriter *text)
{
        static const char stays[] = "; leaves the vault as it is";

        if (service->hands_over && !service->unlocks)
                warn(report, service, "its session has nothing to open the vault with: pam_keyfob's line in auth wants the option unlock");
        if (!service->unlocks || service->unlocks_now || service->hands_over)
                return;
        if (!service->makes_session && anybody)
                byte_writer_raw(text, stays, strlen(stays));
        else if (service->has_session)
                warn(report, service,
                     "the vault stays locked: pam_keyfob is in auth and not in session: keyfob pam enable puts it there, or the line "
                     "\"session optional pam_keyfob.so unlock\" behind pam_systemd's");
        else
                warn(report, service,
                     "the vault stays locked: this service begins no session, so pam_keyfob's line wants unlock_now instead of unlock");
}

static void look_at_all(Report *report)
{
        ByteWriter *texts = calloc(report->n + 1, sizeof(*texts));
        bool anybody = false;

        report->failed |= !texts;
        for (size_t i = 0; texts && i < report->n; i++) {
                if (is_fragment(report, report->services + i))
                        continue;
                look(report, report->services + i, texts + i);
                anybody |= report->services[i].uses && report->services[i].unlocks &&
                           (report->services[i].hands_over || report->services[i].unlocks_now);
        }
        for (size_t i = 0; texts && i < report->n; i++) {
                if (report->services[i].uses) {
                        check_session(report, report->services + i, anybody, texts + i);
                        byte_writer_u8(texts + i, 0);
                        report->failed |= texts[i].failed ||
                                          add_text(&report->shown, report->services[i].name, (const char *)texts[i].data) < 0;
                }
                byte_writer_done(texts + i);
        }
        free(texts);
}

/* ---- all services ---- */

/* What editors and package managers leave there is no service that anybody asks for. */
static int is_service(const struct dirent *entry)
{
        const char *name = entry->d_name;
        size_t size = strlen(name);

        return name[0] != '.' && name[size - 1] != '~' && !strstr(name, ".dpkg-") && !strstr(name, ".rpm") && !strstr(name, ".bak") &&
               !strstr(name, ".pam-old");
}

static bool is_known(const Report *report, const char *name)
{
        for (size_t i = 0; i < report->n; i++)
                if (strcmp(report->services[i].name, name) == 0)
                        return true;
        return false;
}

static int read_service(Report *report, const char *name)
{
        Service *services;
        Stack stack = STACK_NULL;
        int r;

        if (report->n == SERVICES_MAX || is_known(report, name))
                return 0;
        r = stack_read(report->places, name, &stack);
        if (r != 0)
                return r == -ENOMEM ? r : 0; /* no file: nothing that libpam would read */
        services = reallocarray(report->services, report->n + 1, sizeof(*services));
        if (services) {
                report->services = services;
                services[report->n] = (Service){.name = strdup(name), .stack = stack};
                if (services[report->n].name) {
                        report->n++;
                        return 0;
                }
        }
        stack_done(&stack);
        return -ENOMEM;
}

static int read_all(Report *report)
{
        bool found = false;

        for (StackPlaces place = report->places; *place; place++) {
                struct dirent **entries = NULL;
                int n = scandir(*place, &entries, is_service, alphasort);

                found |= n >= 0;
                for (int i = 0; i < n; i++) {
                        report->failed |= read_service(report, entries[i]->d_name) < 0;
                        free(entries[i]);
                }
                free(entries);
        }
        return found ? 0 : -ENOENT;
}

/* What somebody else has written into a file moves no cursor. */
static void print(FILE *file, const char *before, const Finding *finding, const char *between)
{
        fputs(before, file);
        for (const char *p = finding->services; *p; p++)
                fputc((unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p, file);
        fputs(between, file);
        for (const char *p = finding->text; *p; p++)
                fputc((unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p, file);
        fputc('\n', file);
}

void tool_stacks(const Login *login, const ToolAuthfile *file, const char *directory)
{
        const char *const place_given[] = {directory, NULL};
        _cleanup_(report_done) Report report = {.login = login, .file = file, .places = directory ? place_given : places_of_system};
        int r = read_all(&report);

        if (r < 0) {
                if (directory)
                        (void)tool_error(TOOL_OTHER, "%s: there are no stacks", directory);
                return;
        }
        look_at_all(&report);
        for (size_t i = 0; i < report.shown.n; i++)
                print(stdout, "", report.shown.list + i, "  ");
        (void)fflush(stdout);
        for (size_t i = 0; i < report.warnings.n; i++)
                print(stderr, "keyfob: ", report.warnings.list + i, ": ");
        if (report.failed)
                (void)tool_error(TOOL_OTHER, "out of memory: not all services are shown");
        else if (report.shown.n == 0 && file->credentials.n > 0)
                fprintf(stderr, "keyfob: no service asks for your security keys yet: sudo keyfob pam enable\n");
}
