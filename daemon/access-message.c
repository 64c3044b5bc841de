/*
 * What a person is asked when a program wants a secret
 *
 * Names are the program's own choice, so they are quoted, and what could mislead is taken out of them.
 */
#include "daemon/access-message.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/present.h"

static void write_quoted(FILE *text, const char *before, const char *what)
{
        _cleanup_free_ char *shown = presentable(what);

        (void)fprintf(text, "%s\"%s\"", before, shown ? shown : "");
}

const char *access_program_of(const Identity *who)
{
        if (who->app[0])
                return who->app;
        return who->program[0] ? who->program : who->comm;
}

/* 'The app "flatpak:org.example.Editor" (process 12) wants to read the secret "Mail". If you allow it, it may read …' */
int access_message(const Identity *who, const AccessTarget *target, const char *label, char **ret)
{
        static const char *const reach[] = {"every secret that no other rule keeps from it", "every secret of this collection",
                                            "this secret"};
        _cleanup_free_ char *message = NULL;
        size_t size;
        FILE *text;

        text = open_memstream(&message, &size);
        if (!text)
                return -ENOMEM;
        if (access_program_of(who)[0])
                write_quoted(text, who->app[0] ? "The app " : "The program ", access_program_of(who));
        else
                (void)fputs(who->hidden ? "A program whose process has ended" : "A program", text);
        if (who->pid > 0)
                (void)fprintf(text, " (process %d)", who->pid);
        write_quoted(text, " wants to read the secret ", label);
        (void)fprintf(text, ". If you allow it, it may read %s until the vault is locked.",
                      reach[target->item ? 2 : target->collection ? 1 : 0]);
        if (fclose(text) < 0 || !message)
                return -ENOMEM;
        *ret = TAKE_PTR(message);
        return 0;
}
