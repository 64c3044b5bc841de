/*
 * HELPER_TPM: keys and counters inside a TPM 2.0, as the daemon asks for them
 *
 * The body of a request is u8 operation (TpmOperation), string TCTI (as tpm2-tools write it; "": the kernel's resource
 * manager /dev/tpmrm0), and its fields:
 *
 *   TPM_INFO      -> string manufacturer, string firmware, u8 curves (bits 1 << TpmCurve), u8 1 in lockout, u32
 * seconds until the lockout gives back a try. It also tries what making a key needs. TPM_MAKE      u8 use (TpmUse), u8
 * curve (TpmCurve), raw(32) auth
 *                 -> blob parent, blob public, blob private, blob x ‖ y of the public point
 *   TPM_SIGN      blob key, blob digest (as long as the curve's hash) -> blob r ‖ s, each as long as a coordinate
 *   TPM_EXCHANGE  blob key, blob x ‖ y of a point -> blob x of the shared point
 *   TPM_MAKE_BOUND u8 TPM_PIN or 0, u32 registers, raw(32) auth -> as TPM_MAKE, of a key on P-256 to exchange
 *   TPM_EXCHANGE_BOUND u8 TPM_PIN or 0, u32 registers, blob key, blob x ‖ y -> blob x of the shared point
 * The last two are about a key that is of use only while PCRs (bits of the bank SHA-256) have the values that they had when it was
 * made, and, with TPM_PIN, whose wrong authorizations the TPM counts.
 *
 * A key is u8 1 (TPM_KEY_VERSION) ‖ raw(32) auth ‖ blob parent ‖ blob public ‖ blob private: `auth` is the asker's,
 * the rest as TPM_MAKE gave it. It is of use in that TPM alone, to who has it; what it protects is not in it.
 *
 * The counters are NV indices that only go up, each with a note beside it (one handle on) that says when it went up last. They are
 * known by a tag, which is in the policy field of both, and are read and moved by who knows their authorization value:
 *
 *   TPM_COUNTER_READ   raw(32) tag, raw(32) auth, u32 handle (0: looks for it)
 *   TPM_COUNTER_MAKE   raw(32) tag, raw(32) auth, u64 seconds; in place of what there is by that tag
 *   TPM_COUNTER_MOVE   raw(32) tag, raw(32) auth, u32 handle, u64 count, u64 seconds; moves it when it is one below that, and else not
 *     -> u32 handle (0: there is none by that tag), u64 count, u8 1 when it was made and never moved, u64 count and u64 seconds of the
 *        note (0: not known), blob name of the storage root key (empty: unknown, or not looked at, because there is a counter)
 *   TPM_COUNTER_REMOVE raw(32) tag, u32 handle -> nothing; nor is it an error that there is none
 *
 * READ and MOVE fail with TPM_PROBLEM_FOREIGN when what is there has another value.
 *
 * Failures are HELPER_FAILED, string why (one line with the remedy), u8 TpmProblem.
 */
#pragma once

#include <stdint.h>

#define TPM_KEY_VERSION    1U
#define TPM_AUTH_SIZE      32U
#define TPM_PARENT_MAX     66U  /* a name: hash algorithm and digest */
#define TPM_PUBLIC_MAX     256U /* of an elliptic curve; as TPM2B */
#define TPM_PRIVATE_MAX    512U
#define TPM_COORDINATE_MAX 48U
#define TPM_KEY_MAX        900U
#define TPM_TCTI_MAX       256U
#define TPM_TEXT_MAX       64U
#define TPM_PIN            1U
#define TPM_PCRS           24U /* registers that can be named */
#define TPM_TAG_SIZE       32U
/* Where counters are: of the handles that the TCG leaves to owners ("Registry of Reserved TPM 2.0 Handles and Localities") the even
 * ones; notes are at the odd ones. */
#define TPM_COUNTER_FIRST 0x01800000U
#define TPM_COUNTER_LAST  0x01bffffeU
/* No request takes longer: a TPM that says nothing for so long is given up. */
#define TPM_SECONDS_MAX 30U

typedef enum TpmOperation {
        TPM_INFO = 1,
        TPM_MAKE = 2,
        TPM_SIGN = 3,
        TPM_EXCHANGE = 4,
        TPM_MAKE_BOUND = 5,
        TPM_EXCHANGE_BOUND = 6,
        TPM_COUNTER_READ = 7,
        TPM_COUNTER_MAKE = 8,
        TPM_COUNTER_MOVE = 9,
        TPM_COUNTER_REMOVE = 10,
} TpmOperation;

typedef enum TpmUse {
        TPM_TO_SIGN = 1,
        TPM_TO_EXCHANGE = 2,
} TpmUse;

typedef enum TpmCurve {
        TPM_P256 = 1, /* with SHA-256 */
        TPM_P384 = 2, /* with SHA-384 */
} TpmCurve;

typedef enum TpmProblem {
        TPM_PROBLEM_FAILED = 1,    /* anything else */
        TPM_PROBLEM_NONE_HERE,     /* no TPM */
        TPM_PROBLEM_NOT_PERMITTED, /* there is one, and we may not use it */
        TPM_PROBLEM_BUSY,          /* try again */
        TPM_PROBLEM_LOCKOUT,       /* too many wrong authorizations, by whomever */
        TPM_PROBLEM_FOREIGN,       /* the key is of another TPM, or of this one before it was cleared */
        TPM_PROBLEM_OWNER_AUTH,    /* its owner hierarchy has a password, and there is no storage root key */
        TPM_PROBLEM_UNSUPPORTED,   /* it can't do that curve */
        TPM_PROBLEM_NOT_BUILT,     /* built without TPM */
        TPM_PROBLEM_WRONG_PIN,
        TPM_PROBLEM_REGISTERS,     /* PCRs have other values */
        TPM_PROBLEM_FULL,          /* it has no room for one more index */
        _TPM_PROBLEM_MAX,
} TpmProblem;

struct Request;
struct ByteWriter;

/* Writes the whole reply. */
void tpm(const struct Request *request, struct ByteWriter *reply);
