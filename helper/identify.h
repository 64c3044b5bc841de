/* HELPER_IDENTIFY: which program a pid is. */
#pragma once

#include "common/bytes.h"

/* Writes the whole reply. */
void identify(uint32_t id, uint32_t pid, ByteWriter *reply);
