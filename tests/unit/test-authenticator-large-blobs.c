/* authenticatorLargeBlobs: one array for all, read by anybody, replaced as a whole (CTAP 6.10). */
#include <errno.h>

#include "tests/unit/manage-tools.h"

#define COMMAND 0x0c
#define NONE    UINT64_MAX

static const uint8_t empty_array[17] = {0x80, 0x76, 0xbe, 0x8b, 0x52, 0x8d, 0x00, 0x75, 0xf7,
                                        0xaa, 0xe9, 0x8d, 0x6f, 0xa5, 0x7a, 0x6d, 0x3c};

/* ---- a client ---- */

typedef struct Array {
        uint8_t data[LARGE_BLOB_ARRAY_MAX + 1];
        size_t size;
} Array;

/* An array of this size whose bytes depend on `seed`, with its hash. */
static Array make_array(size_t size, uint8_t seed)
{
        Array array = {.size = size};
        uint8_t hash[SHA256_SIZE];

        for (size_t i = 0; i < size - 16; i++)
                array.data[i] = (uint8_t)(seed + i * 7 + i / 251);
        sha256(array.data, size - 16, hash);
        memcpy(array.data + size - 16, hash, 16);
        return array;
}

/* The read of a whole array in fragments; its bytes are checked. */
static void check_array(Fixture *f, const uint8_t *data, size_t size)
{
        size_t at = 0;

        for (;;) {
                cbor_item_t *map = client_map();
                _cleanup_reply_ cbor_item_t *reply = NULL;
                size_t n;

                client_set(map, 1, client_int(LARGE_BLOB_FRAGMENT_MAX));
                client_set(map, 3, client_int((int64_t)at));
                CHECK_EQ(client_send(f, COMMAND, map, &reply), CTAP_OK);
                CHECK_EQ(cbor_map_size(reply), 1);
                n = cbor_bytestring_length(map_get(reply, 1));
                CHECK(at + n <= size);
                CHECK(bytes_are(map_get(reply, 1), data + at, n));
                at += n;
                if (n < LARGE_BLOB_FRAGMENT_MAX)
                        break;
        }
        CHECK_EQ(at, size);
}

static cbor_item_t *fragment_auth(const Token *token, const void *data, size_t size, uint32_t offset)
{
        uint8_t message[70];

        memset(message, 0xff, 32);
        message[32] = 0x0c;
        message[33] = 0;
        for (int i = 0; i < 4; i++)
                message[34 + i] = (uint8_t)(offset >> 8 * i);
        sha256(data, size, message + 38);
        return client_auth(token->protocol, token->bytes, message, sizeof(message));
}

/* length NONE: without. token NULL: without. */
static int set(Fixture *f, const Token *token, const uint8_t *data, size_t size, uint64_t offset, uint64_t length)
{
        cbor_item_t *map = client_map();

        client_set(map, 2, client_bytes(data, size));
        client_set(map, 3, client_int((int64_t)offset));
        if (length != NONE)
                client_set(map, 4, client_int((int64_t)length));
        if (token) {
                client_set(map, 5, fragment_auth(token, data, size, (uint32_t)offset));
                client_set(map, 6, client_int(token->protocol));
        }
        return client_send(f, COMMAND, map, NULL);
}

static int set_array(Fixture *f, const Token *token, const Array *array, size_t fragment)
{
        int r = CTAP1_ERR_OTHER;

        for (size_t at = 0; at < array->size; at += fragment) {
                size_t n = array->size - at < fragment ? array->size - at : fragment;

                r = set(f, token, array->data + at, n, at, at == 0 ? array->size : NONE);
                if (r != CTAP_OK)
                        return r;
        }
        return r;
}

/* ---- reading (6.10.2) ---- */

TEST(without_blobs_there_is_an_empty_array_and_its_hash)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        check_array(f, empty_array, sizeof(empty_array));
}

TEST(zero_bytes_and_what_is_past_the_end_are_empty_strings)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorReply reply;

        CHECK_EQ(fixture_send_hex(f, COMMAND, "a2 01 00 03 00", &reply), CTAP_OK);
        CHECK(reply.size == 3 && memcmp(reply.data, "\xa1\x01\x40", 3) == 0);
        CHECK_EQ(fixture_send_hex(f, COMMAND, "a2 01 05 03 11", &reply), CTAP_OK);
        CHECK(reply.size == 3 && memcmp(reply.data, "\xa1\x01\x40", 3) == 0);
        CHECK_EQ(fixture_send_hex(f, COMMAND, "a2 01 05 03 0f", &reply), CTAP_OK);
        CHECK(reply.size == 5 && memcmp(reply.data, "\xa1\x01\x42\x6d\x3c", 5) == 0);
}

TEST(reading_past_the_array_is_an_invalid_parameter)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        CHECK_EQ(fixture_send_hex(f, COMMAND, "a2 01 05 03 12", NULL), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(fixture_send_hex(f, COMMAND, "a2 01 05 03 1b ffffffffffffffff", NULL), CTAP1_ERR_INVALID_PARAMETER);
}

TEST(more_than_a_fragment_is_an_invalid_length)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(LARGE_BLOB_ARRAY_MAX, 1);

        CHECK_EQ(LARGE_BLOB_FRAGMENT_MAX, 7609 - 64);
        CHECK_EQ(fixture_send_hex(f, COMMAND, "a2 01 19 1d79 03 00", NULL), CTAP_OK);
        CHECK_EQ(fixture_send_hex(f, COMMAND, "a2 01 19 1d7a 03 00", NULL), CTAP1_ERR_INVALID_LENGTH);
        CHECK_EQ(fixture_send_hex(f, COMMAND, "a2 01 1b ffffffffffffffff 03 00", NULL), CTAP1_ERR_INVALID_LENGTH);
        CHECK_EQ(set(f, NULL, array.data, LARGE_BLOB_FRAGMENT_MAX, 0, array.size), CTAP_OK);
        CHECK_EQ(set(f, NULL, array.data, LARGE_BLOB_FRAGMENT_MAX + 1, 0, array.size), CTAP1_ERR_INVALID_LENGTH);
}

/* On a way that loses what is longer, a reply of more would never come. */
TEST(a_fragment_goes_by_the_message_size_that_the_host_was_told)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(3000, 1);

        CHECK_EQ(set_array(f, NULL, &array, array.size), CTAP_OK);
        authenticator_host_limit(f->host, 1500);
        CHECK_EQ(fixture_send_hex(f, COMMAND, "a2 01 19 059c 03 00", NULL), CTAP_OK); /* 1436 */
        CHECK_EQ(fixture_send_hex(f, COMMAND, "a2 01 19 059d 03 00", NULL), CTAP1_ERR_INVALID_LENGTH);
        CHECK_EQ(set(f, NULL, array.data, 1437, 0, array.size), CTAP1_ERR_INVALID_LENGTH);
        CHECK_EQ(set_array(f, NULL, &array, 1436), CTAP_OK);
}

TEST(offset_and_exactly_one_of_get_and_set_are_wanted)
{
        static const char *const bad[] = {
                "a0",                /* nothing */
                "a1 03 00",          /* neither */
                "a1 01 00",          /* no offset */
                "a2 02 40 04 11",    /* no offset */
                "a3 01 00 02 40 03 00", /* both */
                "a3 01 00 03 00 04 11", /* get with length, */
                "a3 01 00 03 00 05 40", /* pinUvAuthParam, */
                "a3 01 00 03 00 06 02", /* pinUvAuthProtocol */
        };
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                CHECK_EQ(fixture_send_hex(f, COMMAND, bad[i], NULL), CTAP1_ERR_INVALID_PARAMETER);
}

TEST(members_have_their_types)
{
        static const char *const bad[] = {
                "a2 01 40 03 00", "a2 01 20 03 00", "a2 01 00 03 61 30", "a2 01 00 03 20", "a3 02 61 30 03 00 04 11",
                "a3 02 40 03 00 04 40",
        };
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                CHECK_EQ(fixture_send_hex(f, COMMAND, bad[i], NULL), CTAP2_ERR_CBOR_UNEXPECTED_TYPE);
}

/* ---- writing ---- */

TEST(an_array_is_written_at_once_or_in_fragments_and_stays)
{
        static const size_t sizes[] = {17, 18, 100, 1024, LARGE_BLOB_FRAGMENT_MAX, LARGE_BLOB_ARRAY_MAX};
        static const size_t fragments[] = {LARGE_BLOB_FRAGMENT_MAX, 1000, 77};
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                for (size_t k = 0; k < ELEMENTSOF(fragments); k++) {
                        Array array = make_array(sizes[i], (uint8_t)(i + 10 * k));

                        CHECK_EQ(set_array(f, NULL, &array, fragments[k]), CTAP_OK);
                        check_array(f, array.data, array.size);
                        fixture_restart(f);
                        check_array(f, array.data, array.size);
                        CHECK_EQ(fixture_count(f, MARK_BLOB, NULL), 1);
                }
}

TEST(a_part_of_the_array_can_be_read)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        _cleanup_reply_ cbor_item_t *reply = NULL;
        Array array = make_array(400, 3);
        cbor_item_t *map = client_map();

        CHECK_EQ(set_array(f, NULL, &array, 400), CTAP_OK);
        client_set(map, 1, client_int(200));
        client_set(map, 3, client_int(100));
        CHECK_EQ(client_send(f, COMMAND, map, &reply), CTAP_OK);
        CHECK(bytes_are(map_get(reply, 1), array.data + 100, 200));
}

TEST(the_length_comes_with_the_first_fragment_only)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(100, 3);

        CHECK_EQ(set(f, NULL, array.data, 50, 0, NONE), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(set(f, NULL, array.data, 50, 0, 100), CTAP_OK);
        CHECK_EQ(set(f, NULL, array.data + 50, 50, 50, 100), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(set(f, NULL, array.data + 50, 50, 50, NONE), CTAP_OK);
}

TEST(a_length_below_17_is_invalid_and_above_the_maximum_is_storage_full)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(100, 3);

        CHECK_EQ(set(f, NULL, array.data, 16, 0, 0), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(set(f, NULL, array.data, 16, 0, 16), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(set(f, NULL, array.data, 16, 0, 17), CTAP_OK);
        CHECK_EQ(set(f, NULL, array.data, 16, 0, LARGE_BLOB_ARRAY_MAX), CTAP_OK);
        CHECK_EQ(set(f, NULL, array.data, 16, 0, LARGE_BLOB_ARRAY_MAX + 1), CTAP2_ERR_LARGE_BLOB_STORAGE_FULL);
        CHECK_EQ(set(f, NULL, array.data, 16, 0, UINT64_MAX / 2), CTAP2_ERR_LARGE_BLOB_STORAGE_FULL);
}

TEST(a_fragment_out_of_its_turn_is_an_invalid_sequence)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(100, 3);

        CHECK_EQ(set(f, NULL, array.data + 50, 50, 50, NONE), CTAP1_ERR_INVALID_SEQ); /* none was begun */
        CHECK_EQ(set(f, NULL, array.data, 50, 0, 100), CTAP_OK);
        CHECK_EQ(set(f, NULL, array.data + 51, 49, 51, NONE), CTAP1_ERR_INVALID_SEQ);
        CHECK_EQ(set(f, NULL, array.data + 49, 51, 49, NONE), CTAP1_ERR_INVALID_SEQ);
        CHECK_EQ(set(f, NULL, array.data + 50, 50, UINT64_C(0x100000000) + 50, NONE), CTAP1_ERR_INVALID_SEQ);
        CHECK_EQ(set(f, NULL, array.data + 50, 50, 50, NONE), CTAP_OK);
        CHECK_EQ(set(f, NULL, array.data + 50, 50, 50, NONE), CTAP1_ERR_INVALID_SEQ); /* it is complete */
        check_array(f, array.data, array.size);
}

TEST(more_than_was_announced_is_an_invalid_parameter)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(100, 3);

        CHECK_EQ(set(f, NULL, array.data, 100, 0, 99), CTAP1_ERR_INVALID_PARAMETER);
        CHECK_EQ(set(f, NULL, array.data, 50, 0, 99), CTAP_OK);
        CHECK_EQ(set(f, NULL, array.data + 50, 50, 50, NONE), CTAP1_ERR_INVALID_PARAMETER);
        check_array(f, empty_array, sizeof(empty_array));
}

TEST(a_hash_that_does_not_fit_is_an_integrity_failure_and_keeps_the_old_array)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(100, 3), bad = make_array(100, 4);

        CHECK_EQ(set_array(f, NULL, &array, 40), CTAP_OK);
        bad.data[99] ^= 1;
        CHECK_EQ(set_array(f, NULL, &bad, 40), CTAP2_ERR_INTEGRITY_FAILURE);
        check_array(f, array.data, array.size);
        CHECK_EQ(set(f, NULL, bad.data, 1, 99, NONE), CTAP1_ERR_INVALID_SEQ);
        bad.data[99] ^= 1;
        bad.data[0] ^= 1;
        CHECK_EQ(set_array(f, NULL, &bad, 100), CTAP2_ERR_INTEGRITY_FAILURE);
        check_array(f, array.data, array.size);
}

TEST(nothing_is_stored_before_the_array_is_complete)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(300, 3);
        unsigned n_writes = f->n_writes;

        CHECK_EQ(set(f, NULL, array.data, 299, 0, 300), CTAP_OK);
        CHECK_EQ(f->n_writes, n_writes);
        check_array(f, empty_array, sizeof(empty_array));
        CHECK_EQ(set(f, NULL, array.data + 299, 1, 299, NONE), CTAP_OK);
        check_array(f, array.data, array.size);
}

TEST(a_first_fragment_begins_anew)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(300, 3), other = make_array(400, 9);

        CHECK_EQ(set(f, NULL, array.data, 200, 0, 300), CTAP_OK);
        CHECK_EQ(set_array(f, NULL, &other, 100), CTAP_OK);
        check_array(f, other.data, other.size);
}

/* ---- who may write ---- */

TEST(without_a_pin_nobody_is_asked_for_a_token)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(100, 3);

        CHECK_EQ(set_array(f, NULL, &array, 100), CTAP_OK);
        CHECK_EQ(f->n_asked, 0);
}

TEST(with_a_pin_or_always_uv_writing_wants_a_token)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL), *g = fixture_new(NULL);
        Array array = make_array(100, 3);
        Token token;

        CHECK_EQ(client_pin_set(f, 2, PIN), CTAP_OK);
        CHECK_EQ(set_array(f, NULL, &array, 100), CTAP2_ERR_PUAT_REQUIRED);
        check_array(f, empty_array, sizeof(empty_array)); /* reading does not */
        CHECK_EQ(fixture_send_hex(g, 0x0d, "a1 01 02", NULL), CTAP_OK); /* alwaysUv */
        CHECK_EQ(set_array(g, NULL, &array, 100), CTAP2_ERR_PUAT_REQUIRED);
        for (unsigned protocol = 1; protocol <= 2; protocol++) {
                token = get_token(f, protocol, PERMISSION_LBW, NULL);
                array = make_array(100, (uint8_t)protocol);
                CHECK_EQ(set_array(f, &token, &array, 30), CTAP_OK);
                check_array(f, array.data, array.size);
        }
}

static void with_finger(Fixture *f)
{
        f->fingerprints = true;
        f->enrolled = 1;
}

TEST(with_a_finger_writing_wants_a_token)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(with_finger);
        Array array = make_array(100, 3);

        CHECK_EQ(set_array(f, NULL, &array, 100), CTAP2_ERR_PUAT_REQUIRED);
}

TEST(the_token_must_have_lbw_and_each_fragment_its_own_proof)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(100, 3);
        cbor_item_t *map;
        Token token;

        token = set_pin(f, PERMISSION_CM | PERMISSION_ACFG);
        CHECK_EQ(set_array(f, &token, &array, 100), CTAP2_ERR_PIN_AUTH_INVALID);
        token = get_token(f, 2, PERMISSION_LBW | PERMISSION_CM, "a.example"); /* the RP does not matter */
        CHECK_EQ(set(f, &token, array.data, 50, 0, 100), CTAP_OK);
        CHECK_EQ(set(f, NULL, array.data + 50, 50, 50, NONE), CTAP2_ERR_PUAT_REQUIRED);
        /* the proof of another offset, of other bytes, of no protocol, of one that there isn't */
        for (int i = 0; i < 4; i++) {
                map = client_map();
                client_set(map, 2, client_bytes(array.data + 50, 50));
                client_set(map, 3, client_int(50));
                client_set(map, 5, fragment_auth(&token, array.data + (i == 1 ? 49 : 50), 50, i == 0 ? 0 : 50));
                if (i != 2)
                        client_set(map, 6, client_int(i == 3 ? 3 : 2));
                CHECK_EQ(client_send(f, COMMAND, map, NULL),
                         i < 2 ? CTAP2_ERR_PIN_AUTH_INVALID : i == 2 ? CTAP2_ERR_MISSING_PARAMETER : CTAP1_ERR_INVALID_PARAMETER);
        }
        CHECK_EQ(set(f, &token, array.data + 50, 50, 50, NONE), CTAP_OK);
        check_array(f, array.data, array.size);
}

TEST(who_may_not_write_does_not_disturb_a_write)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(100, 3), other = make_array(90, 4);
        Token token = set_pin(f, PERMISSION_LBW);

        CHECK_EQ(set(f, &token, array.data, 50, 0, 100), CTAP_OK);
        CHECK_EQ(set(f, NULL, other.data, 10, 0, 90), CTAP2_ERR_PUAT_REQUIRED);
        CHECK_EQ(set(f, &token, array.data + 50, 50, 50, NONE), CTAP_OK);
        check_array(f, array.data, array.size);
}

/* ---- channels, storage ---- */

TEST(each_channel_has_a_write_of_its_own_and_the_last_one_counts)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        AuthenticatorHost *first = f->host, *second = NULL;
        Array a = make_array(100, 1), b = make_array(200, 2), c = make_array(300, 3);

        CHECK_EQ(authenticator_host_new(f->a, f, &second), 0);
        CHECK_EQ(set(f, NULL, a.data, 50, 0, 100), CTAP_OK);
        f->channel = 2;
        CHECK_EQ(set(f, NULL, b.data + 50, 150, 50, NONE), CTAP1_ERR_INVALID_SEQ);
        CHECK_EQ(set(f, NULL, b.data, 50, 0, 200), CTAP_OK);
        f->host = second;
        CHECK_EQ(set(f, NULL, c.data, 50, 0, 300), CTAP_OK);
        CHECK_EQ(set(f, NULL, c.data + 50, 250, 50, NONE), CTAP_OK);
        check_array(f, c.data, c.size);
        f->host = first;
        CHECK_EQ(set(f, NULL, b.data + 50, 150, 50, NONE), CTAP_OK);
        check_array(f, b.data, b.size);
        f->channel = 1;
        check_array(f, b.data, b.size);
        CHECK_EQ(set(f, NULL, a.data + 50, 50, 50, NONE), CTAP_OK);
        check_array(f, a.data, a.size);
        CHECK_EQ(set(f, NULL, a.data, 50, 0, 100), CTAP_OK);
        authenticator_host_drop_channel(f->host, 1);
        CHECK_EQ(set(f, NULL, a.data + 50, 50, 50, NONE), CTAP1_ERR_INVALID_SEQ);
        (void)authenticator_host_free(second);
}

TEST(a_storage_failure_anywhere_keeps_the_old_array)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array old = make_array(100, 1), new = make_array(200, 2);
        int r = CTAP1_ERR_OTHER;

        CHECK_EQ(set_array(f, NULL, &old, 100), CTAP_OK);
        for (unsigned at = 1; r != CTAP_OK; at++) {
                CHECK(at < 20);
                CHECK_EQ(set(f, NULL, new.data, 100, 0, 200), CTAP_OK);
                f->fail_at = at;
                r = set(f, NULL, new.data + 100, 100, 100, NONE);
                if (r == CTAP_OK)
                        break;
                f->fail_at = 0;
                CHECK_EQ(r, CTAP1_ERR_OTHER);
                check_array(f, old.data, old.size);
                CHECK_EQ(set(f, NULL, new.data + 100, 100, 100, NONE), CTAP1_ERR_INVALID_SEQ);
        }
        f->fail_at = 0;
        check_array(f, new.data, new.size);
}

static int full_put(void *userdata, uint64_t *number, const AuthenticatorMark *marks, size_t n_marks, const void *data,
                    size_t size)
{
        return AUTHENTICATOR_E_FULL;
}

TEST(storage_that_is_full_is_large_blob_storage_full)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(100, 1);

        f->a->ops.put = full_put;
        CHECK_EQ(set_array(f, NULL, &array, 100), CTAP2_ERR_LARGE_BLOB_STORAGE_FULL);
}

static int (*commit)(void *userdata);
static unsigned n_locked;

static int locked_commit(void *userdata)
{
        return n_locked-- > 0 ? AUTHENTICATOR_E_LOCKED : commit(userdata);
}

TEST(a_lock_in_the_middle_of_a_write_is_opened_and_the_fragment_counts_once)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(200, 1);

        CHECK_EQ(set(f, NULL, array.data, 100, 0, 200), CTAP_OK);
        f->locked = true;
        authenticator_forget(f->a);
        f->n_asked = 0;
        CHECK_EQ(set(f, NULL, array.data + 100, 50, 100, NONE), CTAP_OK);
        CHECK_EQ(f->n_asked, 1);
        commit = f->a->ops.commit;
        f->a->ops.commit = locked_commit;
        n_locked = 1;
        CHECK_EQ(set(f, NULL, array.data + 150, 50, 150, NONE), CTAP_OK);
        check_array(f, array.data, array.size);
}

TEST(a_damaged_array_is_an_empty_one_and_can_be_replaced)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(200, 1);
        size_t size = 0;

        CHECK_EQ(set_array(f, NULL, &array, 200), CTAP_OK);
        fixture_record(f, f->a->state->blob_number, &size)[20] ^= 1;
        check_array(f, empty_array, sizeof(empty_array));
        array = make_array(300, 2);
        CHECK_EQ(set_array(f, NULL, &array, 200), CTAP_OK);
        check_array(f, array.data, array.size);
}

TEST(a_storage_failure_while_reading_is_an_error)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(200, 1);

        CHECK_EQ(set_array(f, NULL, &array, 200), CTAP_OK);
        f->fail_at = 1;
        CHECK_EQ(fixture_send_hex(f, COMMAND, "a2 01 05 03 00", NULL), CTAP1_ERR_OTHER);
        check_array(f, array.data, array.size);
}

TEST(a_reset_empties_the_array)
{
        _cleanup_(fixture_freep) Fixture *f = fixture_new(NULL);
        Array array = make_array(200, 1);

        CHECK_EQ(set_array(f, NULL, &array, 200), CTAP_OK);
        authenticator_power_cycle(f->a);
        CHECK_EQ(fixture_send(f, "\x07", 1, NULL), CTAP_OK);
        check_array(f, empty_array, sizeof(empty_array));
        CHECK_EQ(fixture_count(f, MARK_BLOB, NULL), 0);
        CHECK_EQ(set_array(f, NULL, &array, 200), CTAP_OK);
        check_array(f, array.data, array.size);
}

TEST_MAIN
