/*
 * The user's own authfile, as tools see it
 *
 * It is read by the code of the module, from where the configuration file says it is, with the names that are beside it. What is changed
 * was read under a lock, and is read once more before it takes the old one's place: nobody is to be locked out by a tool.
 */
#include <errno.h>
#include <string.h>

#include "common/places.h"
#include "pam/authfile.h"
#include "pam/authfile-edit.h"
#include "pam/file.h"
#include "pam/names.h"
#include "pam/tool.h"

void tool_authfile_unlock(ToolAuthfile *file)
{
        closep(&file->lock);
        file->lock = -1;
}

void tool_authfile_done(ToolAuthfile *file)
{
        authfile_path_done(&file->path);
        credentials_done(&file->credentials);
        file->text = secret_free(file->text);
        file->names = secret_free(file->names);
        tool_authfile_unlock(file);
}

static int fail(const ToolAuthfile *file, int r)
{
        const char *path = file->path.path ? file->path.path : "the authfile";

        return tool_error(TOOL_OTHER, "%s: %s", path, r > 0 ? file_outcome(r) : strerror(-r));
}

static int nobody(const ToolAuthfile *file, unsigned flags)
{
        if (flags & TOOL_AUTHFILE_NOBODY)
                return 0;
        return tool_error(TOOL_NOT_FOUND, "no security key logs in here (%s): see keyfob pam enroll", file->path.path);
}

static AuthfileRules rules_of(const Login *login, const ToolAuthfile *file)
{
        return (AuthfileRules){.user = login->user.name,
                               .max = file->lock >= 0 ? OPTIONS_KEYS_MAX : login->options->max_devices,
                               .ssh_keys = login->options->sshformat || file->path.of_user};
}

/* Names are a help: without them, there are none. */
static void read_names(ToolAuthfile *file)
{
        _cleanup_free_ char *path = names_path(file->path.path);

        if (path)
                file->names_outcome = file_read_own(path, NAMES_MAX, &file->names);
}

static int lock(ToolAuthfile *file, unsigned flags)
{
        int r = flags & TOOL_AUTHFILE_NOBODY ? places_make_parents(file->path.path) : 0;

        if (r == 0)
                r = authfile_lock(file->path.path);
        if (r < 0)
                return r == -ENOENT ? FILE_MISSING : r;
        file->lock = r;
        return 0;
}

int tool_authfile_read(const Login *login, unsigned flags, ToolAuthfile *ret)
{
        AuthfileRules rules;
        int r;

        r = authfile_path_find(&login->user, login->options, &ret->path);
        if (r > 0)
                return tool_error(TOOL_OTHER, "authfile has a %% that is neither %%u nor %%%%");
        if (r == 0 && flags & TOOL_AUTHFILE_LOCKED)
                r = lock(ret, flags);
        if (r == 0) {
                read_names(ret);
                r = file_read_own(ret->path.path, AUTHFILE_MAX, &ret->text);
        }
        if (r == FILE_MISSING)
                return nobody(ret, flags);
        if (r != 0)
                return fail(ret, r);
        rules = rules_of(login, ret);
        r = authfile_read((const char *)ret->text->data, ret->text->size, &rules, &ret->credentials);
        if (r == AUTHFILE_WRONG)
                return tool_error(TOOL_OTHER, "%s: your line is cut off or not known, so none of it counts: mend or remove it",
                                  ret->path.path);
        return r == AUTHFILE_NOBODY ? nobody(ret, flags) : r < 0 ? fail(ret, r) : 0;
}

/* ---- which one ---- */

bool tool_authfile_name(const ToolAuthfile *file, const Credential *credential, char ret[NAMES_NAME_SIZE])
{
        ret[0] = 0;
        return file->names && names_find((const char *)file->names->data, file->names->size, credential, ret);
}

int tool_authfile_id(const ToolAuthfile *file, const Credential *credential, uint8_t **ret, size_t *ret_size)
{
        *ret = NULL;
        *ret_size = 0;
        if (credential->id_size == 0)
                return file->names ? names_find_id((const char *)file->names->data, file->names->size, credential, ret, ret_size) : 0;
        *ret = malloc(credential->id_size);
        if (!*ret)
                return -ENOMEM;
        memcpy(*ret, credential->id, credential->id_size);
        *ret_size = credential->id_size;
        return 0;
}

int tool_authfile_which(const ToolAuthfile *file, const char *which, size_t *ret)
{
        char name[NAMES_NAME_SIZE], *end;
        unsigned long number = strtoul(which, &end, 10);
        size_t n = 0;

        if (which[0] >= '0' && which[0] <= '9' && !*end && number >= 1 && number <= file->credentials.n) {
                *ret = number - 1;
                return 0;
        }
        for (size_t i = 0; i < file->credentials.n; i++) {
                if (!tool_authfile_name(file, file->credentials.list + i, name) || strcmp(name, which) != 0)
                        continue;
                *ret = i;
                n++;
        }
        if (n > 1)
                return tool_error(TOOL_USAGE, "several security keys are called \"%s\": say the number that keyfob pam status shows",
                                  which);
        return n == 1 ? 0 : tool_error(TOOL_NOT_FOUND, "no security key is called \"%s\": keyfob pam status shows them", which);
}

int tool_authfile_name_is_free(const ToolAuthfile *file, const char *name)
{
        char other[NAMES_NAME_SIZE];

        if (!names_valid(name))
                return tool_error(TOOL_USAGE, "a name is text of at most %u bytes, and not a number", NAMES_NAME_MAX);
        for (size_t i = 0; i < file->credentials.n; i++)
                if (tool_authfile_name(file, file->credentials.list + i, other) && strcmp(name, other) == 0)
                        return tool_error(TOOL_REFUSED, "a security key of yours is called \"%s\" already", name);
        return 0;
}

/* ---- changed ---- */

int tool_authfile_write(const Login *login, const ToolAuthfile *file, const ByteWriter *text)
{
        _cleanup_(credentials_done) Credentials credentials = CREDENTIALS_NULL;
        AuthfileRules rules = rules_of(login, file);
        int r;

        r = authfile_read((const char *)text->data, text->size, &rules, &credentials);
        if (r == AUTHFILE_WRONG)
                return tool_error(TOOL_OTHER, "%s is not changed: what it would say of you is not right", file->path.path);
        r = r < 0 ? r : authfile_write(file->path.path, text);
        return r == 0 ? 0 : tool_error(TOOL_OTHER, "%s is not changed: %s", file->path.path, strerror(-r));
}

int tool_authfile_write_name(const ToolAuthfile *file, const Credential *credential, const NamesEntry *entry)
{
        _cleanup_(byte_writer_done) ByteWriter text = BYTE_WRITER_NULL;
        _cleanup_free_ char *path = names_path(file->path.path);
        int r = file->names_outcome;

        if (!path)
                return tool_error(TOOL_OTHER, "out of memory");
        if (r != 0 && r != FILE_MISSING)
                return tool_error(TOOL_OTHER, "names are not changed, because of %s: %s: remove it", path,
                                  r > 0 ? file_outcome(r) : strerror(-r));
        r = names_set(file->names ? (const char *)file->names->data : "", file->names ? file->names->size : 0, credential, entry, &text);
        if (r == 0 && text.size > NAMES_MAX)
                r = -EFBIG;
        if (r == 0 && (text.size > 0 || file->names))
                r = authfile_write(path, &text);
        return r == 0 ? 0 : tool_error(TOOL_OTHER, "%s is not changed: %s", path, strerror(-r));
}
