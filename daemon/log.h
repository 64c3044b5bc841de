/*
 * Log: one line to stderr, for the journal or for whoever started keyfobd in the foreground
 *
 * Only program decisions are logged, once, where they are made; never a secret, a label or an attribute.
 */
#pragma once

#include <syslog.h>

/* `level` is LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO or LOG_DEBUG. A newline is added. errno is kept. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
