/* Names of apps in sandboxes, as the helper finds them and rules have them: "flatpak:org.example.Editor", "snap:editor". */
#pragma once

#include <stdbool.h>
#include <string.h>

#define APP_FLATPAK "flatpak:"
#define APP_SNAP    "snap:"

static inline bool app_name_begins(const char *text, const char *with)
{
        return strncmp(text, with, strlen(with)) == 0 && text[strlen(with)];
}

/* Whether a text is of that form. No path and no unit is. */
static inline bool app_name_is(const char *text)
{
        return app_name_begins(text, APP_FLATPAK) || app_name_begins(text, APP_SNAP);
}
