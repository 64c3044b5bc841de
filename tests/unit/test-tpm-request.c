/*
 * Requests for the TPM: bodies as they should be, cut anywhere, and with any byte changed; and what response codes
 * mean
 */
#include <errno.h>

#include "helper/tpm-request.h"
#include "tests/unit/test.h"

#if HAVE_TPM
#include "helper/tpm-error.h"
#endif

static const uint8_t filler[256];

static void put_key(ByteWriter *to, uint8_t version, size_t parent, size_t public_area, size_t private_area)
{
        ByteWriter key = BYTE_WRITER_NULL;

        byte_writer_u8(&key, version);
        byte_writer_raw(&key, filler, TPM_AUTH_SIZE);
        byte_writer_blob(&key, filler, parent);
        byte_writer_blob(&key, filler, public_area);
        byte_writer_blob(&key, filler, private_area);
        byte_writer_blob(to, key.data, key.size);
        byte_writer_done(&key);
}

static ByteWriter begin(uint8_t operation)
{
        ByteWriter body = BYTE_WRITER_NULL;

        byte_writer_u8(&body, operation);
        byte_writer_string(&body, "device:/dev/tpmrm0");
        return body;
}

static int parse(ByteWriter *body)
{
        TpmRequest request;
        int r = tpm_request_parse(body->data, body->size, &request);

        byte_writer_done(body);
        return r;
}

static ByteWriter sign_body(void)
{
        ByteWriter body = begin(TPM_SIGN);

        put_key(&body, TPM_KEY_VERSION, 34, 90, 126);
        byte_writer_blob(&body, filler, 32);
        return body;
}

TEST(requests_as_they_should_be)
{
        ByteWriter body = sign_body();
        TpmRequest request;

        CHECK_EQ(tpm_request_parse(body.data, body.size, &request), 0);
        CHECK(request.operation == TPM_SIGN && strcmp(request.tcti, "device:/dev/tpmrm0") == 0);
        CHECK(request.parent.size == 34 && request.public_area.size == 90 && request.private_area.size == 126);
        CHECK_EQ(request.input.size, 32);
        byte_writer_done(&body);

        body = begin(TPM_INFO);
        CHECK_EQ(parse(&body), 0);
        body = begin(TPM_MAKE);
        byte_writer_u8(&body, TPM_TO_EXCHANGE);
        byte_writer_u8(&body, TPM_P384);
        byte_writer_raw(&body, filler, TPM_AUTH_SIZE);
        CHECK_EQ(parse(&body), 0);
        body = begin(TPM_EXCHANGE);
        put_key(&body, TPM_KEY_VERSION, TPM_PARENT_MAX, TPM_PUBLIC_MAX, 256);
        byte_writer_blob(&body, filler, 96);
        CHECK_EQ(parse(&body), 0);
}

TEST(every_cut_and_every_byte_more)
{
        ByteWriter body = sign_body();
        TpmRequest request;

        for (size_t size = 0; size < body.size; size++)
                CHECK_EQ(tpm_request_parse(body.data, size, &request), -EBADMSG);
        byte_writer_u8(&body, 0);
        CHECK_EQ(parse(&body), -EBADMSG);
}

/* Lengths are bytes, too: what is changed is refused, or is what the limits allow. */
TEST(every_byte_changed)
{
        ByteWriter body = sign_body();

        for (size_t i = 0; i < body.size; i++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        TpmRequest request;
                        uint8_t *copy = malloc(body.size);

                        CHECK(copy);
                        memcpy(copy, body.data, body.size);
                        copy[i] ^= (uint8_t)(1U << bit);
                        if (tpm_request_parse(copy, body.size, &request) == 0)
                                CHECK(request.parent.size <= TPM_PARENT_MAX &&
                                      request.public_area.size <= TPM_PUBLIC_MAX &&
                                      request.private_area.size <= TPM_PRIVATE_MAX &&
                                      (request.input.size == 32 || request.input.size == 48));
                        free(copy);
                }
        byte_writer_done(&body);
}

TEST(fields_out_of_limits)
{
        static const size_t sizes[][3] = {{0, 90, 126}, {TPM_PARENT_MAX + 1, 90, 126}, {34, 0, 126}, {34, 90, 0}};
        static const size_t inputs[] = {0, 20, 31, 33, 47, 49};
        ByteWriter body;

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                body = begin(TPM_SIGN);
                put_key(&body, TPM_KEY_VERSION, sizes[i][0], sizes[i][1], sizes[i][2]);
                byte_writer_blob(&body, filler, 32);
                CHECK_EQ(parse(&body), -EBADMSG);
        }
        for (size_t i = 0; i < ELEMENTSOF(inputs); i++) {
                body = begin(TPM_SIGN);
                put_key(&body, TPM_KEY_VERSION, 34, 90, 126);
                byte_writer_blob(&body, filler, inputs[i]);
                CHECK_EQ(parse(&body), -EBADMSG);
                body = begin(TPM_EXCHANGE);
                put_key(&body, TPM_KEY_VERSION, 34, 90, 126);
                byte_writer_blob(&body, filler, 2 * inputs[i]);
                CHECK_EQ(parse(&body), -EBADMSG);
        }
        body = begin(TPM_SIGN);
        put_key(&body, TPM_KEY_VERSION + 1, 34, 90, 126);
        byte_writer_blob(&body, filler, 32);
        CHECK_EQ(parse(&body), -EBADMSG);
        for (unsigned use = 0; use < 4; use++)
                for (unsigned curve = 0; curve < 4; curve++) {
                        bool fits =
                                use >= TPM_TO_SIGN && use <= TPM_TO_EXCHANGE && curve >= TPM_P256 && curve <= TPM_P384;

                        body = begin(TPM_MAKE);
                        byte_writer_u8(&body, (uint8_t)use);
                        byte_writer_u8(&body, (uint8_t)curve);
                        byte_writer_raw(&body, filler, TPM_AUTH_SIZE);
                        CHECK_EQ(parse(&body), fits ? 0 : -EBADMSG);
                }
        body = begin(7);
        CHECK_EQ(parse(&body), -EBADMSG);
}

/* Flags and registers that there are not are refused, in both operations on bound keys. */
TEST(bindings_out_of_limits)
{
        static const struct {
                uint8_t flags;
                uint32_t pcrs;
                int expected;
        } cases[] = {
                {0, 0, 0},        {TPM_PIN, 0, 0},     {0, 0xffffff, 0},        {TPM_PIN, 1U << 7, 0},
                {2, 0, -EBADMSG}, {0xff, 0, -EBADMSG}, {0, 1U << 24, -EBADMSG}, {0, UINT32_MAX, -EBADMSG},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ByteWriter body = begin(TPM_MAKE_BOUND);

                byte_writer_u8(&body, cases[i].flags);
                byte_writer_u32(&body, cases[i].pcrs);
                byte_writer_raw(&body, filler, TPM_AUTH_SIZE);
                CHECK_EQ(parse(&body), cases[i].expected);
        }
}

static ByteWriter counter_body(TpmOperation operation, uint32_t handle, uint64_t count)
{
        ByteWriter body = begin((uint8_t)operation);

        byte_writer_raw(&body, filler, TPM_TAG_SIZE);
        if (operation != TPM_COUNTER_REMOVE)
                byte_writer_raw(&body, filler, TPM_AUTH_SIZE);
        if (operation != TPM_COUNTER_MAKE)
                byte_writer_u32(&body, handle);
        if (operation == TPM_COUNTER_MOVE)
                byte_writer_u64(&body, count);
        if (operation == TPM_COUNTER_MOVE || operation == TPM_COUNTER_MAKE)
                byte_writer_u64(&body, 1000);
        return body;
}

TEST(counters)
{
        ByteWriter body = counter_body(TPM_COUNTER_MOVE, TPM_COUNTER_LAST, 7);
        TpmRequest request;

        CHECK_EQ(tpm_request_parse(body.data, body.size, &request), 0);
        CHECK(request.operation == TPM_COUNTER_MOVE && request.tag && request.auth);
        CHECK(request.handle == TPM_COUNTER_LAST && request.count == 7 && request.seconds == 1000);
        byte_writer_done(&body);
        for (TpmOperation operation = TPM_COUNTER_READ; operation <= TPM_COUNTER_REMOVE; operation++) {
                body = counter_body(operation, TPM_COUNTER_FIRST, 1);
                for (size_t size = 0; size < body.size; size++)
                        CHECK_EQ(tpm_request_parse(body.data, size, &request), -EBADMSG);
                CHECK_EQ(tpm_request_parse(body.data, body.size, &request), 0);
                CHECK(!request.auth == (operation == TPM_COUNTER_REMOVE));
                byte_writer_u8(&body, 0);
                CHECK_EQ(parse(&body), -EBADMSG);
        }
}

TEST(counters_out_of_limits)
{
        static const uint32_t wrong[] = {1,
                                         TPM_COUNTER_FIRST - 2,
                                         TPM_COUNTER_FIRST + 1,
                                         TPM_COUNTER_LAST + 1,
                                         TPM_COUNTER_LAST + 2,
                                         0x01c00002,
                                         0x81000001,
                                         UINT32_MAX};
        ByteWriter body;

        for (TpmOperation operation = TPM_COUNTER_READ; operation <= TPM_COUNTER_REMOVE; operation++) {
                if (operation == TPM_COUNTER_MAKE)
                        continue;
                for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                        body = counter_body(operation, wrong[i], 1);
                        CHECK_EQ(parse(&body), -EBADMSG);
                }
                /* Whichever there is can be read, not moved or removed. */
                body = counter_body(operation, 0, 1);
                CHECK_EQ(parse(&body), operation == TPM_COUNTER_READ ? 0 : -EBADMSG);
        }
        body = counter_body(TPM_COUNTER_MOVE, TPM_COUNTER_FIRST, 0);
        CHECK_EQ(parse(&body), -EBADMSG);
        body = begin(TPM_COUNTER_REMOVE + 1);
        CHECK_EQ(parse(&body), -EBADMSG);
}

#if HAVE_TPM
TEST(what_response_codes_mean)
{
        static const struct {
                TSS2_RC rc;
                TpmProblem problem;
        } cases[] = {
                {TPM2_RC_LOCKOUT, TPM_PROBLEM_LOCKOUT},
                {TPM2_RC_RETRY, TPM_PROBLEM_BUSY},
                {TPM2_RC_YIELDED, TPM_PROBLEM_BUSY},
                {TPM2_RC_OBJECT_MEMORY, TPM_PROBLEM_BUSY},
                {TPM2_RC_INTEGRITY | TPM2_RC_P | TPM2_RC_1, TPM_PROBLEM_FOREIGN},
                {TPM2_RC_HANDLE | TPM2_RC_1, TPM_PROBLEM_FOREIGN},
                {TPM2_RC_AUTH_FAIL | TPM2_RC_S | TPM2_RC_1, TPM_PROBLEM_OWNER_AUTH},
                {TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_1, TPM_PROBLEM_OWNER_AUTH},
                {TPM2_RC_CURVE | TPM2_RC_P | TPM2_RC_2, TPM_PROBLEM_UNSUPPORTED},
                {TPM2_RC_FAILURE, TPM_PROBLEM_FAILED},
                {TPM2_RC_POLICY_FAIL | TPM2_RC_S | TPM2_RC_1, TPM_PROBLEM_REGISTERS},
                {TPM2_RC_PCR_CHANGED, TPM_PROBLEM_REGISTERS},
                {TPM2_RC_NV_LOCKED, TPM_PROBLEM_FAILED},
                {TPM2_RC_NV_SPACE, TPM_PROBLEM_FULL},
                {TSS2_RESMGR_TPM_RC_LAYER | TPM2_RC_RETRY, TPM_PROBLEM_BUSY},
                {TSS2_TCTI_RC_IO_ERROR, TPM_PROBLEM_NONE_HERE},
                {TSS2_TCTI_RC_TRY_AGAIN, TPM_PROBLEM_BUSY},
                {TSS2_ESYS_RC_GENERAL_FAILURE, TPM_PROBLEM_FAILED},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                TpmError error = tpm_error(cases[i].rc);

                CHECK_EQ(error.problem, cases[i].problem);
                CHECK(error.why && *error.why && !strchr(error.why, '\n'));
        }
}
#endif

TEST_MAIN
