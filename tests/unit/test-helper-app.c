/* Apps in sandboxes: whose they are, by what Flatpak, AppArmor and systemd say. */
#include "helper/app.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "helper/process.h"
#include "tests/unit/test.h"

typedef int (*Parse)(const char *text, char *ret, size_t size);

static void gives(Parse parse, const char *text, const char *expected)
{
        char name[APP_NAME_MAX] = "as it was";

        CHECK_EQ(parse(text, name, sizeof(name)), expected ? 0 : -ENODATA);
        CHECK(strcmp(name, expected ? expected : "as it was") == 0);
}

TEST(flatpak)
{
        gives(app_parse_flatpak, "[Application]\nname=org.example.Editor\nruntime=x\n", "flatpak:org.example.Editor");
        gives(app_parse_flatpak, "[Instance]\nname=no\n[Application]\nruntime=x\nname=org.a.B", "flatpak:org.a.B");
        gives(app_parse_flatpak, "[Runtime]\nname=org.a.Platform\n", "flatpak:org.a.Platform");
        gives(app_parse_flatpak, "", NULL);
        gives(app_parse_flatpak, "[Application]\n", NULL);
        gives(app_parse_flatpak, "[Application]\nname=\n", NULL);
        gives(app_parse_flatpak, "[Application]\nname=org.a B\n", NULL);
        gives(app_parse_flatpak, "[Application]\nname=org.a\x1b[2J\n", NULL);
        gives(app_parse_flatpak, "name=org.a.B\n[Applications]\nname=org.a.B\n", NULL);
}

TEST(flatpak_of_any_length)
{
        char text[1024] = "[Application]\nname=", name[APP_NAME_MAX];
        size_t start = strlen(text), longest = APP_NAME_MAX - 1 - strlen("flatpak:");

        memset(text + start, 'a', longest);
        CHECK_EQ(app_parse_flatpak(text, name, sizeof(name)), 0);
        CHECK_EQ(strlen(name), APP_NAME_MAX - 1);
        text[start + longest] = 'a';
        CHECK_EQ(app_parse_flatpak(text, name, sizeof(name)), -ENODATA);
}

TEST(snap)
{
        gives(app_parse_snap, "snap.editor.editor (enforce)\n", "snap:editor");
        gives(app_parse_snap, "snap.a-b.c.hook.configure", "snap:a-b");
        gives(app_parse_snap, "snap.editor", NULL);
        gives(app_parse_snap, "snap..editor", NULL);
        gives(app_parse_snap, "unconfined\n", NULL);
        gives(app_parse_snap, "/usr/bin/snap.editor.editor", NULL);
}

TEST(unit)
{
        gives(app_parse_unit, "app-flatpak-org.example.Editor-123.scope", "flatpak:org.example.Editor");
        gives(app_parse_unit, "app-flatpak-org.example.My\\x2dEditor-123.scope", "flatpak:org.example.My-Editor");
        gives(app_parse_unit, "app-flatpak-org.example\\x1b-1.scope", NULL);
        gives(app_parse_unit, "app-flatpak-", NULL);
        gives(app_parse_unit, "app-flatpak-x", NULL);
        gives(app_parse_unit, "snap.editor.editor-0f1e.scope", "snap:editor");
        gives(app_parse_unit, "app-gnome-firefox-12.scope", NULL);
        gives(app_parse_unit, "", NULL);
}

TEST(mounts)
{
        static const struct {
                const char *text;
                bool plain;
        } cases[] = {
                {"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n", true},
                {"1 0 8:1 / / rw,nosuid shared:1 - tmpfs tmpfs rw\n2 1 0:3 / /.flatpak-info ro - tmpfs none ro\n", true},
                {"1 0 8:1 / / rw - tmpfs tmpfs rw\n2 1 0:3 / /home rw - fuse.sshfs x rw\n", true},
                {"1 0 8:1 / / rw - fuse.slow x rw\n", false},
                {"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:3 / / rw - fuse x rw\n", false},
                {"1 0 8:1 / / rw - tmpfs tmpfs rw\n2 1 0:3 / /.flatpak-info ro - fuse x ro\n", false},
                {"1 0 8:1 / /home rw - ext4 /dev/sda1 rw\n", false},
                {"1 0 8:1 / / rw\n", false},
                {"1 0\n", false},
                {"", false},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[256];

                (void)snprintf(text, sizeof(text), "%s", cases[i].text);
                CHECK_EQ(app_mounts_are_plain(text), cases[i].plain);
        }
}

TEST(this_test_is_no_app)
{
        char name[APP_NAME_MAX] = "as it was";
        int process = process_open((uint32_t)getpid());

        CHECK(process >= 0);
        CHECK(app_name(process, name));
        CHECK(name[0] == 0);
        (void)close(process);
}

TEST_MAIN
