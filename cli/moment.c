/*
 * Moments
 *
 * A date without a time is its first second. Anything left over after what was understood makes the whole nothing.
 */
#include "cli/moment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/text.h"

static int parse_ago(const char *text, uint64_t now, uint64_t *ret)
{
        static const struct {
                char unit;
                uint64_t seconds;
        } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
        size_t n = strlen(text);
        char number[24];
        uint64_t count;

        if (n < 2 || n > sizeof(number))
                return -EINVAL;
        memcpy(number, text, n - 1);
        number[n - 1] = 0;
        if (text_number(number, 0, 1000000000, &count) < 0)
                return -EINVAL;
        for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
                if (units[i].unit != text[n - 1])
                        continue;
                *ret = count * units[i].seconds < now ? now - count * units[i].seconds : 0;
                return 0;
        }
        return -EINVAL;
}

int moment_parse(const char *text, uint64_t now, uint64_t *ret)
{
        static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"};

        if (strcmp(text, "now") == 0) {
                *ret = now;
                return 0;
        }
        for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
                struct tm tm = {.tm_isdst = -1};
                const char *end = strptime(text, formats[i], &tm);
                time_t seconds;

                if (!end || *end)
                        continue;
                tm.tm_isdst = -1;
                seconds = mktime(&tm);
                if (seconds < 0)
                        return -EINVAL;
                *ret = (uint64_t)seconds;
                return 0;
        }
        return parse_ago(text, now, ret);
}

void moment_show(uint64_t seconds, char ret[32])
{
        time_t time = (time_t)seconds;
        struct tm tm;

        if (!localtime_r(&time, &tm) || strftime(ret, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                (void)snprintf(ret, 32, "-");
}
