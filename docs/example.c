/*
 * libkeyfob in one page: store a password, read it back, delete it
 *
 *   cc example.c $(pkg-config --cflags --libs keyfob) -o example
 *   ./example github alice
 */
#include <keyfob/keyfob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(keyfob *k, const char *what, int r)
{
        const char *message = keyfob_message(k);

        fprintf(stderr, "example: %s: %s\n", what, message[0] ? message : keyfob_strerror(r));
        keyfob_close(k);
        return EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
        static const char password[] = "correct horse";
        keyfob_value *value;
        keyfob *k = NULL;
        int r;

        if (argc != 3) {
                fprintf(stderr, "usage: example SERVICE USER\n");
                return EXIT_FAILURE;
        }

        r = keyfob_connect(KEYFOB_START, &k);
        if (r != 0)
                return fail(k, "connect", r);

        r = keyfob_set(k, argv[1], argv[2], password, strlen(password));
        if (r == KEYFOB_E_LOCKED) {
                /* asks the session's prompter or pinentry */
                r = keyfob_unlock(k, NULL, NULL, 0);
                if (r != 0)
                        return fail(k, "unlock", r);
                r = keyfob_set(k, argv[1], argv[2], password, strlen(password));
        }
        if (r != 0)
                return fail(k, "set", r);

        r = keyfob_get(k, argv[1], argv[2], &value);
        if (r != 0)
                return fail(k, "get", r);
        printf("%zu bytes of %s\n", value->size, value->content_type);
        keyfob_value_free(value); /* wipes it */

        r = keyfob_delete(k, argv[1], argv[2]);
        if (r != 0)
                return fail(k, "delete", r);

        keyfob_close(k);
        return EXIT_SUCCESS;
}
