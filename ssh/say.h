/*
 * Say: one line to the person
 *
 * Standard error is the terminal of ssh; standard output is how OpenSSH's helper speaks, and never written to. OpenSSH
 * has a few texts of its own for what goes wrong: a line is for what they would leave a puzzle.
 */
#pragma once

/* Without a newline at its end. Control characters that are in the arguments become question marks. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
