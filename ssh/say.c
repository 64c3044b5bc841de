/*
 * Say
 *
 * A line goes out in one piece, so that it stays whole beside what ssh writes. Names in it may come from elsewhere, so
 * nothing in it moves a cursor.
 */
#include "ssh/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX   "keyfob: "
#define LINE_MAX 512U

void say(const char *format, ...)
{
        char line[LINE_MAX] = PREFIX;
        size_t size = strlen(PREFIX);
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(line + size, sizeof(line) - size - 1, format, args);
        va_end(args);
        if (n < 0)
                return;
        for (char *p = line; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        *p = '?';
        size = strlen(line);
        line[size++] = '\n';
        (void)!write(STDERR_FILENO, line, size);
}
