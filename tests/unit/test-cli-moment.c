/* Points in time, as people write them. */
#include "cli/moment.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit/test.h"

#define NOW UINT64_C(1700000000)

static void gives(const char *text, uint64_t expected)
{
        uint64_t seconds = 1;

        CHECK_EQ(moment_parse(text, NOW, &seconds), 0);
        CHECK_EQ(seconds, expected);
}

TEST(ago)
{
        gives("now", NOW);
        gives("0s", NOW);
        gives("90s", NOW - 90);
        gives("30m", NOW - 1800);
        gives("12h", NOW - 43200);
        gives("7d", NOW - 7 * 86400);
        gives("2w", NOW - 14 * 86400);
        gives("900000000w", 0);
}

TEST(dates)
{
        CHECK_EQ(setenv("TZ", "UTC", 1), 0);
        tzset();
        gives("2023-11-14", UINT64_C(1699920000));
        gives("2023-11-14 22:13", UINT64_C(1699999980));
        gives("2023-11-14 22:13:20", NOW);
        gives("2023-11-14T22:13:20", NOW);
}

TEST(nonsense)
{
        static const char *const texts[] = {"", "h", "12", "12x", "-1h", "+1h", " 1h", "1 h", "2023-13-01", "2023-11-14 22",
                                            "2023-11-14 25:00", "2023-11-14 22:13 x", "99999999999999999999h"};
        uint64_t seconds;

        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                CHECK_EQ(moment_parse(texts[i], NOW, &seconds), -EINVAL);
}

TEST_MAIN
