/* CTAPHID: what is out of step, out of time or out of turn, and what it is told */
#include "tests/unit/ctaphid-tools.h"

TEST(a_message_that_stops_times_out)
{
        DEVICE(d);
        uint32_t a = channel(d);

        begin_message(d, a);
        CHECK_EQ(ctaphid_deadline(&d->h), d->now + CTAPHID_TRANSACTION_TIME);
        d->now += CTAPHID_TRANSACTION_TIME - 1;
        send_next(d, a, 0, nonce, 8); /* each report gives it that long again */
        d->now += CTAPHID_TRANSACTION_TIME - 1;
        ctaphid_tick(&d->h, d->now);
        expect_nothing(d);
        d->now += 1;
        ctaphid_tick(&d->h, d->now);
        expect_error(d, a, CTAP1_ERR_TIMEOUT);
        CHECK_EQ(ctaphid_deadline(&d->h), UINT64_MAX);
        send_next(d, a, 1, nonce, 8);
        expect_nothing(d);
        ping(d, a, 100);
}

TEST(a_report_that_is_too_late_finds_a_timeout)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        begin_message(d, a);
        d->now += CTAPHID_TRANSACTION_TIME; /* and nobody called ctaphid_tick() */
        send_next(d, a, 0, nonce, 8);
        expect_error(d, a, CTAP1_ERR_TIMEOUT);
        begin_message(d, a);
        d->now += CTAPHID_TRANSACTION_TIME;
        send_all(d, b, CTAPHID_PING, nonce, 8);
        expect_error(d, a, CTAP1_ERR_TIMEOUT);
        (void)expect(d, b, CTAPHID_PING, 8);
}

TEST(wrong_sequence_drops_the_message)
{
        DEVICE(d);
        uint32_t a = channel(d);

        begin_message(d, a);
        send_next(d, a, 0, nonce, 8);
        send_next(d, a, 2, nonce, 8);
        expect_error(d, a, CTAP1_ERR_INVALID_SEQ);
        send_next(d, a, 1, nonce, 8);
        send_next(d, a, 3, nonce, 8);
        expect_nothing(d);
        ping(d, a, 100);
}

TEST(a_new_message_within_a_message_is_out_of_sequence)
{
        DEVICE(d);
        uint32_t a = channel(d);

        begin_message(d, a);
        send_all(d, a, CTAPHID_PING, nonce, 8);
        expect_error(d, a, CTAP1_ERR_INVALID_SEQ);
        ping(d, a, 8);
}

TEST(stray_continuations_are_ignored)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        send_next(d, a, 0, nonce, 8);
        send_next(d, 0x55555555, 0, nonce, 8);
        send_next(d, 0, 0, nonce, 8);
        send_next(d, CTAPHID_BROADCAST, 0, nonce, 8);
        begin_message(d, a);
        send_next(d, b, 0, nonce, 8);
        expect_nothing(d);
        send_all(d, a, CTAPHID_INIT, nonce, 8);
        (void)expect(d, a, CTAPHID_INIT, 17);
        begin_request(d, a);
        send_next(d, a, 0, nonce, 8);
        expect_nothing(d);
}

TEST(another_channel_is_busy_while_one_assembles)
{
        DEVICE(d);
        uint8_t data[99];
        uint32_t a = channel(d), b = channel(d);

        fill(data, sizeof(data));
        send_first(d, a, CTAPHID_PING, sizeof(data), data, sizeof(data));
        send_first(d, b, CTAPHID_PING, sizeof(data), data, sizeof(data));
        expect_error(d, b, CTAP1_ERR_CHANNEL_BUSY);
        send_next(d, b, 0, data + 57, sizeof(data) - 57);
        expect_nothing(d);
        send_next(d, a, 0, data + 57, sizeof(data) - 57);
        CHECK(memcmp(expect(d, a, CTAPHID_PING, sizeof(data))->data, data, sizeof(data)) == 0);
}

TEST(every_channel_is_busy_while_one_is_answered)
{
        DEVICE(d);
        uint32_t a = channel(d), b = channel(d);

        begin_request(d, a);
        send_all(d, b, CTAPHID_CBOR, nonce, 8);
        expect_error(d, b, CTAP1_ERR_CHANNEL_BUSY);
        send_all(d, a, CTAPHID_CBOR, nonce, 8);
        expect_error(d, a, CTAP1_ERR_CHANNEL_BUSY);
        CHECK_EQ(d->n_messages, 1);
        ctaphid_reply(&d->h, nonce, 8);
        (void)expect(d, a, CTAPHID_CBOR, 8);
        ping(d, b, 8);
}

TEST(channel_0_is_invalid)
{
        DEVICE(d);

        send_all(d, 0, CTAPHID_INIT, nonce, 8);
        expect_error(d, 0, CTAP1_ERR_INVALID_CHANNEL);
        send_all(d, 0, CTAPHID_PING, nonce, 8);
        expect_error(d, 0, CTAP1_ERR_INVALID_CHANNEL);
}

TEST(an_unknown_channel_is_invalid)
{
        DEVICE(d);
        uint32_t a = channel(d);

        send_all(d, a + 1, CTAPHID_PING, nonce, 8);
        expect_error(d, a + 1, CTAP1_ERR_INVALID_CHANNEL);
        send_all(d, a + 1, CTAPHID_INIT, nonce, 8);
        expect_error(d, a + 1, CTAP1_ERR_INVALID_CHANNEL);
        begin_message(d, a);
        send_all(d, a + 1, CTAPHID_PING, nonce, 8);
        expect_error(d, a + 1, CTAP1_ERR_INVALID_CHANNEL);
}

TEST(broadcast_is_for_init_only)
{
        DEVICE(d);
        static const uint8_t others[] = {CTAPHID_PING, CTAPHID_MSG,  CTAPHID_CBOR,      CTAPHID_LOCK, CTAPHID_WINK,
                                         CTAPHID_CANCEL, CTAPHID_ERROR, CTAPHID_KEEPALIVE, 0x40,         0};

        for (size_t i = 0; i < sizeof(others); i++) {
                send_all(d, CTAPHID_BROADCAST, others[i], nonce, 8);
                expect_error(d, CTAPHID_BROADCAST, CTAP1_ERR_INVALID_CHANNEL);
        }
}

TEST(a_message_above_7609_bytes_is_refused)
{
        DEVICE(d);
        uint32_t a = channel(d);

        send_first(d, a, CTAPHID_PING, 7610, nonce, 8);
        expect_error(d, a, CTAP1_ERR_INVALID_LENGTH);
        send_first(d, a, CTAPHID_CBOR, 0xffff, nonce, 8);
        expect_error(d, a, CTAP1_ERR_INVALID_LENGTH);
        send_next(d, a, 0, nonce, 8);
        expect_nothing(d);
        CHECK_EQ(ctaphid_deadline(&d->h), UINT64_MAX);
}

TEST(unknown_and_vendor_commands_are_refused)
{
        static const uint8_t known[] = {CTAPHID_PING, CTAPHID_MSG,  CTAPHID_LOCK,  CTAPHID_INIT,
                                        CTAPHID_WINK, CTAPHID_CBOR, CTAPHID_CANCEL};
        DEVICE(d);
        uint32_t a = channel(d);
        unsigned n = 0;

        for (unsigned command = 0; command < 0x80; command++) {
                if (memchr(known, (int)command, sizeof(known)))
                        continue;
                send_all(d, a, (uint8_t)command, nonce, 8);
                expect_error(d, a, CTAP1_ERR_INVALID_COMMAND);
                n++;
        }
        CHECK_EQ(n, 0x80 - sizeof(known));
}

TEST(done_while_a_message_is_assembled_frees_it)
{
        DEVICE(d);

        begin_message(d, channel(d));
}

TEST_MAIN
