/* Settings: what a file may say, and which file counts. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "daemon/settings.h"
#include "tests/unit/test.h"

static Settings *parsed(const char *text)
{
        Settings *settings = NULL;

        CHECK_EQ(settings_new(&settings), 0);
        CHECK_EQ(settings_parse(settings, "test", text, strlen(text)), 0);
        return settings;
}

TEST(defaults)
{
        _cleanup_(settings_freep) Settings *settings = parsed("");

        CHECK(settings->session_agent && settings->desktop && settings->notification && settings->pinentry);
        CHECK(settings->uhid && settings->fingerprint && !settings->remote_fingerprint);
        CHECK(settings->ssh_agent && !settings->ssh_keep);
        CHECK(settings->idle == 0 && !settings->screen && settings->sleep);
        CHECK(strcmp(settings->tpm, "") == 0);
        CHECK(settings->tpm_epoch);
}

TEST(every_key)
{
        _cleanup_(settings_freep) Settings *settings =
                parsed("# who asks\n[prompts]\nsession-agent=no\ndesktop = false\nnotification=OFF\npinentry=0\n\n"
                       "[security-key]\nuhid=no\nfingerprint=no\nremote-fingerprint=on\n[ssh]\nagent=no\nkeep=yes\n"
                       "[lock]\nidle=15min\nscreen=yes\nsleep=no\n[tpm]\ntcti=swtpm:port=2321\nepoch=no");

        CHECK(!settings->session_agent && !settings->desktop && !settings->notification && !settings->pinentry);
        CHECK(!settings->uhid && !settings->fingerprint && settings->remote_fingerprint);
        CHECK(!settings->ssh_agent && settings->ssh_keep);
        CHECK(settings->idle == 15 * 60 && settings->screen && !settings->sleep);
        CHECK(strcmp(settings->tpm, "swtpm:port=2321") == 0);
        CHECK(!settings->tpm_epoch);
}

TEST(words)
{
        static const char *const yes[] = {"yes", "True", "ON", "1"}, *const bad[] = {"", "y", "2", "yes no", "01", "nope"};

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                char text[64];

                (void)snprintf(text, sizeof(text), "[prompts]\ndesktop=no\ndesktop=%s\n", yes[i]);
                _cleanup_(settings_freep) Settings *settings = parsed(text);
                CHECK(settings->desktop);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char text[64];

                (void)snprintf(text, sizeof(text), "[prompts]\ndesktop=no\ndesktop=%s\n", bad[i]);
                _cleanup_(settings_freep) Settings *settings = parsed(text);
                CHECK(!settings->desktop);
        }
}

TEST(times)
{
        static const struct {
                const char *text;
                uint32_t seconds;
        } good[] = {{"90", 90}, {"1", 1}, {"45s", 45}, {"2 min", 120}, {"2m", 120}, {"1h", 3600}, {"30d", 2592000},
                    {"no", 0}, {"off", 0}, {"0", 0}};
        static const char *const bad[] = {"", "yes", "-1", "1.5h", "min", "1 fortnight", "31d", "999999999999", "5 5", "1h 5min"};

        for (size_t i = 0; i < ELEMENTSOF(good) + ELEMENTSOF(bad); i++) {
                bool is_good = i < ELEMENTSOF(good);
                char text[64];

                (void)snprintf(text, sizeof(text), "[lock]\nidle=7\nidle=%s\n",
                               is_good ? good[i].text : bad[i - ELEMENTSOF(good)]);
                _cleanup_(settings_freep) Settings *settings = parsed(text);
                CHECK_EQ(settings->idle, is_good ? good[i].seconds : 7);
        }
}

TEST(the_rest_counts)
{
        _cleanup_(settings_freep) Settings *settings =
                parsed("desktop=no\n[nonsense]\ndesktop=no\n[prompts\nno equals sign\n[prompts]\nDesktop=no\nmaybe=no\n"
                       "pinentry=perhaps\nnotification=no\n[tpm]\ntcti=two words\n");

        CHECK(settings->desktop && settings->pinentry && !settings->notification);
        CHECK(strcmp(settings->tpm, "") == 0);
}

TEST(long_lines)
{
        _cleanup_(settings_freep) Settings *settings = NULL;
        char text[2048];
        size_t n;

        /* What is past the parser's room must not be read as a line of its own. */
        for (size_t pad = 180; pad < 220; pad++) {
                n = (size_t)snprintf(text, sizeof(text), "[prompts]\nx=%*s", (int)pad, "");
                (void)snprintf(text + n, sizeof(text) - n, "\tdesktop=no\n\npinentry=no\n");
                settings_free(settings);
                settings = parsed(text);
                CHECK(settings->desktop && !settings->pinentry);
        }
        (void)snprintf(text, sizeof(text), "[tpm]\ntcti=%0*d\n", (int)SETTINGS_TCTI_MAX + 1, 0);
        settings_free(settings);
        settings = parsed(text);
        CHECK(strcmp(settings->tpm, "") == 0);
}

TEST(not_text)
{
        static const char text[] = "[prompts]\ndesktop=no\n\0\n";
        _cleanup_(settings_freep) Settings *settings = NULL;

        CHECK_EQ(settings_new(&settings), 0);
        CHECK_EQ(settings_parse(settings, "test", text, sizeof(text) - 1), 0);
        CHECK(settings->desktop);
}

/* A file of this mode and owner with `desktop=no`: whether it counts. */
static bool counts(mode_t mode, uid_t owner, size_t size, bool of_system)
{
        static const char text[] = "[prompts]\ndesktop=no\n";
        _cleanup_(settings_freep) Settings *settings = NULL;
        char path[] = "/tmp/keyfob-test-settings.XXXXXX";
        int fd = mkstemp(path);

        CHECK(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
        for (size_t n = sizeof(text) - 1; n < size; n++)
                CHECK(write(fd, "\n", 1) == 1);
        CHECK_EQ(fchmod(fd, mode), 0);
        if (owner != getuid())
                CHECK_EQ(fchown(fd, owner, (gid_t)-1), 0);
        (void)close(fd);
        CHECK_EQ(settings_new(&settings), 0);
        CHECK_EQ(settings_read(settings, path, of_system), 0);
        (void)unlink(path);
        return !settings->desktop;
}

TEST(files)
{
        CHECK(counts(0600, getuid(), 0, false));
        CHECK(counts(0644, getuid(), 0, false));
        CHECK(!counts(0664, getuid(), 0, false));
        CHECK(!counts(0646, getuid(), 0, false));
        CHECK(counts(0600, getuid(), SETTINGS_FILE_MAX, false));
        CHECK(!counts(0600, getuid(), SETTINGS_FILE_MAX + 1, false));
        if (getuid() == 0) {
                CHECK(counts(0644, 0, 0, true));
                CHECK(!counts(0644, 12345, 0, true));
                CHECK(!counts(0644, 12345, 0, false));
        } else {
                CHECK(!counts(0644, getuid(), 0, true));
        }
}

TEST(other_things)
{
        _cleanup_(settings_freep) Settings *settings = NULL;

        CHECK_EQ(settings_new(&settings), 0);
        CHECK_EQ(settings_read(settings, "/nowhere/at/all", false), 0);
        CHECK_EQ(settings_read(settings, "/dev/null", false), 0);
        CHECK_EQ(settings_read(settings, "/tmp", false), 0);
        CHECK(settings->desktop);
}

TEST_MAIN
