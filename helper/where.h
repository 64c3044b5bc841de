/* HELPER_WHERE: whether a process belongs to a remote session */
#pragma once

#include "common/bytes.h"
#include "helper/request.h"

/* Writes the whole reply. */
void where(uint32_t id, uint32_t pid, ByteWriter *reply);
