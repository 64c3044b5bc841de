/*
 * Settings: what the person and the administrator have chosen
 *
 * Read once, before the sandbox: /etc/keyfob/keyfobd.conf, then $XDG_CONFIG_HOME/keyfob/keyfobd.conf, which wins.
 * keyfobd.conf(5) describes the file.
 */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"

typedef struct Settings {
        /* [prompts] who may ask the person, beside the asking connection's own agent */
        bool session_agent;
        bool desktop;      /* the desktop's own prompter (gcr) */
        bool notification; /* confirmations by a desktop notification's buttons */
        bool pinentry;

        /* [security-key] */
        bool uhid;               /* a device of the kernel's, through keyfob-uhid */
        bool fingerprint;        /* verification by fprintd */
        bool remote_fingerprint; /* also for requests from remote sessions */

        /* [tpm] */
        char *tpm; /* TCTI, as tpm2-tools write it: "device:/dev/tpmrm0"; "": the usual ones in turn */
} Settings;

/* 0, -ENOMEM. A file that can't be understood is reported in one line with its number, and the rest of it counts. */
int settings_load(Settings **ret);
Settings *settings_free(Settings *settings);
DEFINE_CLEANUP(Settings *, settings_free)
