/* Match rules: what clients of real libraries send, what is no rule, and which signals fit. */
#include <errno.h>

#include "daemon/match.h"
#include "tests/unit/test.h"

static bool fits(const char *text, const char *path, const char *interface, const char *member)
{
        _cleanup_(match_rule_freep) MatchRule *rule = NULL;

        CHECK_EQ(match_rule_parse(text, &rule), 0);
        return match_rule_matches(rule, &(MatchSignal){.path = path, .interface = interface, .member = member});
}

static int parse(const char *text)
{
        _cleanup_(match_rule_freep) MatchRule *rule = NULL;

        return match_rule_parse(text, &rule);
}

TEST(everything)
{
        CHECK(fits("", "/a", "b.c", "D"));
        CHECK(fits("type='signal'", "/a", "b.c", "D"));
        CHECK(!fits("type='method_call'", "/a", "b.c", "D"));
}

TEST(fields)
{
        CHECK(fits("interface='b.c',member='D',path='/a'", "/a", "b.c", "D"));
        CHECK(!fits("interface='b.x'", "/a", "b.c", "D"));
        CHECK(!fits("member='X'", "/a", "b.c", "D"));
        CHECK(!fits("path='/a/b'", "/a", "b.c", "D"));
        CHECK(fits("path=/a, interface =b.c", "/a", "b.c", "D"));
}

TEST(namespaces)
{
        CHECK(fits("path_namespace='/a'", "/a", "b.c", "D"));
        CHECK(fits("path_namespace='/a'", "/a/b", "b.c", "D"));
        CHECK(!fits("path_namespace='/a'", "/ab", "b.c", "D"));
        CHECK(fits("path_namespace='/'", "/ab", "b.c", "D"));
}

TEST(senders)
{
        CHECK(fits("sender='org.freedesktop.secrets'", "/a", "b.c", "D"));
        CHECK(fits("sender=':1.0'", "/a", "b.c", "D"));
        CHECK(!fits("sender='org.freedesktop.DBus'", "/a", "b.c", "D"));
}

TEST(arguments_are_left_to_the_client)
{
        CHECK(fits("type='signal',arg0='x',arg1path='/y',eavesdrop='true'", "/a", "b.c", "D"));
}

TEST(quoting)
{
        CHECK(fits("member='it'\\''s'", "/a", "b.c", "it's"));
        CHECK(fits("member='a,b=c'", "/a", "b.c", "a,b=c"));
}

TEST(no_rules)
{
        char text[MATCH_RULE_MAX + 2];

        CHECK_EQ(parse("nonsense"), -EINVAL);
        CHECK_EQ(parse("type='fish'"), -EINVAL);
        CHECK_EQ(parse("member='open"), -EINVAL);
        CHECK_EQ(parse("colour='red'"), -EINVAL);
        CHECK_EQ(parse("=x"), -EINVAL);
        CHECK_EQ(parse("member='a',member='b'"), -EINVAL);
        CHECK_EQ(parse("path='/a',path_namespace='/b'"), -EINVAL);
        memset(text, 'a', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        CHECK_EQ(parse(text), -E2BIG);
}

TEST_MAIN
