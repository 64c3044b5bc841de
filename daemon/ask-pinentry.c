/*
 * Asking by pinentry, through the helper
 *
 * One at a time: several would fight for one terminal. Pinentry has no list, so it can't let somebody choose. What is
 * only shown is a dialog whose one button refuses.
 */
#include <errno.h>
#include <string.h>

#include "daemon/ask-internal.h"
#include "daemon/settings.h"
#include "store/slot.h"

static void on_pinentry(void *userdata, HelperResult result, ByteReader *fields)
{
        AskAnswer answer = {.outcome = ASK_ALLOWED};
        Ask *ask = userdata;
        const uint8_t *bytes;
        size_t size = 0;

        ask->pinentry = NULL;
        switch (result) {
        case HELPER_OK:
                if (ask_wants_secret(ask)) {
                        bytes = byte_reader_blob(fields, SLOT_SECRET_MAX, &size);
                        if (fields->failed || secret_new_from(&answer.secret, bytes, size) < 0)
                                answer.outcome = ASK_FAILED;
                }
                ask_finish(ask, &answer);
                return;
        case HELPER_DENIED:
                answer.outcome = ASK_DENIED;
                ask_finish(ask, &answer);
                return;
        case HELPER_FAILED:
        case HELPER_PROGRESS:
                ask_pass_on(ask, /* failed= */ true);
                return;
        case HELPER_NO_PROMPTER:
                break;
        }
        ask_pass_on(ask, /* failed= */ false);
}

/* Whoever is asked for the PIN of the security key is not to type the vault's password. */
static bool is_for_pin(const Ask *ask)
{
        return ask->kind == ASK_SECRET && strcmp(ask->purpose, "user-verification") == 0;
}

static int ask_pinentry(Ask *ask)
{
        static const HelperAskKind kinds[] = {
                [ASK_CONFIRM] = HELPER_ASK_CONFIRM,
                [ASK_SECRET] = HELPER_ASK_SECRET,
                [ASK_NEW_SECRET] = HELPER_ASK_NEW_SECRET,
                [ASK_SHOW] = HELPER_ASK_SHOW,
        };
        Asker *asker = ask->asker;
        ByteWriter fields = BYTE_WRITER_NULL;
        int r;

        if (ask->kind == ASK_CHOOSE || !asker->daemon->settings->pinentry)
                return -ENOENT;
        if (asker->at_pinentry)
                return 0;
        byte_writer_u8(&fields, (uint8_t)(is_for_pin(ask) ? HELPER_ASK_PIN : kinds[ask->kind]));
        byte_writer_u32(&fields, (uint32_t)ask->about.pid);
        byte_writer_string(&fields, ask->title);
        byte_writer_string(&fields, ask->message);
        byte_writer_string(&fields, ask->error);
        r = helper_call(asker->daemon, HELPER_ASK, &fields, on_pinentry, ask, &ask->pinentry);
        byte_writer_done(&fields);
        if (r < 0)
                return r == -ENOENT ? -EIO : r;
        asker->at_pinentry = ask;
        return 1;
}

static void end(Ask *ask, bool cancel)
{
        ask->pinentry = helper_call_cancel(ask->pinentry);
        ask->asker->at_pinentry = NULL;
}

const AskWay ask_by_pinentry = {.ask = ask_pinentry, .end = end};
