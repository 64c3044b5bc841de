/*
 * Talk
 *
 * Programs answer in many ways: with an error, with nothing at all, with no text. None of that is an answer; what
 * would be done with one is not done then (CVE-2021-31924). What was answered is wiped where the program left it.
 */
#include "pam/talk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE 1024U

static int converse(const Talk *talk, int style, const char *text, struct pam_response **ret)
{
        const struct pam_message message = {.msg_style = style, .msg = text};
        const struct pam_message *messages = &message;
        const struct pam_conv *conversation = NULL;
        const void *item = NULL;

        *ret = NULL;
        if (pam_get_item(talk->pamh, PAM_CONV, &item) != PAM_SUCCESS || !item)
                return -ECOMM;
        conversation = item;
        if (!conversation->conv)
                return -ECOMM;
        return conversation->conv(1, &messages, ret, conversation->appdata_ptr) == PAM_SUCCESS ? 0 : -ECOMM;
}

static void forget(struct pam_response *response)
{
        if (!response)
                return;
        (void)string_wipe_free(response->resp);
        free(response);
}

__attribute__((format(printf, 3, 0))) static void tell(const Talk *talk, int style, const char *format, va_list args)
{
        struct pam_response *response;
        char text[TEXT_SIZE];

        if (talk->silent)
                return;
        (void)vsnprintf(text, sizeof(text), format, args);
        if (converse(talk, style, text, &response) == 0)
                forget(response);
}

void talk_say(const Talk *talk, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        tell(talk, PAM_TEXT_INFO, format, args);
        va_end(args);
}

void talk_complain(const Talk *talk, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        tell(talk, PAM_ERROR_MSG, format, args);
        va_end(args);
}

int talk_ask(const Talk *talk, bool echo, const char *question, Secret **ret)
{
        struct pam_response *response;
        size_t size;
        int r;

        r = converse(talk, echo ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF, question, &response);
        if (r < 0)
                return r; /* what an error left behind is nobody's to free */
        size = response && response->resp ? strnlen(response->resp, TALK_ANSWER_MAX + 1) : 0;
        if (size == 0)
                r = TALK_NOTHING;
        else if (size > TALK_ANSWER_MAX)
                r = -EMSGSIZE;
        else
                r = secret_new_from(ret, response->resp, size);
        forget(response);
        return r;
}
