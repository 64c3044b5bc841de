/*
 * Output: every byte reaches stdout, or the exit code says so
 */
#pragma once

#include <stddef.h>

#include "common/secret.h"

struct json_object;

/* Writes all of it, through interruptions, short writes and non-blocking pipes. 0 or negative errno. */
int output_write(int fd, const void *data, size_t size);

/* Flushes stdout. 0, or the exit code after saying why. */
int output_flush(void);

/* Writes to stdout, past stdio's buffer and after what is in it. 0, or the exit code after saying why. */
int output_bytes(const void *data, size_t size);

/* Prints a JSON value and a newline; takes the value. 0 or the exit code. */
int output_json(struct json_object *json);

/* Appends text to a secret as a JSON string. 0 or negative errno (-EILSEQ: not UTF-8). */
int output_json_string(Secret *to, const void *data, size_t size);
int output_base64(Secret *to, const void *data, size_t size);

/* "name             value", the value cleaned; for what commands show line by line. */
void output_line(const char *name, const char *value);

/* A table: cells row by row below a heading, columns padded to the widest. */
typedef struct Table {
        char **cells;
        size_t n, room, columns;
        int error;
} Table;
void table_begin(Table *table, const char *const headings[], size_t columns);
void table_add(Table *table, const char *cell); /* copied, cleaned; NULL: there was no memory for it */
/* Prints it, if there is a row below the heading, and frees it. 0 or an exit code, after saying why. */
int table_end(Table *table);
