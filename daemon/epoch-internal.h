/*
 * Epoch: what its files share
 */
#pragma once

#include "daemon/epoch.h"
#include "daemon/tpm.h"

#define EPOCH_NAME_SIZE 64U

/* How the counter in the TPM stands. */
typedef enum EpochCounterState {
        EPOCH_COUNTER_NONE,        /* there is none */
        EPOCH_COUNTER_ASKED,       /* the TPM has not answered yet */
        EPOCH_COUNTER_CURRENT,     /* as the word says */
        EPOCH_COUNTER_UNREACHABLE, /* there is one, and the TPM can't be asked */
        EPOCH_COUNTER_AHEAD,       /* farther: the word is an old one */
        EPOCH_COUNTER_BEHIND,      /* less far: the TPM is an old one */
        EPOCH_COUNTER_GONE,        /* it is not where the word says */
        EPOCH_COUNTER_UNKNOWN,     /* there is one that the word knows nothing of, or there is no word */
        _EPOCH_COUNTER_MAX,
} EpochCounterState;

/* What the TPM said of it last. */
typedef struct EpochTold {
        uint32_t handle; /* 0: there is none */
        uint64_t count;
        bool fresh;              /* made, and never moved */
        uint64_t noted, seconds; /* the note: what it came to, and when; 0: unknown */
        size_t tpm_size;
        uint8_t tpm[TPM_PARENT_MAX];
} EpochTold;

struct Epoch {
        char *path; /* NULL: there is no place to keep it */
        int directory;
        VaultEpoch state;
        uint32_t structure; /* as it was when that was looked at */
        uint64_t since;     /* seconds: it is looked at again an hour after this, or when the structure was changed */
        bool accepted; /* the next state that is seen is right */
        bool open;     /* the vault, since it was looked at */
        bool forgotten; /* and what was kept of it */
        VaultEpoch noticed; /* by the word, and not accepted since; its state is CLOSED while there is nothing */

        /* epoch-counter.c */
        EpochCounterState counter;
        VaultEpochCounter word; /* what the word that is kept has of it */
        EpochTold told;
        bool known;     /* what was told is so, and no other than the word says */
        bool accepting; /* what will be told is right */
        bool tried;     /* one was to be made, or removed, since the vault was opened, and it failed */
        uint8_t tag[TPM_TAG_SIZE];
        TpmOperation operation; /* of: */
        TpmCall *call;          /* what the TPM is at; NULL: nothing */
        unsigned n_left;        /* what it is at of before the vault was closed; that comes first */
        VaultEpoch verdict;     /* what came of asking: its state is CLOSED while nothing is amiss */
        char problem[512];      /* one line with the remedy, or "" */
        EpochWait *waits;
};

/* ---- epoch-file.c: where words are ---- */

void epoch_file_name(const Vault *vault, char ret[EPOCH_NAME_SIZE]);
/* *ret NULL: there is none. -errno. */
int epoch_file_read(const Epoch *epoch, const char *name, Secret **ret);
/* Durably. -errno; that there is none is no error. */
int epoch_file_remove(const Epoch *epoch, const char *name);
/* Durably, in place of what is there. -errno. */
int epoch_file_write(const Epoch *epoch, const char *name, const Secret *content);

/* ---- epoch.c ---- */

/* The TPM has answered: says what is amiss, or keeps what can be kept now. */
void epoch_look_again(Daemon *daemon);

/* ---- epoch-counter.c ---- */

/* Of a vault that was unlocked, whose word has `word` (all zeros: nothing): asks the TPM, afterwards. */
void epoch_counter_begin(Daemon *daemon, const VaultEpochCounter *word);
/* Whether a word should be written because the counter can move now. */
bool epoch_counter_wants(const Epoch *epoch, uint64_t now);
/* What a word that is written now has. It is, when epoch_counter_kept() is called. */
VaultEpochCounter epoch_counter_next(const Epoch *epoch, uint64_t now);
/* The word was written: moves the counter, where it comes to more by that. */
void epoch_counter_kept(Daemon *daemon, const VaultEpochCounter *word);
/* The owner takes what is there as right. The word is written then, and epoch_counter_accepted() called. */
void epoch_counter_accept(Epoch *epoch);
void epoch_counter_accepted(Daemon *daemon);
/* The vault got other keys, by which the counter is not known. */
void epoch_counter_rekeyed(Daemon *daemon);
/* The vault was closed, or locked, or is counted no more. */
void epoch_counter_closed(Daemon *daemon);
