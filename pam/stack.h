/*
 * Stacks: which modules a service calls, and with which options, as libpam reads it (pam.conf(5))
 *
 * Only read, and only to tell about it: what a file of the system says is bounded here, not judged.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

#define STACK_FILE_MAX  (64U * 1024U) /* bytes of a file */
#define STACK_FILES_MAX 64U           /* of one service, each as often as it is included */
#define STACK_LINES_MAX 1024U         /* of one service */
#define STACK_WORDS_MAX 128U          /* of a line */
#define STACK_DEPTH_MAX 16U           /* of files that include files: libpam's own limit */

typedef enum StackType { STACK_AUTH, STACK_ACCOUNT, STACK_PASSWORD, STACK_SESSION, STACK_ANY } StackType;

typedef struct StackLine {
        StackType type;
        char **words; /* control, module, and its n arguments */
        size_t n;
} StackLine;

typedef struct Stack {
        StackLine *lines;
        size_t n_lines, n_files;
        char **included; /* names of files, as often as they are included */
        size_t n_included;
        char *missing;  /* a file that is included and can't be read; NULL: none */
        bool too_large; /* more than the limits: the rest is left out */
} Stack;

#define STACK_NULL ((Stack){0})

/* Where libpam looks for a file: the first of these that has it. NULL at the end. */
typedef const char *const *StackPlaces;

/* Reads a service with all that it includes. 0, or a negative errno: its own file can't be read. */
int stack_read(StackPlaces places, const char *service, Stack *ret);
void stack_done(Stack *stack);

/* Whether a line calls this module ("pam_unix"), wherever it lies. */
bool stack_line_calls(const StackLine *line, const char *module);
