/*
 * Requests about security keys
 *
 * One form for all operations: there is one parser to get right. Which fields an operation can't do without is decided
 * here, so that no operation meets an empty id.
 */
#include "helper/key-request.h"

#include <errno.h>
#include <string.h>

static int read_secret(ByteReader *reader, size_t max, bool text, Secret **ret)
{
        const uint8_t *data;
        size_t size;

        data = byte_reader_blob(reader, max, &size);
        if (!data || size == 0)
                return 0;
        /* libfido2 takes a PIN as a string. */
        if (text && !utf8_valid(data, size)) {
                reader->failed = true;
                return 0;
        }
        return secret_new_from(ret, data, size);
}

static int read_id(ByteReader *reader, KeyRequest *request)
{
        const uint8_t *data = byte_reader_blob(reader, KEY_ID_MAX, &request->id_size);

        if (!data || request->id_size == 0)
                return 0;
        request->id = malloc(request->id_size);
        if (!request->id)
                return -ENOMEM;
        memcpy(request->id, data, request->id_size);
        return 0;
}

static bool is_complete(const KeyRequest *request)
{
        switch (request->operation) {
        case KEY_PIN_SET:
                return request->new_pin != NULL;
        case KEY_PIN_CHANGE:
                return request->pin && request->new_pin;
        case KEY_BLOB_SET:
                return request->id && request->content;
        case KEY_FINGER_RENAME:
                return request->id && request->name[0];
        case KEY_SIGN:
                return request->id && request->name[0] && request->content && request->content->size == KEY_HASH_SIZE;
        case KEY_ENROLL:
                return request->name[0] && request->content && request->content->size == KEY_HASH_SIZE;
        case KEY_HMAC_MAKE:
                return request->name[0];
        case KEY_HMAC:
                return request->name[0] && request->content && request->content->size > KEY_HMAC_SIZE;
        case KEY_PASSKEY_RENAME:
        case KEY_PASSKEY_DELETE:
        case KEY_FINGER_DELETE:
        case KEY_BLOB_GET:
        case KEY_BLOB_DELETE:
                return request->id != NULL;
        default:
                return true;
        }
}

int key_request_parse(const void *body, size_t size, KeyRequest *ret)
{
        _cleanup_(key_request_done) KeyRequest request = KEY_REQUEST_NULL;
        ByteReader reader = BYTE_READER(body, size);
        uint8_t operation;
        int r;

        operation = byte_reader_u8(&reader);
        if (operation < KEY_LIST || operation >= _KEY_OPERATION_MAX)
                return -EBADMSG;
        request.operation = operation;
        request.key = byte_reader_string(&reader, KEY_SELECTOR_MAX);
        r = read_secret(&reader, KEY_PIN_MAX, /* text= */ true, &request.pin);
        if (r >= 0)
                r = read_secret(&reader, KEY_PIN_MAX, /* text= */ true, &request.new_pin);
        if (r >= 0)
                r = read_id(&reader, &request);
        if (r < 0)
                return r;
        request.name = byte_reader_string(&reader, KEY_TEXT_MAX);
        request.display_name = byte_reader_string(&reader, KEY_TEXT_MAX);
        request.given = byte_reader_u32(&reader);
        request.min_pin_length = byte_reader_u32(&reader);
        r = read_secret(&reader, KEY_CONTENT_MAX, /* text= */ false, &request.content);
        if (r < 0)
                return r;

        if (!byte_reader_done(&reader) || !request.key || !request.name || !request.display_name)
                return -EBADMSG;
        if ((request.given & ~(uint32_t)KEY_GIVEN_ALL) != 0 || !is_complete(&request))
                return -EBADMSG;
        *ret = request;
        request = KEY_REQUEST_NULL;
        return 0;
}

void key_request_done(KeyRequest *request)
{
        free(request->key);
        secret_free(request->pin);
        secret_free(request->new_pin);
        free(request->id);
        free(request->name);
        free(request->display_name);
        secret_free(request->content);
        *request = KEY_REQUEST_NULL;
}

void key_reply_failed(ByteWriter *reply, uint32_t id, KeyError error, const char *why)
{
        reply_failed(reply, id, why);
        byte_writer_u8(reply, (uint8_t)error);
}
