/* Authfiles, changed: the one credential, and nothing else of the file. */
#include "pam/authfile-edit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "pam/authfile.h"
#include "tests/unit/test.h"

static void check(int r, ByteWriter *data, const char *expected)
{
        CHECK_EQ(r, 0);
        if (data->size != strlen(expected) || memcmp(data->data ? (const char *)data->data : "", expected, data->size) != 0) {
                fprintf(stderr, "got: %.*s\n", (int)data->size, (const char *)data->data);
                exit(1);
        }
        byte_writer_done(data);
}

static void adds(const char *text, const char *expected)
{
        ByteWriter data = BYTE_WRITER_NULL;

        check(authfile_add(text, strlen(text), "alice", ":new", &data), &data, expected);
}

static void removes(const char *text, size_t i, const char *expected)
{
        ByteWriter data = BYTE_WRITER_NULL;

        check(authfile_remove(text, strlen(text), "alice", i, &data), &data, expected);
}

static void has_not(const char *text, size_t i)
{
        ByteWriter data = BYTE_WRITER_NULL;

        CHECK_EQ(authfile_remove(text, strlen(text), "alice", i, &data), AUTHFILE_NOBODY);
        CHECK_EQ(data.size, 0);
        byte_writer_done(&data);
}

TEST(added_behind_the_others)
{
        adds("", "alice:new\n");
        adds("bob:x", "bob:x\nalice:new\n");
        adds("bob:x\n", "bob:x\nalice:new\n");
        adds("alice:a\n", "alice:a:new\n");
        adds("alice:a", "alice:a:new");
        adds("alice:a\r\nbob:x\r\n", "alice:a:new\r\nbob:x\r\n");
        adds("alice:old\nbob:x\nalice:a:b\nmalice:y\n", "alice:old\nbob:x\nalice:a:b:new\nmalice:y\n"); /* the last one counts */
        adds("alic:a\nalicee:b\nalice\n", "alic:a\nalicee:b\nalice\nalice:new\n");
}

TEST(removed_from_any_place)
{
        removes("bob:x\nalice:a:b:c\nmalice:y\n", 0, "bob:x\nalice:b:c\nmalice:y\n");
        removes("bob:x\nalice:a:b:c\nmalice:y\n", 1, "bob:x\nalice:a:c\nmalice:y\n");
        removes("bob:x\nalice:a:b:c\nmalice:y\n", 2, "bob:x\nalice:a:b\nmalice:y\n");
        removes("alice:a:b:c", 2, "alice:a:b");
        removes("alice:a:b\r\nbob:x\r\n", 1, "alice:a\r\nbob:x\r\n");
        removes("alice:a\nbob:x\n", 0, "bob:x\n");
        removes("bob:x\nalice:a", 0, "bob:x\n");
        removes("alice:a", 0, "");
}

TEST(an_older_line_does_not_come_back)
{
        removes("alice:old\nbob:x\nalice:a\n", 0, "bob:x\n");
        removes("alice:old\nalice:a:b\n", 0, "alice:old\nalice:b\n");
}

TEST(what_is_not_there_is_not_removed)
{
        has_not("", 0);
        has_not("bob:x\n", 0);
        has_not("alice:a\n", 1);
        has_not("alice:a:b\n", 2);
        has_not("alice:a:b\r\n", 2);
        has_not("alice:a:b\n", (size_t)1 << 40);
}

TEST(whole_or_not_at_all)
{
        char dir[] = "/tmp/kf-edit-XXXXXX", path[64], link[64], text[64] = "";
        _cleanup_(byte_writer_done) ByteWriter data = BYTE_WRITER_NULL;
        _cleanup_close_ int lock = -1;
        struct stat st;
        FILE *file;

        CHECK(mkdtemp(dir));
        (void)snprintf(path, sizeof(path), "%s/keys", dir);
        (void)snprintf(link, sizeof(link), "%s/link", dir);
        byte_writer_raw(&data, "alice:a\n", 8);
        CHECK_EQ(authfile_write(path, &data), 0);
        CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
        CHECK_EQ(chmod(path, 0644), 0);
        byte_writer_raw(&data, "bob:x\n", 6);
        CHECK_EQ(authfile_write(path, &data), 0);
        CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0644 && st.st_size == 14);

        /* A link is replaced, not followed. */
        CHECK_EQ(symlink("keys", link), 0);
        CHECK_EQ(authfile_write(link, &(ByteWriter){.data = (uint8_t *)(uintptr_t)"x", .size = 1}), 0);
        CHECK(lstat(link, &st) == 0 && S_ISREG(st.st_mode));
        file = fopen(path, "re");
        CHECK(file && fread(text, 1, sizeof(text) - 1, file) == 14);
        CHECK_EQ(fclose(file), 0);

        CHECK((lock = authfile_lock(path)) >= 0);
        CHECK_EQ(unlink(link), 0);
        CHECK_EQ(unlink(path), 0);
        CHECK_EQ(rmdir(dir), 0); /* no other file stayed behind */
        CHECK_EQ(authfile_write(path, &data), -ENOENT);
        CHECK_EQ(authfile_lock(path), -ENOENT);
}

TEST_MAIN
