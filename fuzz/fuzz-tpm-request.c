/*
 * The daemon's requests about the TPM, as the helper reads them: what is accepted keeps every limit and lies within the packet
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "helper/tpm-request.h"

static void check_within(const TpmBytes *bytes, const uint8_t *data, size_t size)
{
        PROMISE(bytes->size == 0 || (bytes->data >= data && bytes->size <= (size_t)(data + size - bytes->data)));
}

static bool is_counter(const TpmRequest *request)
{
        return request->operation >= TPM_COUNTER_READ && request->operation <= TPM_COUNTER_REMOVE;
}

static void check_counter(const TpmRequest *request, const uint8_t *data, size_t size)
{
        bool has_handle = request->operation == TPM_COUNTER_MOVE || request->operation == TPM_COUNTER_REMOVE;

        PROMISE(is_counter(request) == (request->tag != NULL));
        PROMISE(request->handle == 0 ? !has_handle
                                     : is_counter(request) && request->handle >= TPM_COUNTER_FIRST &&
                                               request->handle <= TPM_COUNTER_LAST && request->handle % 2 == 0);
        PROMISE((request->operation == TPM_COUNTER_MOVE) == (request->count != 0));
        if (request->tag)
                check_within(&(TpmBytes){request->tag, TPM_TAG_SIZE}, data, size);
        if (is_counter(request))
                PROMISE((request->operation == TPM_COUNTER_REMOVE) == !request->auth);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        TpmRequest request = {0};

        if (tpm_request_parse(data, size, &request) < 0)
                return 0;
        PROMISE(strnlen(request.tcti, sizeof(request.tcti)) <= TPM_TCTI_MAX);
        check_within(&request.parent, data, size);
        check_within(&request.public_area, data, size);
        check_within(&request.private_area, data, size);
        check_within(&request.input, data, size);
        if (request.auth)
                check_within(&(TpmBytes){request.auth, TPM_AUTH_SIZE}, data, size);
        check_counter(&request, data, size);
        return 0;
}
