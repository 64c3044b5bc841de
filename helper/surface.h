/*
 * Surface: where a question of a certain program's can be shown
 *
 * A graphical display, a terminal, both or neither.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

typedef struct Surface {
        char *display; /* DISPLAY, WAYLAND_DISPLAY, XAUTHORITY and the bus they go with; NULL: unset */
        char *wayland;
        char *xauthority;
        char *bus;
        char *tty;      /* path of a terminal we may use, or NULL */
        char *tty_type; /* TERM of whoever sits there */
        char *lc_ctype;
        char *lc_messages;
} Surface;

#define SURFACE_NULL ((Surface){0})

/* Finds out for the caller `pid` (0: unknown). 0, -ENOENT when there is nothing to show it on, -ENOMEM. */
int surface_find(uint32_t pid, Surface *ret);

bool surface_graphical(const Surface *surface);

void surface_done(Surface *surface);
