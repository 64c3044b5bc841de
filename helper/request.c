/*
 * Packets of the daemon
 *
 * The daemon is trusted more than the helper, but a parser that believes its input is a bug in waiting all the same:
 * every field is bounded, the packet must end where its last field does, and nothing is handed out before all of it
 * was read.
 */
#include "helper/request.h"

#include <errno.h>
#include <string.h>

int request_id(const void *packet, size_t size, uint32_t *ret)
{
        ByteReader reader = BYTE_READER(packet, size);
        uint32_t id = byte_reader_u32(&reader);

        if (reader.failed)
                return -EBADMSG;
        *ret = id;
        return 0;
}

static void parse_ask(ByteReader *reader, Request *request)
{
        uint8_t kind = byte_reader_u8(reader);

        if (kind < HELPER_ASK_CONFIRM || kind > HELPER_ASK_PIN)
                reader->failed = true;
        request->kind = kind;
        request->pid = byte_reader_u32(reader);
        request->title = byte_reader_string(reader, HELPER_TEXT_MAX);
        request->message = byte_reader_string(reader, HELPER_TEXT_MAX);
        request->error = byte_reader_string(reader, HELPER_TEXT_MAX);
        if (!request->title || !request->message || !request->error)
                reader->failed = true;
}

int request_parse(const void *packet, size_t size, Request *ret)
{
        _cleanup_(request_done) Request request = REQUEST_NULL;
        ByteReader reader = BYTE_READER(packet, size);
        int r;

        request.id = byte_reader_u32(&reader);
        request.operation = byte_reader_u8(&reader);

        switch (request.operation) {
        case HELPER_ASK:
                parse_ask(&reader, &request);
                break;
        case HELPER_CANCEL:
                request.target = byte_reader_u32(&reader);
                break;
        case HELPER_IDENTIFY:
                request.pid = byte_reader_u32(&reader);
                break;
        case HELPER_READ_KEY:
                request.path = byte_reader_string(&reader, HELPER_TEXT_MAX);
                if (!request.path || request.path[0] != '/')
                        return -EBADMSG;
                break;
        case HELPER_PROBE:
                break;
        case HELPER_WHO_HAS:
                request.path = byte_reader_string(&reader, HELPER_TEXT_MAX);
                if (!request.path || !request.path[0])
                        return -EBADMSG;
                break;
        case HELPER_WHERE:
                request.pid = byte_reader_u32(&reader);
                break;
        case HELPER_KEY:
        case HELPER_TPM:
                r = secret_new_from(&request.body, reader.data, reader.size);
                if (r < 0)
                        return r;
                (void)byte_reader_raw(&reader, reader.size);
                break;
        default:
                return -EBADMSG;
        }

        if (!byte_reader_done(&reader))
                return -EBADMSG;

        *ret = request;
        request = REQUEST_NULL;
        return 0;
}

void request_done(Request *request)
{
        free(request->title);
        free(request->message);
        free(request->error);
        free(request->path);
        secret_free(request->body);
        *request = REQUEST_NULL;
}

void reply_begin(ByteWriter *writer, uint32_t id, HelperResult result)
{
        byte_writer_u32(writer, id);
        byte_writer_u8(writer, result);
}

void reply_failed(ByteWriter *writer, uint32_t id, const char *why)
{
        size_t size = strlen(why);

        reply_begin(writer, id, HELPER_FAILED);
        byte_writer_blob(writer, why, size < HELPER_TEXT_MAX ? size : HELPER_TEXT_MAX);
}
