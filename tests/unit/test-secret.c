/* Secret buffers: content, growth, limits. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/secret.h"
#include "tests/unit/test.h"

TEST(a_copy_ends_with_nul)
{
        _cleanup_(secret_freep) Secret *secret = NULL, *empty = NULL;

        CHECK_EQ(secret_new_from(&secret, "s3cret", 6), 0);
        CHECK_EQ(secret->size, 6);
        CHECK(strcmp((char *)secret->data, "s3cret") == 0);
        CHECK_EQ(secret_new_from(&empty, NULL, 0), 0);
        CHECK_EQ(empty->size, 0);
        CHECK_EQ(empty->data[0], 0);
}

TEST(appending_moves_and_keeps)
{
        _cleanup_(secret_freep) Secret *secret = NULL;

        CHECK_EQ(secret_new(&secret, 10), 0);
        for (unsigned i = 0; i < 3000; i++)
                CHECK_EQ(secret_append(secret, "abcde", 5), 0);
        CHECK_EQ(secret->size, 15000);
        for (unsigned i = 0; i < 15000; i++)
                CHECK_EQ(secret->data[i], "abcde"[i % 5]);
        CHECK_EQ(secret->data[15000], 0);
}

TEST(chomp_takes_one_line_end)
{
        static const char *const before[] = {"a\n", "a\r\n", "a\n\n", "a", "", "\n", "a\r"};
        static const char *const after[] = {"a", "a", "a\n", "a", "", "", "a\r"};

        for (size_t i = 0; i < ELEMENTSOF(before); i++) {
                _cleanup_(secret_freep) Secret *secret = NULL;

                CHECK_EQ(secret_new_from(&secret, before[i], strlen(before[i])), 0);
                secret_chomp(secret);
                CHECK(strcmp((char *)secret->data, after[i]) == 0);
                CHECK_EQ(secret->size, strlen(after[i]));
        }
}

TEST(equality)
{
        _cleanup_(secret_freep) Secret *a = NULL, *b = NULL, *c = NULL, *d = NULL;

        CHECK_EQ(secret_new_from(&a, "abc", 3), 0);
        CHECK_EQ(secret_new_from(&b, "abc", 3), 0);
        CHECK_EQ(secret_new_from(&c, "abd", 3), 0);
        CHECK_EQ(secret_new_from(&d, "ab", 2), 0);
        CHECK(secret_equal(a, b));
        CHECK(!secret_equal(a, c));
        CHECK(!secret_equal(a, d));
}

TEST(reading_to_the_end_within_a_limit)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        char block[1000];
        int fds[2];

        memset(block, 'x', sizeof(block));
        CHECK_EQ(pipe(fds), 0);
        for (unsigned i = 0; i < 20; i++)
                CHECK_EQ(write(fds[1], block, sizeof(block)), sizeof(block));
        close(fds[1]);
        CHECK_EQ(secret_read(fds[0], 20000, &secret), 0);
        CHECK_EQ(secret->size, 20000);
        close(fds[0]);

        CHECK_EQ(pipe(fds), 0);
        CHECK_EQ(write(fds[1], block, 11), 11);
        close(fds[1]);
        secret = secret_free(secret);
        CHECK_EQ(secret_read(fds[0], 10, &secret), -EFBIG);
        CHECK(!secret);
        close(fds[0]);
}

#if defined(__x86_64__)
/* All sixteen that every such processor has; the wider ones that it may have begin with them. */
TEST(no_register_keeps_what_passed_through_it)
{
        static const uint8_t secret[16] = "0123456789abcdef";
        uint8_t left[16][16] = {{0}};

#define LOAD(n)  __asm__ volatile("movdqu %0,%%xmm" #n ::"m"(secret) : "xmm" #n)
#define STORE(n) __asm__ volatile("movdqu %%xmm" #n ",%0" : "=m"(left[n]))
#define EACH(what)                                                                                                    \
        do {                                                                                                          \
                what(0); what(1); what(2); what(3); what(4); what(5); what(6); what(7);                               \
                what(8); what(9); what(10); what(11); what(12); what(13); what(14); what(15);                         \
        } while (0)
        EACH(LOAD);
        traces_wipe();
        EACH(STORE);
        for (size_t i = 0; i < 16; i++)
                CHECK(memcmp(left[i], (const uint8_t[16]){0}, 16) == 0);
}
#endif

TEST_MAIN
