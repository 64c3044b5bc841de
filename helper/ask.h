/* HELPER_ASK: a question to the person. */
#pragma once

#include "common/bytes.h"
#include "helper/request.h"

/* Writes the whole reply. Runs in a child, since it waits for a person. */
void ask(const Request *request, ByteWriter *reply);
