/*
 * Log lines
 *
 * When stderr is the journal (JOURNAL_STREAM names its device and inode), a line begins with its priority in angle
 * brackets, sd-daemon(3); else with our name, as a person at a terminal expects. Debug lines only show where asked
 * for.
 */
#include "daemon/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool to_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        uintmax_t device, inode;
        struct stat st;

        return stream && sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_line(int level, const char *format, ...)
{
        int saved = errno;
        char line[1024];
        va_list ap;

        if (level >= LOG_DEBUG && !getenv("KEYFOB_DEBUG"))
                return;

        va_start(ap, format);
        errno = saved;
        (void)vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);

        if (to_journal())
                (void)fprintf(stderr, "<%d>%s\n", level, line);
        else
                (void)fprintf(stderr, "keyfobd: %s\n", line);
        errno = saved;
}
