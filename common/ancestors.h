/* Whether a process descends from a program that lets people in from afar. */
#pragma once

#include <stdint.h>

/* 1, 0, or a negative errno: there is no such process, or it could not be found out. */
int ancestors_are_remote(uint32_t pid);
