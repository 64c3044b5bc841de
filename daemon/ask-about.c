/*
 * What a question is about
 *
 * Names of a program, a site and an account go to whoever asks the person as keys of their own, beside the message, so
 * that a prompter can lay them out or decide by them. They are made presentable once, when they are copied.
 */
#include <errno.h>
#include <stdint.h>

#include "daemon/ask.h"
#include "daemon/present.h"

static int copy_name(const char **ret, const char *text)
{
        *ret = text ? presentable(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

int ask_about_copy(AskAbout *ret, const AskAbout *about)
{
        _cleanup_(ask_about_done) AskAbout new = {.pid = about->pid};
        int r;

        r = copy_name(&new.program, about->program);
        if (r >= 0)
                r = copy_name(&new.rp_id, about->rp_id);
        if (r >= 0)
                r = copy_name(&new.user, about->user);
        if (r >= 0)
                r = copy_name(&new.host, about->host);
        if (r >= 0)
                r = copy_name(&new.sentence, about->sentence);
        if (r >= 0)
                r = copy_name(&new.door, about->door);
        if (r < 0)
                return r;
        *ret = new;
        new = (AskAbout){0};
        return 0;
}

void ask_about_done(AskAbout *about)
{
        free((char *)(uintptr_t)about->program);
        free((char *)(uintptr_t)about->rp_id);
        free((char *)(uintptr_t)about->user);
        free((char *)(uintptr_t)about->host);
        free((char *)(uintptr_t)about->sentence);
        free((char *)(uintptr_t)about->door);
        *about = (AskAbout){0};
}
