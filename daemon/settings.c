/*
 * Settings: what the person and the administrator have chosen
 *
 * A mistake in a file costs the line that it is on and never the start of the daemon: passwords are served all the
 * same. What decides who may ask the person must come from nobody else, so a file that others could have written counts
 * for nothing.
 */
#include "daemon/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/places.h"
#include "common/secret.h"
#include "daemon/log.h"
#include "daemon/present.h"

typedef enum KeyType {
        KEY_BOOL, /* bool */
        KEY_TEXT, /* char * */
        KEY_TIME, /* uint32_t, seconds */
} KeyType;

typedef struct Key {
        const char *section, *name;
        size_t place;
        KeyType type;
} Key;

static const Key keys[] = {
        {"prompts", "session-agent", offsetof(Settings, session_agent), KEY_BOOL},
        {"prompts", "desktop", offsetof(Settings, desktop), KEY_BOOL},
        {"prompts", "notification", offsetof(Settings, notification), KEY_BOOL},
        {"prompts", "pinentry", offsetof(Settings, pinentry), KEY_BOOL},
        {"security-key", "uhid", offsetof(Settings, uhid), KEY_BOOL},
        {"security-key", "fingerprint", offsetof(Settings, fingerprint), KEY_BOOL},
        {"security-key", "remote-fingerprint", offsetof(Settings, remote_fingerprint), KEY_BOOL},
        {"ssh", "agent", offsetof(Settings, ssh_agent), KEY_BOOL},
        {"ssh", "keep", offsetof(Settings, ssh_keep), KEY_BOOL},
        {"lock", "idle", offsetof(Settings, idle), KEY_TIME},
        {"lock", "screen", offsetof(Settings, screen), KEY_BOOL},
        {"lock", "sleep", offsetof(Settings, sleep), KEY_BOOL},
        {"tpm", "tcti", offsetof(Settings, tpm), KEY_TEXT},
        {"tpm", "epoch", offsetof(Settings, tpm_epoch), KEY_BOOL},
};

/* The text while the parser takes it line by line. */
typedef struct Reading {
        Settings *settings;
        const char *name, *rest;
        size_t left;
        unsigned line;
        bool no_memory;
} Reading;

static void report(const Reading *reading, const char *what, const char *text)
{
        _cleanup_free_ char *shown = presentable(text);

        log_line(LOG_WARNING, "%s, line %u: %s: \"%s\"", reading->name, reading->line, what, shown ? shown : "");
}

/* ---- one line ---- */

static bool parse_bool(const char *value, bool *ret)
{
        static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false", "off", "0"};

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                if (strcasecmp(value, yes[i]) != 0 && strcasecmp(value, no[i]) != 0)
                        continue;
                *ret = strcasecmp(value, yes[i]) == 0;
                return true;
        }
        return false;
}

/* "no", or a number with a unit that systemd's times have: without one it is seconds. */
static bool parse_time(const char *value, uint32_t *ret)
{
        static const struct {
                const char *name;
                uint32_t seconds;
        } units[] = {{"", 1},    {"s", 1},   {"sec", 1},  {"m", 60},   {"min", 60},
                     {"h", 3600}, {"hr", 3600}, {"hour", 3600}, {"d", 86400}, {"day", 86400}};
        uint64_t number = 0;
        bool yes = true;
        size_t n = 0;

        if (strcmp(value, "1") != 0 && parse_bool(value, &yes)) {
                if (!yes)
                        *ret = 0;
                return !yes;
        }
        for (; value[n] >= '0' && value[n] <= '9' && n < 8; n++)
                number = number * 10 + (uint64_t)(value[n] - '0');
        if (n == 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (strcmp(value + n + strspn(value + n, " "), units[i].name) != 0)
                        continue;
                if (number * units[i].seconds > SETTINGS_TIME_MAX)
                        return false;
                *ret = (uint32_t)number * units[i].seconds;
                return true;
        }
        return false;
}

static bool fit_for_tcti(const char *value)
{
        for (const char *p = value; *p; p++)
                if (*p <= ' ' || *p > '~')
                        return false;
        return strlen(value) <= SETTINGS_TCTI_MAX;
}

static void set_text(Reading *reading, char **place, const char *value)
{
        char *copy;

        if (!fit_for_tcti(value)) {
                report(reading, "not a TCTI", value);
                return;
        }
        copy = strdup(value);
        if (!copy) {
                reading->no_memory = true;
                return;
        }
        free(*place);
        *place = copy;
}

static int on_pair(void *userdata, const char *section, const char *name, const char *value)
{
        Reading *reading = userdata;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                char *place = (char *)reading->settings + keys[i].place;

                if (strcmp(section, keys[i].section) != 0 || strcmp(name, keys[i].name) != 0)
                        continue;
                switch (keys[i].type) {
                case KEY_TEXT:
                        set_text(reading, (char **)(void *)place, value);
                        break;
                case KEY_TIME:
                        if (!parse_time(value, (uint32_t *)(void *)place))
                                report(reading, "neither no nor a time of at most 30 days, as 15min", value);
                        break;
                case KEY_BOOL:
                        if (!parse_bool(value, (bool *)place))
                                report(reading, "neither yes nor no", value);
                        break;
                }
                return 1;
        }
        report(reading, "no such setting in its section", name);
        return 1;
}

/* ---- the text ---- */

/* As fgets(). A line that the parser has no room for would be taken for several: it is left out. */
static char *next_line(char *buffer, int size, void *userdata)
{
        Reading *reading = userdata;
        const char *end;
        size_t n;

        if (reading->left == 0)
                return NULL;
        end = memchr(reading->rest, '\n', reading->left);
        n = end ? (size_t)(end - reading->rest) : reading->left;
        reading->line++;
        if (size < 2 || n > (size_t)size - 2) {
                log_line(LOG_WARNING, "%s, line %u: too long", reading->name, reading->line);
                buffer[0] = 0;
        } else {
                memcpy(buffer, reading->rest, n);
                buffer[n] = 0;
        }
        (void)strcat(buffer, "\n");
        n += end ? 1 : 0;
        reading->rest += n;
        reading->left -= n;
        return buffer;
}

int settings_parse(Settings *settings, const char *name, const char *text, size_t size)
{
        Reading reading = {.settings = settings, .name = name, .rest = text, .left = size};
        int line;

        if (size > SETTINGS_FILE_MAX || memchr(text, 0, size)) {
                log_line(LOG_WARNING, "%s is left out: it is not a text of at most %zu bytes", name, SETTINGS_FILE_MAX);
                return 0;
        }
        line = ini_parse_stream(next_line, &reading, on_pair, &reading);
        if (line > 0)
                log_line(LOG_WARNING, "%s, line %d: neither a [section] nor name=value", name, line);
        return reading.no_memory || line < 0 ? -ENOMEM : 0;
}

/* ---- files ---- */

/* NULL, or why this file doesn't count. */
static const char *find_fault(const struct stat *st, bool of_system)
{
        if (!S_ISREG(st->st_mode))
                return "it is not a file";
        if (st->st_uid != 0 && (of_system || st->st_uid != getuid()))
                return of_system ? "it does not belong to root" : "it belongs to somebody else";
        if (st->st_mode & (S_IWGRP | S_IWOTH))
                return "others may write it";
        return st->st_size > (off_t)SETTINGS_FILE_MAX ? "it is too large" : NULL;
}

int settings_read(Settings *settings, const char *path, bool of_system)
{
        _cleanup_(secret_freep) Secret *text = NULL;
        _cleanup_close_ int fd = -1;
        const char *fault = NULL;
        struct stat st;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
        if (r == 0)
                fault = find_fault(&st, of_system);
        if (r == 0 && !fault)
                r = secret_read(fd, SETTINGS_FILE_MAX, &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                fault = strerror(-r);
        if (fault) {
                log_line(LOG_WARNING, "%s is left out: %s", path, fault);
                return 0;
        }
        return settings_parse(settings, path, (const char *)text->data, text->size);
}

int settings_new(Settings **ret)
{
        _cleanup_(settings_freep) Settings *settings = calloc(1, sizeof(*settings));

        if (!settings)
                return -ENOMEM;
        settings->session_agent = settings->desktop = settings->notification = settings->pinentry = true;
        settings->uhid = settings->fingerprint = settings->ssh_agent = true;
        settings->sleep = true;
        settings->tpm_epoch = true;
        settings->tpm = strdup("");
        if (!settings->tpm)
                return -ENOMEM;
        *ret = TAKE_PTR(settings);
        return 0;
}

int settings_load(Settings **ret)
{
        _cleanup_(settings_freep) Settings *settings = NULL;
        _cleanup_free_ char *home = NULL, *path = NULL;
        int r;

        r = settings_new(&settings);
        if (r >= 0)
                r = settings_read(settings, SETTINGS_SYSTEM_FILE, /* of_system= */ true);
        if (r < 0)
                return r;
        r = places_config_home(&home);
        if (r == 0 && asprintf(&path, "%s/keyfob/" SETTINGS_NAME, home) < 0) {
                path = NULL;
                r = -ENOMEM;
        }
        if (r == 0)
                r = settings_read(settings, path, /* of_system= */ false);
        if (r == -ENOMEM)
                return r;
        *ret = TAKE_PTR(settings);
        return 0;
}

Settings *settings_free(Settings *settings)
{
        if (!settings)
                return NULL;
        free(settings->tpm);
        free(settings);
        return NULL;
}
