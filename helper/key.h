/* HELPER_KEY: security keys of other makers, through libfido2 */
#pragma once

#include "common/bytes.h"
#include "helper/request.h"

/* Writes the whole reply. */
void key(const Request *request, ByteWriter *reply);
