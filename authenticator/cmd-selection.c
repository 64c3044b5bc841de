/*
 * authenticatorSelection (section 6.9): which one is meant?
 */
#include "authenticator/internal.h"

enum {
        STEP_ASK,
        STEP_ASKED,
};

static int selection(Transaction *t)
{
        int r;

        if (t->step == STEP_ASK) {
                t->step = STEP_ASKED;
                r = transaction_ask(t, &(AuthenticatorQuestion){.kind = AUTHENTICATOR_ASK_PRESENCE,
                                                                .purpose = AUTHENTICATOR_TO_SELECT});
                if (r != CTAP_OK)
                        return r;
        }
        return presence_status(t->answer);
}

const Command command_selection = {
        .code = 0x0b,
        .flags = COMMAND_NO_BODY,
        .run = selection,
};
