/*
 * Memory that is free goes back to the system
 */
#pragma once

#include <stddef.h>

typedef struct Heap {
        size_t resident; /* pages, when it was given back last; 0: never */
} Heap;

/* To be called when nothing is to be done, once a second at most: gives back what large pieces of work left, if there was one. */
void heap_give_back(Heap *heap);
