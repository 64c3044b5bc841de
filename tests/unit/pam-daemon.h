/*
 * A daemon at a desk: a process that takes frames and keeps one login slot, as far as a test can see it from outside
 */
#pragma once

#include <sys/types.h>

#include "common/unlock-frame.h"
#include "tests/unit/pam-desk.h"

/* In memory that both processes have. */
typedef struct PamDaemon {
        unsigned n_frames;
        uint8_t frame[UNLOCK_FRAME_SIZE + 1]; /* the last one */
        ssize_t size;

        /* The slot; without one every frame is taken. */
        bool has_slot;
        UnlockStatus other; /* what a frame of another slot is answered */
        uint8_t key[UNLOCK_KEY_SIZE], salt[UNLOCK_SALT_SIZE];
        unsigned n_opened, n_replaced; /* frames that were taken; replaced by itself it is not */
        unsigned n_unannounced;        /* replacements that came while logins did not know both ways */

        /* What else happens at this frame, counted from 1: before it is looked at, or after that. _UNLOCK_STATUS_MAX: nobody answers. */
        unsigned odd_frame;
        UnlockStatus odd_answer;
        bool odd_after;
} PamDaemon;

PamDaemon *pam_daemon_start(const Desk *desk, pid_t *ret);
void pam_daemon_stop(PamDaemon *daemon, const Desk *desk, pid_t pid);
/* How many frames have come, those included that were on their way when a call failed. */
unsigned pam_daemon_frames(const PamDaemon *daemon, const Desk *desk);

/* Forgets what was counted, and has a login slot with this password and a salt of such bytes. */
void pam_daemon_slot(PamDaemon *daemon, const char *password, uint8_t salt);
bool pam_daemon_has(const PamDaemon *daemon, const char *password);

/* ---- what logins know of that slot ---- */

/* Writes a mirror with these ways: salts of such bytes, as a string. */
void pam_daemon_mirror(Desk *desk, const char *salts);
/* Has it know of another login slot, too. */
void pam_daemon_other(Desk *desk, uint8_t slot, const char *salts);
/* How many ways it has, and whether that of a salt is among them. */
size_t pam_daemon_ways(const Desk *desk, const uint8_t salt[UNLOCK_SALT_SIZE], bool *ret_has);
