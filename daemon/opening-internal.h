/*
 * What the files of an opening share: its state, and the steps that lead from one file to the next
 */
#pragma once

#include "daemon/caller.h"
#include "daemon/helper-link.h"
#include "daemon/job.h"
#include "daemon/opening.h"
#include "daemon/slot-key.h"

#define TRIES_MAX   3   /* questions for one password */
#define GUESSERS_MAX 16U /* processes whose wrong secrets are remembered */

typedef enum State {
        STATE_START,
        STATE_KEYS,      /* next: a key file, or the person */
        STATE_WORKING,   /* a job, the helper or a question is under way */
        STATE_FOLLOWING, /* someone else asks for the same */
        STATE_TURN,      /* has a secret, waits for its turn to try it */
        STATE_ENDED,
} State;

typedef enum Way {
        WAY_NONE,
        WAY_KEY,
        WAY_SECRET,
        WAY_PERSON,
        WAY_TOUCH,
        WAY_TPM,
        WAY_PIN,
} Way;

/* A process that gave wrong secrets since one was right. */
typedef struct Guesser {
        pid_t pid;
        unsigned wrong;
} Guesser;

struct Opening {
        CallerResource observer; /* first member */
        Openings *openings;
        OpeningDone done;
        void *userdata;

        pid_t pid; /* of the caller, 0 when unknown */
        uint32_t collection;
        bool has_slot, interactive, by_person, unlock, touch;
        bool given;     /* the PIN: then the person is not asked for another */
        bool may_touch; /* there are slots of security keys */
        uint8_t slot[SLOT_ID_SIZE];
        char *purpose, *message;
        AskAbout about; /* ours */
        Secret *secret; /* given, or typed */

        State state;
        Way way;
        int tries;
        unsigned typo; /* the group of the recovery code that was mistyped in the last answer, or 0 */
        SlotList keys; /* key files yet to be tried */
        Slot *key;     /* the one that is being read */
        Job *job;
        HelperCall *reading;
        Ask *ask;
        SlotList devices; /* slots of security keys yet to be asked about */
        SlotKey *touching;
        SlotList tpms;  /* slots of the TPM without a PIN, yet to be tried */
        Slot *tpm_slot; /* the one that the TPM is asked about */
        struct Blind *blind;
        struct TpmCall *tpm;

        int result;
        Root *root;
        Opening *next;
};

struct Openings {
        Daemon *daemon;
        Opening *list;
        unsigned n;
        sd_event_source *pump, *turn, *used;

        struct Try *trying;  /* whose turn it is; until its job is over, whoever has left */
        unsigned wrong;      /* in a row, whoever gave them */
        Guesser guessers[GUESSERS_MAX];
        uint64_t not_before; /* CLOCK_MONOTONIC, microseconds */

        bool used_pending;
        uint8_t used_slot[SLOT_ID_SIZE];
        uint64_t used_at;

        const char *problem_name; /* of the last device that did not open, as a D-Bus error; and why */
        char problem[512];

        Secret *credential_key, *credential_password;
        unsigned n_automatic;
};

/* ---- opening.c ---- */

/* Has the loop walk over the openings. */
void openings_wake(Openings *openings);
/* Decides the outcome, and takes the root; the loop tells it. */
void opening_end(Opening *opening, int result, Root *root);

/* ---- opening-try.c ---- */

/* Slots of the scope and of these kinds. */
int opening_load_slots(Opening *opening, uint32_t kinds, SlotList *ret);
/* Tries the secret on the slots, in its turn if that is what it waited for. Takes the list and the secret over. */
void opening_try(Opening *opening, SlotList *slots, Secret *secret);
/* Reads the next key file and tries it; after the last it is the person's turn. */
void opening_next_key(Opening *opening);
/* Has the secret that was given wait for its turn, or refuses it. */
void opening_queue_secret(Opening *opening);
/* Lets the next secret in the queue be tried. */
void openings_give_turn(Openings *openings);
/* Seconds until then, rounded up. */
unsigned openings_delay(const Openings *openings);
int openings_try_init(Openings *openings);
void openings_try_done(Openings *openings);

/* ---- opening-person.c ---- */

void opening_ask_person(Opening *opening);
/* Asks, or waits with whoever asks for the same already, or ends. */
void opening_turn_to_person(Opening *opening);
/* Ends this one and those that wait for the answer to its question. */
void opening_end_shared(Opening *opening, int result);

/* ---- opening-device.c ---- */

/* Slots of security keys that this opening may use. */
int opening_load_keys(Opening *opening, SlotList *ret);
/* Has the person touch one. */
void opening_touch(Opening *opening);
/* Ends it, and those that follow, because of a device. */
void opening_fail(Opening *opening, const char *name, const char *why);

/* ---- opening-tpm.c ---- */

/* Notes the slots that the TPM opens by itself. */
int opening_load_tpm(Opening *opening);
/* Has it try the next one; false after the last. */
bool opening_next_tpm(Opening *opening);
/* Chooses a slot with a PIN. VAULT_E_NOT_FOUND. */
int opening_load_pin(Opening *opening);
void opening_ask_pin(Opening *opening, const char *problem);
/* Takes the PIN over. */
void opening_use_pin(Opening *opening, Secret *pin);

/* ---- opening-use.c ---- */

int openings_use_init(Openings *openings);
void openings_use_done(Openings *openings);
