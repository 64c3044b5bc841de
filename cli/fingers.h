/*
 * Fingers: lists of them for people and for scripts, and the one a person means
 */
#pragma once

#include "keyfob/keyfob.h"

/* Prints a table, or JSON. 0 or the exit code. */
int fingers_print(const keyfob_fingers *list);
int fingers_print_json(const keyfob_fingers *list);

/* keyfob_set_key_progress(): says on stderr how an enrolment gets on. `userdata` is what is to be touched, NULL: a key. */
void fingers_report(void *userdata, const keyfob_key_progress *progress);

/* The one of this name, or whose id these hexadecimal digits are. 0, or the exit code after saying why. */
int fingers_find(const keyfob_fingers *list, const char *which, const keyfob_finger **ret);
