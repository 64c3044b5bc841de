/*
 * No pinentry
 *
 * What a build without libassuan has in its place: there is never anything to ask with.
 */
#include "helper/pinentry.h"

char *pinentry_find(void)
{
        return NULL;
}

HelperResult pinentry_ask(const char *program, const Request *request, const Surface *surface, bool graphical,
                          Secret **ret_secret, char **reterr_why)
{
        return HELPER_NO_PROMPTER;
}
