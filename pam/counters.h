/*
 * Signature counters: a security key that was copied gives itself away
 *
 * Root keeps the last counter of each credential, in a text file for each user with lines "ID COUNTER". The id is the credential's,
 * or the hash of its public key where only the security key knows the id.
 */
#pragma once

#include "pam/login.h"

/*
 * Compares the counter of what was signed with the one that is kept, and keeps it. 0; LOGIN_REFUSED: it did not grow; or a negative errno.
 * Nothing is kept, and nothing compared, where there is no place for it: this process is not root, or root has made none.
 */
int counters_check(const Login *login, const uint8_t *id, size_t id_size, uint32_t counter);
