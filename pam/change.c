/*
 * A changed password
 *
 * The daemon has the slot and root has the mirror, and the power can go between the two. So logins know both ways, durably, before the
 * daemon hears of the new password, and one again when it has answered; where nobody knows, both stay, and the next login finds out which
 * is true. Is the password changed once more before that, the daemon says first which one it is: so there are never more than two, and one
 * of them is always true.
 */
#include "pam/change.h"

#include <errno.h>
#include <string.h>

#include "common/unlock-frame.h"
#include "pam/handover.h"
#include "pam/slots.h"
#include "pam/unlock.h"

/* Sends the frame that makes the mirror's last way the true one, in the place of `before`. */
static int replace(Login *login, const Secret *frame, const uint8_t before[SLOT_MIRROR_KDF_SALT_SIZE])
{
        uint8_t after[SLOT_MIRROR_KDF_SALT_SIZE];
        size_t taken;
        int r;

        memcpy(after, login->mirror->slots[login->mirror->n - 1].kdf_salt, sizeof(after));
        r = slots_write(login, login->mirror);
        if (r < 0) {
                log_error(&login->log, "what logins know of the vault can't be written: %s", strerror(-r));
                r = LOGIN_REFUSED;
        } else
                r = handover_send(login, &login->user, frame, &taken);
        if (r < 0)
                return r;
        if (r == 0)
                unlock_follow(login, frame);
        slots_keep_way(login->mirror, r == 0 ? after : before);
        if (slots_write(login, login->mirror) < 0)
                log_debug(&login->log, "logins try both ways for the password until one has opened the vault");
        return r;
}

/* Makes the frame, and the mirror that has both ways; *ret is NULL when there is no login slot any more. */
static int prepare(Login *login, const char *old_password, const char *new_password, uint8_t ret_before[SLOT_MIRROR_KDF_SALT_SIZE],
                   Secret **ret)
{
        _cleanup_(secret_freep) Secret *trial = NULL;
        const SlotMirrorEntry *ways[SLOTS_WAYS_MAX];
        size_t n, i = 0;
        int r;

        login->mirror = slot_mirror_free(login->mirror);
        r = slots_read(login, &login->mirror);
        n = slots_ways(login->mirror, ways);
        if (r < 0 || n == 0)
                return r;
        r = slots_frames_of_trial(login->mirror, old_password, &trial);
        if (r == 0 && n > 1)
                r = handover_send(login, &login->user, trial, &i);
        if (r != 0)
                return r;
        memcpy(ret_before, ways[i]->kdf_salt, SLOT_MIRROR_KDF_SALT_SIZE);
        return slots_frame_of_change(login->mirror, trial, i, new_password, ret);
}

/* Others who would write the mirror wait, or leave it as it is. */
static int follow(Login *login, const char *old_password, const char *new_password)
{
        _cleanup_close_ int lock = slots_lock(login, login->user.uid, /* wait= */ true);
        _cleanup_(secret_freep) Secret *frame = NULL;
        uint8_t before[SLOT_MIRROR_KDF_SALT_SIZE];
        int r;

        r = lock < 0 ? lock : prepare(login, old_password, new_password, before, &frame);
        if (r < 0)
                log_error(&login->log, "the vault does not follow the new login password: %s", strerror(-r));
        if (r != 0 || !frame)
                return r == 0 ? 0 : LOGIN_REFUSED;
        return replace(login, frame, before);
}

int change_password(Login *login, const char *old_password, const char *new_password)
{
        const SlotMirrorEntry *ways[SLOTS_WAYS_MAX];
        int r;

        r = slots_read(login, &login->mirror);
        if (r < 0 || slots_ways(login->mirror, ways) == 0)
                return r;
        r = follow(login, old_password, new_password);
        if (r < 0)
                talk_complain(&login->talk, "Keyfob: if the next login does not open the vault, it does not follow the new password: "
                                            "then run keyfob slot add --kind login.");
        else if (r > 0)
                talk_complain(&login->talk, "Keyfob: the vault does not follow the new login password: run keyfob slot add --kind login.");
        return r;
}
