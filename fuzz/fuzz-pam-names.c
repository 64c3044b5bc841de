/*
 * Names of security keys: what is shown could have been given, and what is changed leaves the rest as it was
 *
 * The first byte is what the public key is made of.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "pam/names.h"

/* What another credential is called stays. */
static void change(const char *text, size_t size, const Credential *credential, const Credential *other)
{
        ByteWriter changed = BYTE_WRITER_NULL;
        char before[NAMES_NAME_SIZE], after[NAMES_NAME_SIZE], name[NAMES_NAME_SIZE];

        (void)names_find(text, size, other, before);
        PROMISE(names_set(text, size, credential, &(NamesEntry){.name = "blue"}, &changed) == 0);
        PROMISE(names_find((const char *)changed.data, changed.size, credential, name) && strcmp(name, "blue") == 0);
        (void)names_find((const char *)changed.data, changed.size, other, after);
        PROMISE(strcmp(before, after) == 0);
        byte_writer_done(&changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Credential credential = {.algorithm = ALGORITHM_EDDSA, .key_size = 32}, other = {.algorithm = ALGORITHM_ES256, .key_size = 64};
        _cleanup_free_ uint8_t *id = NULL;
        const char *text = (const char *)data + 1;
        char name[NAMES_NAME_SIZE];
        size_t id_size;

        if (size < 1)
                return 0;
        memset(credential.key, data[0], credential.key_size);
        if (names_find(text, size - 1, &credential, name))
                PROMISE(names_valid(name));
        else
                PROMISE(name[0] == 0);
        PROMISE(names_find_id(text, size - 1, &credential, &id, &id_size) == 0);
        PROMISE((id != NULL) == (id_size > 0) && id_size <= CREDENTIAL_ID_MAX);
        change(text, size - 1, &credential, &other);
        return 0;
}
