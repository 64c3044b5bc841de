/* Base64, against the vectors of RFC 4648, section 10 */
#include <errno.h>

#include "common/base64.h"
#include "tests/unit/test.h"

static const struct {
        const char *plain, *text;
} vectors[] = {{"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},         {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

TEST(both_directions)
{
        for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
                char *text = base64_encode(vectors[i].plain, strlen(vectors[i].plain));
                uint8_t *bytes;
                size_t n;

                CHECK(text && strcmp(text, vectors[i].text) == 0);
                CHECK_EQ(base64_decode(text, strlen(text), &bytes, &n), 0);
                CHECK(n == strlen(vectors[i].plain) && memcmp(bytes, vectors[i].plain, n) == 0);
                free(bytes);
                free(text);
        }
}

TEST(of_any_size)
{
        uint8_t bytes[64];

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t)(i * 37 + 200);
        for (size_t size = 1; size <= sizeof(bytes); size++) {
                char *text = base64_encode(bytes, size);
                uint8_t *back = NULL;
                size_t n = 0;

                CHECK(text && strlen(text) % 4 == 0);
                CHECK_EQ(base64_decode(text, strlen(text), &back, &n), 0);
                CHECK(n == size && memcmp(back, bytes, size) == 0);
                free(back);
                free(text);
        }
}

TEST(anything_else_is_no_base64)
{
        static const char *const texts[] = {"Z", "Zg", "Zg=", "Zg===", "=Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm9v\n", "Zm-_",
                                            "Zm9vZg==Zg==", "Zm 9v", "Zm9v====", "\xff\xff\xff\xff",
                                            "=", "A", "AA", "AAA", "AA=", "AA==A", "AAAA=", "A===", "AAA==", "AA-=", "AA A"};

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                uint8_t *bytes = NULL;
                size_t n = 0;

                CHECK_EQ(base64_decode(texts[i], strlen(texts[i]), &bytes, &n), -EINVAL);
                CHECK(!bytes && n == 0);
        }
        CHECK_EQ(base64_decode("Zg\0=", 4, &(uint8_t *){NULL}, &(size_t){0}), -EINVAL);
}

TEST_MAIN
