/*
 * Text
 *
 * Nothing here prints or asks. In NAME=SERVICE/USER the last slash divides, because services are often addresses with
 * slashes of their own and users hardly ever have one.
 */
#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"
#include "common/cleanup.h"

void text_clean(char *text)
{
        bool valid = utf8_valid(text, strlen(text));

        for (unsigned char *p = (unsigned char *)text; *p; p++) {
                /* C1 controls are C2 80 … C2 9F in UTF-8 */
                if (*p < 0x20 || *p == 0x7f || (!valid && *p >= 0x80)) {
                        *p = '?';
                } else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) {
                        *p = '?';
                        p[1] = '?';
                }
        }
}

char *text_format(const char *format, ...)
{
        va_list args;
        char *text;
        int n;

        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        return n < 0 ? NULL : text;
}

int text_attribute(const char *argument, char **ret_name, char **ret_value)
{
        _cleanup_free_ char *name = NULL, *value = NULL;
        const char *equals = strchr(argument, '=');

        if (!equals || equals == argument)
                return -EINVAL;
        name = strndup(argument, (size_t)(equals - argument));
        value = strdup(equals + 1);
        if (!name || !value)
                return -ENOMEM;
        *ret_name = TAKE_PTR(name);
        *ret_value = TAKE_PTR(value);
        return 0;
}

static bool is_variable_name(const char *name)
{
        if (!(isalpha((unsigned char)name[0]) || name[0] == '_'))
                return false;
        for (const char *p = name + 1; *p; p++)
                if (!(isalnum((unsigned char)*p) || *p == '_'))
                        return false;
        return true;
}

int text_env_reference(const char *argument, char **ret_name, char **ret_service, char **ret_user)
{
        _cleanup_free_ char *name = NULL, *service = NULL, *user = NULL;
        char *slash;
        int r;

        r = text_attribute(argument, &name, &service);
        if (r < 0)
                return r;
        slash = strrchr(service, '/');
        if (!is_variable_name(name) || !slash || slash == service || !slash[1])
                return -EINVAL;
        user = strdup(slash + 1);
        if (!user)
                return -ENOMEM;
        *slash = 0;
        *ret_name = TAKE_PTR(name);
        *ret_service = TAKE_PTR(service);
        *ret_user = TAKE_PTR(user);
        return 0;
}

int text_number(const char *argument, uint64_t min, uint64_t max, uint64_t *ret)
{
        unsigned long long value;
        char *end;

        if (!isdigit((unsigned char)argument[0]))
                return -EINVAL;
        errno = 0;
        value = strtoull(argument, &end, 10);
        if (errno != 0 || *end || value < min || value > max)
                return -EINVAL;
        *ret = value;
        return 0;
}

int text_choice(const char *answer, const char *const *choices, unsigned first, unsigned *ret)
{
        unsigned n = 0, found = 0, meant = 0;
        uint64_t number;
        bool numbered;

        while (choices[n])
                n++;
        numbered = n > 0 && text_number(answer, first, first + n - 1, &number) == 0;
        for (unsigned i = 0; i < n; i++) {
                if (strcmp(choices[i], answer) != 0 && !(numbered && number == first + i))
                        continue;
                meant = i;
                found++;
        }
        if (found != 1)
                return -EINVAL;
        *ret = meant;
        return 0;
}

const char *text_backend(const char *name)
{
        static const struct {
                const char *name, *canonical;
        } names[] = {
                {"keyfob", "keyfob"},
                {"secret-service", "secret-service"},
                {"SecretService", "secret-service"},
                {"libsecret", "secret-service"},
                {"keyring.backends.SecretService.Keyring", "secret-service"},
                {"keyring.backends.libsecret.Keyring", "secret-service"},
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(names[i].name, name) == 0)
                        return names[i].canonical;
        return NULL;
}

char *text_bus_address(const char *path)
{
        static const char prefix[] = "unix:path=";
        char *address = malloc(sizeof(prefix) + strlen(path) * 3), *p = address;

        if (!address)
                return NULL;
        p = stpcpy(p, prefix);
        for (; *path; path++) {
                unsigned char c = (unsigned char)*path;

                if (isascii(c) && (isalnum(c) || strchr("-_/.", c)))
                        *p++ = (char)c;
                else
                        p += sprintf(p, "%%%02x", c);
        }
        *p = 0;
        return address;
}

char *text_collection_of(const char *item_path)
{
        const char *end = strrchr(item_path, '/'), *start = end;

        if (!end)
                return strdup("");
        while (start > item_path && start[-1] != '/')
                start--;
        return strndup(start, (size_t)(end - start));
}

size_t text_width(const char *text)
{
        size_t width = 0;

        for (; *text; text++)
                width += ((unsigned char)*text & 0xc0) != 0x80;
        return width;
}

void text_time(uint64_t seconds, char ret[32])
{
        time_t time = (time_t)seconds;
        struct tm tm;

        if (seconds == 0 || !localtime_r(&time, &tm) || strftime(ret, 32, "%Y-%m-%d %H:%M", &tm) == 0)
                memcpy(ret, "-", 2);
}

void text_time_iso(uint64_t seconds, char ret[32])
{
        time_t time = (time_t)seconds;
        struct tm tm;

        if (seconds == 0 || !gmtime_r(&time, &tm) || strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                memcpy(ret, "-", 2);
}
