/*
 * Traces: what calls have left on the stack and in registers, wiped when the loop has come to rest
 */
#pragma once

#include "daemon/daemon.h"

typedef struct Traces Traces;

int traces_new(sd_event *event, Traces **ret);
Traces *traces_free(Traces *traces);
DEFINE_CLEANUP(Traces *, traces_free)
