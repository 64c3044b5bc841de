/*
 * The accounts that a person can choose among
 *
 * Their names are shown at this machine before anything is signed (sections 6.2.2 and 6.2.3), so they are as bounded and
 * harmless as everything that is shown. Beside each is the number of its record: the choice is one of what was shown, whatever
 * has happened to the others since.
 */
#include <string.h>

#include "authenticator/commands.h"

void accounts_add(Accounts *accounts, const Credential *credential)
{
        const AuthenticatorCredential *public = &credential->public;
        size_t i = accounts->n++;

        if (i >= AUTHENTICATOR_ACCOUNTS_MAX)
                return;
        request_shown((Text){public->user_name, strlen(public->user_name)}, accounts->names[i].user);
        request_shown((Text){public->user_display_name, strlen(public->user_display_name)}, accounts->names[i].display);
        accounts->numbers[i] = public->number;
        accounts->shown[i] = (AuthenticatorAccount){accounts->names[i].user, accounts->names[i].display};
}

const AuthenticatorAccount *accounts_shown(const Accounts *accounts)
{
        return accounts && accounts->n > 1 && accounts->n <= AUTHENTICATOR_ACCOUNTS_MAX ? accounts->shown : NULL;
}

uint64_t accounts_chosen(const Accounts *accounts, const Transaction *t)
{
        return accounts && t->chosen > 0 ? accounts->numbers[t->chosen - 1] : 0;
}
