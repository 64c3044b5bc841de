/*
 * Authfile: the text that says which security keys are whose
 *
 * pam_u2f's: a line for each user, "user:id,key,algorithm,options:…", the last one of a user counts; the same as pamu2fcfg wrote it
 * before there was FIDO2 ("user:id,key"); and private keys of OpenSSH's, between their BEGIN and END. All may be in one file.
 */
#pragma once

#include "pam/credential.h"

#define AUTHFILE_MAX (1024U * 1024U)

enum {
        AUTHFILE_NOBODY = 1, /* it says nothing of that user */
        AUTHFILE_WRONG,      /* what it says of that user is cut off, or not known */
};

typedef struct AuthfileRules {
        const char *user;
        unsigned max;  /* credentials; more are left out */
        bool ssh_keys; /* OpenSSH's are this user's. Not so in a file for several users, where they are an error. */
} AuthfileRules;

/* 0, AUTHFILE_NOBODY, AUTHFILE_WRONG, -ENOMEM. With 0 there is at least one. */
int authfile_read(const char *text, size_t size, const AuthfileRules *rules, Credentials *ret);
