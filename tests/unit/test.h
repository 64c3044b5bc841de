/*
 * A test framework that fits on a page
 *
 * TEST(name) { … } defines a test and registers it; CHECK() stops the program with file, line and expression, in release
 * builds too. `TEST_MAIN` ends the file. A program argument selects tests whose name contains it.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct TestCase TestCase;
struct TestCase {
        const char *name;
        void (*run)(void);
        TestCase *next;
};
extern TestCase *test_first, **test_last;

#define TEST(id)                                                                                                       \
        static void test_##id(void);                                                                                   \
        static TestCase test_case_##id = {#id, test_##id, NULL};                                                       \
        __attribute__((constructor)) static void test_register_##id(void)                                              \
        {                                                                                                              \
                *test_last = &test_case_##id;                                                                          \
                test_last = &test_case_##id.next;                                                                      \
        }                                                                                                              \
        static void test_##id(void)

#define CHECK(condition)                                                                                               \
        do {                                                                                                           \
                if (!(condition)) {                                                                                    \
                        fprintf(stderr, "%s:%d: %s: failed: %s\n", __FILE__, __LINE__, __func__, #condition);          \
                        exit(1);                                                                                       \
                }                                                                                                      \
        } while (0)

/* CHECK() for a function that answers 0 or a code; shows the code. */
#define CHECK_EQ(expression, expected)                                                                                 \
        do {                                                                                                           \
                long long _got_ = (long long)(expression), _want_ = (long long)(expected);                             \
                if (_got_ != _want_) {                                                                                 \
                        fprintf(stderr, "%s:%d: %s: %s is %lld, not %lld\n", __FILE__, __LINE__, __func__,             \
                                #expression, _got_, _want_);                                                           \
                        exit(1);                                                                                       \
                }                                                                                                      \
        } while (0)

#define TEST_MAIN                                                                                                      \
        TestCase *test_first, **test_last = &test_first;                                                               \
        int main(int argc, char *argv[])                                                                               \
        {                                                                                                              \
                unsigned n = 0;                                                                                        \
                for (TestCase *test = test_first; test; test = test->next) {                                           \
                        if (argc > 1 && !strstr(test->name, argv[1]))                                                  \
                                continue;                                                                              \
                        printf("%s\n", test->name);                                                                    \
                        fflush(stdout);                                                                                \
                        test->run();                                                                                   \
                        n++;                                                                                           \
                }                                                                                                      \
                printf("%u tests\n", n);                                                                               \
                return n > 0 ? 0 : 1;                                                                                  \
        }
