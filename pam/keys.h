/* The security keys that are plugged in. */
#pragma once

#include "pam/proof.h"

#define KEYS_MAX 64U

typedef struct Keys {
        fido_dev_info_t *infos;
        size_t n;
        fido_dev_t *devices[KEYS_MAX]; /* NULL where one can't be opened */
        bool last[KEYS_MAX];           /* is asked when no other key will do */
} Keys;

/* 0, or a negative errno. None at all is no error. */
int keys_open(const Login *login, Keys *ret);
void keys_done(Keys *keys);

/* Keyfob's own, by the bridge or as a device of the kernel's. */
bool key_is_own(fido_dev_t *dev);

/* Whether this one has the credential: 1, 0, or a negative errno. */
int key_has(const Login *login, fido_dev_t *dev, const Credential *credential);
