/*
 * Recovery codes on the terminal
 *
 * The code is made here and given to the daemon like a password; the daemon keeps nothing of it but what it wraps. It
 * is shown when the slot is durable, so that no code is written down that opens nothing.
 */
#include "cli/recovery.h"

#include <stdio.h>
#include <string.h>

#include "cli/json.h"
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

static int show_json(const char *id, const Secret *code)
{
        _cleanup_json_ struct json_object *object = json_object_new_object();

        if (!object || json_object_object_add(object, "id", json_object_new_string(id)) < 0 ||
            json_object_object_add(object, "code",
                                   json_object_new_string_len((const char *)code->data, (int)code->size)) < 0)
                return cli_no_memory();
        return output_json(TAKE_PTR(object));
}

int recovery_show(const Cli *cli, const char *id, const Secret *code)
{
        const char *text = (const char *)code->data;

        if (cli->json)
                return show_json(id, code);
        if (!isatty(STDOUT_FILENO)) {
                printf("%s\n%s\n", id, text);
                return output_flush();
        }
        printf("Slot %.8s. Write its code down, and keep it where only you find it: it is shown this once.\n\n"
               "        %s\n\n",
               id, text);
        qr_print(text);
        printf("It opens the vault wherever its password does. \"keyfob slot test %.8s\" tries what you have "
               "written.\n",
               id);
        return output_flush();
}
