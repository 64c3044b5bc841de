/*
 * The helper's requests about security keys: what is accepted keeps every limit
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "helper/key-request.h"

static void check_pin(const Secret *pin)
{
        PROMISE(!pin || (pin->size > 0 && pin->size <= KEY_PIN_MAX && strlen((const char *)pin->data) == pin->size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(key_request_done) KeyRequest request = KEY_REQUEST_NULL;

        if (key_request_parse(data, size, &request) < 0) {
                PROMISE(!request.key && !request.pin && !request.id);
                return 0;
        }
        PROMISE(request.operation >= KEY_LIST && request.operation < _KEY_OPERATION_MAX);
        PROMISE(strlen(request.key) <= KEY_SELECTOR_MAX);
        PROMISE(strlen(request.name) <= KEY_TEXT_MAX && strlen(request.display_name) <= KEY_TEXT_MAX);
        PROMISE(!request.id == (request.id_size == 0) && request.id_size <= KEY_ID_MAX);
        PROMISE(!request.content || request.content->size <= KEY_CONTENT_MAX);
        PROMISE((request.given & ~(uint32_t)KEY_GIVEN_ALL) == 0);
        check_pin(request.pin);
        check_pin(request.new_pin);
        return 0;
}
