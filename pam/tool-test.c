/*
 * keyfob pam test: one authentication in the stack of a service
 *
 * Nothing is opened by it; it shows what the stack asks and how it ends.
 */
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pam/tool.h"

static char *answer(const struct pam_message *message)
{
        _cleanup_(secret_freep) Secret *typed = NULL;
        char line[512];

        if (message->msg_style == PAM_PROMPT_ECHO_OFF)
                return tool_ask(message->msg, &typed) == 0 ? secret_strdup(typed) : strdup("");
        printf("%s", message->msg);
        (void)fflush(stdout);
        if (!fgets(line, sizeof(line), stdin))
                return NULL;
        line[strcspn(line, "\n")] = 0;
        return strdup(line);
}

static int converse(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
        struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

        if (!responses)
                return PAM_BUF_ERR;
        for (int i = 0; i < n; i++) {
                int style = messages[i]->msg_style;

                if (style == PAM_TEXT_INFO || style == PAM_ERROR_MSG)
                        fprintf(style == PAM_ERROR_MSG ? stderr : stdout, "%s\n", messages[i]->msg);
                else
                        responses[i].resp = answer(messages[i]);
        }
        *ret = responses;
        return PAM_SUCCESS;
}

int tool_test(int argc, char *argv[])
{
        const struct pam_conv conversation = {converse, NULL};
        const struct passwd *entry = getpwuid(getuid());
        pam_handle_t *pamh = NULL;
        int r;

        if (argc < 2 || argc > 3 || argv[1][0] == '-' || (argc == 2 && !entry))
                return tool_error(TOOL_USAGE, "usage: keyfob pam test SERVICE [USER]");
        r = pam_start(argv[1], argc == 3 ? argv[2] : entry->pw_name, &conversation, &pamh);
        if (r != PAM_SUCCESS)
                return tool_error(TOOL_NOT_FOUND, "there is no service %s", argv[1]);
        r = pam_authenticate(pamh, 0);
        printf("%s: %s\n", argv[1], pam_strerror(pamh, r));
        (void)pam_end(pamh, r);
        return r == PAM_SUCCESS ? TOOL_DONE : TOOL_REFUSED;
}
