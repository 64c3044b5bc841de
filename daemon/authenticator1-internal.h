/*
 * org.keyfob.Authenticator1 by file
 */
#pragma once

#include "daemon/ctap-internal.h"
#include "daemon/store1-internal.h"

/* Ends a step with a CTAP status: CTAP_OK answers the call with nothing, everything else is the error. For `waiting`,
 * who the log says did it. */
int authenticator1_finish(Waiting *waiting, int status, sd_bus_error *error);
/* Between these, what is changed is logged as this caller's. */
void authenticator1_act(CtapClient *actor, const Waiting *waiting);
void authenticator1_acted(const Waiting *waiting);

/* waiting_unlock(), and what the TPM seals is open, too. */
int authenticator1_unlock(Waiting *waiting, const char *message, WaitingNext next, sd_bus_error *error);
/* The next step after waiting_open() for a fresh root, which proves the owner: sees that the vault is unlocked and
 * storage open, then runs `next`. As a step. */
int authenticator1_proved(Waiting *waiting, WaitingNext next, sd_bus_error *error);
/* Only the vault. 0, or a negative errno with `error` set. */
int authenticator1_unlock_proved(Waiting *waiting, sd_bus_error *error);

/* A question of presence to the caller's person. */
int authenticator1_ask(Waiting *waiting, const char *title, const char *message, WaitingNext next);

/* authenticator1-info.c */
int authenticator1_get_info(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* authenticator1-pin.c */
int authenticator1_set_pin(sd_bus_message *m, void *userdata, sd_bus_error *error);
int authenticator1_change_pin(sd_bus_message *m, void *userdata, sd_bus_error *error);
int authenticator1_reset_pin(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* authenticator1-passkeys.c */
int authenticator1_list_passkeys(sd_bus_message *m, void *userdata, sd_bus_error *error);
int authenticator1_rename_passkey(sd_bus_message *m, void *userdata, sd_bus_error *error);
int authenticator1_delete_passkey(sd_bus_message *m, void *userdata, sd_bus_error *error);
int authenticator1_undelete_passkey(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* An entry of an a{sv}. */
int authenticator1_append_bytes(sd_bus_message *m, const char *key, const void *data, size_t size);

/* authenticator1-fingers.c */
int authenticator1_list_fingers(sd_bus_message *m, void *userdata, sd_bus_error *error);
int authenticator1_enroll_finger(sd_bus_message *m, void *userdata, sd_bus_error *error);
int authenticator1_rename_finger(sd_bus_message *m, void *userdata, sd_bus_error *error);
int authenticator1_delete_finger(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* authenticator1-policy.c */

/* What SetPolicy is to change; -1: nothing. */
struct PolicyWish {
        int keys, seal, always_uv, enterprise, attestation;
        int32_t algorithms[AUTHENTICATOR_ALGORITHMS_MAX];
        size_t n_algorithms; /* 0: nothing */

        /* The seal that is being made. */
        uint8_t auth[TPM_AUTH_SIZE];
        uint8_t device[32];
        ByteWriter params;
};

int authenticator1_get_policy(sd_bus_message *m, void *userdata, sd_bus_error *error);
int authenticator1_set_policy(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* authenticator1-seal.c: steps. What a seal needs of the TPM, if one is wished, then `next`. */
int authenticator1_seal_prepare(Waiting *waiting, WaitingNext next, sd_bus_error *error);
/* The last one of SetPolicy: changes the seal if that is wished, and answers. */
int authenticator1_seal(Waiting *waiting, sd_bus_error *error);
/* For a fresh root: gives up what the TPM does not open, then runs `next`. */
int authenticator1_abandon(Waiting *waiting, WaitingNext next, sd_bus_error *error);
