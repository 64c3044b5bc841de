/*
 * Exec: a program takes our place
 */
#pragma once

/* Runs argv[0], found in PATH, with this environment, instead of us: no process waits beside it, so its exit status and the
 * signals it gets are its own. Returns only when that failed: the exit code, after saying why; `too_large` says what makes
 * the environment too large, or is NULL. */
int exec_command(char *argv[], char *envp[], const char *too_large);
