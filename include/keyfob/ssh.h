/*
 * libkeyfob: the keys of the daemon's ssh-agent
 *
 * A part of keyfob.h, which includes it: what is said there of results, strings and handles holds here, too. To sign with a key,
 * speak ssh's own protocol (RFC 9987) on the agent's socket.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef KEYFOB_SSH_H
#define KEYFOB_SSH_H

#include <keyfob/keyfob.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the agent stands. Made by the library; later versions may add fields at the end. */
typedef struct keyfob_ssh_agent {
        const char *socket; /* where ssh's protocol is spoken; "" when nowhere */
        uint32_t keys;
        uint32_t stored; /* of them: in the vault */
        bool locked;     /* by a passphrase (ssh-add -x), not the vault's lock */
        bool keep;       /* keys that programs add are stored at once */
} keyfob_ssh_agent;

/* Free *ret with keyfob_ssh_agent_free(). */
KEYFOB_API int keyfob_ssh_agent_info(keyfob *k, keyfob_ssh_agent **ret);
/* NULL is allowed. Returns NULL. */
KEYFOB_API keyfob_ssh_agent *keyfob_ssh_agent_free(keyfob_ssh_agent *agent);

/* A key of the agent. Comments and the names of hosts were chosen by others: clean them before you show them. */
typedef struct keyfob_ssh_key {
        const char *type; /* "ssh-ed25519", … as authorized_keys has it */
        const uint8_t *blob; /* the public key or certificate in wire format */
        size_t blob_size;
        const char *comment;
        const char *fingerprint; /* "SHA256:…" of the plain public key */
        uint32_t bits;
        uint32_t lifetime;       /* seconds left; 0: for ever */
        uint32_t destinations;   /* how many constraints bind it to hosts; 0: it is not bound */
        const char *application; /* of a security key's, else "" */
        uint32_t sk_flags;       /* of a security key's: 1 presence, 4 verification */
        bool certificate;
        bool stored;  /* in the vault; else in memory only */
        bool confirm; /* by its constraint: whoever added it wants each use confirmed */
        bool policy_known; /* of a stored one while the vault is open; then: */
        bool policy_confirm;
        bool policy_verify;
        const char *const *programs; /* those that may use it: absolute paths, apps as "flatpak:ID"; none: all */
        size_t n_programs;
        const char *const *hosts; /* names of those that it may log in to, once for each of their keys; none: all */
        size_t n_hosts;
        uint64_t removed; /* of a deleted one: seconds since 1970-01-01 00:00 UTC, else 0 */
        uint64_t number;  /* of a deleted one, for keyfob_ssh_undelete() */
} keyfob_ssh_key;

typedef struct keyfob_ssh_keys {
        const keyfob_ssh_key *keys;
        size_t n;
} keyfob_ssh_keys;

/* All keys as ssh-add lists them, which asks nobody, or those that were deleted and can be restored, which may have the vault
 * unlocked first. An empty result is not an error. Free *ret with keyfob_ssh_keys_free(). */
KEYFOB_API int keyfob_ssh_list(keyfob *k, bool deleted, keyfob_ssh_keys **ret);
/* NULL is allowed. Returns NULL. */
KEYFOB_API keyfob_ssh_keys *keyfob_ssh_keys_free(keyfob_ssh_keys *keys);

/* A host and one key that it shows, in wire format. */
typedef struct keyfob_ssh_host {
        const char *name;
        const void *key;
        size_t key_size;
} keyfob_ssh_host;

/* What a new key is like. Fields that are not set must be zero: begin with `= {0}`. */
typedef struct keyfob_ssh_new_key {
        const char *type; /* "ed25519", "ecdsa", "rsa", "ed25519-sk", "ecdsa-sk"; NULL: "ed25519" */
        uint32_t bits;    /* 0: as usual for the type */
        const char *comment;
        bool confirm; /* ask before each use */
        bool verify;  /* have the owner verified before each use */
        const char *const *programs; /* absolute paths, "flatpak:ID", "snap:NAME"; none: all */
        size_t n_programs;
        const keyfob_ssh_host *hosts; /* none: all */
        size_t n_hosts;
        /* of the -sk types: */
        const char *device;      /* "keyfob", or a key as of keyfob_key_list(); NULL: "keyfob" */
        const char *application; /* NULL: "ssh:" */
        const char *user;
        bool resident;
        bool verify_required;
        bool no_touch_required;
        const void *pin; /* of another maker's key; NULL: none */
        size_t pin_size;
} keyfob_ssh_new_key;

/*
 * Makes a key in the vault, or on a security key: that may want a touch, see keyfob_set_key_progress(). Durable when 0 is
 * returned. *ret has its public line as the content, without a newline; free it with keyfob_value_free(). This and all that
 * follow may have the vault unlocked first, as keyfob_unlock() does without a secret. KEYFOB_E_INVALID, KEYFOB_E_LIMITS,
 * KEYFOB_E_UNSUPPORTED, KEYFOB_E_CANCELLED, KEYFOB_E_NO_PROMPTER, and of -sk types what keyfob_key functions answer.
 */
KEYFOB_API int keyfob_ssh_add(keyfob *k, const keyfob_ssh_new_key *key, keyfob_value **ret);

/*
 * `key` is a fingerprint, a comment, a public line, or the base64 of the wire format. KEYFOB_E_NOT_FOUND; KEYFOB_E_INVALID when
 * more than one fits. keyfob_ssh_keep() stores a key that is in memory, with its constraints; KEYFOB_E_EXISTS when it is stored,
 * KEYFOB_E_LIMITS. A stored one that is removed stays restorable for 30 days: keyfob_ssh_undelete() brings it back by its number;
 * KEYFOB_E_EXISTS when the same key was stored again.
 */
KEYFOB_API int keyfob_ssh_keep(keyfob *k, const char *key);
KEYFOB_API int keyfob_ssh_remove(keyfob *k, const char *key);
KEYFOB_API int keyfob_ssh_undelete(keyfob *k, uint64_t number);

/* What to change of a stored key; NULL and -1 keep what is there. An array that is given replaces the one before; with none in
 * it, all may. */
typedef struct keyfob_ssh_policy {
        int confirm; /* 0, 1, or -1 */
        int verify;  /* the same */
        const char *const *programs;
        size_t n_programs;
        const keyfob_ssh_host *hosts;
        size_t n_hosts;
        const char *comment;
} keyfob_ssh_policy;

/* What loosens a policy takes a secret of any slot of the vault (`auth`; NULL: it is asked for where it is wanted).
 * KEYFOB_E_NOT_FOUND, KEYFOB_E_INVALID, KEYFOB_E_WRONG_SECRET, KEYFOB_E_CANCELLED, KEYFOB_E_NO_PROMPTER. */
KEYFOB_API int keyfob_ssh_set_policy(keyfob *k, const char *key, const keyfob_ssh_policy *policy, const void *auth,
                                     size_t auth_size);

#ifdef __cplusplus
}
#endif

#endif
