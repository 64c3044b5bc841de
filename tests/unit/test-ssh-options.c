/* Options that OpenSSH hands on, and what is said of those that can't be. */
#include <fcntl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "ssh/options.h"
#include "ssh/say.h"
#include "tests/unit/test.h"

static char a_device[] = "/dev/hidraw3", ours[] = "keyfob", alice[] = "alice", one[] = "1", strange[] = "str\nange",
            device[] = "device", user[] = "user";

static int read_one(char *name, char *value, bool required, bool enrolls, Options *ret)
{
        struct sk_option option = {name, value, required}, *list[] = {&option, NULL};

        return options_read(list, enrolls, ret);
}

TEST(none)
{
        struct sk_option *list[] = {NULL};
        Options options = {.device = a_device};

        CHECK_EQ(options_read(NULL, true, &options), 0);
        CHECK(!options.device && !options.keyfob && !options.user);
        CHECK_EQ(options_read(list, true, &options), 0);
        for (size_t i = 0; i < USER_ID_SIZE; i++)
                CHECK(options.user_id[i] == 0);
}

TEST(a_device_is_named)
{
        Options options;

        CHECK_EQ(read_one(device, a_device, false, false, &options), 0);
        CHECK(strcmp(options.device, a_device) == 0 && !options.keyfob);
        CHECK_EQ(read_one(device, ours, true, true, &options), 0);
        CHECK(options.keyfob);
}

TEST(a_user_is_filled_up_with_zeros)
{
        char longest[USER_ID_SIZE + 1];
        Options options;

        CHECK_EQ(read_one(user, alice, false, true, &options), 0);
        CHECK(memcmp(options.user_id, "alice\0", 6) == 0 && options.user_id[USER_ID_SIZE - 1] == 0);
        CHECK(strcmp(options.user, alice) == 0);
        memset(longest, 'x', sizeof(longest) - 1);
        longest[USER_ID_SIZE] = 0;
        CHECK_EQ(read_one(user, longest, false, true, &options), SK_ERROR_GENERAL);
        longest[USER_ID_SIZE - 1] = 0;
        CHECK_EQ(read_one(user, longest, false, true, &options), 0);
}

TEST(what_is_not_known_is_refused_only_when_it_is_required)
{
        Options options = {.device = a_device};

        CHECK_EQ(read_one(strange, one, true, true, &options), SK_ERROR_UNSUPPORTED);
        CHECK(options.device == a_device); /* written on success only */
        CHECK_EQ(read_one(strange, one, false, true, &options), 0);
        CHECK_EQ(read_one(user, alice, true, false, &options), SK_ERROR_UNSUPPORTED); /* only who enrolls names one */
        CHECK_EQ(read_one(user, alice, false, false, &options), 0);
        CHECK(!options.user && options.user_id[0] == 0);
}

TEST(what_is_said_is_one_line_without_surprises)
{
        _cleanup_close_ int kept = dup(STDERR_FILENO), reader = -1;
        int fds[2];
        char text[1024] = "", longest[2000];
        ssize_t n, m;

        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = 0;
        CHECK(pipe2(fds, O_CLOEXEC) == 0 && dup2(fds[1], STDERR_FILENO) >= 0);
        (void)close(fds[1]);
        reader = fds[0];
        say("no %s\x7f", strange);
        n = read(reader, text, sizeof(text));
        say("%s", longest);
        m = read(reader, longest, sizeof(longest));
        CHECK(dup2(kept, STDERR_FILENO) >= 0);
        CHECK(n == (ssize_t)strlen("keyfob: no str?ange?\n") && memcmp(text, "keyfob: no str?ange?\n", (size_t)n) == 0);
        CHECK(m > 100 && m <= 512 && longest[m - 1] == '\n');
}

TEST_MAIN
