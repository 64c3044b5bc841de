/*
 * Unlocking
 *
 * Who has authenticated may not be whose session begins (sudo): what was kept goes to the one whose it is, and to nobody else.
 *
 * Where the mirror has two ways for a password, because the power went while it was changed, the daemon's answer says which one is true,
 * and who may write the mirror leaves that one there. The lock is taken before the daemon is asked: a change that begins after that waits,
 * and can't make the answer a thing of the past. A screen locker may not write it; the next login does.
 */
#include "pam/unlock.h"

#include <errno.h>
#include <string.h>

#include "common/unlock-frame.h"
#include "pam/handover.h"
#include "pam/slots.h"

#define KEPT "keyfob-unlock"

typedef struct Kept {
        char *name;
        Secret *frames;
        SlotMirror *mirror; /* that they were derived by, where it has two ways */
} Kept;

/* ---- which way is true ---- */

static bool has_several(const Secret *frames)
{
        return frames->size > UNLOCK_FRAME_SIZE;
}

static void settle(const Login *login, SlotMirror *mirror, size_t taken)
{
        uint8_t salt[SLOT_MIRROR_KDF_SALT_SIZE];
        const SlotMirrorEntry *ways[SLOTS_WAYS_MAX];
        size_t n = mirror->n;
        int r;

        if (taken >= slots_ways(mirror, ways))
                return;
        memcpy(salt, ways[taken]->kdf_salt, sizeof(salt));
        slots_keep_way(mirror, salt);
        if (mirror->n == n)
                return;
        r = slots_write(login, mirror);
        if (r < 0)
                log_debug(&login->log, "logins go on trying both ways for the password: %s", strerror(-r));
}

static int open_vault(const Login *login, const User *user, const Secret *frames, SlotMirror *mirror)
{
        bool settles = false;
        _cleanup_close_ int lock = -1;
        size_t taken;
        int r;

        if (has_several(frames)) {
                lock = slots_lock(login, mirror->uid, /* wait= */ false);
                settles = lock >= 0 && slots_unchanged(login, mirror);
                if (!settles)
                        log_debug(&login->log, "logins go on trying both ways for the password: %s",
                                  lock < 0 ? strerror(-lock) : "what they know has changed");
        }
        r = handover_send(login, user, frames, &taken);
        if (r == 0 && settles)
                settle(login, mirror, taken);
        return r;
}

/* ---- kept ---- */

static Kept *kept_free(Kept *kept)
{
        if (!kept)
                return NULL;
        kept->frames = secret_free(kept->frames);
        kept->mirror = slot_mirror_free(kept->mirror);
        free(kept->name);
        free(kept);
        return NULL;
}

static void forget(pam_handle_t *pamh, void *data, int status)
{
        (void)kept_free(data);
}

static int keep(Login *login)
{
        Kept *kept = calloc(1, sizeof(*kept));

        if (!kept)
                return -ENOMEM;
        if (has_several(login->frames))
                kept->mirror = TAKE_PTR(login->mirror);
        kept->frames = TAKE_PTR(login->frames);
        kept->name = strdup(login->user.name);
        if (kept->name && pam_set_data(login->pamh, KEPT, kept, forget) == PAM_SUCCESS)
                return 0;
        (void)kept_free(kept);
        return -ENOMEM;
}

void unlock_begin(Login *login)
{
        if (!login->frames)
                return;
        if (login->options->unlock_now)
                (void)open_vault(login, &login->user, login->frames, login->mirror);
        else if (keep(login) < 0)
                log_error(&login->log, "the vault is not opened: out of memory");
}

int unlock_session(const Login *login)
{
        _cleanup_(user_done) User user = USER_NULL;
        const void *data = NULL;
        const Kept *kept;
        int r;

        if (pam_get_data(login->pamh, KEPT, &data) != PAM_SUCCESS || !data)
                return 0;
        kept = data;
        r = user_find(kept->name, &user);
        r = r == 0 ? open_vault(login, &user, kept->frames, kept->mirror) : -ENOENT;
        (void)pam_set_data(login->pamh, KEPT, NULL, NULL); /* wipes it: once is enough, whatever became of it */
        return r;
}

/* An expired password is changed between the two stages: what was derived from the old one opens nothing any more. */
void unlock_follow(Login *login, const Secret *change)
{
        const void *data = NULL;
        const Kept *kept;
        int r;

        if (pam_get_data(login->pamh, KEPT, &data) != PAM_SUCCESS || !data)
                return;
        kept = data;
        if (strcmp(kept->name, login->user.name) != 0 || !slots_are_of_change(kept->frames, change))
                return;
        login->frames = secret_free(login->frames);
        r = slots_frame_after_change(change, &login->frames);
        if (r == 0)
                r = keep(login);
        if (r < 0)
                log_error(&login->log, "the vault is not opened: %s", strerror(-r));
}
