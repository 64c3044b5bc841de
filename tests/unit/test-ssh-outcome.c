/* What OpenSSH is told, and what the person. */
#include <fido.h>

#include "common/cleanup.h"
#include "ssh/outcome.h"
#include "tests/unit/test.h"

static int result(int error, bool keyfob)
{
        const char *line;

        return outcome_of(error, keyfob, &line);
}

static const char *line_of(int error, bool keyfob)
{
        const char *line = "unset";

        (void)outcome_of(error, keyfob, &line);
        return line;
}

TEST(where_a_pin_may_help_ssh_asks_for_it)
{
        static const int errors[] = {FIDO_ERR_PIN_REQUIRED, FIDO_ERR_PIN_INVALID, FIDO_ERR_UV_BLOCKED, FIDO_ERR_UV_INVALID};

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                for (unsigned keyfob = 0; keyfob < 2; keyfob++) {
                        CHECK_EQ(result(errors[i], keyfob), SK_ERROR_PIN_REQUIRED);
                        CHECK(!line_of(errors[i], keyfob)); /* its question says enough */
                }
}

TEST(where_it_can_not_it_does_not_and_the_person_is_told_why)
{
        static const int errors[] = {FIDO_ERR_PIN_AUTH_BLOCKED, FIDO_ERR_PIN_BLOCKED, FIDO_ERR_PIN_NOT_SET,
                                     FIDO_ERR_PIN_POLICY_VIOLATION, FIDO_ERR_OPERATION_DENIED, FIDO_ERR_NOT_ALLOWED,
                                     FIDO_ERR_USER_ACTION_TIMEOUT, FIDO_ERR_TX};

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                for (unsigned keyfob = 0; keyfob < 2; keyfob++) {
                        CHECK(result(errors[i], keyfob) != SK_ERROR_PIN_REQUIRED && result(errors[i], keyfob) != 0);
                        CHECK(line_of(errors[i], keyfob) && line_of(errors[i], keyfob)[0]);
                }
}

TEST(the_other_answers_that_mean_something_to_openssh)
{
        CHECK_EQ(result(FIDO_ERR_CREDENTIAL_EXCLUDED, true), SK_ERROR_EXISTS);
        CHECK_EQ(result(FIDO_ERR_NO_CREDENTIALS, true), SK_ERROR_NO_DEVICE);
        CHECK_EQ(result(FIDO_ERR_UNSUPPORTED_ALGORITHM, false), SK_ERROR_UNSUPPORTED);
        CHECK_EQ(result(FIDO_ERR_UNSUPPORTED_OPTION, true), SK_ERROR_UNSUPPORTED);
        CHECK_EQ(result(FIDO_ERR_INVALID_CBOR, true), SK_ERROR_GENERAL);
        CHECK(!line_of(FIDO_ERR_INVALID_CBOR, true));
        CHECK_EQ(result(12345, false), SK_ERROR_GENERAL);
}

TEST(remedies_are_those_of_the_security_key_that_it_was)
{
        CHECK(strstr(line_of(FIDO_ERR_PIN_NOT_SET, true), "keyfob authenticator pin set"));
        CHECK(strstr(line_of(FIDO_ERR_PIN_NOT_SET, false), "keyfob key pin set"));
        CHECK(strstr(line_of(FIDO_ERR_PIN_AUTH_BLOCKED, true), "replug"));
        CHECK(strstr(line_of(FIDO_ERR_NOT_ALLOWED, true), "keyfob unlock"));
        CHECK(!strstr(line_of(FIDO_ERR_NOT_ALLOWED, false), "vault"));
}

TEST_MAIN
