/* What the command line is made of: references, attributes, numbers, addresses, exit codes. */
#include "cli/cli.h"
#include "cli/text.h"

#include <errno.h>

#include "tests/unit/test.h"

static void check_attribute(const char *argument, const char *name, const char *value)
{
        _cleanup_free_ char *got_name = NULL, *got_value = NULL;

        CHECK_EQ(text_attribute(argument, &got_name, &got_value), 0);
        CHECK(strcmp(got_name, name) == 0);
        CHECK(strcmp(got_value, value) == 0);
}

TEST(attribute)
{
        char *name = NULL, *value = NULL;

        check_attribute("a=b", "a", "b");
        check_attribute("url=https://x/?q=1", "url", "https://x/?q=1");
        check_attribute("a=", "a", "");
        check_attribute("xdg:schema=org.example", "xdg:schema", "org.example");
        CHECK_EQ(text_attribute("a", &name, &value), -EINVAL);
        CHECK_EQ(text_attribute("=b", &name, &value), -EINVAL);
        CHECK_EQ(text_attribute("", &name, &value), -EINVAL);
        CHECK(!name && !value);
}

static void check_reference(const char *argument, const char *name, const char *service, const char *user)
{
        _cleanup_free_ char *got_name = NULL, *got_service = NULL, *got_user = NULL;

        CHECK_EQ(text_env_reference(argument, &got_name, &got_service, &got_user), 0);
        CHECK(strcmp(got_name, name) == 0);
        CHECK(strcmp(got_service, service) == 0);
        CHECK(strcmp(got_user, user) == 0);
}

TEST(env_reference)
{
        static const char *const bad[] = {"",       "A",       "A=",      "A=b",     "A=/c", "A=b/",        "=b/c",
                                          "1A=b/c", "A-B=b/c", "A B=b/c", "A.B=b/c", "A=/",  "\xc3\x84=b/c"};
        char *name = NULL, *service = NULL, *user = NULL;

        check_reference("TOKEN=github/alice", "TOKEN", "github", "alice");
        check_reference("_t1=github/alice", "_t1", "github", "alice");
        check_reference("T=https://index.docker.io/v1//bob", "T", "https://index.docker.io/v1/", "bob");
        check_reference("T=a=b/c=d", "T", "a=b", "c=d");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                CHECK_EQ(text_env_reference(bad[i], &name, &service, &user), -EINVAL);
        CHECK(!name && !service && !user);
}

TEST(number)
{
        uint64_t n = 99;

        CHECK_EQ(text_number("0", 0, 10, &n), 0);
        CHECK_EQ(n, 0);
        CHECK_EQ(text_number("10", 0, 10, &n), 0);
        CHECK_EQ(n, 10);
        CHECK_EQ(text_number("18446744073709551615", 0, UINT64_MAX, &n), 0);
        CHECK(n == UINT64_MAX);
        n = 7;
        CHECK_EQ(text_number("11", 0, 10, &n), -EINVAL);
        CHECK_EQ(text_number("0", 1, 10, &n), -EINVAL);
        CHECK_EQ(text_number("-1", 0, 10, &n), -EINVAL);
        CHECK_EQ(text_number("+1", 0, 10, &n), -EINVAL);
        CHECK_EQ(text_number(" 1", 0, 10, &n), -EINVAL);
        CHECK_EQ(text_number("1x", 0, 10, &n), -EINVAL);
        CHECK_EQ(text_number("", 0, 10, &n), -EINVAL);
        CHECK_EQ(text_number("18446744073709551616", 0, UINT64_MAX, &n), -EINVAL);
        CHECK_EQ(n, 7);
}

TEST(choice)
{
        const char *const accounts[] = {"alice", "bob", "2", "twin", "twin", NULL}, *const none[] = {NULL};
        unsigned i = 77;

        CHECK_EQ(text_choice("bob", accounts, 0, &i), 0);
        CHECK_EQ(i, 1);
        CHECK_EQ(text_choice("0", accounts, 0, &i), 0);
        CHECK_EQ(i, 0);
        CHECK_EQ(text_choice("5", accounts, 1, &i), 0);
        CHECK_EQ(i, 4);
        CHECK_EQ(text_choice("2", accounts, 0, &i), 0); /* by text and by number the same one */
        CHECK_EQ(i, 2);
        i = 77;
        CHECK_EQ(text_choice("2", accounts, 1, &i), -EINVAL); /* the second, or the one of that name? */
        CHECK_EQ(text_choice("twin", accounts, 0, &i), -EINVAL);
        CHECK_EQ(text_choice("5", accounts, 0, &i), -EINVAL);
        CHECK_EQ(text_choice("0", accounts, 1, &i), -EINVAL);
        CHECK_EQ(text_choice("carol", accounts, 0, &i), -EINVAL);
        CHECK_EQ(text_choice("", accounts, 0, &i), -EINVAL);
        CHECK_EQ(text_choice("0", none, 0, &i), -EINVAL);
        CHECK_EQ(i, 77);
}

TEST(clean)
{
        char plain[] = "alice on github", controls[] = "a\033[31mb\nc\x7f",
             c1[] = "a\xc2\x9b"
                    "b",
             accents[] = "Stra\xc3\x9f"
                         "e",
             broken[] = "a\xff\xfe";

        text_clean(plain);
        CHECK(strcmp(plain, "alice on github") == 0);
        text_clean(controls);
        CHECK(strcmp(controls, "a?[31mb?c?") == 0);
        text_clean(c1);
        CHECK(strcmp(c1, "a??b") == 0);
        text_clean(accents);
        CHECK(strcmp(accents, "Stra\xc3\x9f"
                              "e") == 0);
        text_clean(broken);
        CHECK(strcmp(broken, "a??") == 0);
}

static void check_address(const char *path, const char *address)
{
        _cleanup_free_ char *got = text_bus_address(path);

        CHECK(got && strcmp(got, address) == 0);
}

TEST(bus_address)
{
        check_address("/run/user/1000/keyfob/bus", "unix:path=/run/user/1000/keyfob/bus");
        check_address("/tmp/a b;c,d%'/bus", "unix:path=/tmp/a%20b%3bc%2cd%25%27/bus");
        check_address("/\xc3\xa4", "unix:path=/%c3%a4");
}

TEST(backend)
{
        CHECK(strcmp(text_backend("keyfob"), "keyfob") == 0);
        CHECK(strcmp(text_backend("secret-service"), "secret-service") == 0);
        CHECK(strcmp(text_backend("keyring.backends.SecretService.Keyring"), "secret-service") == 0);
        CHECK(!text_backend("keyring.backends.kwallet.DBusKeyring"));
        CHECK(!text_backend(""));
}

TEST(collection_of)
{
        _cleanup_free_ char *a = text_collection_of("/org/freedesktop/secrets/collection/Default/12"),
                            *b = text_collection_of("x"), *c = text_collection_of("/12");

        CHECK(strcmp(a, "Default") == 0);
        CHECK(strcmp(b, "") == 0);
        CHECK(strcmp(c, "") == 0);
}

TEST(exit_codes)
{
        CHECK_EQ(exit_of_result(0), 0);
        CHECK_EQ(exit_of_result(KEYFOB_E_NOT_FOUND), 1);
        CHECK_EQ(exit_of_result(KEYFOB_E_INVALID), 2);
        CHECK_EQ(exit_of_result(KEYFOB_E_LOCKED), 3);
        CHECK_EQ(exit_of_result(KEYFOB_E_NO_PROMPTER), 3);
        CHECK_EQ(exit_of_result(KEYFOB_E_CANCELLED), 4);
        CHECK_EQ(exit_of_result(KEYFOB_E_REFUSED), 4);
        CHECK_EQ(exit_of_result(KEYFOB_E_UNREACHABLE), 5);
        CHECK_EQ(exit_of_result(KEYFOB_E_WRONG_SECRET), 6);
        CHECK_EQ(exit_of_result(KEYFOB_E_DAMAGED), 7);
        CHECK_EQ(exit_of_result(KEYFOB_E_NO_VAULT), 8);
        CHECK_EQ(exit_of_result(KEYFOB_E_OTHER), 8);
        CHECK_EQ(exit_of_result(KEYFOB_E_NOT_ALLOWED), 4);
        CHECK_EQ(exit_of_result(KEYFOB_E_PIN_BLOCKED), 6);
        CHECK_EQ(exit_of_result(KEYFOB_E_PIN_SOFT_BLOCKED), 6);
        CHECK_EQ(exit_of_result(-ENOMEM), 8);
        CHECK_EQ(exit_of_result(1000), 8);
}

TEST(password_label)
{
        _cleanup_free_ char *plain = client_password_label("github", "alice"), *cut = NULL;
        char user[4097];

        CHECK(strcmp(plain, "Password for 'alice' on 'github'") == 0);
        /* "Password for '" is 14 bytes: the last of 2-byte characters that fit ends at 4096 */
        for (size_t i = 0; i + 1 < sizeof(user); i += 2)
                memcpy(user + i, "\xc3\xa4", 2);
        user[4096] = 0;
        cut = client_password_label("x", user);
        CHECK_EQ(strlen(cut), 4096);
        user[0] = 'a';
        memmove(user + 1, user + 2, 4095);
        free(TAKE_PTR(cut));
        cut = client_password_label("x", user);
        CHECK_EQ(strlen(cut), 4095);
        CHECK_EQ((unsigned char)cut[4094], 0xa4);
}

TEST(times)
{
        char text[32];

        text_time_iso(1, text);
        CHECK(strcmp(text, "1970-01-01T00:00:01Z") == 0);
        text_time_iso(1717149600, text);
        CHECK(strcmp(text, "2024-05-31T10:00:00Z") == 0);
        text_time_iso(0, text);
        CHECK(strcmp(text, "-") == 0);
        text_time_iso(UINT64_MAX / 2, text);
        CHECK(strcmp(text, "-") == 0);
}

TEST(error_names)
{
        CHECK_EQ(client_error_from_name("org.keyfob.Error.NotFound"), KEYFOB_E_NOT_FOUND);
        CHECK_EQ(client_error_from_name("org.keyfob.Error.Locked"), KEYFOB_E_LOCKED);
        CHECK_EQ(client_error_from_name("org.freedesktop.DBus.Error.NoReply"), KEYFOB_E_UNREACHABLE);
        CHECK_EQ(client_error_from_name("org.freedesktop.DBus.Error.NoMemory"), -ENOMEM);
        CHECK_EQ(client_error_from_name("org.keyfob.Error.NotAllowed"), KEYFOB_E_NOT_ALLOWED);
        CHECK_EQ(client_error_from_name("org.keyfob.Error.PinBlocked"), KEYFOB_E_PIN_BLOCKED);
        CHECK_EQ(client_error_from_name("org.keyfob.Error.PinSoftBlocked"), KEYFOB_E_PIN_SOFT_BLOCKED);
        CHECK_EQ(client_error_from_name("org.keyfob.Error.Nonsense"), KEYFOB_E_OTHER);
        CHECK_EQ(client_error_from_name(NULL), KEYFOB_E_OTHER);
        for (int i = 0; i <= KEYFOB_E_PIN_SOFT_BLOCKED; i++)
                CHECK(strcmp(keyfob_strerror(i), "unknown error") != 0);
        CHECK(strcmp(keyfob_strerror(KEYFOB_E_PIN_SOFT_BLOCKED + 1), "unknown error") == 0);
}

TEST_MAIN
