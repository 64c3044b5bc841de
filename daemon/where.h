/*
 * Where: whether a program's person sits at this machine
 *
 * The helper looks (helper/where.c). Who can't be looked up counts as remote: a PIN does as well, while a reader that
 * nobody touches keeps people waiting.
 */
#pragma once

#include "daemon/helper-link.h"

typedef void (*WhereDone)(void *userdata, bool remote);
typedef struct Where Where;

/* done() never runs inside. */
int where_start(Daemon *daemon, pid_t pid, WhereDone done, void *userdata, Where **ret);
/* NULL allowed. Returns NULL. The pointer is dead after done(). */
Where *where_cancel(Where *where);
