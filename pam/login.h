/*
 * Login: one call of the module, and how it can end
 *
 * A negative errno is something that failed, a positive LoginOutcome is an answer. 0 is only ever what proof_check() or a match
 * of fprintd's made it.
 */
#pragma once

#include <fido.h>
#include <security/pam_modules.h>

#include "common/secret.h"
#include "common/slot-mirror.h"
#include "pam/credential.h"
#include "pam/log.h"
#include "pam/names.h"
#include "pam/options.h"
#include "pam/talk.h"
#include "pam/user.h"

typedef enum LoginOutcome {
        LOGIN_REFUSED = 1,  /* nothing proved who it is */
        LOGIN_UNKNOWN_USER, /* nobody has that name */
        LOGIN_NO_KEYS,      /* the user has no credentials: nothing to try */
        LOGIN_NO_FILE,      /* what says so can't be read, or is not right */
        LOGIN_NO_CONFIG,    /* the module is not set up right */
        LOGIN_NO_QUESTION,  /* the program can't ask */
} LoginOutcome;

typedef struct Login {
        pam_handle_t *pamh;
        Options *options;
        Log log;
        Talk talk;
        User user;
        const char *service;
        char *host, *origin, *appid;
        Credentials credentials;
        SlotMirror *mirror; /* NULL: no vault is to be opened, or none has slots for that */
        Secret *frames;     /* what opens it, when a proof brought that: a frame for each way that may be true */
        Secret *names;      /* what keys are called; NULL: nothing, or not looked for yet */
        bool names_sought;
        bool remote; /* who is not here, and the administrator has not said that this does not matter */
} Login;

/* Reads options, user and host. 0, LoginOutcome, or a negative errno. Undone by login_done(), whatever it answers. */
int login_begin(Login *login, pam_handle_t *pamh, int flags, int n, const char *const *arguments);
void login_done(Login *login);

/* Parts of that, for tools: what the administrator has set, and then what this machine is called. 0, LOGIN_NO_CONFIG, or a negative
 * errno. */
int login_read_options(Login *login, int n, const char *const *arguments);
int login_read_host(Login *login);

/* Reads the user's credentials. */
int login_read_credentials(Login *login);

/* What a credential is called, where the user has several. False: nothing, and that is no error, whatever has become of the file. */
bool login_key_name(Login *login, const Credential *credential, char ret[NAMES_NAME_SIZE]);

/* The application's code for an end. Never PAM_IGNORE, and PAM_SUCCESS for 0 alone. */
int login_code(int result);
