/*
 * SlotTpm: the TPM's part of a slot
 */
#pragma once

#include "common/secret.h"
#include "crypto/blind.h"
#include "daemon/tpm.h"
#include "store/slot.h"

/* The authorization value that a PIN makes. -ENOMEM. */
int slot_tpm_auth(const SlotTpm2 *tpm2, const Secret *pin, uint8_t ret[TPM_AUTH_SIZE]);

/* The fields of TPM_EXCHANGE_BOUND, and what takes the answer apart. `pin` when tpm2->pin. -EBADMSG: the slot's key is none. */
int slot_tpm_question(const SlotTpm2 *tpm2, const Secret *pin, ByteWriter *ret_fields, Blind **ret_blind);
/* The secret that opens the slot. -EBADMSG. */
int slot_tpm_answer(const Blind *blind, ByteReader *fields, Secret **ret);

/* The name of the D-Bus error that goes with a problem of the TPM's. */
const char *slot_tpm_error_name(TpmProblem problem);
