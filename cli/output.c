/*
 * Output
 *
 * Values go out by write(), never through stdio, whose buffer nobody wipes. JSON around a value is made by hand for
 * the same reason.
 */
#include "cli/output.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/text.h"
#include "common/base64.h"
#include "common/bytes.h"

int output_write(int fd, const void *data, size_t size)
{
        const uint8_t *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0) {
                        struct pollfd pollfd = {.fd = fd, .events = POLLOUT};

                        if (errno == EINTR)
                                continue;
                        if (errno != EAGAIN)
                                return -errno;
                        if (poll(&pollfd, 1, -1) < 0 && errno != EINTR)
                                return -errno;
                        continue;
                }
                p += n;
                size -= (size_t)n;
        }
        return 0;
}

int output_flush(void)
{
        if (fflush(stdout) != 0 || ferror(stdout))
                return cli_error(EXIT_OTHER, "cannot write the output: %s", strerror(errno));
        return 0;
}

int output_bytes(const void *data, size_t size)
{
        int r = output_flush();

        if (r != 0)
                return r;
        r = output_write(STDOUT_FILENO, data, size);
        return r < 0 ? cli_error(EXIT_OTHER, "cannot write the output: %s", strerror(-r)) : 0;
}

int output_json(struct json_object *json)
{
        const char *text;

        if (!json)
                return cli_no_memory();
        text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE);
        if (text)
                printf("%s\n", text);
        json_object_put(json);
        return text ? output_flush() : cli_no_memory();
}

void output_line(const char *name, const char *value)
{
        _cleanup_free_ char *copy = strdup(value);

        if (!copy)
                return;
        text_clean(copy);
        printf("%-16s %s\n", name, copy);
}

int output_json_string(Secret *to, const void *data, size_t size)
{
        const uint8_t *bytes = data;
        int r;

        if (!utf8_valid(data, size))
                return -EILSEQ;
        r = secret_append(to, "\"", 1);
        for (size_t i = 0; i < size && r >= 0; i++) {
                char escaped[8];

                if (bytes[i] == '"' || bytes[i] == '\\')
                        r = secret_append(to, (const char[]){'\\', (char)bytes[i]}, 2);
                else if (bytes[i] >= 0x20 && bytes[i] != 0x7f)
                        r = secret_append(to, &bytes[i], 1);
                else
                        r = secret_append(to, escaped,
                                          (size_t)snprintf(escaped, sizeof(escaped), "\\u%04x", bytes[i]));
                explicit_bzero(escaped, sizeof(escaped));
        }
        return r < 0 ? r : secret_append(to, "\"", 1);
}

int output_base64(Secret *to, const void *data, size_t size)
{
        const uint8_t *bytes = data;
        int r = 0;

        for (size_t i = 0; i < size && r >= 0; i += 3) {
                char out[4];

                base64_group(bytes + i, size - i, out);
                r = secret_append(to, out, sizeof(out));
        }
        return r;
}

/* ---- tables ---- */

void table_begin(Table *table, const char *const headings[], size_t columns)
{
        *table = (Table){.columns = columns};
        for (size_t i = 0; i < columns; i++)
                table_add(table, headings[i]);
}

void table_add(Table *table, const char *cell)
{
        char *copy;

        if (table->n == table->room) {
                size_t room = table->room ? table->room * 2 : 64;
                char **larger = reallocarray(table->cells, room, sizeof(*larger));

                if (!larger) {
                        table->error = -ENOMEM;
                        return;
                }
                table->cells = larger;
                table->room = room;
        }
        copy = cell ? strdup(cell) : NULL;
        if (!copy) {
                table->error = -ENOMEM;
                return;
        }
        text_clean(copy);
        table->cells[table->n++] = copy;
}

static void print_table(const Table *table)
{
        size_t widths[16] = {0}, rows = table->n / table->columns;

        for (size_t i = 0; i < rows * table->columns; i++) {
                size_t width = text_width(table->cells[i]), column = i % table->columns;

                if (column < ELEMENTSOF(widths) && width > widths[column])
                        widths[column] = width;
        }
        for (size_t i = 0; i < rows * table->columns; i++) {
                size_t column = i % table->columns, width = text_width(table->cells[i]);
                bool last = column + 1 == table->columns;

                fputs(table->cells[i], stdout);
                if (last)
                        putchar('\n');
                else
                        printf("%*s", (int)(widths[column] - width + 2), "");
        }
}

int table_end(Table *table)
{
        int r = table->error;

        if (r == 0 && table->n > table->columns)
                print_table(table);
        for (size_t i = 0; i < table->n; i++)
                free(table->cells[i]);
        free(table->cells);
        *table = (Table){0};
        return r < 0 ? cli_no_memory() : output_flush();
}
