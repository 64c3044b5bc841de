/*
 * Settings: what the person and the administrator have chosen
 *
 * Read once, before the sandbox: /etc/keyfob/keyfobd.conf, then $XDG_CONFIG_HOME/keyfob/keyfobd.conf, which wins.
 * keyfobd.conf(5) describes the file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define SETTINGS_SYSTEM_FILE "/etc/keyfob/keyfobd.conf"
#define SETTINGS_NAME        "keyfobd.conf"
#define SETTINGS_FILE_MAX    ((size_t)64 * 1024)
#define SETTINGS_TCTI_MAX    ((size_t)160)
#define SETTINGS_TIME_MAX    ((uint32_t)30 * 24 * 3600)

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

        /* [ssh] */
        bool ssh_agent; /* the ssh-agent's socket */
        bool ssh_keep;  /* keys that clients add to it are stored */

        /* [lock] when the vault is locked by itself */
        uint32_t idle; /* seconds in which no secret was used; 0: never */
        bool screen;   /* when the screen is locked */
        bool sleep;    /* before the machine sleeps */

        /* [tpm] */
        char *tpm; /* TCTI, as tpm2-tools write it: "device:/dev/tpmrm0"; "": that one */
        bool tpm_epoch; /* it counts the states of the vault */
} Settings;

/* What holds where no file says otherwise. */
int settings_new(Settings **ret);
Settings *settings_free(Settings *settings);
DEFINE_CLEANUP(Settings *, settings_free)

/* Both files. 0, -ENOMEM. What can't be understood is reported in one line with its number, and the rest counts. */
int settings_load(Settings **ret);

/* One file: a missing one is empty, one that others could have written is left out (and reported). 0, -ENOMEM. */
int settings_read(Settings *settings, const char *path, bool of_system);

/* The content of a file; `name` is for the reports. 0, -ENOMEM. */
int settings_parse(Settings *settings, const char *name, const char *text, size_t size);
