/*
 * Work in slices, in the loop's free moments
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/cleanup.h"

typedef struct Slices Slices;

/* Calls step() when nothing else is to be done, and in any case 20 ms after it could have been called. It is called once, and once more
 * for each slices_again(); a step takes a few milliseconds at most, and may free the slices. Negative errno. */
int slices_new(sd_event *event, void (*step)(void *userdata), void *userdata, Slices **ret);
void slices_again(Slices *slices);
Slices *slices_free(Slices *slices);
DEFINE_CLEANUP(Slices *, slices_free)
