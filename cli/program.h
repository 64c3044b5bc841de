/* Program: the executable that somebody means by a name. */
#pragma once

/* The path of an executable by name (found in $PATH) or path, with its links followed. New string; NULL with errno ENOENT
 * when there is none, ENOMEM. */
char *program_find(const char *name);
