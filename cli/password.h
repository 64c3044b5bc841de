/*
 * Password: where a command takes one from, when it is not asked for
 */
#pragma once

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

/* Takes the argument of --password-fd. 0, or the exit code. */
int password_source_set_fd(PasswordSource *source, const char *argument);

/* Reads it; one trailing newline goes. *ret is NULL when there is no source. 0, or the exit code. */
int password_read(const PasswordSource *source, Secret **ret);

/* Reads a whole file, as it is. 0, or the exit code. */
int password_read_file(const char *path, size_t max, Secret **ret);
