/*
 * Password: where a command takes one from, when it is not asked for
 */
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/secret.h"

#define PASSWORD_MAX ((size_t)4096)

typedef struct PasswordSource {
        const char *file; /* "-" is stdin */
        int fd;           /* -1: none */
        bool credential;  /* also look at $CREDENTIALS_DIRECTORY/keyfob.password */
} PasswordSource;

#define PASSWORD_SOURCE_NULL ((PasswordSource){.fd = -1})

/* For a command's table of options: the password as it is, and the new one. */
enum { PASSWORD_OPTION_FILE = 0x300, PASSWORD_OPTION_FD, PASSWORD_OPTION_NEW_FILE, PASSWORD_OPTION_NEW_FD };
#define PASSWORD_OPTIONS                                                                                              \
        {"password-file", required_argument, NULL, PASSWORD_OPTION_FILE},                                             \
        {                                                                                                             \
                "password-fd", required_argument, NULL, PASSWORD_OPTION_FD                                            \
        }
#define PASSWORD_NEW_OPTIONS                                                                                          \
        {"new-password-file", required_argument, NULL, PASSWORD_OPTION_NEW_FILE},                                     \
        {                                                                                                             \
                "new-password-fd", required_argument, NULL, PASSWORD_OPTION_NEW_FD                                    \
        }

/* The same two places for a PIN, as it is and the new one. */
#define PASSWORD_OLD_PIN_OPTIONS                                                                                      \
        {"old-pin-file", required_argument, NULL, PASSWORD_OPTION_FILE},                                              \
        {                                                                                                             \
                "old-pin-fd", required_argument, NULL, PASSWORD_OPTION_FD                                             \
        }
#define PASSWORD_PIN_OPTIONS                                                                                          \
        {"pin-file", required_argument, NULL, PASSWORD_OPTION_NEW_FILE},                                              \
        {                                                                                                             \
                "pin-fd", required_argument, NULL, PASSWORD_OPTION_NEW_FD                                             \
        }

#define PASSWORD_NOT_MINE (-2)

/* -1 when the option was taken, PASSWORD_NOT_MINE, else the exit code. A source may be NULL in a command without it.
 */
int password_option(PasswordSource *source, PasswordSource *new_source, int c, const char *argument);

/* Reads it; one trailing newline goes. *ret is NULL when there is no source. 0, or the exit code. */
int password_read(const PasswordSource *source, Secret **ret);

/* Reads a whole file, as it is. 0, or the exit code. */
int password_read_file(const char *path, size_t max, Secret **ret);
