/* Lines of ours in a person's files: they go in and out without a trace, and what can't be changed safely stays as it is. */
#include "cli/block.h"
#include "cli/dotfile.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/test.h"

#include "common/cleanup.h"

#define BODY    "IdentityAgent \"/run/user/1000/keyfob/ssh\"\n"
#define BLOCK   BLOCK_BEGIN "\n" BODY BLOCK_END
#define ANOTHER BLOCK_BEGIN "\nold\nlines\n" BLOCK_END

/* ---- block ---- */

static const char *const texts[] = {
        "",
        "\n",
        "no newline at the end",
        "Host a\n  User b\n",
        "\n\nHost a\n",
        "Host a\n  User b\n\n\n",
        "# <<< keyfob ssh setup <<<\nHost a\n",
        "  " BLOCK_BEGIN "\n", /* not a line of ours */
        BLOCK_BEGIN "x\n",
};

TEST(in_and_out_is_as_before)
{
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                for (BlockPlace place = BLOCK_AT_TOP; place <= BLOCK_AT_END; place++) {
                        _cleanup_free_ char *with = NULL, *again = NULL, *without = NULL;

                        CHECK_EQ(block_put(texts[i], BODY, place, &with), BLOCK_OK);
                        CHECK(strstr(with, BLOCK));
                        CHECK(strlen(with) > strlen(texts[i]));
                        CHECK_EQ(block_put(with, BODY, place, &again), BLOCK_OK);
                        CHECK(strcmp(with, again) == 0);
                        CHECK_EQ(block_take(with, &without), BLOCK_OK);
                        CHECK(strcmp(without, texts[i]) == 0);
                }
}

static void check_put(const char *text, BlockPlace place, const char *expected)
{
        _cleanup_free_ char *with = NULL;

        CHECK_EQ(block_put(text, BODY, place, &with), BLOCK_OK);
        CHECK(strcmp(with, expected) == 0);
}

TEST(where_it_goes)
{
        check_put("Host a\n", BLOCK_AT_TOP, BLOCK "\nHost a\n");
        check_put("Host a", BLOCK_AT_TOP, BLOCK "\nHost a");
        check_put("", BLOCK_AT_TOP, BLOCK "\n");
        check_put("x=1\n", BLOCK_AT_END, "x=1\n" BLOCK "\n");
        check_put("x=1", BLOCK_AT_END, "x=1\n" BLOCK);
        check_put("", BLOCK_AT_END, BLOCK "\n");
}

TEST(an_old_one_is_replaced)
{
        check_put("Host a\n" ANOTHER "\nHost b\n", BLOCK_AT_TOP, BLOCK "\nHost a\nHost b\n");
        check_put(ANOTHER "\n" ANOTHER "\nHost b\n", BLOCK_AT_TOP, BLOCK "\nHost b\n");
        check_put("x=1\n" ANOTHER "\ny=2\n", BLOCK_AT_END, "x=1\n" BLOCK "\ny=2\n");
        check_put("x=1\n" ANOTHER, BLOCK_AT_END, "x=1\n" BLOCK);
        check_put("x=1\n" ANOTHER "\ny=2\n" ANOTHER "\nz\n", BLOCK_AT_END, "x=1\n" BLOCK "\ny=2\nz\n");
}

TEST(a_broken_one_is_left_alone)
{
        static const char *const broken[] = {BLOCK_BEGIN, BLOCK_BEGIN "\nx\n", "a\n" BLOCK_BEGIN "\n" BLOCK_END " \n",
                                             BLOCK_END "\n" BLOCK_BEGIN "\n", ANOTHER "\n" BLOCK_BEGIN "\n"};

        for (size_t i = 0; i < ELEMENTSOF(broken); i++) {
                char *never = NULL;

                CHECK_EQ(block_take(broken[i], &never), BLOCK_BROKEN);
                CHECK_EQ(block_put(broken[i], BODY, BLOCK_AT_TOP, &never), BLOCK_BROKEN);
                CHECK_EQ(block_put(broken[i], BODY, BLOCK_AT_END, &never), BLOCK_BROKEN);
                CHECK(!never);
        }
}

/* ---- dotfile ---- */

static char folder[] = "/tmp/keyfob-test-XXXXXX";

static const char *at(const char *name)
{
        static char path[256];

        (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
        return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
        _cleanup_close_ int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0);
}

static void check_text(const char *name, const char *text, mode_t mode)
{
        _cleanup_close_ int fd = open(at(name), O_RDONLY | O_CLOEXEC);
        char got[256] = {0};
        struct stat st;

        CHECK(fd >= 0 && read(fd, got, sizeof(got) - 1) >= 0 && fstat(fd, &st) == 0);
        CHECK(strcmp(got, text) == 0);
        CHECK_EQ(st.st_mode & 07777, mode);
}

static void begin(void)
{
        (void)strcpy(strrchr(folder, '-'), "-XXXXXX");
        CHECK(mkdtemp(folder));
}

static void end(void)
{
        char command[128];

        (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
        CHECK(system(command) == 0);
}

TEST(a_file_is_made_replaced_and_removed)
{
        _cleanup_(dotfile_done) Dotfile none = DOTFILE_NULL, there = DOTFILE_NULL, last = DOTFILE_NULL;

        begin();
        CHECK_EQ(dotfile_read(at("deep/er/config"), true, &none), DOTFILE_OK);
        CHECK(!none.there && none.text[0] == 0);
        CHECK_EQ(dotfile_write(&none, "one\n", 0640), DOTFILE_OK);
        check_text("deep/er/config", "one\n", 0640);
        CHECK_EQ(dotfile_read(at("deep/er/config"), true, &there), DOTFILE_OK);
        CHECK(there.there && !there.linked && strcmp(there.text, "one\n") == 0);
        CHECK_EQ(dotfile_write(&there, "two\n", 0600), DOTFILE_OK);
        check_text("deep/er/config", "two\n", 0640);
        CHECK_EQ(dotfile_read(at("deep/er/config"), true, &last), DOTFILE_OK);
        CHECK_EQ(dotfile_remove(&last), DOTFILE_OK);
        CHECK(access(at("deep/er/config"), F_OK) < 0);
        end();
}

TEST(a_link_stays_one)
{
        _cleanup_(dotfile_done) Dotfile file = DOTFILE_NULL, never = DOTFILE_NULL;
        struct stat st;

        begin();
        CHECK(mkdir(at("dotfiles"), 0700) == 0);
        put("dotfiles/profile", "x\n", 0604);
        CHECK(symlink("dotfiles/profile", at("profile")) == 0);
        CHECK_EQ(dotfile_read(at("profile"), false, &file), DOTFILE_OK);
        CHECK(file.linked);
        CHECK_EQ(dotfile_write(&file, "y\n", 0600), DOTFILE_OK);
        check_text("dotfiles/profile", "y\n", 0604);
        CHECK(lstat(at("profile"), &st) == 0 && S_ISLNK(st.st_mode));
        CHECK(symlink("nowhere", at("lost")) == 0);
        CHECK_EQ(dotfile_read(at("lost"), false, &never), DOTFILE_NOWHERE);
        end();
}

TEST(what_is_not_safe_is_refused)
{
        _cleanup_(dotfile_done) Dotfile never = DOTFILE_NULL, file = DOTFILE_NULL;

        begin();
        put("group", "x\n", 0660);
        CHECK_EQ(dotfile_read(at("group"), true, &never), DOTFILE_OPEN);
        CHECK_EQ(dotfile_read(at("group"), false, &file), DOTFILE_OK);
        CHECK(mkdir(at("folder"), 0700) == 0);
        put("folder/config", "x\n", 0600);
        CHECK_EQ(dotfile_read(at("folder"), false, &never), DOTFILE_STRANGE);
        CHECK(chmod(at("folder"), 0777) == 0);
        CHECK_EQ(dotfile_read(at("folder/config"), true, &never), DOTFILE_OPEN);
        CHECK_EQ(dotfile_read(at("folder/new"), true, &never), DOTFILE_OPEN);
        if (geteuid() == 0) {
                put("foreign", "x\n", 0600);
                CHECK(chown(at("foreign"), 65534, 65534) == 0);
                CHECK_EQ(dotfile_read(at("foreign"), false, &never), DOTFILE_FOREIGN);
        }
        CHECK(!never.text);
        end();
}

TEST(bytes_that_are_no_text)
{
        _cleanup_(dotfile_done) Dotfile never = DOTFILE_NULL;
        _cleanup_close_ int fd = -1;

        begin();
        fd = open(at("zero"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        CHECK(fd >= 0 && write(fd, "a\0b", 3) == 3);
        CHECK_EQ(dotfile_read(at("zero"), false, &never), DOTFILE_STRANGE);
        CHECK(ftruncate(fd, 2 * 1024 * 1024) == 0);
        CHECK_EQ(dotfile_read(at("zero"), false, &never), DOTFILE_STRANGE);
        end();
}

TEST(a_change_of_somebody_elses_is_not_lost)
{
        _cleanup_(dotfile_done) Dotfile file = DOTFILE_NULL, none = DOTFILE_NULL;

        begin();
        put("file", "mine\n", 0600);
        CHECK_EQ(dotfile_read(at("file"), false, &file), DOTFILE_OK);
        CHECK_EQ(dotfile_read(at("new"), false, &none), DOTFILE_OK);
        put("file", "theirs, longer\n", 0600);
        put("new", "theirs\n", 0600);
        CHECK_EQ(dotfile_write(&file, "ours\n", 0600), DOTFILE_CHANGED);
        CHECK_EQ(dotfile_remove(&file), DOTFILE_CHANGED);
        CHECK_EQ(dotfile_write(&none, "ours\n", 0600), DOTFILE_CHANGED);
        check_text("file", "theirs, longer\n", 0600);
        check_text("new", "theirs\n", 0600);
        CHECK(access(at("file."), F_OK) < 0);
        end();
}

TEST_MAIN
