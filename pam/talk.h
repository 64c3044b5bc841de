/* What the person is told and asked, through the program that authenticates. */
#pragma once

#include <security/pam_modules.h>
#include <stdbool.h>

#include "common/secret.h"

#define TALK_ANSWER_MAX 4096U

enum { TALK_NOTHING = 1 }; /* no answer, or an empty one */

typedef struct Talk {
        pam_handle_t *pamh;
        bool silent; /* PAM_SILENT: questions only */
} Talk;

__attribute__((format(printf, 2, 3))) void talk_say(const Talk *talk, const char *format, ...);
__attribute__((format(printf, 2, 3))) void talk_complain(const Talk *talk, const char *format, ...);

/* 0, TALK_NOTHING, or a negative errno (-ECOMM: the program can't ask). */
int talk_ask(const Talk *talk, bool echo, const char *question, Secret **ret);
