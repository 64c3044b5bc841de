/* Events of /dev/uhid: what is written to the kernel, and what may come from it. */
#include "helper/uhid-event.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <linux/input.h>

static struct uhid_event output(const void *data, size_t size)
{
        struct uhid_event event = {.type = UHID_OUTPUT};

        memcpy(event.u.output.data, data, size);
        event.u.output.size = (uint16_t)size;
        event.u.output.rtype = UHID_OUTPUT_REPORT;
        return event;
}

TEST(the_device_is_one_fido_key_of_its_user)
{
        static const uint8_t usage[] = {0x06, 0xd0, 0xf1, 0x09, 0x01};
        struct uhid_event event;
        size_t size = device_create(4294967294U, &event);

        CHECK_EQ(event.type, UHID_CREATE2);
        CHECK(strcmp((const char *)event.u.create2.name, "Keyfob") == 0);
        CHECK(strcmp((const char *)event.u.create2.uniq, "keyfob-4294967294") == 0);
        CHECK(strcmp((const char *)event.u.create2.phys, "4294967294") == 0);
        CHECK_EQ(event.u.create2.bus, BUS_USB);
        CHECK_EQ(event.u.create2.rd_size, 34);
        CHECK(memcmp(event.u.create2.rd_data, usage, sizeof(usage)) == 0);
        CHECK_EQ(size, offsetof(struct uhid_event, u.create2.rd_data) + 34);
}

TEST(a_report_is_an_input_and_nothing_else)
{
        uint8_t report[UHID_REPORT_SIZE];
        struct uhid_event event;
        const uint8_t *bytes = (const uint8_t *)&event;

        /* What would be an event that destroys the device, were it one. */
        memset(report, 0, sizeof(report));
        report[0] = UHID_DESTROY;
        CHECK_EQ(device_input(report, &event), 4 + 2 + 64);
        CHECK_EQ(event.type, UHID_INPUT2);
        CHECK_EQ(bytes[4], 64);
        CHECK_EQ(bytes[5], 0);
        CHECK(memcmp(bytes + 6, report, sizeof(report)) == 0);
}

TEST(reports_come_with_and_without_a_number)
{
        uint8_t data[UHID_REPORT_SIZE + 2];
        struct uhid_event event;
        DeviceEvent told;

        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t)i;

        event = output(data, UHID_REPORT_SIZE + 1);
        told = device_read(&event, sizeof(event));
        CHECK_EQ(told.news, DEVICE_REPORT);
        CHECK(memcmp(told.report, data + 1, UHID_REPORT_SIZE) == 0);

        event = output(data, UHID_REPORT_SIZE);
        told = device_read(&event, sizeof(event));
        CHECK_EQ(told.news, DEVICE_REPORT);
        CHECK(memcmp(told.report, data, UHID_REPORT_SIZE) == 0);

        /* Short: filled up. */
        event = output(data, 8);
        told = device_read(&event, sizeof(event));
        CHECK_EQ(told.news, DEVICE_REPORT);
        CHECK(memcmp(told.report, data + 1, 7) == 0);
        for (size_t i = 7; i < UHID_REPORT_SIZE; i++)
                CHECK_EQ(told.report[i], 0);
}

TEST(what_is_no_report_is_left_out)
{
        uint8_t data[UHID_DATA_MAX] = {0};
        static const size_t sizes[] = {0, 1, UHID_REPORT_SIZE + 2, UHID_DATA_MAX};
        struct uhid_event event;

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                event = output(data, sizes[i]);
                CHECK_EQ(device_read(&event, sizeof(event)).news, DEVICE_NOTHING);
        }
        /* A size that no data can have. */
        event = output(data, UHID_REPORT_SIZE + 1);
        event.u.output.size = UINT16_MAX;
        CHECK_EQ(device_read(&event, sizeof(event)).news, DEVICE_NOTHING);
        /* Another report number, another kind of report. */
        data[0] = 1;
        event = output(data, UHID_REPORT_SIZE + 1);
        CHECK_EQ(device_read(&event, sizeof(event)).news, DEVICE_NOTHING);
        data[0] = 0;
        event = output(data, UHID_REPORT_SIZE + 1);
        event.u.output.rtype = UHID_FEATURE_REPORT;
        CHECK_EQ(device_read(&event, sizeof(event)).news, DEVICE_NOTHING);
        /* Half an event, and kinds that the kernel doesn't have. */
        event = output(data, UHID_REPORT_SIZE + 1);
        CHECK_EQ(device_read(&event, sizeof(event) - 1).news, DEVICE_NOTHING);
        event.type = UINT32_MAX;
        CHECK_EQ(device_read(&event, sizeof(event)).news, DEVICE_NOTHING);
}

TEST(the_life_of_a_device)
{
        static const struct {
                uint32_t type;
                DeviceNews news;
        } told[] = {{UHID_START, DEVICE_STARTED},
                    {UHID_STOP, DEVICE_STOPPED},
                    {UHID_OPEN, DEVICE_OPENED},
                    {UHID_CLOSE, DEVICE_CLOSED},
                    {UHID_CREATE2, DEVICE_NOTHING}};

        for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
                struct uhid_event event = {.type = told[i].type};

                CHECK_EQ(device_read(&event, sizeof(event)).news, told[i].news);
        }
}

TEST(other_reports_are_refused_at_once)
{
        struct uhid_event event = {.type = UHID_GET_REPORT, .u.get_report = {.id = 0x01020304, .rnum = 9, .rtype = 1}};
        DeviceEvent told = device_read(&event, sizeof(event));

        CHECK_EQ(told.news, DEVICE_ASKED);
        CHECK_EQ(told.answer, 12);
        CHECK_EQ(event.type, UHID_GET_REPORT_REPLY);
        CHECK_EQ(event.u.get_report_reply.id, 0x01020304);
        CHECK_EQ(event.u.get_report_reply.err, EOPNOTSUPP);
        CHECK_EQ(event.u.get_report_reply.size, 0);

        event = (struct uhid_event){.type = UHID_SET_REPORT,
                                    .u.set_report = {.id = 7, .rnum = 9, .rtype = 1, .size = 64}};
        told = device_read(&event, sizeof(event));
        CHECK_EQ(told.news, DEVICE_ASKED);
        CHECK_EQ(told.answer, 10);
        CHECK_EQ(event.type, UHID_SET_REPORT_REPLY);
        CHECK_EQ(event.u.set_report_reply.id, 7);
        CHECK_EQ(event.u.set_report_reply.err, EOPNOTSUPP);
}

TEST_MAIN
