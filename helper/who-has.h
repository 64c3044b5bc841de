/* HELPER_WHO_HAS: which programs have a HID device open */
#pragma once

#include "common/bytes.h"
#include "helper/request.h"

/* Writes the whole reply. */
void who_has(uint32_t id, const char *uniq, ByteWriter *reply);
