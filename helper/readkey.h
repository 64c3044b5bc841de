/* HELPER_READ_KEY: the content of a key file. */
#pragma once

#include "common/bytes.h"

/* Writes the whole reply. */
void read_key(uint32_t id, const char *path, ByteWriter *reply);
