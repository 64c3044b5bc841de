/*
 * Batch: group commit, and the promise that nothing is said before it is true
 *
 * A handler that is about to write calls batch_begin(). Until the commit, every reply and signal of every handler is
 * held; the commit runs when the event loop has used up what is queued, after 2 ms, or at 256 writes, whichever is
 * first. When it fails, each held call gets an error and the signals are dropped. With no batch open, replies and
 * signals go at once.
 *
 * So a handler never calls sd_bus_send() or sd_bus_reply_*(): it uses the functions below and returns 1.
 * It may return sd_bus_error_set…() only before anything was read from a vault with an open batch; afterwards
 * batch_reply_error() holds the error too. Property getters answer by themselves: they call batch_flush() first.
 */
#pragma once

#include "daemon/daemon.h"

/* Opens a batch on daemon->vault if none is open, and counts a write. No effect without a vault. 0 or a vault result.
 */
int batch_begin(Daemon *daemon);

/* Commits now if one is open (held replies go out). */
void batch_flush(Daemon *daemon);

/* The same, and what became of it: 0 or a vault result. For what can't be answered later. */
int batch_commit(Daemon *daemon);

/* Something was committed without a batch: what is due after a commit (checkpoints) is done when the loop is idle. */
void batch_wrote(Daemon *daemon);

/* Sends or holds `reply`, made from `call` by sd_bus_message_new_method_return(). Returns 1, or a negative errno. */
int batch_reply(Daemon *daemon, sd_bus_message *call, sd_bus_message *reply);
/* The same of one with so many bytes in it: to find out takes as long as writing it did. */
int batch_reply_large(Daemon *daemon, sd_bus_message *call, sd_bus_message *reply, size_t size);

/* The empty reply, and replies with simple types (as sd_bus_reply_method_return()). */
int batch_reply_return(Daemon *daemon, sd_bus_message *call, const char *types, ...);

/* Sends or holds an error reply. `error` is set. Returns 1, or a negative errno. */
int batch_reply_error(Daemon *daemon, sd_bus_message *call, const sd_bus_error *error);

/* A signal to the session bus and to each connection of the own socket that asked for it (AddMatch). */
int batch_signal(Daemon *daemon, const char *path, const char *interface, const char *member, const char *types, ...);

/* The same for arguments of any number: append() fills the signal, before this returns, once for each message that is
 * made. */
int batch_signal_with(Daemon *daemon, const char *path, const char *interface, const char *member,
                      int (*append)(sd_bus_message *signal, void *userdata), void *userdata);

/* PropertiesChanged with the names *invalidated*, without values. NULL ends the names. */
int batch_invalidated(Daemon *daemon, const char *path, const char *interface, const char *name, ...)
        __attribute__((sentinel));

/* ---- life ---- */

int batch_new(Daemon *daemon, Batch **ret);
/* Commits what is open. */
Batch *batch_free(Batch *batch);
DEFINE_CLEANUP(Batch *, batch_free)
