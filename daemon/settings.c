/*
 * Settings: what the person and the administrator have chosen
 */
#include "daemon/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int settings_load(Settings **ret)
{
        _cleanup_(settings_freep) Settings *settings = calloc(1, sizeof(*settings));

        if (!settings)
                return -ENOMEM;
        settings->session_agent = settings->desktop = settings->notification = settings->pinentry = true;
        settings->uhid = settings->fingerprint = true;
        settings->tpm = strdup("");
        if (!settings->tpm)
                return -ENOMEM;
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
