/* Rules of access: which one counts, how they are written, and what makes them looser. */
#include "daemon/access-rule.h"

#include <errno.h>

#include "tests/unit/test.h"

#define EDITOR "/usr/bin/editor"
#define APP    "flatpak:org.example.Editor"

static char no_text[] = "", editor[] = EDITOR, app[] = APP, unit[] = "app-editor-12.scope";

static Identity program_id = {.confinement = HELPER_FREE, .program = editor, .comm = no_text, .unit = unit, .app = no_text};
static Identity app_id = {.confinement = HELPER_CONFINED, .program = editor, .comm = no_text, .unit = no_text, .app = app};
static Identity nobody = {.program = no_text, .comm = no_text, .unit = no_text, .app = no_text};
static Identity hidden = {.program = no_text, .comm = no_text, .unit = no_text, .app = no_text, .hidden = true};

#define ITEM(no, number) (UINT64_C(no) << 40 | (number))

static void set(AccessRules *rules, const char *verdict, const char *subject, uint32_t collection, ItemId item)
{
        AccessRule rule = {.verdict = access_verdict_of(verdict), .target = {collection, item}};
        const char *name;
        AccessRules changed;

        CHECK_EQ(access_subject_parse(subject, &rule.subject, &name), 0);
        rule.name = (char *)(uintptr_t)name;
        CHECK_EQ(access_rules_change(rules, &rule, &changed), 0);
        access_rules_done(rules);
        *rules = changed;
}

static bool loosens(const AccessRules *rules, const char *verdict, const char *subject, uint32_t collection)
{
        AccessRule rule = {.verdict = access_verdict_of(verdict), .target = {.collection = collection}};
        const char *name;

        CHECK_EQ(access_subject_parse(subject, &rule.subject, &name), 0);
        rule.name = (char *)(uintptr_t)name;
        return access_rules_loosens(rules, &rule);
}

static AccessVerdict decide(const AccessRules *rules, const Identity *who, ItemId item)
{
        AccessTarget target = {(uint32_t)(item >> 40), item}, reach;

        return access_rules_decide(rules, who, &target, &reach);
}

TEST(without_rules)
{
        AccessRules rules = {0};

        CHECK_EQ(decide(&rules, &program_id, ITEM(1, 1)), ACCESS_ALLOW);
        CHECK_EQ(decide(&rules, &nobody, ITEM(1, 1)), ACCESS_ALLOW);
        CHECK_EQ(decide(&rules, &app_id, ITEM(1, 1)), ACCESS_ASK);
        CHECK_EQ(decide(&rules, &hidden, ITEM(1, 1)), ACCESS_ASK);
}

TEST(the_most_specific_counts)
{
        AccessTarget item = {1, ITEM(1, 5)}, reach;
        AccessRules rules = {0};

        set(&rules, "deny", "any", 0, 0);
        CHECK_EQ(decide(&rules, &program_id, ITEM(1, 1)), ACCESS_DENY);
        CHECK_EQ(decide(&rules, &app_id, ITEM(1, 1)), ACCESS_DENY);
        set(&rules, "ask", "app-editor-*.scope", 0, 0);
        CHECK_EQ(decide(&rules, &program_id, ITEM(1, 1)), ACCESS_ASK);
        CHECK_EQ(decide(&rules, &nobody, ITEM(1, 1)), ACCESS_DENY);
        set(&rules, "allow", EDITOR, 0, 0);
        CHECK_EQ(decide(&rules, &program_id, ITEM(1, 1)), ACCESS_ALLOW);
        /* In a sandbox a path says nothing. */
        CHECK_EQ(decide(&rules, &app_id, ITEM(1, 1)), ACCESS_DENY);
        /* What it is about comes before whom. */
        set(&rules, "deny", "any", 1, 0);
        CHECK_EQ(decide(&rules, &program_id, ITEM(1, 1)), ACCESS_DENY);
        CHECK_EQ(decide(&rules, &program_id, ITEM(2, 1)), ACCESS_ALLOW);
        set(&rules, "ask", "any", 1, ITEM(1, 5));
        CHECK_EQ(decide(&rules, &program_id, ITEM(1, 5)), ACCESS_ASK);
        CHECK_EQ(decide(&rules, &program_id, ITEM(1, 6)), ACCESS_DENY);
        CHECK_EQ(access_rules_decide(&rules, &program_id, &item, &reach), ACCESS_ASK);
        CHECK(reach.collection == 1 && reach.item == ITEM(1, 5));
        access_rules_done(&rules);
}

TEST(apps_sandboxes_and_the_unknown)
{
        AccessRules rules = {0};

        set(&rules, "deny", "unknown", 0, 0);
        CHECK_EQ(decide(&rules, &nobody, ITEM(1, 1)), ACCESS_DENY);
        CHECK_EQ(decide(&rules, &program_id, ITEM(1, 1)), ACCESS_ALLOW);
        CHECK_EQ(decide(&rules, &app_id, ITEM(1, 1)), ACCESS_ASK);
        set(&rules, "deny", "sandboxed", 0, 0);
        CHECK_EQ(decide(&rules, &app_id, ITEM(1, 1)), ACCESS_DENY);
        set(&rules, "allow", APP, 0, 0);
        CHECK_EQ(decide(&rules, &app_id, ITEM(1, 1)), ACCESS_ALLOW);
        access_rules_done(&rules);
        set(&rules, "deny", "sandboxed", 0, 0);
        CHECK_EQ(decide(&rules, &hidden, ITEM(1, 1)), ACCESS_DENY);
        CHECK_EQ(decide(&rules, &nobody, ITEM(1, 1)), ACCESS_ALLOW);
        access_rules_done(&rules);
}

TEST(of_equals_the_strictest)
{
        AccessRules rules = {0};

        set(&rules, "deny", "app-*.scope", 0, 0);
        set(&rules, "allow", "app-editor-*.scope", 0, 0);
        CHECK_EQ(decide(&rules, &program_id, ITEM(1, 1)), ACCESS_DENY);
        access_rules_done(&rules);
}

TEST(subjects)
{
        static const char *const bad[] = {"", "editor", "flatpak:", "snap:", ".service", "a/b.service", "/", "any ", "a.target"};
        AccessSubject subject;
        const char *name;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                CHECK_EQ(access_subject_parse(bad[i], &subject, &name), -EINVAL);
        CHECK(access_subject_parse("snap:editor", &subject, &name) == 0 && subject == ACCESS_APP);
        CHECK(access_subject_parse("a.slice", &subject, &name) == 0 && subject == ACCESS_UNIT);
        CHECK(access_subject_parse("/a.service", &subject, &name) == 0 && subject == ACCESS_PROGRAM);
        CHECK(access_subject_parse("any", &subject, &name) == 0 && subject == ACCESS_ANY && !*name);
}

TEST(changes)
{
        AccessRule rule = {.verdict = ACCESS_DENY, .subject = ACCESS_PROGRAM, .name = editor};
        AccessRules rules = {0}, changed;

        set(&rules, "allow", EDITOR, 0, 0);
        set(&rules, "ask", "any", 0, 0);
        set(&rules, "deny", EDITOR, 0, 0);
        CHECK_EQ(rules.n, 2);
        CHECK_EQ(access_rules_find(&rules, &rule)->verdict, ACCESS_DENY);
        rule.verdict = 0;
        CHECK_EQ(access_rules_change(&rules, &rule, &changed), 0);
        CHECK_EQ(changed.n, 1);
        access_rules_done(&rules);
        rules = changed;
        CHECK_EQ(access_rules_change(&rules, &rule, &changed), -ENOENT);
        for (uint32_t i = 1; rules.n < ACCESS_RULES_MAX; i++)
                set(&rules, "ask", "any", i, 0);
        rule.verdict = ACCESS_ASK;
        CHECK_EQ(access_rules_change(&rules, &rule, &changed), -ENOBUFS);
        access_rules_done(&rules);
}

TEST(what_loosens)
{
        AccessRules rules = {0};

        CHECK(!loosens(&rules, "deny", EDITOR, 0));
        CHECK(!loosens(&rules, "ask", EDITOR, 0));
        CHECK(loosens(&rules, "allow", EDITOR, 0));
        set(&rules, "deny", "any", 3, 0);
        /* One about everything does not stand before one about a collection. */
        CHECK(!loosens(&rules, "ask", EDITOR, 0));
        CHECK(!loosens(&rules, "ask", EDITOR, 4));
        CHECK(loosens(&rules, "ask", EDITOR, 3));
        CHECK(loosens(&rules, "ask", "any", 3));
        CHECK(loosens(&rules, "none", "any", 3));
        set(&rules, "allow", EDITOR, 0, 0);
        CHECK(!loosens(&rules, "none", EDITOR, 0));
        CHECK(!loosens(&rules, "deny", EDITOR, 0));
        access_rules_done(&rules);
}

TEST(written_and_read)
{
        _cleanup_(byte_writer_done) ByteWriter data = BYTE_WRITER_NULL, again = BYTE_WRITER_NULL;
        AccessRules rules = {0}, read;

        set(&rules, "deny", "any", 0, 0);
        set(&rules, "ask", "app-*.scope", 4, 0);
        set(&rules, "allow", APP, 4, ITEM(4, 9));
        access_rules_write(&rules, &data);
        CHECK_EQ(access_rules_read(data.data, data.size, &read), 0);
        access_rules_write(&read, &again);
        CHECK(again.size == data.size && memcmp(again.data, data.data, data.size) == 0);
        access_rules_done(&read);

        for (size_t size = 0; size < data.size; size++)
                CHECK_EQ(access_rules_read(data.data, size, &read), -EBADMSG);
        for (size_t i = 0; i < data.size; i++) {
                for (unsigned bit = 0; bit < 8; bit++) {
                        data.data[i] ^= (uint8_t)(1U << bit);
                        if (access_rules_read(data.data, data.size, &read) == 0) {
                                CHECK(read.n <= 3);
                                access_rules_done(&read);
                        }
                        data.data[i] ^= (uint8_t)(1U << bit);
                }
        }
        access_rules_done(&rules);
}

TEST_MAIN
