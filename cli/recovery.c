/*
 * Recovery codes on the terminal
 *
 * The code is made here and given to the daemon like a password; the daemon keeps nothing of it but what it wraps. It
 * is shown when the slot is durable, so that no code is written down that opens nothing.
 */
#include "cli/recovery.h"

#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/password-make.h"
#include "cli/qr.h"
#include "common/recovery-code.h"

int recovery_make(Secret **ret)
{
        uint8_t random[RECOVERY_RANDOM_SIZE];
        char text[RECOVERY_TEXT_SIZE];
        int r;

        r = random_from_kernel(random, sizeof(random));
        if (r < 0)
                return cli_error(EXIT_OTHER, "the kernel gives no random bytes: %s", strerror(-r));
        recovery_code_make(random, text);
        explicit_bzero(random, sizeof(random));
        r = secret_new_from(ret, text, strlen(text));
        explicit_bzero(text, sizeof(text));
        return r < 0 ? cli_no_memory() : 0;
}

static int append(Secret *to, const char *text)
{
        return secret_append(to, text, strlen(text));
}

static int show_json(const char *id, const Secret *code)
{
        _cleanup_(secret_freep) Secret *text = NULL;

        if (secret_new(&text, 1024) < 0 || append(text, "{\n  \"id\": ") < 0 ||
            output_json_string(text, id, strlen(id)) < 0 || append(text, ",\n  \"code\": ") < 0 ||
            output_json_string(text, code->data, code->size) < 0 || append(text, "\n}\n") < 0)
                return cli_no_memory();
        return output_bytes(text->data, text->size);
}

int recovery_show(const Cli *cli, const char *id, const Secret *code)
{
        int r;

        if (cli->json)
                return show_json(id, code);
        if (!isatty(STDOUT_FILENO)) {
                printf("%s\n", id);
                r = output_bytes(code->data, code->size);
                return r == 0 ? output_bytes("\n", 1) : r;
        }
        printf("Slot %.8s. Write its code down, and keep it where only you find it: it is shown this once.\n\n"
               "        ",
               id);
        r = output_bytes(code->data, code->size);
        if (r == 0)
                r = output_bytes("\n\n", 2);
        if (r == 0)
                r = qr_print((const char *)code->data);
        if (r != 0)
                return r;
        printf("It opens the vault wherever its password does. \"keyfob slot test %.8s\" tries what you have "
               "written.\n",
               id);
        return output_flush();
}
