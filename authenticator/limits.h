/*
 * Limits of the authenticator, all of them; those that callers meet are in keyfob/authenticator.h
 *
 * What a client may send is bounded here, and so is what one client can make the authenticator keep. Times are
 * milliseconds.
 */
#pragma once

#include "keyfob/authenticator.h"

/* CBOR (CTAP section 8) */
#define CBOR_DEPTH_MAX 4U    /* nesting of maps and arrays, the outermost counted */
#define CBOR_ITEMS_MAX 4096U /* of one request */

/* What getInfo announces (section 6.4) */
#define CREDENTIALS_IN_LIST_MAX 128U /* allowList, excludeList */
#define CREDENTIAL_ID_SIZE      32U  /* bytes of the ids that are made here */
#define CREDENTIALS_DEFAULT     100000U
#define CRED_BLOB_MAX           64U
#define LARGE_BLOB_ARRAY_MAX    16384U
#define LARGE_BLOB_FRAGMENT_MAX (AUTHENTICATOR_MESSAGE_MAX - 64U)
#define MIN_PIN_RP_IDS_MAX      8U
#define PUB_KEY_PARAMS_MAX      64U
#define ASSERTIONS_MAX          255U /* accounts of one relying party that a sign-in offers, the newest */
#define FRIENDLY_NAME_MAX       64U
#define TEMPLATE_ID_MAX         32U

/* PINs and tokens (section 6.5) */
#define PIN_MIN_DEFAULT    4U /* code points */
#define PIN_RETRIES_MAX    8U
#define PIN_SOFT_TRIES     3U /* wrong in a row until a power cycle is wanted */
#define UV_RETRIES_MAX     5U
#define UV_TRIES_AT_ONCE   3U      /* fingers that may fail within one request */
#define TOKEN_INITIAL_TIME 30000U  /* a token must be used for the first time within */
#define TOKEN_USE_TIME     600000U /* and lives at most this long, */
#define TOKEN_PRESENT_TIME 30000U  /* how long it remembers that the person was there */

/* Time (sections 6.3, 6.6) */
#define ENUMERATION_TIME  30000U
#define RESET_WINDOW      10000U
#define PRESENCE_TIME     30000U
#define STORAGE_TIME      120000U
#define KEY_TIME          30000U  /* an external key's work */
#define U2F_PRESENCE_TIME 10000U /* how long a touch waits for the client to ask again */
#define U2F_POLL_TIME     2000U  /* a client that has not asked again for this long has gone */

/* Hosts */
#define HOST_CHANNELS_MAX 16U /* channels with an enumeration or a blob that is being written */

/* CTAPHID (section 11.2) */
#define CTAPHID_CHANNELS_MAX     128U /* of one port; the one unused for longest makes room */
#define CTAPHID_TRANSACTION_TIME 3000U /* until the next report of a message: a client shares the processor with us, and on a busy machine
                                        * half a second between two of its reports is nothing unusual */
#define CTAPHID_KEEPALIVE_TIME   80U  /* at most 100 between two keepalives */
#define CTAPHID_LOCK_MAX         10U  /* seconds */
