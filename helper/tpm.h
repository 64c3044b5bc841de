/* HELPER_TPM: keys inside a TPM 2.0 */
#pragma once

#include "common/bytes.h"
#include "helper/request.h"

/* Writes the whole reply. */
void tpm(const Request *request, ByteWriter *reply);
