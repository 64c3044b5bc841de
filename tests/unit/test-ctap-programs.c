/* Which program a channel of the kernel's device belongs to. */
#include "daemon/ctap-programs.h"
#include "tests/unit/test.h"

#define SEE(programs, ...)                                                                                            \
        ctap_programs_see(programs, (const pid_t[]){__VA_ARGS__}, sizeof((const pid_t[]){__VA_ARGS__}) / sizeof(pid_t))

TEST(reports_that_ask_for_a_channel)
{
        uint8_t report[AUTHENTICATOR_REPORT_SIZE] = {0xff, 0xff, 0xff, 0xff, 0x86, 0,    17,   1,    2,   3,
                                                     4,    5,    6,    7,    8,    0xa1, 0xb2, 0xc3, 0xd4};

        CHECK(ctap_report_is_init(report));
        CHECK_EQ(ctap_report_given_channel(report), 0xa1b2c3d4);
        report[4] = 0x81;
        CHECK(!ctap_report_is_init(report));
        report[4] = 0x86;
        report[0] = 0; /* to come into step again on a channel */
        CHECK(!ctap_report_is_init(report));
}

TEST(the_only_one_is_meant)
{
        CtapPrograms programs = {0};

        CHECK_EQ(ctap_programs_find(&programs, 0), 0);
        CHECK_EQ(SEE(&programs, 10), 10);
        ctap_programs_give(&programs, 0x1111, 10);
        CHECK_EQ(ctap_programs_find(&programs, 0x1111), 10);
        CHECK_EQ(ctap_programs_find(&programs, 0x2222), 0);
        CHECK_EQ(ctap_programs_find(&programs, 0), 10);
        /* Another channel for it. */
        CHECK_EQ(SEE(&programs, 10), 10);
}

TEST(the_new_one_is_meant)
{
        CtapPrograms programs = {0};

        CHECK_EQ(SEE(&programs, 10), 10);
        ctap_programs_give(&programs, 0x1111, 10);
        CHECK_EQ(SEE(&programs, 10, 11), 11);
        ctap_programs_give(&programs, 0x2222, 11);
        CHECK_EQ(ctap_programs_find(&programs, 0x1111), 10);
        CHECK_EQ(ctap_programs_find(&programs, 0x2222), 11);
        CHECK_EQ(ctap_programs_find(&programs, 0), 0);
        /* Either of both that had one already. */
        CHECK_EQ(SEE(&programs, 10, 11), 0);
        CHECK_EQ(SEE(&programs, 12, 11, 10), 12);
}

TEST(two_that_come_at_once)
{
        CtapPrograms programs = {0};

        CHECK_EQ(SEE(&programs, 10), 10);
        ctap_programs_give(&programs, 0x1111, 10);
        CHECK_EQ(SEE(&programs, 10, 11, 12), 0);
        /* It is one of those two; when the other has one and goes on without, it is clear who is meant. */
        ctap_programs_give(&programs, 0x2222, 11);
        CHECK_EQ(SEE(&programs, 10, 11, 12), 12);
}

TEST(who_has_gone_is_forgotten)
{
        CtapPrograms programs = {0};

        CHECK_EQ(SEE(&programs, 10), 10);
        ctap_programs_give(&programs, 0x1111, 10);
        CHECK_EQ(SEE(&programs, 11), 11);
        CHECK_EQ(ctap_programs_find(&programs, 0x1111), 0);
        CHECK_EQ(ctap_programs_see(&programs, NULL, 0), 0);
        CHECK_EQ(ctap_programs_find(&programs, 0), 0);
}

TEST(bounds)
{
        CtapPrograms programs = {0};
        pid_t many[HELPER_WHO_MAX];

        for (unsigned i = 0; i < HELPER_WHO_MAX; i++)
                many[i] = (pid_t)(100 + i);
        CHECK_EQ(ctap_programs_see(&programs, many, HELPER_WHO_MAX), 0);
        CHECK_EQ(ctap_programs_see(&programs, many, HELPER_WHO_MAX - 2), 0);
        CHECK_EQ(ctap_programs_see(&programs, many, HELPER_WHO_MAX - 1), 100 + HELPER_WHO_MAX - 2);

        for (unsigned i = 0; i <= CTAP_PROGRAM_CHANNELS; i++)
                ctap_programs_give(&programs, 1000 + i, 100);
        CHECK_EQ(ctap_programs_find(&programs, 1000), 0);
        CHECK_EQ(ctap_programs_find(&programs, 1001), 100);
        CHECK_EQ(ctap_programs_find(&programs, 1000 + CTAP_PROGRAM_CHANNELS), 100);
}

TEST_MAIN
