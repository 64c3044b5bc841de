/*
 * Subject: what is to be signed, as far as it can be told
 *
 * Logins (RFC 4252 section 7, OpenSSH's publickey-hostbound-v00@openssh.com), files (OpenSSH's PROTOCOL.sshsig), certificates.
 */
#pragma once

#include "sshagent/blob.h"

typedef enum SubjectKind {
        SUBJECT_UNKNOWN,
        SUBJECT_LOGIN,
        SUBJECT_FILE,
        SUBJECT_CERTIFICATE,
} SubjectKind;

typedef struct Subject {
        SubjectKind kind;
        Span session;  /* login */
        Span user;     /* login: the account; file: the namespace */
        Span host_key; /* login of the kind hostbound; else empty */
} Subject;

/* A login counts as one only when it is of the key that is to sign. */
Subject subject_read(Span data, const Blob *key);
/* A constant text for whom is asked. */
const char *subject_purpose(const Subject *subject);
