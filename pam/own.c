/*
 * The daemon's own security key
 *
 * A child that has become the user asks the user's daemon, which asks the person; what comes back is a signature, and it is checked here
 * like a hardware key's, against the key in the authfile. So the daemon can refuse, and lie only to no use. A touch would be no more than a
 * click of some program of the same user, so verification is always wanted. A daemon that does not run is not started.
 */
#include "pam/own.h"

#include <errno.h>
#include <string.h>

#include "pam/child.h"
#include "pam/proof.h"
#include "ssh/link.h"

#define REPLY_MAX   4096U
#define SIGNED_MAX  1024U

typedef struct Question {
        const Login *login;
        size_t n;
        fido_assert_t *assertions[OPTIONS_KEYS_MAX]; /* of each credential, with its challenge */
} Question;

static void question_done(Question *question)
{
        for (size_t i = 0; i < question->n; i++)
                fido_assert_free(question->assertions + i);
}

static Proof proof_by_own(const Login *login, size_t i)
{
        return proof_of(login, login->credentials.list + i, /* own= */ true);
}

/* ---- in the child ---- */

static bool runs(void)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;

        return keyfob_connect(KEYFOB_SOCKET_ONLY, &k) == 0;
}

typedef struct Device {
        Link *link;
        fido_dev_t *dev;
} Device;

static void device_done(Device *device)
{
        if (device->dev) {
                (void)fido_dev_close(device->dev);
                fido_dev_free(&device->dev);
        }
        device->link = link_free(device->link);
}

static int open_device(Device *ret)
{
        int r;

        r = link_new(&ret->link);
        if (r != 0)
                return r < 0 ? r : LOGIN_REFUSED;
        ret->dev = fido_dev_new();
        if (!ret->dev)
                return -ENOMEM;
        return link_open(ret->link, ret->dev) == FIDO_OK && fido_dev_has_uv(ret->dev) ? 0 : LOGIN_REFUSED;
}

/* Of a resident credential the daemon may have others of the same name. Which it is the parent checks again. */
static ssize_t statement_of(const Login *login, size_t i, fido_assert_t *assertion)
{
        const Credential *credential = login->credentials.list + i;

        if (credential->id_size > 0)
                return fido_assert_count(assertion) == 1 ? 0 : -1;
        for (size_t k = 0; k < fido_assert_count(assertion); k++)
                if (proof_is_by(assertion, k, credential))
                        return (ssize_t)k;
        return -1;
}

static bool has(const Login *login, fido_dev_t *dev, size_t i)
{
        _cleanup_(fido_assertion_done) fido_assert_t *probe = NULL;
        Proof proof = proof_by_own(login, i);

        return proof_begin_probe(login, &proof, &probe) == 0 && fido_dev_get_assert(dev, probe, /* pin= */ NULL) == FIDO_OK &&
               statement_of(login, i, probe) >= 0;
}

static int reply_with(const Login *login, size_t i, fido_assert_t *assertion, ByteWriter *reply)
{
        ssize_t k = statement_of(login, i, assertion);
        const uint8_t *authdata = k >= 0 ? fido_assert_authdata_ptr(assertion, (size_t)k) : NULL;
        const uint8_t *signature = k >= 0 ? fido_assert_sig_ptr(assertion, (size_t)k) : NULL;

        if (!authdata || !signature)
                return LOGIN_REFUSED;
        byte_writer_u32(reply, (uint32_t)i);
        byte_writer_blob(reply, authdata, fido_assert_authdata_len(assertion, (size_t)k));
        byte_writer_blob(reply, signature, fido_assert_sig_len(assertion, (size_t)k));
        return 0;
}

static int sign(const User *user, void *data, ByteWriter *reply)
{
        const Question *question = data;
        _cleanup_(device_done) Device device = {0};
        int r;

        if (geteuid() != user->uid || !runs())
                return LOGIN_REFUSED;
        fido_init(/* flags= */ 0);
        r = open_device(&device);
        if (r != 0)
                return r;
        for (size_t i = 0; i < question->n; i++) {
                fido_assert_t *assertion = question->assertions[i];

                if (!has(question->login, device.dev, i))
                        continue;
                if (fido_dev_get_assert(device.dev, assertion, /* pin= */ NULL) != FIDO_OK)
                        return LOGIN_REFUSED;
                return reply_with(question->login, i, assertion, reply);
        }
        return LOGIN_REFUSED;
}

/* ---- in the module ---- */

static int check(Question *question, const Secret *reply)
{
        const Login *login = question->login;
        ByteReader reader = BYTE_READER(reply->data, reply->size);
        uint32_t i = byte_reader_u32(&reader);
        size_t data_size = 0, signature_size = 0;
        const uint8_t *data = byte_reader_blob(&reader, SIGNED_MAX, &data_size);
        const uint8_t *signature = byte_reader_blob(&reader, SIGNED_MAX, &signature_size);
        fido_assert_t *assertion;
        Proof proof;

        if (!byte_reader_done(&reader) || i >= question->n || data_size == 0 || signature_size == 0)
                return LOGIN_REFUSED;
        assertion = question->assertions[i];
        proof = proof_by_own(login, i);
        if (fido_assert_set_count(assertion, 1) != FIDO_OK ||
            fido_assert_set_authdata(assertion, 0, data, data_size) != FIDO_OK ||
            fido_assert_set_sig(assertion, 0, signature, signature_size) != FIDO_OK)
                return LOGIN_REFUSED;
        return proof_check(login, &proof, assertion, NULL);
}

int own_login(const Login *login)
{
        _cleanup_(question_done) Question question = {.login = login};
        _cleanup_(secret_freep) Secret *reply = NULL;
        int r;

        if (login->remote) {
                log_debug(&login->log, "Keyfob's own security key is at this machine, and who asks is not");
                return LOGIN_REFUSED;
        }
        for (; question.n < login->credentials.n; question.n++) {
                Proof proof = proof_by_own(login, question.n);

                r = proof_begin(login, &proof, question.assertions + question.n);
                if (r < 0)
                        return r;
        }
        r = child_run(&login->user, sign, &question, REPLY_MAX, &reply);
        if (r == -EIO || r > 0)
                return LOGIN_REFUSED; /* it died, or is the user's and can't say what only files can: that there are no credentials */
        return r == 0 ? check(&question, reply) : r;
}
