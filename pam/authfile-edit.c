/*
 * Authfiles, changed
 *
 * The text is cut and joined as it is, not read and written anew: what other users have, what OpenSSH has, and what is not known here
 * stays, byte by byte.
 */
#include "pam/authfile-edit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/replace.h"
#include "pam/authfile.h"

#define NEW_MODE 0600

/* A line from its beginning to its end, which does not belong to it. */
typedef struct Line {
        const char *at, *end;
} Line;

/* The next line from `at` on. False: there is none. */
static bool next(const char *at, const char *end, Line *ret)
{
        const char *newline;

        if (at >= end)
                return false;
        newline = memchr(at, '\n', (size_t)(end - at));
        *ret = (Line){at, newline ? newline : end};
        return true;
}

static bool is_of(Line line, const char *user)
{
        size_t size = strlen(user);

        return (size_t)(line.end - line.at) > size && memcmp(line.at, user, size) == 0 && line.at[size] == ':';
}

/* The one that counts. */
static bool last_of(const char *text, size_t size, const char *user, Line *ret)
{
        const char *at = text, *end = text + size;
        bool found = false;
        Line line;

        for (; next(at, end, &line); at = line.end + 1) {
                if (!is_of(line, user))
                        continue;
                *ret = line;
                found = true;
        }
        return found;
}

static const char *without_return(Line line)
{
        return line.end > line.at && line.end[-1] == '\r' ? line.end - 1 : line.end;
}

int authfile_add(const char *text, size_t size, const char *user, const char *credential, ByteWriter *ret)
{
        const char *place;
        Line line;

        if (last_of(text, size, user, &line)) {
                place = without_return(line);
                byte_writer_raw(ret, text, (size_t)(place - text));
                byte_writer_raw(ret, credential, strlen(credential));
                byte_writer_raw(ret, place, (size_t)(text + size - place));
        } else {
                byte_writer_raw(ret, text, size);
                if (size > 0 && text[size - 1] != '\n')
                        byte_writer_u8(ret, '\n');
                byte_writer_raw(ret, user, strlen(user));
                byte_writer_raw(ret, credential, strlen(credential));
                byte_writer_u8(ret, '\n');
        }
        return ret->failed ? -ENOMEM : 0;
}

static void drop_lines(const char *text, size_t size, const char *user, ByteWriter *ret)
{
        const char *at = text, *end = text + size;
        Line line;

        for (; next(at, end, &line); at = line.end + 1)
                if (!is_of(line, user))
                        byte_writer_raw(ret, line.at, (size_t)(line.end - line.at) + (line.end < end));
}

int authfile_remove(const char *text, size_t size, const char *user, size_t i, ByteWriter *ret)
{
        const char *from, *to, *end;
        Line line;

        if (!last_of(text, size, user, &line))
                return AUTHFILE_NOBODY;
        end = without_return(line);
        from = line.at + strlen(user);
        for (; i > 0 && from; i--)
                from = memchr(from + 1, ':', (size_t)(end - from - 1));
        if (!from)
                return AUTHFILE_NOBODY;
        to = memchr(from + 1, ':', (size_t)(end - from - 1));
        if (!to)
                to = end;
        if (from == line.at + strlen(user) && to == end) {
                drop_lines(text, size, user, ret);
        } else {
                byte_writer_raw(ret, text, (size_t)(from - text));
                byte_writer_raw(ret, to, (size_t)(text + size - to));
        }
        return ret->failed ? -ENOMEM : 0;
}

int authfile_write(const char *path, const ByteWriter *data)
{
        struct stat st;

        return replace_file(path, stat(path, &st) == 0 ? st.st_mode & 0777 : NEW_MODE, data->data, data->size);
}

int authfile_lock(const char *path)
{
        _cleanup_free_ char *parent = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
        int fd;

        if (!parent)
                return -ENOMEM;
        fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void)flock(fd, LOCK_EX); /* some network file systems have none */
        return fd;
}
