/* keyfob-pam: what keyfob pam runs, because the command line itself links neither libfido2 nor libpam. */
#pragma once

#include "common/secret.h"

/* Exit codes of keyfob(1). */
enum { TOOL_DONE = 0, TOOL_NOT_FOUND = 1, TOOL_USAGE = 2, TOOL_REFUSED = 4, TOOL_OTHER = 8 };

__attribute__((format(printf, 2, 3))) int tool_error(int code, const char *format, ...);

/* Asks on the terminal without showing what is typed. 0, or -ENOTTY when there is none or nothing was typed. */
int tool_ask(const char *question, Secret **ret);

int tool_enroll(int argc, char *argv[]);
int tool_mirror(int argc, char *argv[]);
int tool_status(int argc, char *argv[]);
int tool_test(int argc, char *argv[]);
