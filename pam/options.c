/*
 * Options
 *
 * One table has them all, with where each one's value goes; a line of the file is turned into a name and a value and then is
 * like an argument. pam_u2f's option "alwaysok" lets in everybody: it is known, and refused.
 */
#include "pam/options.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define KEYS_DEFAULT   24U
#define TRIES_DEFAULT  3U
#define TRIES_MAX      8U
#define CONF           "conf"
#define BLANKS         " \t\r\v\f"

typedef enum Kind { KIND_FLAG, KIND_TEXT, KIND_NUMBER, KIND_DEMAND, KIND_REFUSED, KIND_FILE } Kind;

typedef struct Known {
        const char *name;
        Kind kind;
        size_t offset;
        unsigned min, max; /* of a number */
} Known;

#define AT(member) offsetof(Options, member)

static const Known known[] = {
        {"debug", KIND_FLAG, AT(debug)},
        {"debug_file", KIND_TEXT, AT(debug_file)},
        {"origin", KIND_TEXT, AT(origin)},
        {"appid", KIND_TEXT, AT(appid)},
        {"authfile", KIND_TEXT, AT(authfile)},
        {"expand", KIND_FLAG, AT(expand)},
        {"authpending_file", KIND_TEXT, AT(authpending_file)},
        {"nouserok", KIND_FLAG, AT(nouserok)},
        {"openasuser", KIND_FLAG, AT(openasuser)},
        {"alwaysok", KIND_REFUSED, 0},
        {"max_devices", KIND_NUMBER, AT(max_devices), 0, OPTIONS_KEYS_MAX},
        {"interactive", KIND_FLAG, AT(interactive)},
        {"prompt", KIND_TEXT, AT(prompt)},
        {"manual", KIND_FLAG, AT(manual)},
        {"cue", KIND_FLAG, AT(cue)},
        {"cue_prompt", KIND_TEXT, AT(cue_prompt)},
        {"nodetect", KIND_FLAG, AT(nodetect)},
        {"userpresence", KIND_DEMAND, AT(presence)},
        {"userverification", KIND_DEMAND, AT(verification)},
        {"pinverification", KIND_DEMAND, AT(pin)},
        {"sshformat", KIND_FLAG, AT(sshformat)},
        {CONF, KIND_FILE, 0},
        {"allow_remote", KIND_FLAG, AT(allow_remote)},
        {"cue_question", KIND_FLAG, AT(cue_question)},
        {"fingerprint", KIND_FLAG, AT(fingerprint)},
        {"keyfob", KIND_FLAG, AT(own)},
        {"unlock", KIND_FLAG, AT(unlock)},
        {"unlock_now", KIND_FLAG, AT(unlock_now)},
        {"capture", KIND_FLAG, AT(capture)},
        {"mirror", KIND_TEXT, AT(mirror)},
        {"keep_tries", KIND_NUMBER, AT(keep_tries), 1, TRIES_MAX},
};

int options_new(Options **ret)
{
        Options *options = calloc(1, sizeof(*options));

        if (!options)
                return -ENOMEM;
        options->max_devices = KEYS_DEFAULT;
        options->keep_tries = TRIES_DEFAULT;
        options->presence = options->verification = options->pin = DEMAND_UNSET;
        *ret = options;
        return 0;
}

Options *options_free(Options *options)
{
        if (!options)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (known[i].kind == KIND_TEXT)
                        free(*(char **)((char *)options + known[i].offset));
        free(options);
        return NULL;
}

/* Names only: a value may be what somebody typed into the wrong place. */
static int wrong(Options *options, const char *what, const char *name, size_t size)
{
        (void)snprintf(options->problem, sizeof(options->problem), "%s: \"%.*s\"", what, size > 32 ? 32 : (int)size, name);
        for (char *p = options->problem; *p; p++)
                if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
                        *p = '?';
        return OPTIONS_WRONG;
}

static const Known *find(const char *name, size_t size)
{
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (strlen(known[i].name) == size && memcmp(known[i].name, name, size) == 0)
                        return known + i;
        return NULL;
}

static int read_number(const char *text, size_t size, unsigned *ret)
{
        unsigned number = 0;

        if (size == 0 || size > 4)
                return -EINVAL;
        for (size_t i = 0; i < size; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return -EINVAL;
                number = number * 10 + (unsigned)(text[i] - '0');
        }
        *ret = number;
        return 0;
}

/* Any other number leaves it to the credential. */
static int read_demand(const char *text, size_t size, Demand *ret)
{
        bool minus = size > 0 && text[0] == '-';
        unsigned number;

        if (read_number(text + minus, size - minus, &number) < 0)
                return -EINVAL;
        *ret = !minus && number <= 1 ? (Demand)number : DEMAND_UNSET;
        return 0;
}

static int set_number(Options *options, const Known *option, const char *value, size_t size)
{
        unsigned number;

        if (read_number(value, size, &number) < 0 || number < option->min || number > option->max)
                return wrong(options, "not a number that is allowed", option->name, strlen(option->name));
        if (option->offset == AT(max_devices) && number == 0)
                number = KEYS_DEFAULT;
        memcpy((char *)options + option->offset, &number, sizeof(number));
        return 0;
}

static int set_text(Options *options, const Known *option, const char *value, size_t size)
{
        char **place = (char **)((char *)options + option->offset), *copy = strndup(value, size);

        if (!copy)
                return -ENOMEM;
        free(*place);
        *place = copy;
        return 0;
}

/* `value` is NULL where there is no '='. */
static int set(Options *options, const char *name, size_t name_size, const char *value, size_t size)
{
        const Known *option = find(name, name_size);

        if (!option)
                return wrong(options, "no such option", name, name_size);
        if (option->kind == KIND_REFUSED)
                return wrong(options, "an option that lets in everybody is not supported", name, name_size);
        if ((option->kind == KIND_FLAG) != !value)
                return wrong(options, value ? "takes no value" : "wants a value", name, name_size);
        switch (option->kind) {
        case KIND_FLAG:
                *(bool *)((char *)options + option->offset) = true;
                return 0;
        case KIND_TEXT:
                return set_text(options, option, value, size);
        case KIND_NUMBER:
                return set_number(options, option, value, size);
        case KIND_DEMAND:
                return read_demand(value, size, (Demand *)((char *)options + option->offset)) < 0 ?
                               wrong(options, "not a number", name, name_size) :
                               0;
        case KIND_REFUSED:
        case KIND_FILE:
        default:
                return wrong(options, "only in the stack", name, name_size);
        }
}

/* ---- the file ---- */

static void trim(const char **text, size_t *size)
{
        while (*size > 0 && strchr(BLANKS, (*text)[0])) {
                (*text)++;
                (*size)--;
        }
        while (*size > 0 && strchr(BLANKS, (*text)[*size - 1]))
                (*size)--;
}

static int read_line(Options *options, const char *line, size_t size)
{
        const char *comment = memchr(line, '#', size), *value;
        size_t value_size;

        if (comment)
                size = (size_t)(comment - line);
        trim(&line, &size);
        if (size == 0)
                return 0;
        value = memchr(line, '=', size);
        if (!value)
                return set(options, line, size, NULL, 0);
        value_size = size - (size_t)(value - line) - 1;
        size = (size_t)(value - line);
        value++;
        trim(&line, &size);
        trim(&value, &value_size);
        return set(options, line, size, value, value_size);
}

int options_read_file(Options *options, const char *text, size_t size)
{
        int r = 0;

        if (size > OPTIONS_FILE_MAX)
                return wrong(options, "the file is too large", "", 0);
        if (memchr(text, 0, size))
                return wrong(options, "the file is not text", "", 0);
        while (r == 0 && size > 0) {
                const char *end = memchr(text, '\n', size);
                size_t line = end ? (size_t)(end - text) : size;

                r = read_line(options, text, line);
                text += line + (end != NULL);
                size -= line + (end != NULL);
        }
        return r;
}

/* ---- arguments ---- */

static bool is_file(const char *argument)
{
        return strncmp(argument, CONF "=", strlen(CONF "=")) == 0;
}

int options_find_file(Options *options, int n, const char *const *arguments, const char **ret)
{
        *ret = NULL;
        for (int i = 0; i < n; i++)
                if (is_file(arguments[i]))
                        *ret = arguments[i] + strlen(CONF "=");
        return *ret && (*ret)[0] != '/' ? wrong(options, "wants a path from the root", CONF, strlen(CONF)) : 0;
}

int options_read_arguments(Options *options, int n, const char *const *arguments)
{
        int r = 0;

        for (int i = 0; r == 0 && i < n; i++) {
                const char *argument = arguments[i], *value = strchr(argument, '=');

                if (is_file(argument))
                        continue;
                r = set(options, argument, value ? (size_t)(value - argument) : strlen(argument), value ? value + 1 : NULL,
                        value ? strlen(value + 1) : 0);
        }
        return r;
}
