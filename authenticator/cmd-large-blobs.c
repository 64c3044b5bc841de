/*
 * authenticatorLargeBlobs (section 6.10): one array of bytes for all relying parties
 *
 * What is in it is encrypted by clients, entry by entry, with keys of the credentials; here it is bytes and a truncated hash at
 * their end. Anybody may read. A write comes in fragments, each of which is permitted on its own; they gather in the
 * channel, and only the complete array that fits its hash replaces the stored one, in one change. So a client that
 * stops, or a second one that writes at the same time, never leaves half of an array behind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "authenticator/pin.h"

#define COMMAND_CODE 0x0c

#define HASH_SIZE  16U /* of the truncated SHA-256 at the array's end */
#define LENGTH_MIN 17U /* an empty CBOR array and the hash */

enum RequestKey {
        KEY_GET = 1,
        KEY_SET = 2,
        KEY_OFFSET = 3,
        KEY_LENGTH = 4,
        KEY_PARAM = 5,
        KEY_PROTOCOL = 6,
};

typedef struct Request {
        const cbor_item_t *get, *length, *mac, *protocol;
        const uint8_t *set;
        size_t set_size;
        uint64_t offset;
} Request;

static int read_request(const cbor_item_t *body, Request *ret)
{
        const cbor_item_t *offset = map_get(body, KEY_OFFSET), *set = map_get(body, KEY_SET);
        Request q = {
                .get = map_get(body, KEY_GET),
                .length = map_get(body, KEY_LENGTH),
                .mac = map_get(body, KEY_PARAM),
                .protocol = map_get(body, KEY_PROTOCOL),
        };
        int r = CTAP_OK;

        if (!offset || !q.get == !set)
                return CTAP1_ERR_INVALID_PARAMETER;
        if (set)
                r = value_bytes(set, 0, AUTHENTICATOR_MESSAGE_MAX, &q.set, &q.set_size);
        if (r == CTAP_OK)
                r = value_uint(offset, UINT64_MAX, &q.offset);
        if (r == CTAP_OK)
                *ret = q;
        return r;
}

static bool fits_hash(const uint8_t *array, size_t size)
{
        uint8_t hash[SHA256_SIZE];

        if (size < LENGTH_MIN)
                return false;
        sha256(array, size - HASH_SIZE, hash);
        return memcmp(hash, array + size - HASH_SIZE, HASH_SIZE) == 0;
}

/* maxFragmentLength goes by the maxMsgSize that this host was told (section 6.10.2). */
static size_t fragment_max(const Transaction *t)
{
        return t->host->message_max > 0 ? t->host->message_max - 64 : LARGE_BLOB_FRAGMENT_MAX;
}

/* ---- reading ---- */

/* The stored array. When there is none, or it is not what was stored, there are no blobs (section 6.10). */
static int load(Authenticator *a, uint8_t ret[LARGE_BLOB_ARRAY_MAX], size_t *ret_size)
{
        uint8_t hash[SHA256_SIZE];
        size_t size = 0;
        int r = AUTHENTICATOR_E_NOT_FOUND;

        if (a->state->blob_number != 0)
                r = a->ops.get(a->userdata, a->state->blob_number, ret, LARGE_BLOB_ARRAY_MAX, &size);
        if (r != 0 && r != AUTHENTICATOR_E_NOT_FOUND && r != AUTHENTICATOR_E_DAMAGED)
                return record_status(r);
        if (r != 0 || !fits_hash(ret, size)) {
                ret[0] = 0x80;
                sha256(ret, 1, hash);
                memcpy(ret + 1, hash, HASH_SIZE);
                size = 1 + HASH_SIZE;
        }
        *ret_size = size;
        return CTAP_OK;
}

static int get(Transaction *t, const Request *q)
{
        _cleanup_free_ uint8_t *array = NULL;
        size_t size = 0, n;
        uint64_t length;
        int r;

        if (q->length || q->mac || q->protocol)
                return CTAP1_ERR_INVALID_PARAMETER;
        r = value_uint(q->get, UINT64_MAX, &length);
        if (r != CTAP_OK)
                return r;
        if (length > fragment_max(t))
                return CTAP1_ERR_INVALID_LENGTH;
        array = malloc(LARGE_BLOB_ARRAY_MAX);
        if (!array)
                return -ENOMEM;
        r = load(t->a, array, &size);
        if (r != CTAP_OK)
                return r;
        if (q->offset > size)
                return CTAP1_ERR_INVALID_PARAMETER;
        n = size - (size_t)q->offset;
        if (n > length)
                n = (size_t)length;
        put_map(&t->reply, 1);
        put_uint(&t->reply, 1);
        put_bytes(&t->reply, array + q->offset, n);
        return CTAP_OK;
}

/* ---- writing ---- */

static void drop_write(Channel *channel)
{
        if (channel->blob)
                explicit_bzero(channel->blob, channel->blob_size);
        free(TAKE_PTR(channel->blob));
        channel->blob_size = channel->blob_expected = 0;
}

/* The length of the array whose fragment this is, when its turn has come. */
static int check_place(const Transaction *t, const Request *q, size_t *ret_expected)
{
        uint64_t length;
        int r;

        if (q->set_size > fragment_max(t))
                return CTAP1_ERR_INVALID_LENGTH;
        if (q->offset > 0) {
                if (q->length)
                        return CTAP1_ERR_INVALID_PARAMETER;
                if (!t->channel->blob || q->offset != t->channel->blob_size)
                        return CTAP1_ERR_INVALID_SEQ;
                *ret_expected = t->channel->blob_expected;
                return CTAP_OK;
        }
        if (!q->length)
                return CTAP1_ERR_INVALID_PARAMETER;
        r = value_uint(q->length, UINT64_MAX, &length);
        if (r != CTAP_OK)
                return r;
        if (length > LARGE_BLOB_ARRAY_MAX)
                return CTAP2_ERR_LARGE_BLOB_STORAGE_FULL;
        if (length < LENGTH_MIN)
                return CTAP1_ERR_INVALID_PARAMETER;
        *ret_expected = (size_t)length;
        return CTAP_OK;
}

static int permit(Transaction *t, const Request *q)
{
        uint8_t message[32 + 2 + 4 + SHA256_SIZE];
        const uint8_t *mac;
        uint64_t protocol;
        size_t mac_size = 0;
        PinToken *token;
        int r;

        if (!authenticator_protected(t->a) && !t->a->state->always_uv)
                return CTAP_OK;
        if (!q->mac)
                return CTAP2_ERR_PUAT_REQUIRED;
        r = value_uint(q->protocol, UINT64_MAX, &protocol);
        if (r == CTAP_OK)
                r = protocol_check(protocol);
        if (r == CTAP_OK)
                r = value_bytes(q->mac, 0, AUTHENTICATOR_MESSAGE_MAX, &mac, &mac_size);
        if (r != CTAP_OK)
                return r;
        memset(message, 0xff, 32);
        message[32] = COMMAND_CODE;
        message[33] = 0;
        for (size_t i = 0; i < 4; i++)
                message[34 + i] = (uint8_t)(q->offset >> 8 * i);
        sha256(q->set, q->set_size, message + 38);
        r = token_check(t->host, protocol, message, sizeof(message), mac, mac_size, &token);
        return r == CTAP_OK ? token_permit(token, PERMISSION_LBW, /* rp_id_hash= */ NULL) : r;
}

static int store(Authenticator *a, const uint8_t *array, size_t size)
{
        const AuthenticatorMark mark = {.kind = MARK_BLOB};
        _cleanup_(change_donep) Change change = {0};
        int r;

        r = change_begin(a, &change);
        if (r == CTAP_OK)
                r = record_status(a->ops.put(a->userdata, &change.state->blob_number, &mark,
                                             change.state->blob_number == 0 ? 1 : 0, array, size));
        if (r == CTAP_OK)
                r = change_commit(&change);
        return r == CTAP2_ERR_KEY_STORE_FULL || r == -ENOSPC ? CTAP2_ERR_LARGE_BLOB_STORAGE_FULL : r;
}

static int set(Transaction *t, const Request *q)
{
        Channel *channel = t->channel;
        size_t expected = 0, size;
        int r;

        r = check_place(t, q, &expected);
        if (r == CTAP_OK)
                r = permit(t, q);
        if (r != CTAP_OK)
                return r;
        if (q->set_size > expected - q->offset)
                return CTAP1_ERR_INVALID_PARAMETER;
        if (q->offset == 0) {
                drop_write(channel);
                channel->blob = malloc(expected);
                if (!channel->blob)
                        return -ENOMEM;
                channel->blob_expected = expected;
        }
        if (q->set_size > 0)
                memcpy(channel->blob + q->offset, q->set, q->set_size);
        size = (size_t)q->offset + q->set_size;
        if (size < expected) {
                channel->blob_size = size;
                return CTAP_OK;
        }
        r = fits_hash(channel->blob, size) ? store(t->a, channel->blob, size) : CTAP2_ERR_INTEGRITY_FAILURE;
        if (r == CTAP2_ERR_OPERATION_PENDING)
                return r; /* this fragment comes again */
        channel->blob_size = size;
        drop_write(channel);
        return r;
}

static int run(Transaction *t)
{
        Request q;
        int r;

        r = read_request(t->body, &q);
        if (r != CTAP_OK)
                return r;
        return q.get ? get(t, &q) : set(t, &q);
}

const Command command_large_blobs = {COMMAND_CODE, COMMAND_STORAGE, run};
