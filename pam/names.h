/*
 * Names of security keys: what their owner calls them
 *
 * An authfile has no place for that, and pam_u2f has to go on reading it. So names are in a file beside it, "AUTHFILE.names", a line for
 * each credential:
 *
 *   hash id name
 *
 * The hash is SHA-256 of the public key in the authfile, as hexadecimal digits: that is what every credential has there. The id is "-",
 * or the base64 of that of a resident credential, which the authfile does not have; then the name may be missing. Lines of another form
 * are passed over. Nobody needs this file to log in: it says what to call a key, and what keyfob pam can't know otherwise.
 */
#pragma once

#include "common/bytes.h"
#include "pam/credential.h"

#define NAMES_MAX       (128U * 1024U) /* bytes of the file */
#define NAMES_NAME_MAX  64U            /* bytes of a name */
#define NAMES_NAME_SIZE (NAMES_NAME_MAX + 1)

/* Whether it can be one: UTF-8 of 1 to 64 bytes without blanks at its ends, without what changes how other text is shown, and not only
 * digits, which would be a place in the list. */
bool names_valid(const char *name);

/* Where the names of an authfile's credentials are. New string, or NULL. */
char *names_path(const char *authfile);

/* The name of a credential. False: none, and *ret is "". */
bool names_find(const char *text, size_t size, const Credential *credential, char ret[NAMES_NAME_SIZE]);

/* The id of a resident credential as new bytes, *ret is NULL where it is not known. 0, -ENOMEM. */
int names_find_id(const char *text, size_t size, const Credential *credential, uint8_t **ret, size_t *ret_size);

/* What a credential is called, and the id of a resident one. */
typedef struct NamesEntry {
        const char *name; /* NULL: none */
        const uint8_t *id;
        size_t id_size; /* 0: not needed, or not known */
} NamesEntry;

/* The text with this entry in the place of the credential's present one, or without either (NULL). Appended. 0, -ENOMEM. */
int names_set(const char *text, size_t size, const Credential *credential, const NamesEntry *entry, ByteWriter *ret);
