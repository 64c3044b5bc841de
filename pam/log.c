/*
 * Log
 *
 * Errors always go to the system's log. What is only for whoever sets a stack up goes where debug_file= says, in lines of one
 * write each. The descriptor is closed on exec: what a session starts must not have it (CVE-2019-12210).
 */
#include "pam/log.h"

#include <fcntl.h>
#include <security/pam_ext.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_SIZE 512U
#define PREFIX    "pam_keyfob: "

void log_open(Log *log, bool debug, const char *file)
{
        struct stat st;
        int fd;

        log->debug = debug;
        log->fd = STDERR_FILENO;
        log->owned = false;
        if (!debug || !file || strcmp(file, "stderr") == 0)
                return;
        if (strcmp(file, "stdout") == 0) {
                log->fd = STDOUT_FILENO;
                return;
        }
        log->fd = -1;
        if (strcmp(file, "syslog") == 0)
                return;
        fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
                log->fd = fd;
                log->owned = true;
                return;
        }
        if (fd >= 0)
                (void)close(fd);
        log->debug = false;
        log_error(log, "debug_file is not a file that exists: nothing is written to it");
}

void log_done(Log *log)
{
        if (log->owned)
                (void)close(log->fd);
        log->owned = false;
        log->debug = false;
}

/* Names come from elsewhere: they move no cursor and make no second line. */
static void clean(char *line)
{
        for (char *p = line; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        *p = '?';
}

void log_error(const Log *log, const char *format, ...)
{
        char line[LINE_SIZE];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        clean(line);
        if (log->pamh) /* tools have none, and say it themselves */
                pam_syslog(log->pamh, LOG_ERR, "%s", line);
        log_debug(log, "%s", line);
}

void log_debug(const Log *log, const char *format, ...)
{
        char line[LINE_SIZE] = PREFIX;
        size_t size = strlen(PREFIX);
        va_list args;

        if (!log->debug)
                return;
        va_start(args, format);
        (void)vsnprintf(line + size, sizeof(line) - size - 1, format, args);
        va_end(args);
        clean(line);
        if (log->fd < 0) {
                pam_syslog(log->pamh, LOG_DEBUG, "%s", line + size);
                return;
        }
        size = strlen(line);
        line[size++] = '\n';
        (void)!write(log->fd, line, size);
}
