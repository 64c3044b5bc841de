/*
 * The security key in memory
 *
 * Whole messages go from libfido2 to the fixture and back, as over a wire that loses nothing.
 */
#include "tests/unit/pam-key.h"

#include "common/base64.h"
#include "tests/unit/test.h"

#define PREFIX        "memory:"
#define GET_ASSERTION 2U

PamKey pam_keys[PAM_KEYS_MAX];
static void nothing(void)
{
}
void (*pam_key_enter)(void) = nothing, (*pam_key_leave)(void) = nothing;

int __real_fido_dev_info_manifest(fido_dev_info_t *list, size_t size, size_t *ret_n);
int __wrap_fido_dev_info_manifest(fido_dev_info_t *list, size_t size, size_t *ret_n);
int __real_fido_dev_open(fido_dev_t *dev, const char *path);
int __wrap_fido_dev_open(fido_dev_t *dev, const char *path);

static void *io_open(const char *path)
{
        for (unsigned i = 0; i < PAM_KEYS_MAX; i++)
                if (pam_keys[i].plugged && strcmp(pam_keys[i].path, path) == 0)
                        return pam_keys + i;
        return NULL;
}

static void io_close(void *handle)
{
}

static int io_read(void *handle, unsigned char *buffer, size_t size, int ms)
{
        return -1;
}

static int io_write(void *handle, const unsigned char *buffer, size_t size)
{
        return -1;
}

static int greet(PamKey *key, const uint8_t *nonce, size_t size)
{
        memset(key->greeting, 0, sizeof(key->greeting));
        memcpy(key->greeting, nonce, size < 8 ? size : 8);
        key->greeting[11] = 1;
        key->greeting[12] = 2;
        key->greeting[16] = key->u2f_only ? 0 : FIDO_CAP_CBOR;
        key->greets = true;
        return 0;
}

static int answer(PamKey *key, uint8_t command, const uint8_t *data, size_t size)
{
        AuthenticatorReply reply;

        key->n_requests++;
        if (key->silent)
                return 0;
        if (command == CTAP_CMD_MSG) {
                unsigned status = fixture_u2f(key->fixture, data, size, &reply);

                memcpy(key->reply, reply.data, reply.size);
                key->reply[reply.size] = (uint8_t)(status >> 8);
                key->reply[reply.size + 1] = (uint8_t)status;
                key->size = reply.size + 2;
                return 0;
        }
        key->reply[0] = (uint8_t)fixture_send(key->fixture, data, size, &reply);
        memcpy(key->reply + 1, reply.data, reply.size);
        key->size = reply.size + 1;
        if (key->tamper && data[0] == GET_ASSERTION && key->reply[0] == 0)
                key->tamper(key, key->reply, &key->size);
        return 0;
}

static int send_message(struct fido_dev *dev, uint8_t command, const unsigned char *data, size_t size)
{
        PamKey *key = fido_dev_io_handle(dev);
        int r = -1;

        pam_key_leave();
        if (command == CTAP_CMD_INIT)
                r = greet(key, data, size);
        else if (command == CTAP_CMD_CBOR || command == CTAP_CMD_MSG)
                r = answer(key, command, data, size);
        else if (command == CTAP_CMD_CANCEL)
                r = 0;
        pam_key_enter();
        return r;
}

static int receive_message(struct fido_dev *dev, uint8_t command, unsigned char *ret, size_t size, int ms)
{
        PamKey *key = fido_dev_io_handle(dev);
        size_t n = key->size;

        key->n_unbounded += ms < 0;
        if (command == CTAP_CMD_INIT && key->greets) {
                memcpy(ret, key->greeting, sizeof(key->greeting));
                key->greets = false;
                return sizeof(key->greeting);
        }
        if (n == 0 || n > size)
                return -1;
        memcpy(ret, key->reply, n);
        key->size = 0;
        return (int)n;
}

static const fido_dev_io_t io = {io_open, io_close, io_read, io_write};

int __wrap_fido_dev_info_manifest(fido_dev_info_t *list, size_t size, size_t *ret_n)
{
        *ret_n = 0;
        for (unsigned i = 0; i < PAM_KEYS_MAX && *ret_n < size; i++)
                if (pam_keys[i].plugged)
                        CHECK_EQ(fido_dev_info_set(list, (*ret_n)++, pam_keys[i].path, "Someone", "else", &io, NULL), FIDO_OK);
        return FIDO_OK;
}

int __wrap_fido_dev_open(fido_dev_t *dev, const char *path)
{
        static const fido_dev_transport_t transport = {receive_message, send_message};

        if (!io_open(path))
                return FIDO_ERR_INVALID_ARGUMENT;
        CHECK_EQ(fido_dev_set_io_functions(dev, &io), FIDO_OK);
        CHECK_EQ(fido_dev_set_transport_functions(dev, &transport), FIDO_OK);
        return __real_fido_dev_open(dev, path);
}

void pam_key_plug(unsigned i, void (*adjust)(Fixture *fixture))
{
        PamKey *key = pam_keys + i;

        *key = (PamKey){.fixture = fixture_new(adjust), .plugged = true};
        (void)snprintf(key->path, sizeof(key->path), PREFIX "%u", i);
}

void pam_key_unplug_all(void)
{
        for (unsigned i = 0; i < PAM_KEYS_MAX; i++) {
                fixture_free(pam_keys[i].fixture);
                pam_keys[i] = (PamKey){0};
        }
}

static fido_dev_t *open_key(unsigned i)
{
        fido_dev_t *dev = fido_dev_new();

        CHECK(dev);
        CHECK_EQ(__wrap_fido_dev_open(dev, pam_keys[i].path), FIDO_OK);
        return dev;
}

int pam_key_set_pin(unsigned i, const char *pin)
{
        fido_dev_t *dev = open_key(i);
        int r = fido_dev_set_pin(dev, pin, NULL);

        (void)fido_dev_close(dev);
        fido_dev_free(&dev);
        return r;
}

void pam_key_enrol(unsigned i, const char *rp, int algorithm, bool resident, const char *pin, char *ret, size_t size)
{
        fido_dev_t *dev = open_key(i);
        fido_cred_t *cred = fido_cred_new();
        char *id, *key;
        int r;

        r = fido_cred_set_type(cred, algorithm);
        r |= fido_cred_set_clientdata(cred, (const uint8_t *)"x", 1);
        r |= fido_cred_set_rp(cred, rp, rp);
        r |= fido_cred_set_user(cred, (const uint8_t *)"alice", 5, "alice", NULL, NULL);
        r |= fido_cred_set_rk(cred, resident ? FIDO_OPT_TRUE : FIDO_OPT_OMIT);
        r |= fido_cred_set_extensions(cred, FIDO_EXT_HMAC_SECRET);
        CHECK_EQ(r, FIDO_OK);
        CHECK_EQ(fido_dev_make_cred(dev, cred, pin), FIDO_OK);
        id = resident ? strdup("*") : base64_encode(fido_cred_id_ptr(cred), fido_cred_id_len(cred));
        key = base64_encode(fido_cred_pubkey_ptr(cred), fido_cred_pubkey_len(cred));
        CHECK(id && key);
        CHECK(snprintf(ret, size, "%s,%s,%s", id, key, algorithm == COSE_ES256 ? "es256" : "eddsa") < (int)size);
        free(id);
        free(key);
        fido_cred_free(&cred);
        (void)fido_dev_close(dev);
        fido_dev_free(&dev);
}

void pam_key_secret(unsigned i, const char *rp, const uint8_t *id, size_t id_size, const char *pin, const uint8_t salt[32],
                    uint8_t ret[32])
{
        fido_dev_t *dev = open_key(i);
        fido_assert_t *assertion = fido_assert_new();
        int r;

        r = fido_assert_set_clientdata(assertion, (const uint8_t *)"x", 1);
        r |= fido_assert_set_rp(assertion, rp);
        r |= fido_assert_allow_cred(assertion, id, id_size);
        r |= fido_assert_set_extensions(assertion, FIDO_EXT_HMAC_SECRET);
        r |= fido_assert_set_hmac_salt(assertion, salt, 32);
        CHECK_EQ(r, FIDO_OK);
        CHECK_EQ(fido_dev_get_assert(dev, assertion, pin), FIDO_OK);
        CHECK_EQ(fido_assert_hmac_secret_len(assertion, 0), 32);
        memcpy(ret, fido_assert_hmac_secret_ptr(assertion, 0), 32);
        fido_assert_free(&assertion);
        (void)fido_dev_close(dev);
        fido_dev_free(&dev);
}
