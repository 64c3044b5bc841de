/*
 * Finger names
 *
 * One record holds them all: a format byte, then for each finger that has a name its word and the name. It is read anew
 * each time, so that nothing has to be forgotten when the vault is locked.
 */
#include "daemon/finger-names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "daemon/batch.h"
#include "daemon/fprint-words.h"

#define NAMES_MARK_KIND 2U /* ctap-guard.c has 1 */
#define NAMES_FORMAT    1U
#define NAMES_MAX       2048U /* bytes of the record */

typedef struct Names {
        uint64_t number; /* of the record; 0: there is none yet */
        char names[FINGERS_MAX][FINGER_NAME_MAX + 1];
} Names;

static const VaultMark names_mark = {.kind = NAMES_MARK_KIND};

static void parse(ByteReader *in, Names *ret)
{
        if (byte_reader_u8(in) != NAMES_FORMAT)
                return;
        while (in->size > 0 && !in->failed) {
                _cleanup_free_ char *word = byte_reader_string(in, FINGER_NAME_MAX);
                _cleanup_free_ char *name = byte_reader_string(in, FINGER_NAME_MAX);
                int finger = word ? finger_find(word, strlen(word)) : -1;

                if (finger >= 0 && name)
                        (void)strcpy(ret->names[finger], name);
        }
}

/* 0 or a vault result. A record that is damaged or makes no sense holds no names, and is written anew. */
static int load(Vault *vault, Names *ret)
{
        uint8_t record[NAMES_MAX];
        ByteReader in;
        size_t size, n = 0;
        int r;

        *ret = (Names){0};
        r = vault_record_find(vault, VAULT_CLASS_POLICY, &names_mark, UINT64_MAX, &ret->number, 1, &n);
        if (r != 0 || n == 0) {
                ret->number = 0;
                return r;
        }
        r = vault_record_get(vault, VAULT_CLASS_POLICY, ret->number, record, sizeof(record), &size);
        if (r == 0) {
                in = BYTE_READER(record, size);
                parse(&in, ret);
                return 0;
        }
        return r == VAULT_E_DAMAGED || r == VAULT_E_LIMIT || r == VAULT_E_NOT_FOUND ? 0 : r;
}

static int save(Vault *vault, Names *names)
{
        ByteWriter record = BYTE_WRITER_NULL;
        int r;

        byte_writer_u8(&record, NAMES_FORMAT);
        for (unsigned i = 0; i < FINGERS_MAX; i++) {
                if (!names->names[i][0])
                        continue;
                byte_writer_string(&record, finger_word(i));
                byte_writer_string(&record, names->names[i]);
        }
        if (record.failed)
                r = -ENOMEM;
        else if (names->number > 0)
                r = vault_record_update(vault, VAULT_CLASS_POLICY, names->number, record.data, record.size);
        else
                r = vault_record_create(vault, VAULT_CLASS_POLICY, &names_mark, 1, record.data, record.size,
                                        &names->number);
        byte_writer_done(&record);
        return r;
}

void finger_name_get(const Daemon *daemon, unsigned finger, char ret[FINGER_NAME_MAX + 1])
{
        Names names;

        ret[0] = 0;
        if (daemon->vault && vault_is_unlocked(daemon->vault) && load(daemon->vault, &names) == 0)
                (void)strcpy(ret, names.names[finger]);
        if (!ret[0])
                (void)strcpy(ret, finger_title(finger));
}

int finger_name_set(Daemon *daemon, unsigned finger, const char *name)
{
        Names names;
        int r;

        if (!daemon->vault || !vault_is_unlocked(daemon->vault))
                return VAULT_E_LOCKED;
        r = load(daemon->vault, &names);
        if (r != 0)
                return r;
        if (strcmp(names.names[finger], name ?: "") == 0)
                return 0;
        (void)snprintf(names.names[finger], sizeof(names.names[finger]), "%s", name ?: "");
        batch_flush(daemon);
        r = save(daemon->vault, &names);
        if (r == 0)
                batch_wrote(daemon);
        return r;
}
