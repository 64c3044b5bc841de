/*
 * The body of HELPER_TPM
 *
 * Keys come from the vault, where they may be damaged or made by something else: each field has its own limit, and
 * nothing may be left over. Whether the areas are a key at all is for the TPM to say.
 */
#include "helper/tpm-request.h"

#include <errno.h>
#include <string.h>

#include "helper/request.h"

static TpmBytes read_blob(ByteReader *reader, size_t max)
{
        TpmBytes bytes = {0};

        bytes.data = byte_reader_blob(reader, max, &bytes.size);
        if (!bytes.data || bytes.size == 0)
                reader->failed = true;
        return bytes;
}

static void read_key(ByteReader *body, TpmRequest *request)
{
        TpmBytes bytes = read_blob(body, TPM_KEY_MAX);
        ByteReader reader = BYTE_READER(bytes.data, bytes.data ? bytes.size : 0);

        if (byte_reader_u8(&reader) != TPM_KEY_VERSION)
                reader.failed = true;
        request->auth = byte_reader_raw(&reader, TPM_AUTH_SIZE);
        request->parent = read_blob(&reader, TPM_PARENT_MAX);
        request->public_area = read_blob(&reader, TPM_PUBLIC_MAX);
        request->private_area = read_blob(&reader, TPM_PRIVATE_MAX);
        if (!byte_reader_done(&reader))
                body->failed = true;
}

static void read_binding(ByteReader *body, TpmRequest *request)
{
        uint8_t flags = byte_reader_u8(body);

        request->pin = flags & TPM_PIN;
        request->pcrs = byte_reader_u32(body);
        if (flags & ~TPM_PIN || request->pcrs >> TPM_PCRS)
                body->failed = true;
}

static void read_handle(ByteReader *body, TpmRequest *request)
{
        request->handle = byte_reader_u32(body);
        if (request->handle < TPM_COUNTER_FIRST || request->handle > TPM_COUNTER_LAST || request->handle % 2 != 0)
                body->failed = true;
}

/* Any counter of the tag is meant by 0. */
static void read_handle_or_none(ByteReader *body, TpmRequest *request)
{
        ByteReader ahead = *body;

        if (byte_reader_u32(&ahead) == 0)
                *body = ahead;
        else
                read_handle(body, request);
}

static void read_counter(ByteReader *body, TpmRequest *request)
{
        request->tag = byte_reader_raw(body, TPM_TAG_SIZE);
        if (request->operation != TPM_COUNTER_REMOVE)
                request->auth = byte_reader_raw(body, TPM_AUTH_SIZE);
        if (request->operation == TPM_COUNTER_READ)
                read_handle_or_none(body, request);
        else if (request->operation != TPM_COUNTER_MAKE)
                read_handle(body, request);
        if (request->operation == TPM_COUNTER_MOVE) {
                request->count = byte_reader_u64(body);
                if (request->count == 0)
                        body->failed = true;
        }
        if (request->operation == TPM_COUNTER_MAKE || request->operation == TPM_COUNTER_MOVE)
                request->seconds = byte_reader_u64(body);
}

static bool is_coordinates(size_t size)
{
        return size == 32 || size == 48;
}

int tpm_request_parse(const void *body, size_t size, TpmRequest *ret)
{
        ByteReader reader = BYTE_READER(body, size);
        TpmRequest request = {0};
        _cleanup_free_ char *tcti = NULL;

        request.operation = byte_reader_u8(&reader);
        tcti = byte_reader_string(&reader, TPM_TCTI_MAX);
        if (!tcti)
                return -EBADMSG;
        (void)strncat(request.tcti, tcti, TPM_TCTI_MAX);

        switch (request.operation) {
        case TPM_INFO:
                break;
        case TPM_MAKE:
                request.use = byte_reader_u8(&reader);
                request.curve = byte_reader_u8(&reader);
                request.auth = byte_reader_raw(&reader, TPM_AUTH_SIZE);
                if (request.use < TPM_TO_SIGN || request.use > TPM_TO_EXCHANGE || request.curve < TPM_P256 ||
                    request.curve > TPM_P384)
                        return -EBADMSG;
                break;
        case TPM_SIGN:
                read_key(&reader, &request);
                request.input = read_blob(&reader, TPM_COORDINATE_MAX);
                if (!is_coordinates(request.input.size))
                        return -EBADMSG;
                break;
        case TPM_EXCHANGE:
                read_key(&reader, &request);
                request.input = read_blob(&reader, (size_t)2 * TPM_COORDINATE_MAX);
                if (request.input.size % 2 != 0 || !is_coordinates(request.input.size / 2))
                        return -EBADMSG;
                break;
        case TPM_MAKE_BOUND:
                read_binding(&reader, &request);
                request.use = TPM_TO_EXCHANGE;
                request.curve = TPM_P256;
                request.auth = byte_reader_raw(&reader, TPM_AUTH_SIZE);
                break;
        case TPM_EXCHANGE_BOUND:
                read_binding(&reader, &request);
                read_key(&reader, &request);
                request.input = read_blob(&reader, (size_t)2 * TPM_COORDINATE_MAX);
                if (request.input.size != 64)
                        return -EBADMSG;
                break;
        case TPM_COUNTER_READ:
        case TPM_COUNTER_MAKE:
        case TPM_COUNTER_MOVE:
        case TPM_COUNTER_REMOVE:
                read_counter(&reader, &request);
                break;
        default:
                return -EBADMSG;
        }
        if (!byte_reader_done(&reader))
                return -EBADMSG;
        *ret = request;
        return 0;
}

void tpm_reply_failed(ByteWriter *reply, uint32_t id, TpmProblem problem, const char *why)
{
        reply_failed(reply, id, why);
        byte_writer_u8(reply, problem);
}
