/*
 * Helper link: the daemon's end of the socket to keyfob-helper (helper/protocol.h)
 *
 * The helper is started once, before any key exists and before the daemon locks itself in; it can't be started again.
 * When it dies, every call and all later ones are answered HELPER_NO_PROMPTER.
 */
#pragma once

#include "common/bytes.h"
#include "daemon/daemon.h"
#include "helper/protocol.h"

#define HELPER_CALLS_MAX 256U

typedef struct HelperCall HelperCall;

/* `fields` is what follows the result; its memory is wiped after done(). */
typedef void (*HelperDone)(void *userdata, HelperResult result, ByteReader *fields);

/* What a task says before it is done. It may cancel the call. */
typedef void (*HelperProgress)(void *userdata, ByteReader *fields);

/* Starts the helper. Where it can't be started, a link that answers HELPER_NO_PROMPTER. */
int helper_link_new(Daemon *daemon, HelperLink **ret);
HelperLink *helper_link_free(HelperLink *link);
DEFINE_CLEANUP(HelperLink *, helper_link_free)

/* Sends a request with these fields. done() never runs inside. */
int helper_call(Daemon *daemon, HelperOperation operation, const ByteWriter *fields, HelperDone done, void *userdata,
                HelperCall **ret);
/* Has progress() called, too, with the same userdata. */
void helper_call_on_progress(HelperCall *call, HelperProgress progress);
/* Forgets the call; a task is ended. NULL allowed. Returns NULL. The pointer is dead after done(). */
HelperCall *helper_call_cancel(HelperCall *call);

/* Why it failed, of a HELPER_FAILED reply: what the helper wrote, in one line, whatever it was made of. NULL: nothing that can be read, or
 * out of memory. The caller frees it. */
char *helper_why(ByteReader *fields);

/* Whether pinentry is installed, as the helper found at start. */
bool helper_link_pinentry(const Daemon *daemon);
