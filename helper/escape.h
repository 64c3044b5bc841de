/* Text for pinentry: one line of the Assuan protocol, and nothing that a terminal would obey. */
#pragma once

#include <stddef.h>

/* The bytes that fit after a command on a line (1000), with room for the longest command. */
#define ESCAPE_MAX 960U

/*
 * A percent-escaped copy of `text` of at most `max` bytes: longer text ends in "…". Line feeds are kept, other control
 * characters become '?'. NULL when out of memory. `text` is UTF-8.
 */
char *escape_text(const char *text, size_t max);
