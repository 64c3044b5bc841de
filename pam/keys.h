/* The security keys that are plugged in. */
#pragma once

#include "pam/proof.h"

#define KEYS_MAX 64U

typedef struct Keys {
        fido_dev_info_t *infos;
        size_t n;
        fido_dev_t *devices[KEYS_MAX]; /* NULL where one can't be opened */
        bool last[KEYS_MAX];           /* is asked when no other key will do */
        bool made[KEYS_MAX];           /* by a program, of whatever user */
} Keys;

/* 0, or a negative errno. None at all is no error. */
int keys_open(const Login *login, Keys *ret);
void keys_done(Keys *keys);

/* Whether libfido2's error says that the device itself did not answer. */
bool key_is_silent(int error);
/* Lets go of a device, which is not asked for anything any more. */
void key_drop(fido_dev_t **dev);

/* Keyfob's own, by the bridge or as a device of the kernel's. */
bool key_is_own(fido_dev_t *dev);

/* What a security key has told without a person. */
typedef struct KeyFound {
        bool certain; /* it has the credential; else it may, and has to be tried */
        uint8_t id[CREDENTIAL_ID_MAX]; /* of a resident credential, where it is certain */
        size_t id_size;
} KeyFound;

/* Whether this one has the credential, as it is to be proven: 1 and *ret, 0, or a negative errno. One that does not answer at all is
 * dropped: *dev is NULL then. */
int key_has(const Login *login, fido_dev_t **dev, const Proof *proof, KeyFound *ret);
