/*
 * Options
 *
 * OpenSSH hands on what it was given with -O and does not know itself. What may be ignored, and is not known, is.
 */
#include "ssh/options.h"

#include <string.h>

#include "ssh/say.h"

#define KEYFOB "keyfob"

int options_read(struct sk_option *const *list, bool enrolls, Options *ret)
{
        Options options = {0};

        for (size_t i = 0; list && list[i]; i++) {
                const struct sk_option *option = list[i];

                if (strcmp(option->name, "device") == 0) {
                        options.device = option->value;
                        options.keyfob = strcmp(option->value, KEYFOB) == 0;
                } else if (enrolls && strcmp(option->name, "user") == 0) {
                        if (strlen(option->value) >= USER_ID_SIZE) {
                                say("the name of a user has at most %u bytes", USER_ID_SIZE - 1);
                                return SK_ERROR_GENERAL;
                        }
                        options.user = option->value;
                } else if (option->required) {
                        say("there is no option %.64s", option->name);
                        return SK_ERROR_UNSUPPORTED;
                }
        }
        if (options.user)
                memcpy(options.user_id, options.user, strlen(options.user));
        *ret = options;
        return 0;
}
