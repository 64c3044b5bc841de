/* A private key of OpenSSH's that lives on a security key: everything in it but the signature is public. */
#pragma once

#include "pam/credential.h"

#define SSH_KEY_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define SSH_KEY_END   "-----END OPENSSH PRIVATE KEY-----"

/* Reads what stands between those two lines. 0, -EBADMSG, -ENOMEM. */
int ssh_key_read(const char *text, size_t size, Credential *ret);
