/*
 * Terminal: asking a person, on /dev/tty, without showing what is typed
 */
#pragma once

#include <stdbool.h>

#include "common/secret.h"
#include "keyfob/keyfob.h"

/* Whether somebody sits here: stdin or stderr is a terminal, and /dev/tty can be opened. */
bool terminal_available(void);

/* Asks for one line. 0; -ECANCELED at end of file; negative errno. A signal restores the terminal before it acts. */
int terminal_ask(const char *prompt, Secret **ret);
/* Asks twice until both agree, three times at most (-ECANCELED). */
int terminal_ask_twice(const char *prompt, Secret **ret);
/* Yes or no; anything but y or yes is no. */
bool terminal_confirm(const char *question);
/* One line of text on the terminal. */
void terminal_say(const char *line);

/* Asks a question of the daemon's. Whether it was allowed; *ret stays NULL unless a secret was asked for, or a choice:
 * its number from 0, in digits. */
bool terminal_answer(const keyfob_question *question, Secret **ret);

/* The callback for keyfob_set_prompt(). */
bool terminal_prompt(void *userdata, const keyfob_question *question, keyfob_answer *answer);
