/*
 * Keys of the ssh-agent: lists of them for people, for scripts and for authorized_keys, and the one a person means
 */
#pragma once

#include <stdbool.h>

#include "keyfob/keyfob.h"

struct json_object;

/* The one with this fingerprint, comment, public line or base64. 0, or the exit code after saying why: with the candidates when
 * there are several. */
int ssh_keys_find(const keyfob_ssh_keys *list, const char *which, const keyfob_ssh_key **ret);

/* Each prints the list: 0 or the exit code. The table of deleted ones begins with the number that brings one back. */
int ssh_keys_print(const keyfob_ssh_keys *list, bool deleted);
int ssh_keys_print_json(const keyfob_ssh_keys *list);
int ssh_keys_print_public(const keyfob_ssh_keys *list);

/* "ssh-ed25519 AAAA… comment". New string or NULL. */
char *ssh_key_line(const keyfob_ssh_key *key);
/* What messages call it: its comment and fingerprint, clean. New string or NULL. */
char *ssh_key_title(const keyfob_ssh_key *key);

/* Who may use it, line by line, or as JSON. 0 or the exit code. */
int ssh_key_print_policy(const keyfob_ssh_key *key);
struct json_object *ssh_key_json(const keyfob_ssh_key *key);
