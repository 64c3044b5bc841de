/*
 * keyfob-pam
 *
 * A few verbs, each in a file. It runs as whoever called it and has no rights that they have not.
 */
#include "pam/tool.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int tool_error(int code, const char *format, ...)
{
        char line[512];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        for (char *p = line; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        *p = '?';
        fprintf(stderr, "keyfob: %s\n", line);
        return code;
}

const char *tool_why(keyfob *k, int r)
{
        return k && keyfob_message(k)[0] ? keyfob_message(k) : keyfob_strerror(r);
}

int tool_ask(const char *question, Secret **ret)
{
        char *typed = getpass(question);
        int r;

        if (!typed)
                return -ENOTTY;
        r = typed[0] ? secret_new_from(ret, typed, strlen(typed)) : -ENOTTY;
        explicit_bzero(typed, strlen(typed));
        return r;
}

int tool_begin(Login *login, const char *conf, const char *origin)
{
        const struct passwd *entry = getpwuid(getuid());
        _cleanup_free_ char *file = NULL, *name = NULL;
        const char *arguments[2];
        int r, n = 0;

        if (!entry || user_find(entry->pw_name, &login->user) != 0)
                return tool_error(TOOL_OTHER, "the user database does not have you");
        if (conf && asprintf(&file, "conf=%s", conf) >= 0)
                arguments[n++] = file;
        if (origin && asprintf(&name, "origin=%s", origin) >= 0)
                arguments[n++] = name;
        r = n == !!conf + !!origin ? login_read_options(login, n, arguments) : -ENOMEM;
        if (r == LOGIN_NO_CONFIG)
                return tool_error(TOOL_OTHER, "the configuration file of logins is not right%s%s",
                                  login->options->problem[0] ? ": " : "", login->options->problem);
        if (r == 0)
                r = login_read_host(login);
        return r == 0 ? 0 : tool_error(TOOL_OTHER, "what logins are set up with can't be read: %s", strerror(-r));
}

int main(int argc, char *argv[])
{
        static const struct {
                const char *name;
                int (*run)(int argc, char *argv[]);
        } verbs[] = {{"enroll", tool_enroll}, {"mirror", tool_mirror}, {"remove", tool_remove},
                     {"rename", tool_rename}, {"status", tool_status}, {"test", tool_test}};

        for (size_t i = 0; argc > 1 && i < ELEMENTSOF(verbs); i++)
                if (strcmp(argv[1], verbs[i].name) == 0)
                        return verbs[i].run(argc - 1, argv + 1);
        return tool_error(TOOL_USAGE, "usage: keyfob pam enroll | status | rename WHICH NAME | remove WHICH | mirror | test SERVICE | "
                                      "enable | disable");
}
