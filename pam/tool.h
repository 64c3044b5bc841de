/* keyfob-pam: what keyfob pam runs, because the command line itself links neither libfido2 nor libpam. */
#pragma once

#include "client/client.h"
#include "common/secret.h"
#include "pam/login.h"

/* Exit codes of keyfob(1). */
enum { TOOL_DONE = 0, TOOL_NOT_FOUND = 1, TOOL_USAGE = 2, TOOL_REFUSED = 4, TOOL_OTHER = 8 };

__attribute__((format(printf, 2, 3))) int tool_error(int code, const char *format, ...);

/* Asks on the terminal without showing what is typed. 0, or -ENOTTY when there is none or nothing was typed. */
int tool_ask(const char *question, Secret **ret);

/* Who runs this, with the options of a configuration file (NULL: that of all logins) and an origin (NULL: theirs). 0, or the exit code
 * after saying why. Undone by login_done(). */
int tool_begin(Login *login, const char *conf, const char *origin);

/* A slot of the vault for a credential that logs in. */
typedef struct ToolSlot {
        const Login *login;
        const Credential *credential;
        const char *key, *label; /* which security key, NULL: the one that has it; NULL: a label that fits */
        const Secret *pin;
        bool verified; /* as the login is */
        bool must;     /* that there is no vault is an error */
} ToolSlot;
int tool_slot_add(const ToolSlot *slot);

/* What logins must know, as the daemon tells it. 0, or a result of keyfob.h. */
int tool_mirror_read(keyfob *k, Secret **ret);
/* Has logins know of it, as far as who runs this may; else says what is to be done. 0, or the exit code after saying why. */
int tool_mirror_pass_on(const Login *login, const Secret *mirror);

int tool_enroll(int argc, char *argv[]);
int tool_mirror(int argc, char *argv[]);
int tool_status(int argc, char *argv[]);
int tool_test(int argc, char *argv[]);
