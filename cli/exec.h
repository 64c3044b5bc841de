/*
 * Exec: a program takes our place, or is waited for
 */
#pragma once

/* Runs argv[0], found in PATH, with this environment, instead of us: no process waits beside it, so its exit status and the
 * signals it gets are its own. Returns only when that failed: the exit code, after saying why; `too_large` says what makes
 * the environment too large, or is NULL. */
int exec_command(char *argv[], char *envp[], const char *too_large);

/* Runs argv[0], found in PATH, and waits for it: its exit status, or 128 and the signal that ended it. Where it can't be run, the
 * exit code, after saying why. Keys that interrupt are for the program. */
int exec_and_wait(char *const argv[]);
