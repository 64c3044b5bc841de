/* Options of the PAM module: those of pam_u2f mean the same, and none is passed over. */
#include "pam/options.h"

#include "tests/unit/test.h"

static int arguments(Options **ret, const char *const *list)
{
        Options *options;
        int n = 0, r;

        while (list[n])
                n++;
        CHECK_EQ(options_new(&options), 0);
        r = options_read_arguments(options, n, list);
        *ret = options;
        return r;
}

#define ARGUMENTS(ret, ...) arguments((ret), (const char *const[]){__VA_ARGS__, NULL})

static void wrong(const char *argument, const char *says)
{
        _cleanup_(options_freep) Options *options = NULL;

        CHECK_EQ(ARGUMENTS(&options, argument), OPTIONS_WRONG);
        CHECK(strstr(options->problem, says));
}

static int text(Options **ret, const char *conf)
{
        CHECK_EQ(options_new(ret), 0);
        return options_read_file(*ret, conf, strlen(conf));
}

TEST(all_of_pam_u2f)
{
        _cleanup_(options_freep) Options *options = NULL;

        CHECK_EQ(ARGUMENTS(&options, "debug", "debug_file=/var/log/u2f", "origin=pam://a", "appid=pam://b", "authfile=/etc/u2f_%u",
                           "expand", "authpending_file=", "nouserok", "openasuser", "max_devices=7", "interactive",
                           "prompt=Insert it", "manual", "cue", "cue_prompt=Touch = it", "nodetect", "userpresence=1",
                           "userverification=0", "pinverification=-1", "sshformat", "conf=/etc/x"),
                 0);
        CHECK(options->debug && options->expand && options->nouserok && options->openasuser && options->interactive);
        CHECK(options->manual && options->cue && options->nodetect && options->sshformat);
        CHECK(strcmp(options->origin, "pam://a") == 0 && strcmp(options->appid, "pam://b") == 0);
        CHECK(strcmp(options->authfile, "/etc/u2f_%u") == 0 && options->authpending_file[0] == 0);
        CHECK(strcmp(options->cue_prompt, "Touch = it") == 0 && strcmp(options->prompt, "Insert it") == 0);
        CHECK_EQ(options->max_devices, 7);
        CHECK_EQ(options->presence, DEMAND_YES);
        CHECK_EQ(options->verification, DEMAND_NO);
        CHECK_EQ(options->pin, DEMAND_UNSET);
}

TEST(without_any)
{
        _cleanup_(options_freep) Options *options = NULL;

        CHECK_EQ(options_new(&options), 0);
        CHECK_EQ(options->max_devices, 24);
        CHECK_EQ(options->presence, DEMAND_UNSET);
        CHECK(!options->nouserok && !options->allow_remote && !options->fingerprint && !options->own && !options->origin);
}

TEST(nothing_is_passed_over)
{
        wrong("cue_promt=Touch", "no such option");
        wrong("", "no such option");
        wrong("=", "no such option");
        wrong("userverificatio=1", "no such option");
        wrong("alwaysok", "not supported");
        wrong("cue=1", "takes no value");
        wrong("origin", "wants a value");
        wrong("userverification=yes", "not a number");
        wrong("userverification=", "not a number");
        wrong("userverification=--1", "not a number");
        wrong("max_devices=", "not a number");
        wrong("max_devices=1000", "not a number that is allowed");
        wrong("max_devices=-1", "not a number");
        wrong("keep_tries=0", "not a number that is allowed");
}

TEST(values_are_not_told)
{
        _cleanup_(options_freep) Options *options = NULL;

        CHECK_EQ(ARGUMENTS(&options, "pinverification=24681357x"), OPTIONS_WRONG);
        CHECK(!strstr(options->problem, "2468"));
}

TEST(other_numbers_leave_it_to_the_credential)
{
        _cleanup_(options_freep) Options *options = NULL;

        CHECK_EQ(ARGUMENTS(&options, "userpresence=0", "userpresence=2", "max_devices=0"), 0);
        CHECK_EQ(options->presence, DEMAND_UNSET);
        CHECK_EQ(options->max_devices, 24);
}

TEST(the_file)
{
        _cleanup_(options_freep) Options *options = NULL, *bad = NULL, *inner = NULL;

        CHECK_EQ(text(&options, "# first\n\n  cue  # last\ncue_prompt =  Touch the key \r\norigin=pam://x#y\nmax_devices\t=\t3"), 0);
        CHECK(options->cue);
        CHECK(strcmp(options->cue_prompt, "Touch the key") == 0);
        CHECK(strcmp(options->origin, "pam://x") == 0);
        CHECK_EQ(options->max_devices, 3);
        CHECK_EQ(text(&bad, "cue\nverify = 1\n"), OPTIONS_WRONG);
        CHECK_EQ(text(&inner, "conf = /etc/other\n"), OPTIONS_WRONG);
}

TEST(the_stack_wins_over_the_file)
{
        _cleanup_(options_freep) Options *options = NULL;
        static const char *const list[] = {"origin=pam://stack", "conf=/etc/some.conf"};
        const char *path;

        CHECK_EQ(text(&options, "origin = pam://file\ncue\n"), 0);
        CHECK_EQ(options_find_file(options, 2, list, &path), 0);
        CHECK(strcmp(path, "/etc/some.conf") == 0);
        CHECK_EQ(options_read_arguments(options, 2, list), 0);
        CHECK(strcmp(options->origin, "pam://stack") == 0 && options->cue);
        CHECK_EQ(options_find_file(options, 1, (const char *const[]){"conf=relative"}, &path), OPTIONS_WRONG);
        CHECK_EQ(options_find_file(options, 0, NULL, &path), 0);
        CHECK(!path);
}

TEST(the_file_is_bounded)
{
        _cleanup_(options_freep) Options *options = NULL;
        static char large[OPTIONS_FILE_MAX + 1];

        memset(large, '#', sizeof(large));
        CHECK_EQ(options_new(&options), 0);
        CHECK_EQ(options_read_file(options, large, OPTIONS_FILE_MAX), 0);
        CHECK_EQ(options_read_file(options, large, sizeof(large)), OPTIONS_WRONG);
        CHECK_EQ(options_read_file(options, "cue\0origin=x", 12), OPTIONS_WRONG);
        CHECK(!options->cue);
}

TEST_MAIN
