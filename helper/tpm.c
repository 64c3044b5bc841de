/*
 * HELPER_TPM: keys inside a TPM 2.0
 */
#include "helper/tpm.h"

void tpm(const Request *request, ByteWriter *reply)
{
        reply_failed(reply, request->id, "this part is not built yet");
}
