/* Process: what /proc says about a program of ours that calls the daemon. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "common/secret.h"

#define PROCESS_ENVIRONMENT_MAX (1024U * 1024U)
#define PROCESS_NAME_MAX        64U

/*
 * Opens /proc/PID. The descriptor stays with that process: when it ends, everything looked up through it fails, even
 * if its number is given to another. -ESRCH when it is gone, -EPERM when it does not run as our user.
 */
int process_open(uint32_t pid);

/* Reads a small file of it that may hold a secret: "environ". */
int process_read(int process, const char *name, size_t max, Secret **ret);

/* The beginning of one that holds none, as a string: "comm", "status". How long it is: with size - 1 there may be more. A
 * negative errno. */
ssize_t process_read_text(int process, const char *name, char *ret, size_t size);

/* What it calls itself, fit to be printed; "" when it has ended. */
void process_name(int process, char ret[static PROCESS_NAME_MAX]);

/* The value of a variable in what process_read() of "environ" gave, or NULL. Points into it. */
const char *process_getenv(const Secret *environment, const char *name);
