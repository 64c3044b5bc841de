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
/* Puts a changed mirror in the place of its user's old one. It is durable with 0; with a negative errno it may be the one or the other. */
int slots_write(const Login *login, SlotMirror *mirror);
/* Keeps others from writing a user's mirror: a descriptor to close when that may end, or a negative errno. Without `wait` -EWOULDBLOCK
 * when somebody else has it. */
int slots_lock(const Login *login, uint32_t uid, bool wait);
/* Whether its user's mirror still is this one, as it was read. */
bool slots_unchanged(const Login *login, const SlotMirror *mirror);

/* Whether a slot is of the credential with this id of that relying party. */
bool slots_is_of(const SlotMirrorEntry *slot, const uint8_t *id, size_t id_size, const char *rp);
/* Whether a credential has a slot, of either kind. Without an id (a resident one, which only the security key knows): whether one may. */
bool slots_have(const SlotMirror *mirror, const uint8_t *id, size_t id_size, const char *rp);

/* The frame that opens the vault with what the i-th statement of an assertion, by the credential with this id, brought: *ret is NULL when
 * it fits no slot. */
int slots_frame_of_key(const SlotMirror *mirror, const uint8_t *id, size_t id_size, const fido_assert_t *assertion, size_t i,
                       Secret **ret);

#define SLOTS_WAYS_MAX 8U /* a derivation each: a login does not take forever */

/* How many ways there are to derive the key of a login slot: of each such slot one, or two; 0: there is none, or no mirror. */
size_t slots_ways(const SlotMirror *mirror, const SlotMirrorEntry *ret[SLOTS_WAYS_MAX]);
/* Leaves the one with that salt of those that its slot has. */
void slots_keep_way(SlotMirror *mirror, const uint8_t salt[SLOT_MIRROR_KDF_SALT_SIZE]);

/* The frames that open the vault with the login password, one for each way, in their order: the daemon takes that of the way that is
 * true. *ret is NULL when there is no login slot. Takes as long as the derivations do. */
int slots_frames_of_password(const SlotMirror *mirror, const char *password, Secret **ret);
/* The same, of frames that neither open nor change anything when they are taken: each replaces the slot's password by itself. */
int slots_frames_of_trial(const SlotMirror *mirror, const char *password, Secret **ret);

/* The frame that has the login slot open with another password instead of the one whose trial's i-th frame is right. The mirror keeps that
 * way of the slot alone, and gets the new one as its last entry. -EBUSY: another slot has two ways. */
int slots_frame_of_change(SlotMirror *mirror, const Secret *trial, size_t i, const char *password, Secret **ret);
/* Whether the frames of a password have one of the slot that such a frame changes. */
bool slots_are_of_change(const Secret *frames, const Secret *change);
/* The frame that opens the vault after that. */
int slots_frame_after_change(const Secret *change, Secret **ret);
