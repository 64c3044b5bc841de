/* CTAPHID: channels, messages, locks, cancelling and keepalives, rule by rule */
#include "tests/unit/ctaphid-tools.h"

/* ---- INIT ---- */

TEST(init_allocates_a_fresh_channel)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        CHECK(a != b && a != 0 && b != 0 && a != CTAPHID_BROADCAST && b != CTAPHID_BROADCAST);
        ping(d, a, 3);
        ping(d, b, 3);
}

TEST(init_reply_says_what_the_device_is)
{
        DEVICE(d);
        const Message *m;

        send_all(d, CTAPHID_BROADCAST, CTAPHID_INIT, nonce, 8);
        m = expect(d, CTAPHID_BROADCAST, CTAPHID_INIT, 17);
        CHECK(memcmp(m->data, nonce, 8) == 0);
        CHECK_EQ(m->data[12], 2);
        CHECK(memcmp(m->data + 13, (const uint8_t[]){1, 2, 3}, 3) == 0);
        CHECK_EQ(m->data[16], CTAPHID_CAN_WINK | CTAPHID_CAN_CBOR); /* and not NMSG: U2F is there */
}

TEST(init_without_a_wink_does_not_announce_it)
{
        DEVICE(d);

        d->ops.wink = NULL;
        send_all(d, CTAPHID_BROADCAST, CTAPHID_INIT, nonce, 8);
        CHECK_EQ(expect(d, CTAPHID_BROADCAST, CTAPHID_INIT, 17)->data[16], CTAPHID_CAN_CBOR);
}

TEST(init_never_gives_a_reserved_or_used_channel)
{
        DEVICE(d);
        uint32_t a;

        d->random = 0;
        a = channel(d); /* 0 is skipped */
        CHECK_EQ(a, 1);
        d->random = CTAPHID_BROADCAST;
        CHECK_EQ(channel(d), 2); /* 0xffffffff, 0, 1 are skipped */
}

TEST(init_without_random_bytes_fails)
{
        DEVICE(d);

        d->random_fails = true;
        send_all(d, CTAPHID_BROADCAST, CTAPHID_INIT, nonce, 8);
        expect_error(d, CTAPHID_BROADCAST, CTAP1_ERR_OTHER);
        d->random_fails = false;
        d->random_stuck = true;
        (void)channel(d);
        send_all(d, CTAPHID_BROADCAST, CTAPHID_INIT, nonce, 8); /* the same name again and again */
        expect_error(d, CTAPHID_BROADCAST, CTAP1_ERR_OTHER);
}

TEST(init_of_the_wrong_size_is_refused)
{
        DEVICE(d);

        send_all(d, CTAPHID_BROADCAST, CTAPHID_INIT, nonce, 7);
        expect_error(d, CTAPHID_BROADCAST, CTAP1_ERR_INVALID_LENGTH);
        send_first(d, CTAPHID_BROADCAST, CTAPHID_INIT, 100, nonce, 8);
        expect_error(d, CTAPHID_BROADCAST, CTAP1_ERR_INVALID_LENGTH);
        send_all(d, channel(d), CTAPHID_INIT, nonce, 0);
        expect_error(d, 0x10000001, CTAP1_ERR_INVALID_LENGTH);
}

TEST(init_resyncs_a_channel_that_assembles)
{
        DEVICE(d);
        uint32_t a = channel(d);

        begin_message(d, a);
        send_all(d, a, CTAPHID_INIT, nonce, 8);
        CHECK_EQ(be32(expect(d, a, CTAPHID_INIT, 17)->data + 8), a);
        CHECK_EQ(ctaphid_deadline(&d->h), UINT64_MAX);
        send_next(d, a, 0, nonce, 8); /* what was left of it */
        expect_nothing(d);
        ping(d, a, 200);
        CHECK_EQ(d->n_drops, 1);
}

TEST(init_aborts_a_pending_request_silently)
{
        DEVICE(d);
        uint32_t a = channel(d);

        begin_request(d, a);
        send_all(d, a, CTAPHID_INIT, nonce, 8);
        (void)expect(d, a, CTAPHID_INIT, 17);
        CHECK_EQ(d->n_drops, 1);
        CHECK_EQ(d->dropped, a);
        ctaphid_reply(&d->h, nonce, 8); /* too late */
        ctaphid_fail(&d->h, CTAP1_ERR_OTHER);
        d->now += 1000;
        ctaphid_tick(&d->h, d->now);
        expect_nothing(d);
}

TEST(init_of_another_channel_leaves_a_transaction_alone)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        begin_request(d, a);
        (void)channel(d);
        send_all(d, b, CTAPHID_INIT, nonce, 8);
        (void)expect(d, b, CTAPHID_INIT, 17);
        CHECK_EQ(d->dropped, b);
        ctaphid_reply(&d->h, nonce, 8);
        (void)expect(d, a, CTAPHID_CBOR, 8);
}

TEST(init_makes_room_by_ending_the_one_unused_for_longest)
{
        DEVICE(d);
        uint32_t first = channel(d), second = channel(d);

        for (unsigned i = 2; i < CTAPHID_CHANNELS_MAX; i++)
                (void)channel(d);
        CHECK_EQ(d->n_drops, 0);
        d->seen = d->n_out = 0;
        ping(d, first, 1);
        (void)channel(d);
        CHECK_EQ(d->n_drops, 1);
        CHECK_EQ(d->dropped, second);
        ping(d, first, 1);
        send_all(d, second, CTAPHID_PING, nonce, 8);
        expect_error(d, second, CTAP1_ERR_INVALID_CHANNEL);
}

TEST(init_makes_no_room_by_ending_one_in_use)
{
        DEVICE(d);
        uint32_t pending = channel(d), locked = channel(d), third = channel(d);

        begin_request(d, pending);
        d->h.lock.cid = locked; /* as if it had been taken before */
        d->h.lock.until = d->now + 1000;
        for (unsigned i = 3; i < CTAPHID_CHANNELS_MAX; i++) {
                (void)channel(d);
                d->seen = d->n_out = 0;
        }
        (void)channel(d);
        CHECK_EQ(d->dropped, third);
        ctaphid_reply(&d->h, nonce, 1);
        (void)expect(d, pending, CTAPHID_CBOR, 1);
        ping(d, locked, 1);
}

TEST(a_thousand_channels_leave_nothing_behind)
{
        DEVICE(d);

        for (unsigned i = 0; i < 1000; i++) {
                uint32_t cid = channel(d);

                begin_message(d, cid);
                send_all(d, cid, CTAPHID_INIT, nonce, 8);
                (void)expect(d, cid, CTAPHID_INIT, 17);
                d->seen = d->n_out = 0;
        }
        CHECK_EQ(d->h.n_channels, CTAPHID_CHANNELS_MAX);
        CHECK(!d->h.incoming.data);
        CHECK_EQ(ctaphid_deadline(&d->h), UINT64_MAX);
}

/* ---- PING, CBOR, MSG, WINK ---- */

TEST(ping_echoes_any_size)
{
        static const size_t sizes[] = {0, 1, 56, 57, 58, 116, 117, 1024, 7608, 7609};
        DEVICE(d);
        uint32_t a = channel(d);

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                ping(d, a, sizes[i]);
        CHECK_EQ(d->n_messages, 0);
}

TEST(the_largest_message_takes_128_continuations)
{
        DEVICE(d);
        uint8_t data[AUTHENTICATOR_MESSAGE_MAX];
        uint32_t a = channel(d);
        unsigned before = d->n_reports;

        d->reply = true;
        fill(data, sizeof(data));
        send_all(d, a, CTAPHID_CBOR, data, sizeof(data));
        CHECK(memcmp(expect(d, a, CTAPHID_CBOR, sizeof(data))->data, data, sizeof(data)) == 0);
        CHECK_EQ(d->n_reports - before, 129);
        CHECK_EQ(d->message_size, sizeof(data));
        CHECK(memcmp(d->message, data, sizeof(data)) == 0);
}

TEST(cbor_and_msg_are_handed_on_and_answered)
{
        DEVICE(d);
        uint32_t a = channel(d);

        d->reply = true;
        send_all(d, a, CTAPHID_CBOR, nonce, 3);
        CHECK_EQ(d->message_command, CTAPHID_CBOR);
        CHECK_EQ(d->message_cid, a);
        (void)expect(d, a, CTAPHID_CBOR, 3);
        send_all(d, a, CTAPHID_MSG, nonce, 5);
        CHECK_EQ(d->message_command, CTAPHID_MSG);
        (void)expect(d, a, CTAPHID_MSG, 5);
        CHECK_EQ(d->n_messages, 2);
}

TEST(padding_need_not_be_zero)
{
        DEVICE(d);
        uint8_t data[REPORT];
        uint32_t a = channel(d);

        memset(data, 0xee, sizeof(data));
        d->reply = true;
        send_first(d, a, CTAPHID_CBOR, 2, data, sizeof(data));
        (void)expect(d, a, CTAPHID_CBOR, 2);
        send_first(d, a, CTAPHID_CBOR, 60, data, sizeof(data));
        send_next(d, a, 0, data, sizeof(data));
        (void)expect(d, a, CTAPHID_CBOR, 60);
}

TEST(empty_cbor_and_msg_are_refused)
{
        DEVICE(d);
        uint32_t a = channel(d);

        send_all(d, a, CTAPHID_CBOR, nonce, 0);
        expect_error(d, a, CTAP1_ERR_INVALID_LENGTH);
        send_all(d, a, CTAPHID_MSG, nonce, 0);
        expect_error(d, a, CTAP1_ERR_INVALID_LENGTH);
        CHECK_EQ(d->n_messages, 0);
}

TEST(a_message_that_fails_is_an_error)
{
        DEVICE(d);
        uint32_t a = channel(d);

        begin_request(d, a);
        ctaphid_fail(&d->h, CTAP1_ERR_OTHER);
        expect_error(d, a, CTAP1_ERR_OTHER);
        ping(d, a, 1);
}

TEST(a_reply_that_no_report_can_carry_is_an_error)
{
        DEVICE(d);
        static const uint8_t data[AUTHENTICATOR_MESSAGE_MAX + 1];
        uint32_t a = channel(d);

        begin_request(d, a);
        ctaphid_reply(&d->h, data, sizeof(data));
        expect_error(d, a, CTAP1_ERR_OTHER);
}

TEST(wink_shows_and_answers)
{
        DEVICE(d);
        uint32_t a = channel(d);

        send_all(d, a, CTAPHID_WINK, nonce, 0);
        (void)expect(d, a, CTAPHID_WINK, 0);
        CHECK_EQ(d->n_winks, 1);
        send_all(d, a, CTAPHID_WINK, nonce, 1);
        expect_error(d, a, CTAP1_ERR_INVALID_LENGTH);
        CHECK_EQ(d->n_winks, 1);
}

TEST(wink_that_is_not_there_is_unknown)
{
        DEVICE(d);
        uint32_t a = channel(d);

        d->ops.wink = NULL;
        send_all(d, a, CTAPHID_WINK, nonce, 0);
        expect_error(d, a, CTAP1_ERR_INVALID_COMMAND);
}

/* ---- LOCK ---- */

static void lock(Device *d, uint32_t cid, uint8_t seconds)
{
        send_all(d, cid, CTAPHID_LOCK, &seconds, 1);
}

TEST(lock_keeps_other_channels_out)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        lock(d, a, 3);
        (void)expect(d, a, CTAPHID_LOCK, 0);
        send_all(d, b, CTAPHID_PING, nonce, 8);
        expect_error(d, b, CTAP1_ERR_CHANNEL_BUSY);
        lock(d, b, 3);
        expect_error(d, b, CTAP1_ERR_CHANNEL_BUSY);
        send_all(d, b, CTAPHID_INIT, nonce, 8);
        expect_error(d, b, CTAP1_ERR_CHANNEL_BUSY);
        ping(d, a, 300);
}

TEST(lock_lets_a_new_client_open_its_channel)
{
        DEVICE(d);
        uint32_t a = channel(d), b;

        lock(d, a, 10);
        (void)expect(d, a, CTAPHID_LOCK, 0);
        b = channel(d);
        send_all(d, b, CTAPHID_PING, nonce, 8);
        expect_error(d, b, CTAP1_ERR_CHANNEL_BUSY);
}

TEST(lock_ends_by_itself)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        lock(d, a, 10);
        (void)expect(d, a, CTAPHID_LOCK, 0);
        CHECK_EQ(ctaphid_deadline(&d->h), d->now + 10000);
        d->now += 9999;
        send_all(d, b, CTAPHID_PING, nonce, 8);
        expect_error(d, b, CTAP1_ERR_CHANNEL_BUSY);
        d->now += 1;
        ping(d, b, 8);
        CHECK_EQ(ctaphid_deadline(&d->h), UINT64_MAX);
}

TEST(lock_is_renewed_by_its_owner)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        lock(d, a, 1);
        (void)expect(d, a, CTAPHID_LOCK, 0);
        d->now += 900;
        lock(d, a, 1);
        (void)expect(d, a, CTAPHID_LOCK, 0);
        d->now += 900;
        send_all(d, b, CTAPHID_PING, nonce, 8);
        expect_error(d, b, CTAP1_ERR_CHANNEL_BUSY);
}

TEST(lock_0_releases)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        lock(d, a, 10);
        (void)expect(d, a, CTAPHID_LOCK, 0);
        lock(d, a, 0);
        (void)expect(d, a, CTAPHID_LOCK, 0);
        ping(d, b, 8);
}

TEST(lock_longer_than_ten_seconds_is_refused)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        lock(d, a, 11);
        expect_error(d, a, CTAP1_ERR_INVALID_PARAMETER);
        ping(d, b, 8);
        send_all(d, a, CTAPHID_LOCK, nonce, 2);
        expect_error(d, a, CTAP1_ERR_INVALID_LENGTH);
        send_all(d, a, CTAPHID_LOCK, nonce, 0);
        expect_error(d, a, CTAP1_ERR_INVALID_LENGTH);
}

TEST(lock_goes_with_a_resync)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        lock(d, a, 10);
        (void)expect(d, a, CTAPHID_LOCK, 0);
        send_all(d, a, CTAPHID_INIT, nonce, 8);
        (void)expect(d, a, CTAPHID_INIT, 17);
        ping(d, b, 8);
}

/* ---- CANCEL ---- */

TEST(cancel_has_no_reply_of_its_own)
{
        DEVICE(d);
        uint32_t a = channel(d);

        begin_request(d, a);
        send_all(d, a, CTAPHID_CANCEL, nonce, 0);
        CHECK_EQ(expect(d, a, CTAPHID_CBOR, 1)->data[0], CTAP2_ERR_KEEPALIVE_CANCEL);
        expect_nothing(d);
        CHECK_EQ(d->n_cancels, 1);
}

TEST(cancel_of_nothing_is_silent)
{
        DEVICE(d);
        uint32_t a = channel(d);

        send_all(d, a, CTAPHID_CANCEL, nonce, 0);
        begin_request(d, a);
        send_all(d, a, CTAPHID_CANCEL, nonce, 0);
        (void)expect(d, a, CTAPHID_CBOR, 1);
        send_all(d, a, CTAPHID_CANCEL, nonce, 0); /* the second one */
        expect_nothing(d);
        CHECK_EQ(d->n_cancels, 1);
        ping(d, a, 8);
}

TEST(cancel_from_another_channel_is_ignored)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        begin_request(d, a);
        send_all(d, b, CTAPHID_CANCEL, nonce, 0);
        expect_nothing(d);
        CHECK_EQ(d->n_cancels, 0);
        ctaphid_reply(&d->h, nonce, 8);
        (void)expect(d, a, CTAPHID_CBOR, 8);
}

TEST(cancel_within_a_message_leaves_it_alone)
{
        DEVICE(d);
        uint8_t data[100];
        uint32_t a = channel(d);

        fill(data, sizeof(data));
        send_first(d, a, CTAPHID_PING, sizeof(data), data, sizeof(data));
        send_all(d, a, CTAPHID_CANCEL, nonce, 0);
        send_next(d, a, 0, data + 57, sizeof(data) - 57);
        CHECK(memcmp(expect(d, a, CTAPHID_PING, sizeof(data))->data, data, sizeof(data)) == 0);
}

/* ---- KEEPALIVE ---- */

TEST(keepalives_while_pending)
{
        DEVICE(d);
        uint32_t a = channel(d);

        begin_request(d, a);
        for (unsigned i = 0; i < 5; i++) {
                CHECK_EQ(ctaphid_deadline(&d->h), d->now + CTAPHID_KEEPALIVE_TIME);
                d->now += CTAPHID_KEEPALIVE_TIME - 1;
                ctaphid_tick(&d->h, d->now);
                expect_nothing(d);
                d->now += 1;
                ctaphid_tick(&d->h, d->now);
                CHECK_EQ(expect(d, a, CTAPHID_KEEPALIVE, 1)->data[0], CTAPHID_PROCESSING);
        }
        CHECK(CTAPHID_KEEPALIVE_TIME <= 100);
        ctaphid_reply(&d->h, nonce, 8);
        (void)expect(d, a, CTAPHID_CBOR, 8);
        CHECK_EQ(ctaphid_deadline(&d->h), UINT64_MAX);
}

TEST(keepalive_says_when_a_person_is_wanted)
{
        DEVICE(d);
        uint32_t a = channel(d);

        d->person = true;
        begin_request(d, a); /* status 2 */
        d->person = false;
        ctaphid_tick(&d->h, d->now); /* a change is told at once */
        CHECK_EQ(expect(d, a, CTAPHID_KEEPALIVE, 1)->data[0], CTAPHID_PROCESSING);
        d->person = true;
        ctaphid_tick(&d->h, d->now);
        CHECK_EQ(expect(d, a, CTAPHID_KEEPALIVE, 1)->data[0], CTAPHID_UP_NEEDED);
        ctaphid_tick(&d->h, d->now);
        expect_nothing(d);
}

TEST(no_keepalive_for_a_message_answered_at_once)
{
        DEVICE(d);
        uint32_t a = channel(d);

        d->reply = true;
        send_all(d, a, CTAPHID_CBOR, nonce, 8);
        (void)expect(d, a, CTAPHID_CBOR, 8);
        d->now += 1000;
        ctaphid_tick(&d->h, d->now);
        expect_nothing(d);
}

TEST_MAIN
