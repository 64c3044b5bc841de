/*
 * One FIDO device, and what the kernel says of it
 *
 * The device has one input and one output report of 64 bytes, without report numbers, on the usage page that clients
 * look for (CTAP section 11.2.8.1); it names no vendor, since numbers of vendors belong to those who were given them.
 * Clients expect such a device on USB, so that is the bus it names; where it really is shows its place in sysfs. Its
 * physical place is the uid as well: the udev rule takes the owner from there.
 */
#include "helper/uhid-event.h"

#include <errno.h>
#include <linux/input.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEVICE_NAME "Keyfob"

static const uint8_t descriptor[] = {
        0x06, 0xd0, 0xf1, /* usage page: FIDO alliance */
        0x09, 0x01,       /* usage: authenticator */
        0xa1, 0x01,       /* collection: application */
        0x09, 0x20,       /*   usage: data in */
        0x15, 0x00,       /*   logical minimum: 0 */
        0x26, 0xff, 0x00, /*   logical maximum: 255 */
        0x75, 0x08,       /*   report size: 8 bits */
        0x95, 0x40,       /*   report count: 64 */
        0x81, 0x02,       /*   input: data, variable, absolute */
        0x09, 0x21,       /*   usage: data out */
        0x15, 0x00,       /*   logical minimum: 0 */
        0x26, 0xff, 0x00, /*   logical maximum: 255 */
        0x75, 0x08,       /*   report size: 8 bits */
        0x95, 0x40,       /*   report count: 64 */
        0x91, 0x02,       /*   output: data, variable, absolute */
        0xc0,             /* end of collection */
};

size_t device_create(uid_t uid, struct uhid_event *ret)
{
        struct uhid_create2_req *create = &ret->u.create2;

        memset(ret, 0, sizeof(*ret));
        ret->type = UHID_CREATE2;
        (void)snprintf((char *)create->name, sizeof(create->name), DEVICE_NAME);
        (void)snprintf((char *)create->phys, sizeof(create->phys), "%u", uid);
        (void)snprintf((char *)create->uniq, sizeof(create->uniq), UHID_UNIQ_FORMAT, uid);
        create->bus = BUS_USB;
        create->rd_size = sizeof(descriptor);
        memcpy(create->rd_data, descriptor, sizeof(descriptor));
        return offsetof(struct uhid_event, u.create2.rd_data) + sizeof(descriptor);
}

size_t device_input(const uint8_t report[UHID_REPORT_SIZE], struct uhid_event *ret)
{
        ret->type = UHID_INPUT2;
        ret->u.input2.size = UHID_REPORT_SIZE;
        memcpy(ret->u.input2.data, report, UHID_REPORT_SIZE);
        return offsetof(struct uhid_event, u.input2.data) + UHID_REPORT_SIZE;
}

/* Through hidraw a report has its number before it, 0 here; a shorter one counts as filled up with zeros. */
static bool read_output(const struct uhid_output_req *output, uint8_t ret[UHID_REPORT_SIZE])
{
        const uint8_t *data = output->data;
        size_t size = output->size;

        if (output->rtype != UHID_OUTPUT_REPORT || size < 2 || size > UHID_REPORT_SIZE + 1)
                return false;
        if (size != UHID_REPORT_SIZE) {
                if (data[0] != 0)
                        return false;
                data++;
                size--;
        }
        memset(ret, 0, UHID_REPORT_SIZE);
        memcpy(ret, data, size);
        return true;
}

static size_t refuse_get(struct uhid_event *event)
{
        struct uhid_get_report_reply_req reply = {.id = event->u.get_report.id, .err = EOPNOTSUPP};

        event->type = UHID_GET_REPORT_REPLY;
        memcpy(&event->u, &reply, offsetof(struct uhid_get_report_reply_req, data));
        return offsetof(struct uhid_event, u.get_report_reply.data);
}

static size_t refuse_set(struct uhid_event *event)
{
        struct uhid_set_report_reply_req reply = {.id = event->u.set_report.id, .err = EOPNOTSUPP};

        event->type = UHID_SET_REPORT_REPLY;
        memcpy(&event->u, &reply, sizeof(reply));
        return offsetof(struct uhid_event, u.set_report_reply) + sizeof(reply);
}

DeviceEvent device_read(struct uhid_event *event, size_t size)
{
        DeviceEvent ret = {.news = DEVICE_NOTHING};

        /* The kernel always gives a whole one. */
        if (size < sizeof(*event))
                return ret;
        switch (event->type) {
        case UHID_START:
                ret.news = DEVICE_STARTED;
                break;
        case UHID_STOP:
                ret.news = DEVICE_STOPPED;
                break;
        case UHID_OPEN:
                ret.news = DEVICE_OPENED;
                break;
        case UHID_CLOSE:
                ret.news = DEVICE_CLOSED;
                break;
        case UHID_OUTPUT:
                if (read_output(&event->u.output, ret.report))
                        ret.news = DEVICE_REPORT;
                break;
        case UHID_GET_REPORT:
                ret.news = DEVICE_ASKED;
                ret.answer = refuse_get(event);
                break;
        case UHID_SET_REPORT:
                ret.news = DEVICE_ASKED;
                ret.answer = refuse_set(event);
                break;
        default:
                break;
        }
        return ret;
}
