/*
 * Names
 *
 * What stands in the file is shown before somebody is let in, so a name is taken only if it could have been given: text of one line that
 * can't pass for something else.
 */
#include "pam/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/hex.h"
#include "crypto/sha.h"

#define END         ".names"
#define NO_ID       "-"
#define DIGITS      (2U * SHA256_SIZE)
#define ID_TEXT_MAX (4U * ((CREDENTIAL_ID_MAX + 2U) / 3U))

typedef struct Line {
        const char *id, *name;
        size_t id_size, name_size;
} Line;

/* ---- names ---- */

static bool is_name(const char *name, size_t size)
{
        bool digits = true;
        size_t n;

        if (size == 0 || size > NAMES_NAME_MAX || name[0] == ' ' || name[size - 1] == ' ' || !utf8_valid(name, size))
                return false;
        for (size_t i = 0; i < size; i += n) {
                if (utf8_is_control(name + i, &n))
                        return false;
                digits &= name[i] >= '0' && name[i] <= '9';
        }
        return !digits;
}

bool names_valid(const char *name)
{
        return is_name(name, strnlen(name, NAMES_NAME_SIZE));
}

char *names_path(const char *authfile)
{
        char *path;

        return asprintf(&path, "%s" END, authfile) < 0 ? NULL : path;
}

/* ---- lines ---- */

static void hash_of(const Credential *credential, char ret[DIGITS + 1])
{
        uint8_t hash[SHA256_SIZE];

        sha256(credential->key, credential->key_size, hash);
        hex_encode(hash, sizeof(hash), ret);
}

/* The next line without its end, or NULL. */
static const char *next(const char **text, size_t *size, size_t *ret_size)
{
        const char *line = *text, *end;

        if (*size == 0)
                return NULL;
        end = memchr(line, '\n', *size);
        *ret_size = end ? (size_t)(end - line) : *size;
        *text += *ret_size + (end != NULL);
        *size -= *ret_size + (end != NULL);
        return line;
}

static bool is_of(const char *line, size_t size, const char *hash)
{
        return size > DIGITS && memcmp(line, hash, DIGITS) == 0 && line[DIGITS] == ' ';
}

static bool find(const char *text, size_t size, const Credential *credential, Line *ret)
{
        char hash[DIGITS + 1];
        const char *line, *end;
        size_t n;

        hash_of(credential, hash);
        while ((line = next(&text, &size, &n))) {
                if (!is_of(line, n, hash))
                        continue;
                ret->id = line + DIGITS + 1;
                n -= DIGITS + 1;
                end = memchr(ret->id, ' ', n);
                ret->id_size = end ? (size_t)(end - ret->id) : n;
                ret->name = end ? end + 1 : ret->id + n;
                ret->name_size = n - ret->id_size - (end != NULL);
                return true;
        }
        return false;
}

bool names_find(const char *text, size_t size, const Credential *credential, char ret[NAMES_NAME_SIZE])
{
        Line line;

        ret[0] = 0;
        if (!find(text, size, credential, &line) || !is_name(line.name, line.name_size))
                return false;
        memcpy(ret, line.name, line.name_size);
        ret[line.name_size] = 0;
        return true;
}

int names_find_id(const char *text, size_t size, const Credential *credential, uint8_t **ret, size_t *ret_size)
{
        Line line;
        int r;

        *ret = NULL;
        *ret_size = 0;
        if (credential->id_size > 0 || !find(text, size, credential, &line) || line.id_size > ID_TEXT_MAX)
                return 0;
        r = base64_decode(line.id, line.id_size, ret, ret_size);
        if (r == 0 && (*ret_size == 0 || *ret_size > CREDENTIAL_ID_MAX))
                r = -EINVAL;
        if (r == 0)
                return 0;
        free(*ret);
        *ret = NULL;
        *ret_size = 0;
        return r == -ENOMEM ? r : 0;
}

/* ---- changed ---- */

static int append(const char *hash, const NamesEntry *entry, ByteWriter *ret)
{
        _cleanup_free_ char *id = entry->id_size > 0 ? base64_encode(entry->id, entry->id_size) : strdup(NO_ID);
        const char *name = entry->name ? entry->name : "";

        if (!id)
                return -ENOMEM;
        byte_writer_raw(ret, hash, DIGITS);
        byte_writer_u8(ret, ' ');
        byte_writer_raw(ret, id, strlen(id));
        if (name[0]) {
                byte_writer_u8(ret, ' ');
                byte_writer_raw(ret, name, strlen(name));
        }
        byte_writer_u8(ret, '\n');
        return 0;
}

int names_set(const char *text, size_t size, const Credential *credential, const NamesEntry *entry, ByteWriter *ret)
{
        char hash[DIGITS + 1];
        const char *line;
        size_t n;
        int r = 0;

        hash_of(credential, hash);
        while ((line = next(&text, &size, &n))) {
                if (is_of(line, n, hash))
                        continue;
                byte_writer_raw(ret, line, n);
                byte_writer_u8(ret, '\n');
        }
        if (entry && (entry->name || entry->id_size > 0))
                r = append(hash, entry, ret);
        return r == 0 && ret->failed ? -ENOMEM : r;
}
