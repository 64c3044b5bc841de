/* Present: text from outside, as part of a question or a line that we write. */
#pragma once

#include "common/cleanup.h"

#define SHOWN_MAX 120U /* bytes of a name from outside that a question shows */

/* A copy fit to be shown; bytes that are no UTF-8 are question marks. NULL when out of memory. */
char *presentable(const char *text);

/* The same of a text of any length, in place; quotation marks stay. */
void present_in_line(char *text);

/* A path as it is, but as text, which messages of D-Bus are made of: bytes that are no UTF-8 are question marks. NULL when out
 * of memory. */
char *present_path(const char *path);

/* For those who read markup: the same text. NULL when out of memory. */
char *present_in_markup(const char *text);
/* For those who may, or may not: signs that look alike stand for those of markup. NULL when out of memory. */
char *present_anywhere(const char *text);
