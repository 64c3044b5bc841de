/* Names of others, as part of what we show. */
#include "daemon/present.h"
#include "tests/unit/test.h"

static void check(char *(*present)(const char *), const char *text, const char *expected)
{
        _cleanup_free_ char *shown = present(text);

        CHECK(shown && strcmp(shown, expected) == 0);
}

TEST(names)
{
        check(presentable, "alice", "alice");
        check(presentable, "a\nb\tc\x7f\"", "a b c '");
        check(presentable, "a\xe2\x80\xae"
                           "b\xc2\x85"
                           "c",
              "a   b  c");
        check(presentable, "a\xd8\x9c"
                           "b\xef\xbb\xbf"
                           "c\xd8\xa7",
              "a  b   c\xd8\xa7");
        check(presentable, "", "");
}

/* What a file or another program has written need not be text, and a character may be cut off at the end. */
TEST(what_is_no_text)
{
        check(presentable, "a\xc2", "a?");
        check(presentable, "a\xd8", "a?");
        check(presentable, "\xe2\x80", "??");
        check(presentable, "\xef\xbb", "??");
        check(presentable, "\xff\x9f" "a\xf0\x9f\x94\x91", "??a\xf0\x9f\x94\x91");
        check(presentable, "\xc2\"", "?'");
}

/* A sentence of ours with something of another's in it: it is not cut, and its quotation marks stay. */
TEST(lines)
{
        char text[] = "run \"a\tb\"\nor\x1b[1m c\xe2\x80\xae\xff", line[4096];

        present_in_line(text);
        CHECK(strcmp(text, "run \"a b\" or [1m c   ?") == 0);
        memset(line, 'x', sizeof(line) - 1);
        line[sizeof(line) - 1] = 0;
        line[4000] = '\r';
        present_in_line(line);
        CHECK(strlen(line) == sizeof(line) - 1 && line[4000] == ' ');
}

/* Nothing of it is changed that can be said. */
TEST(paths)
{
        check(present_path, "/home/Jos\xe9/\xc3\xa9/a\n\"b\"\x01/\xe2\x80", "/home/Jos?/\xc3\xa9/a\n\"b\"\x01/??");
        check(present_path, "", "");
}

TEST(markup)
{
        check(present_in_markup, "<b>&amp;</b> \"x\"", "&lt;b&gt;&amp;amp;&lt;/b&gt; \"x\"");
        check(present_in_markup, "", "");
        check(present_anywhere, "<a href=x>&", "‹a href=x›＆");
        check(present_anywhere, "Größe", "Größe");
}

TEST_MAIN
