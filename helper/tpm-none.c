/*
 * HELPER_TPM where Keyfob was built without tpm2-tss
 */
#include "helper/request.h"
#include "helper/tpm-request.h"

void tpm(const Request *request, ByteWriter *reply)
{
        tpm_reply_failed(reply, request->id, TPM_PROBLEM_NOT_BUILT,
                         "this keyfob was built without TPM: install one built with tpm2-tss");
}
