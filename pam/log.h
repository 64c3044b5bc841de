/* What the administrator is told. Nothing that was read from a file, typed or derived goes there. */
#pragma once

#include <security/pam_modules.h>
#include <stdbool.h>

typedef struct Log {
        pam_handle_t *pamh;
        bool debug;
        int fd; /* of debug_file; -1: the system's log */
        bool owned;
} Log;

#define LOG_NULL ((Log){.fd = -1})

/* `file` as debug_file= has it; NULL: stderr. A file must exist already, and be one. */
void log_open(Log *log, bool debug, const char *file);
void log_done(Log *log);

__attribute__((format(printf, 2, 3))) void log_error(const Log *log, const char *format, ...);
__attribute__((format(printf, 2, 3))) void log_debug(const Log *log, const char *format, ...);
