/*
 * Text: what the command line is made of, taken apart and put together without side effects
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Replaces control characters by '?', in place: labels and messages come from elsewhere and go to a terminal. */
void text_clean(char *text);

/* A new string as of printf(), or NULL: asprintf() leaves anything behind when it fails. */
__attribute__((format(printf, 1, 2))) char *text_format(const char *format, ...);

/* "NAME=VALUE" at the first '='. New strings. -EINVAL when there is no '=' or no name, -ENOMEM. */
int text_attribute(const char *argument, char **ret_name, char **ret_value);

/* "NAME=SERVICE/USER" for `run`: NAME is a shell variable's, USER what follows the last '/'. -EINVAL, -ENOMEM. */
int text_env_reference(const char *argument, char **ret_name, char **ret_service, char **ret_user);

/* A decimal number in [min, max]. -EINVAL. */
int text_number(const char *argument, uint64_t min, uint64_t max, uint64_t *ret);

/* Which of the choices (ends with NULL) is meant: by its text, or by its number, counted from `first`. -EINVAL when it is
 * none of them, or could be two. */
int text_choice(const char *answer, const char *const *choices, unsigned first, unsigned *ret);

/* The canonical name of a backend from what people give -b ("keyfob", "secret-service", python keyring's class names).
 * NULL when unknown. */
const char *text_backend(const char *name);

/* A path as a D-Bus address "unix:path=…", escaped. New string or NULL. */
char *text_bus_address(const char *path);

/* The name of a collection out of the path of one of its items. New string or NULL. */
char *text_collection_of(const char *item_path);

/* Columns a string takes up, by counting characters. */
size_t text_width(const char *text);

/* Local time "2024-05-31 12:00", or "-" for 0. */
void text_time(uint64_t seconds, char ret[32]);
/* "2024-05-31T10:00:00Z", or "-" for 0. */
void text_time_iso(uint64_t seconds, char ret[32]);
