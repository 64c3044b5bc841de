/* The PAM module's configuration file: it is taken whole or refused, and saying it twice changes nothing */
#include <string.h>

#include "fuzz/fuzz.h"
#include "pam/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(options_freep) Options *once = NULL, *twice = NULL;
        const char *text = (const char *)data;
        int r;

        if (options_new(&once) < 0 || options_new(&twice) < 0)
                return 0;
        r = options_read_file(once, text, size);
        PROMISE(r == 0 || (r == OPTIONS_WRONG && once->problem[0]));
        PROMISE(strlen(once->problem) < sizeof(once->problem));
        PROMISE(options_read_file(twice, text, size) == r && options_read_file(twice, text, size) == r);
        PROMISE(memcmp(once, twice, offsetof(Options, debug_file)) == 0);
        PROMISE(once->max_devices >= 1 && once->max_devices <= OPTIONS_KEYS_MAX && once->keep_tries >= 1);
        PROMISE(size <= OPTIONS_FILE_MAX || r != 0);
        return 0;
}
