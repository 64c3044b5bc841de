/*
 * Options of the module: what stands in its line of a stack, and in its configuration file
 *
 * Those of pam_u2f mean what they mean there; pam_keyfob(8) has the table. What is not known, or makes no sense, is an error of the
 * whole: an option that is left out because it was misspelt could be the one that demands something.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

#define OPTIONS_FILE_MAX   4096U /* bytes of a configuration file */
#define OPTIONS_KEYS_MAX   256U  /* credentials of a user */
#define OPTIONS_PROBLEM    96U

enum { OPTIONS_WRONG = 1 };

/* Whether something is demanded: by the module's options; unset, by the credential alone. */
typedef enum Demand { DEMAND_UNSET = -1, DEMAND_NO = 0, DEMAND_YES = 1 } Demand;

typedef struct Options {
        bool debug, openasuser, interactive, manual, cue, nodetect, nouserok, sshformat, expand;
        bool allow_remote; /* who came in from afar may be approved by what is at this machine */
        bool cue_question; /* the cue is a question, for programs that show text with questions only */
        bool fingerprint;  /* a finger on the reader of fprintd will do */
        bool own;          /* so will the security key of the user's running daemon, with verification */
        bool unlock;       /* a login opens the vault, when the session begins */
        bool unlock_now;   /* the same at the end of authentication: for programs that begin no session */
        bool capture;      /* only take the login password that another module has asked for */
        unsigned max_devices, keep_tries;
        Demand presence, verification, pin;
        char *debug_file, *origin, *appid, *authfile, *authpending_file, *prompt, *cue_prompt, *mirror; /* NULL: not given */
        char problem[OPTIONS_PROBLEM]; /* after OPTIONS_WRONG: what to tell the administrator */
} Options;

int options_new(Options **ret);
/* NULL allowed. Returns NULL. */
Options *options_free(Options *options);
DEFINE_CLEANUP(Options *, options_free)

/* The file that conf= names: *ret is NULL where there is none, and points into `arguments`. 0, or OPTIONS_WRONG. */
int options_find_file(Options *options, int n, const char *const *arguments, const char **ret);

/* Lines "name", "name = value", with comments from '#'. What comes later wins. 0, OPTIONS_WRONG, -ENOMEM. */
int options_read_file(Options *options, const char *text, size_t size);
int options_read_arguments(Options *options, int n, const char *const *arguments);
