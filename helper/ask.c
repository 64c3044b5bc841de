/*
 * Asking
 *
 * Finds pinentry and a place to show it, and asks there; a display that turns out to be dead is followed by the
 * terminal. With nothing to ask with, the answer is immediate: somebody is waiting who can say what to do instead.
 */
#include "helper/ask.h"

#include <errno.h>
#include <string.h>

#include "helper/pinentry.h"
#include "helper/surface.h"
#include "helper/task.h"
#include "helper/terminal.h"

static HelperResult ask_there(const char *program, const Request *request, const Surface *surface, Secret **ret_secret,
                              char **reterr_why)
{
        _cleanup_(terminal_done) Terminal terminal = terminal_note(surface->tty);
        HelperResult result = HELPER_NO_PROMPTER;

        if (surface_graphical(surface))
                result = pinentry_ask(program, request, surface, /* graphical= */ true, ret_secret, reterr_why);
        if (result == HELPER_NO_PROMPTER && surface->tty && !task_ending())
                result = pinentry_ask(program, request, surface, /* graphical= */ false, ret_secret, reterr_why);

        if (result != HELPER_OK)
                terminal_restore(&terminal);
        return result;
}

void ask(const Request *request, ByteWriter *reply)
{
        _cleanup_(surface_done) Surface surface = SURFACE_NULL;
        _cleanup_(secret_freep) Secret *secret = NULL;
        _cleanup_free_ char *program = pinentry_find(), *why = NULL;
        HelperResult result = HELPER_NO_PROMPTER;

        if (program && surface_find(request->pid, &surface) == 0)
                result = ask_there(program, request, &surface, &secret, &why);

        if (result == HELPER_FAILED) {
                reply_failed(reply, request->id, why ? why : strerror(ENOMEM));
                return;
        }
        reply_begin(reply, request->id, result);
        if (result == HELPER_OK && secret)
                byte_writer_blob(reply, secret->data, secret->size);
}
