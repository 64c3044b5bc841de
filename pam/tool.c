/*
 * keyfob-pam
 *
 * A few verbs, each in a file. It runs as whoever called it and has no rights that they have not.
 */
#include "pam/tool.h"

#include <errno.h>
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

int main(int argc, char *argv[])
{
        static const struct {
                const char *name;
                int (*run)(int argc, char *argv[]);
        } verbs[] = {{"enroll", tool_enroll}, {"mirror", tool_mirror}, {"status", tool_status}, {"test", tool_test}};

        for (size_t i = 0; argc > 1 && i < ELEMENTSOF(verbs); i++)
                if (strcmp(argv[1], verbs[i].name) == 0)
                        return verbs[i].run(argc - 1, argv + 1);
        return tool_error(TOOL_USAGE, "usage: keyfob pam enroll | mirror | status | test SERVICE | enable | disable");
}
