/*
 * Passkeys: lists of them for people and for scripts, and the one a person means
 */
#pragma once

#include "keyfob/keyfob.h"

struct json_object;
struct Cli;

/* The one whose id begins with these hexadecimal digits, 4 at least. 0, or the exit code after saying why: with the
 * candidates when there are several. */
int passkeys_find(const keyfob_passkeys *list, const char *digits, const keyfob_passkey **ret);

/* Prints a table: 0 or the exit code. That of deleted ones begins with the number that brings one back. */
int passkeys_print(const keyfob_passkeys *list, bool deleted);

int passkeys_print_json(const keyfob_passkeys *list);

/* Everything about one, for people. `home` is where it is kept: "vault", "key". 0 or the exit code. */
int passkey_print(const keyfob_passkey *passkey, const char *home);

/* NULL: out of memory. */
struct json_object *passkey_json(const keyfob_passkey *passkey);

/* "example.org, alice" for messages, clean. New string or NULL. */
char *passkey_title(const keyfob_passkey *passkey);

/* Says "Deleted example.org, alice", and what follows. 0 or the exit code. */
int passkey_say(const char *what, const keyfob_passkey *passkey, const char *then);

/* cmd-policy.c: keyfob passkey policy */
int passkey_policy(struct Cli *cli, int argc, char *argv[]);
