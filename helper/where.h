/* HELPER_WHERE: whether a process belongs to a remote session */
#pragma once

#include "common/bytes.h"
#include "helper/request.h"

/* 1 when whoever uses this process is not at this machine, as far as can be told; 0; a negative errno when there is no
 * such process. */
int where_is_remote(uint32_t pid);

/* Writes the whole reply. */
void where(uint32_t id, uint32_t pid, ByteWriter *reply);
