/*
 * Stacks
 *
 * A line is a type, a control, a module and its arguments, each of which may be in brackets; # begins a comment, a backslash at its end
 * joins it with the next one. "include" and "substack" take the lines of one type from another file, Debian's "@include" all of them.
 */
#include "pam/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/secret.h"

#define BLANKS  " \t\r\n"
#define INCLUDE "@include"

typedef struct Reading {
        StackPlaces places;
        Stack *stack;
} Reading;

static int read_file(const Reading *reading, const char *name, StackType type, unsigned depth);

static void words_done(char ***words)
{
        for (size_t i = 0; *words && (*words)[i]; i++)
                free((*words)[i]);
        free(*words);
        *words = NULL;
}

void stack_done(Stack *stack)
{
        for (size_t i = 0; i < stack->n_lines; i++)
                words_done(&stack->lines[i].words);
        for (size_t i = 0; i < stack->n_included; i++)
                free(stack->included[i]);
        free(stack->lines);
        free(stack->included);
        free(stack->missing);
        *stack = STACK_NULL;
}

bool stack_line_calls(const StackLine *line, const char *module)
{
        const char *slash = strrchr(line->words[1], '/'), *name = slash ? slash + 1 : line->words[1];
        size_t size = strlen(module);

        return strncmp(name, module, size) == 0 && (!name[size] || strcmp(name + size, ".so") == 0);
}

/* ---- words ---- */

/* The next word of a line, as a new string; *ret is NULL at its end. 0, -ENOMEM. */
static int next_word(const char **at, char **ret)
{
        const char *from = *at + strspn(*at, BLANKS);
        char *word, *to;

        *ret = NULL;
        if (!*from)
                return 0;
        word = to = malloc(strlen(from) + 1);
        if (!word)
                return -ENOMEM;
        if (*from == '[') {
                for (from++; *from && *from != ']'; from++) {
                        if (from[0] == '\\' && from[1] == ']')
                                from++;
                        *to++ = *from;
                }
                from += *from != 0;
        } else {
                while (*from && !strchr(BLANKS, *from))
                        *to++ = *from++;
        }
        *to = 0;
        *at = from;
        *ret = word;
        return 0;
}

static int split(const char *line, char ***ret, size_t *ret_n)
{
        _cleanup_(words_done) char **words = calloc(STACK_WORDS_MAX + 1, sizeof(*words));
        size_t n = 0;
        int r;

        if (!words)
                return -ENOMEM;
        for (; n < STACK_WORDS_MAX; n++) {
                r = next_word(&line, words + n);
                if (r < 0)
                        return r;
                if (!words[n])
                        break;
        }
        *ret = TAKE_PTR(words);
        *ret_n = n;
        return 0;
}

/* ---- lines ---- */

static StackType type_of(const char *word)
{
        static const char *const names[] = {"auth", "account", "password", "session"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcasecmp(word[0] == '-' ? word + 1 : word, names[i]) == 0)
                        return (StackType)i;
        return STACK_ANY;
}

static int include(const Reading *reading, const char *name, StackType type, unsigned depth)
{
        Stack *stack = reading->stack;
        char **included = reallocarray(stack->included, stack->n_included + 1, sizeof(*included));
        int r;

        if (!included)
                return -ENOMEM;
        stack->included = included;
        included[stack->n_included] = strdup(name);
        if (!included[stack->n_included])
                return -ENOMEM;
        stack->n_included++;
        r = read_file(reading, name, type, depth + 1);
        if (r == 0 || r == -ENOMEM || stack->missing)
                return r == -ENOMEM ? r : 0;
        stack->missing = strdup(name);
        return stack->missing ? 0 : -ENOMEM;
}

/* Takes the words over but the first, which is the type. */
static int keep(Stack *stack, StackType type, char **words, size_t n)
{
        StackLine *lines;

        if (stack->n_lines == STACK_LINES_MAX) {
                stack->too_large = true;
                return 0;
        }
        lines = reallocarray(stack->lines, stack->n_lines + 1, sizeof(*lines));
        if (!lines)
                return -ENOMEM;
        stack->lines = lines;
        lines[stack->n_lines] = (StackLine){.type = type, .words = calloc(n, sizeof(*words)), .n = n - 3};
        if (!lines[stack->n_lines].words)
                return -ENOMEM;
        for (size_t i = 1; i < n; i++) {
                lines[stack->n_lines].words[i - 1] = words[i];
                words[i] = NULL;
        }
        stack->n_lines++;
        return 0;
}

static int read_line(const Reading *reading, const char *line, StackType wanted, unsigned depth)
{
        _cleanup_(words_done) char **words = NULL;
        StackType type;
        size_t n;
        int r;

        r = split(line, &words, &n);
        if (r < 0 || n < 2)
                return r;
        if (strcasecmp(words[0], INCLUDE) == 0)
                return include(reading, words[1], wanted, depth);
        type = type_of(words[0]);
        if (n < 3 || type == STACK_ANY || (wanted != STACK_ANY && type != wanted))
                return 0;
        if (strcasecmp(words[1], "include") == 0 || strcasecmp(words[1], "substack") == 0)
                return include(reading, words[2], type, depth);
        return keep(reading->stack, type, words, n);
}

/* ---- files ---- */

/* Links are followed, as libpam does: on some systems all stacks are links. */
static int open_file(StackPlaces places, const char *name)
{
        for (; *places; places++) {
                _cleanup_free_ char *path = NULL;
                struct stat st;
                int fd;

                if (asprintf(&path, "%s%s%s", name[0] == '/' ? "" : *places, name[0] == '/' ? "" : "/", name) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
                if (fd < 0 && errno == ENOENT && name[0] != '/')
                        continue;
                if (fd < 0)
                        return -errno;
                if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
                        return fd;
                (void)close(fd);
                return -EINVAL;
        }
        return -ENOENT;
}

/* Cuts off a comment. Whether the line goes on in the next one; what says so is cut off, too. */
static bool ends_open(char *line)
{
        size_t size = strcspn(line, "#");
        bool comment = line[size];

        line[size] = 0;
        while (size > 0 && strchr(BLANKS, line[size - 1]))
                line[--size] = 0;
        if (comment || size == 0 || line[size - 1] != '\\')
                return false;
        line[size - 1] = ' ';
        return true;
}

/* The text has a newline at its end. Lines that are joined are so in place: their ends become blanks. */
static int read_text(const Reading *reading, char *text, StackType type, unsigned depth)
{
        char *whole = text, *line = text, *end;
        int r = 0;

        while (r == 0 && (end = strchr(line, '\n'))) {
                *end = 0;
                if (ends_open(line)) {
                        memset(line + strlen(line), ' ', (size_t)(end + 1 - line) - strlen(line));
                        line = end + 1;
                        continue;
                }
                r = read_line(reading, whole, type, depth);
                whole = line = end + 1;
        }
        return r;
}

static int read_file(const Reading *reading, const char *name, StackType type, unsigned depth)
{
        _cleanup_(secret_freep) Secret *text = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        if (depth >= STACK_DEPTH_MAX || reading->stack->n_files == STACK_FILES_MAX) {
                reading->stack->too_large = true;
                return 0;
        }
        reading->stack->n_files++;
        fd = open_file(reading->places, name);
        r = fd < 0 ? fd : secret_read(fd, STACK_FILE_MAX, &text);
        if (r == -EFBIG) {
                reading->stack->too_large = true;
                return 0;
        }
        if (r == 0 && memchr(text->data, 0, text->size))
                r = -EINVAL;
        if (r == 0)
                r = secret_append(text, "\n", 1);
        return r < 0 ? r : read_text(reading, (char *)text->data, type, depth);
}

int stack_read(StackPlaces places, const char *service, Stack *ret)
{
        Stack stack = STACK_NULL;
        Reading reading = {places, &stack};
        int r = read_file(&reading, service, STACK_ANY, 0);

        if (r == 0)
                *ret = stack;
        else
                stack_done(&stack);
        return r;
}
