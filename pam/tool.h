/* keyfob-pam: what keyfob pam runs, because the command line itself links neither libfido2 nor libpam. */
#pragma once

#include "client/client.h"
#include "common/secret.h"
#include "pam/authfile-path.h"
#include "pam/login.h"
#include "pam/names.h"

/* Exit codes of keyfob(1). */
enum { TOOL_DONE = 0, TOOL_NOT_FOUND = 1, TOOL_USAGE = 2, TOOL_REFUSED = 4, TOOL_OTHER = 8 };

__attribute__((format(printf, 2, 3))) int tool_error(int code, const char *format, ...);

/* Asks on the terminal without showing what is typed. 0, or -ENOTTY when there is none or nothing was typed. */
int tool_ask(const char *question, Secret **ret);

/* Who runs this, with the options of a configuration file (NULL: that of all logins) and an origin (NULL: theirs). 0, or the exit code
 * after saying why. Undone by login_done(). */
int tool_begin(Login *login, const char *conf, const char *origin);

/* ---- tool-authfile.c: each answers 0, or the exit code after saying why ---- */

/* The authfile of who runs this, and what is beside it. Begins as TOOL_AUTHFILE_NULL; ends with tool_authfile_done(). */
typedef struct ToolAuthfile {
        AuthfilePath path;    /* its path is NULL where it is not known */
        Secret *text, *names; /* NULL: not there */
        int names_outcome;    /* of reading them, as of file.h */
        Credentials credentials;
        int lock; /* of its directory; -1: none */
} ToolAuthfile;

#define TOOL_AUTHFILE_NULL ((ToolAuthfile){.credentials = CREDENTIALS_NULL, .lock = -1})

enum {
        TOOL_AUTHFILE_NOBODY = 1 << 0, /* that nobody is in it, or that it is not there, is no error */
        TOOL_AUTHFILE_LOCKED = 1 << 1, /* it is to be changed: nobody else does before the end; all credentials count */
};

int tool_authfile_read(const Login *login, unsigned flags, ToolAuthfile *ret);
void tool_authfile_unlock(ToolAuthfile *file);
void tool_authfile_done(ToolAuthfile *file);

/* What a credential is called. False: nothing. */
bool tool_authfile_name(const ToolAuthfile *file, const Credential *credential, char ret[NAMES_NAME_SIZE]);
/* Its id as new bytes; of a resident one if the names have it, else *ret is NULL. 0, -ENOMEM: without a word. */
int tool_authfile_id(const ToolAuthfile *file, const Credential *credential, uint8_t **ret, size_t *ret_size);
/* The credential of a name, or of a number as status shows it: ret is its index. */
int tool_authfile_which(const ToolAuthfile *file, const char *which, size_t *ret);
/* Whether a credential may be given this name. */
int tool_authfile_name_is_free(const ToolAuthfile *file, const char *name);

/* Both of a file that is locked; the second puts an entry beside it, or takes it out (NULL). */
int tool_authfile_write(const Login *login, const ToolAuthfile *file, const ByteWriter *text);
int tool_authfile_write_name(const ToolAuthfile *file, const Credential *credential, const NamesEntry *entry);

/* ---- tool-slot.c ---- */

/* A slot of the vault for a credential that logs in. */
typedef struct ToolSlot {
        const Login *login;
        const Credential *credential;
        const uint8_t *id; /* of the credential, also of a resident one */
        size_t id_size;
        const char *key, *label; /* which security key, NULL: the one that has it; NULL: a label that fits */
        const Secret *pin;
        bool verified; /* as the login is */
        bool must;     /* that there is no vault is an error */
} ToolSlot;
int tool_slot_add(const ToolSlot *slot);
/* The vault is opened by that credential no more, nor do logins know of it, if it has a slot there. 0, or the exit code after saying
 * why. */
int tool_slot_remove(const Login *login, const char *rp, const uint8_t *id, size_t id_size);

/* What logins must know, as the daemon tells it. 0, or a result of keyfob.h. */
int tool_mirror_read(keyfob *k, Secret **ret);
/* In words why a call to the daemon ended with this result; k may be NULL. */
const char *tool_why(keyfob *k, int r);
/* Has logins know of it, as far as who runs this may; else says what is to be done. 0, or the exit code after saying why. */
int tool_mirror_pass_on(const Login *login, const Secret *mirror);

/* Shows which services ask for a security key, and warns of what makes that end otherwise than the person expects, whose authfile this
 * is. `directory` NULL: the system's. */
void tool_stacks(const Login *login, const ToolAuthfile *file, const char *directory);

int tool_enroll(int argc, char *argv[]);
int tool_mirror(int argc, char *argv[]);
int tool_remove(int argc, char *argv[]);
int tool_rename(int argc, char *argv[]);
int tool_status(int argc, char *argv[]);
int tool_test(int argc, char *argv[]);
