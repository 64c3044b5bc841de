/* Present: text from outside, as part of a question or a line that we write. */
#pragma once

#include "common/cleanup.h"

#define SHOWN_MAX 120U /* bytes of a name from outside that a question shows */

/* A copy fit to be shown (UTF-8). NULL when out of memory. */
char *presentable(const char *text);
