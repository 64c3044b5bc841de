/*
 * Opening: getting a root key, freshly
 *
 * Tries what opens without asking (a given secret; a `none` slot; key files, read by the helper), then, if allowed,
 * asks the person, three tries. The KDF runs as a job. Used by unlock (which keeps the keys open) and by everything
 * that needs the root for a moment (new slots, new collections, rekey).
 */
#pragma once

#include "daemon/ask.h"

/* What is asked of a person who is to open the vault. */
#define OPENING_QUESTION "Enter the password of your Keyfob vault."

/* Kinds of slots as a set, and those whose secret a person types. */
#define SLOT_KIND_BIT(kind) (1U << (kind))
#define SLOTS_TYPED         (SLOT_KIND_BIT(SLOT_PASSWORD) | SLOT_KIND_BIT(SLOT_LOGIN) | SLOT_KIND_BIT(SLOT_RECOVERY))

typedef struct Opening Opening;

typedef enum OpeningResult {
        /* 0: opened; positive VaultResult and negative errno as they come; and: */
        OPENING_CANCELLED = 100, /* the person refused, or the caller left */
        OPENING_NO_PROMPTER,
        OPENING_NO_SLOT, /* no slot of that scope can be opened by any means here */
        OPENING_WAIT,    /* too many wrong secrets, and others wait already: opening_error() says for how long */
        OPENING_DEVICE,  /* a security key or the TPM did not do its part: opening_error() says why */
} OpeningResult;

typedef struct OpeningRequest {
        Caller *caller;       /* NULL: the daemon itself, or who is named in `about` */
        AskAbout about;       /* for the question */
        uint32_t collection;  /* whose root: 0 the vault's, else a collection with slots of its own */
        const Secret *secret; /* try just this one (copied) */
        const uint8_t *slot;  /* SLOT_ID_SIZE bytes: this slot only; NULL: any */
        bool interactive;     /* may ask */
        bool touch;           /* goes to a security key without asking for a password first */
        bool by_person;       /* asks, whatever else opens: what opens by itself says nothing about who is there */
        bool unlock;          /* also done when someone else has opened the scope in the meantime: then root is NULL */
        const char *purpose;  /* of the question: "unlock", "verify", … */
        const char *message;
} OpeningRequest;

/* root is non-NULL when result is 0 (but see `unlock`); the callback owns it. It never runs inside opening_start(). */
typedef void (*OpeningDone)(void *userdata, int result, Root *root);

int opening_start(Daemon *daemon, const OpeningRequest *request, OpeningDone done, void *userdata, Opening **ret);
/* Forgets it, question and all; done() is not called. NULL allowed. Returns NULL. The pointer is dead after done(). */
Opening *opening_cancel(Opening *opening);

/* Ends all of them as if each had been refused, from the loop: what they hold of secrets and keys is wiped at once. */
void openings_cancel_all(Daemon *daemon);
/* Only those that have something which opens a slot, or has opened one, and who waits with them: a question that nobody has
 * answered stays. */
void openings_end_with_keys(Daemon *daemon);
/* Whether there are any. */
bool openings_any(const Daemon *daemon);

/* Whether there is nothing left to unlock: of a collection, or (0) of the vault and of all that opens with it. */
bool opening_scope_is_open(const Daemon *daemon, uint32_t scope);

/* Uses a root to unlock what it opens: vault_unlock(), slot `used` time, notifications (secret-notify.h). */
int opening_unlock(Daemon *daemon, const Root *root);

/* Notes in the vault now when a slot was used, if that is still to be done. */
void opening_write_used(Daemon *daemon);

/* At start and after init: opens by itself what can be (none slots, key files, $CREDENTIALS_DIRECTORY). */
void opening_automatic(Daemon *daemon);

/* When a secret is a recovery code but for a typing mistake: which group has it, from 1 on; else 0. */
unsigned secret_typo(const Secret *secret);

/* An OPENING_* or vault result or errno as a D-Bus error. */
int opening_error(Daemon *daemon, sd_bus_error *error, int result);

/* True while opening_automatic() is still at work. */
bool opening_automatic_pending(const Daemon *daemon);

/* Reads the systemd credentials, so it comes before the sandbox. */
int openings_new(Daemon *daemon, Openings **ret);
Openings *openings_free(Openings *openings);
DEFINE_CLEANUP(Openings *, openings_free)
