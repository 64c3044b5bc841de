/*
 * The configuration file: whatever it says, settings stay whole, and saying it twice changes nothing more
 */
#include <string.h>

#include "daemon/settings.h"
#include "fuzz/fuzz.h"

static void check(const Settings *settings)
{
        PROMISE(settings->tpm && strlen(settings->tpm) <= SETTINGS_TCTI_MAX);
        for (const char *p = settings->tpm; *p; p++)
                PROMISE(*p > ' ' && *p <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(settings_freep) Settings *once = NULL, *twice = NULL;
        const char *text = (const char *)data;

        if (settings_new(&once) < 0 || settings_new(&twice) < 0)
                return 0;
        PROMISE(settings_parse(once, "input", text, size) == 0);
        PROMISE(settings_parse(twice, "input", text, size) == 0 && settings_parse(twice, "input", text, size) == 0);
        check(once);
        PROMISE(strcmp(once->tpm, twice->tpm) == 0);
        PROMISE(memcmp(once, twice, offsetof(Settings, tpm)) == 0);
        return 0;
}
