/*
 * Slots: the keys to the vault that a login yields
 *
 * What is public of them is in the mirror, which is root's. What is derived is a frame for the daemon, in memory that is wiped.
 */
#pragma once

#include <fido.h>

#include "common/secret.h"
#include "common/slot-mirror.h"
#include "pam/login.h"

/* The user's mirror; *ret is NULL when there is none. 0, or a negative errno, and *ret is NULL, when it can't be read or is not right. */
int slots_read(const Login *login, SlotMirror **ret);
/* Puts a changed mirror in the place of the old one. 0, or a negative errno. */
int slots_write(const Login *login, SlotMirror *mirror);

/* Whether a slot is of the credential with this id of that relying party. */
bool slots_is_of(const SlotMirrorEntry *slot, const uint8_t *id, size_t id_size, const char *rp);
/* Whether a credential has a slot, of either kind. Without an id (a resident one, which only the security key knows): whether one may. */
bool slots_have(const SlotMirror *mirror, const uint8_t *id, size_t id_size, const char *rp);

/* The frame that opens the vault with what the i-th statement of an assertion, by the credential with this id, brought: *ret is NULL when
 * it fits no slot. */
int slots_frame_of_key(const SlotMirror *mirror, const uint8_t *id, size_t id_size, const fido_assert_t *assertion, size_t i,
                       Secret **ret);
/* The same with the login password. Takes as long as its derivation does. */
int slots_frame_of_password(const SlotMirror *mirror, const char *password, Secret **ret);

/* The frame that has the login slot open with a new password instead of the old one; the mirror gets what will be true then. */
int slots_frame_of_change(SlotMirror *mirror, const char *old_password, const char *new_password, Secret **ret);
