/*
 * Ssh1: a new key on a security key
 *
 * Keyfob's own makes it by a request of the daemon's own, with all that it asks of the person; another maker's by the helper.
 * What is stored for the agent is the key's handle and what is public of it, never a private half.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "authenticator/cbor.h"
#include "crypto/seal.h"
#include "crypto/sha.h"
#include "daemon/ctap-internal.h"
#include "daemon/keys1-internal.h"
#include "daemon/present.h"
#include "daemon/ssh1-internal.h"

#define MAKE_CREDENTIAL 0x01U
#define REQUEST_MAX     2048U
#define USER_MAX        31U /* bytes of a user's name, as ssh-keygen has it */
#define USER_ID_SIZE    32U

#define ALGORITHM_ES256 (-7)
#define ALGORITHM_EDDSA (-8)

/* authenticatorData up to the credential: hash (32), flags, counter (4), AAGUID (16), size of the id (2) */
#define ID_SIZE_OFFSET 53U
#define ID_OFFSET      55U
#define COSE_P256      77U /* bytes of a public key, as our own security key writes it */
#define COSE_ED25519   42U

#define FLAG_PRESENCE     0x01U
#define FLAG_VERIFICATION 0x04U
#define FLAG_RESIDENT     0x20U

static bool is_point(const SshWish *wish)
{
        return wish->kind == SSH_KEY_SK_ECDSA;
}

static const char *application_of(const SshWish *wish)
{
        return wish->application ? wish->application : "ssh:";
}

static const char *user_of(const SshWish *wish)
{
        return wish->user && *wish->user ? wish->user : "openssh";
}

/* As ssh-keygen has it, so that it is the same account to both: all zeros for nobody. */
static void put_user_id(const SshWish *wish, uint8_t ret[USER_ID_SIZE])
{
        memset(ret, 0, USER_ID_SIZE);
        if (wish->user)
                memcpy(ret, wish->user, strlen(wish->user));
}

/* What the person is told of it, a new string or NULL. The application is any text at all. */
static char *sentence_of(const Waiting *waiting, const char *where)
{
        _cleanup_free_ char *application = presentable(application_of(waiting->ssh));
        const Caller *caller = waiting->resource.caller;
        char *sentence;

        if (!application ||
            asprintf(&sentence, "The program \"%s\" (process %d) wants to make a key of ssh on %s, for \"%s\".",
                     caller_program(caller), caller_pid(caller), where, application) < 0)
                return NULL;
        return sentence;
}

/* ---- storing it ---- */

static int store(Waiting *waiting, const uint8_t *public_key, size_t public_size, const uint8_t *handle, size_t handle_size,
                 sd_bus_error *error)
{
        SshWish *wish = waiting->ssh;
        uint8_t flags = (uint8_t)((wish->no_touch_required ? 0 : FLAG_PRESENCE) |
                                  (wish->verify_required ? FLAG_VERIFICATION : 0) |
                                  (wish->resident ? FLAG_RESIDENT : 0));
        int r;

        r = ssh_agent_add_sk(ssh_door_agent(waiting->daemon->ssh), wish->kind, public_key, public_size,
                             application_of(wish), flags, handle, handle_size, wish->comment ? wish->comment : "",
                             &wish->policy, &wish->id);
        return r != 0 ? ssh1_error(waiting->daemon, error, r) : ssh1_finish_added(waiting, error);
}

/* ---- our own ---- */

static void put_user(CborWriter *w, const SshWish *wish)
{
        uint8_t id[USER_ID_SIZE];

        put_user_id(wish, id);
        put_map(w, 3);
        put_text(w, "id");
        put_bytes(w, id, sizeof(id));
        put_text(w, "name");
        put_text(w, user_of(wish));
        put_text(w, "displayName");
        put_text(w, user_of(wish));
}

static size_t write_request(const SshWish *wish, uint8_t ret[REQUEST_MAX])
{
        CborWriter w = CBOR_WRITER(ret + 1, REQUEST_MAX - 1);
        bool guarded = wish->resident || wish->verify_required;
        uint8_t hash[32];

        random_bytes(hash, sizeof(hash)); /* the attestation goes to nobody */
        ret[0] = MAKE_CREDENTIAL;
        put_map(&w, guarded ? 6 : 5);
        put_uint(&w, 1);
        put_bytes(&w, hash, sizeof(hash));
        put_uint(&w, 2);
        put_map(&w, 1);
        put_text(&w, "id");
        put_text(&w, application_of(wish));
        put_uint(&w, 3);
        put_user(&w, wish);
        put_uint(&w, 4);
        put_array(&w, 1);
        put_map(&w, 2);
        put_text(&w, "alg");
        put_int(&w, is_point(wish) ? ALGORITHM_ES256 : ALGORITHM_EDDSA);
        put_text(&w, "type");
        put_text(&w, "public-key");
        if (guarded) {
                put_uint(&w, 6);
                put_map(&w, 1);
                put_text(&w, "credProtect");
                put_uint(&w, wish->verify_required ? 3 : 2);
        }
        put_uint(&w, 7);
        put_map(&w, wish->verifies ? 2 : 1);
        put_text(&w, "rk");
        put_bool(&w, wish->resident);
        if (wish->verifies) {
                put_text(&w, "uv");
                put_bool(&w, true);
        }
        return w.failed ? 0 : 1 + w.size;
}

/* The public value of a COSE key, as ssh has it; its size, or 0. */
static size_t read_public(const uint8_t *cose, size_t size, bool point, uint8_t ret[65])
{
        _cleanup_(cbor_item_donep) cbor_item_t *key = NULL;
        const uint8_t *x, *y;
        size_t x_size, y_size;

        if (size < (point ? COSE_P256 : COSE_ED25519) || cbor_read(cose, point ? COSE_P256 : COSE_ED25519, &key) != 0 ||
            value_map(key) != 0 || value_bytes(map_get(key, -2), 32, 32, &x, &x_size) != 0)
                return 0;
        if (!point) {
                memcpy(ret, x, x_size);
                return x_size;
        }
        if (value_bytes(map_get(key, -3), 32, 32, &y, &y_size) != 0)
                return 0;
        ret[0] = 0x04;
        memcpy(ret + 1, x, x_size);
        memcpy(ret + 1 + x_size, y, y_size);
        return 1 + x_size + y_size;
}

static int store_own(Waiting *waiting, const uint8_t *data, size_t size, sd_bus_error *error)
{
        _cleanup_(cbor_item_donep) cbor_item_t *body = NULL;
        const uint8_t *auth_data;
        uint8_t public_key[65];
        size_t auth_data_size, id_size, public_size;
        int r;

        r = cbor_read(data + 1, size - 1, &body);
        if (r == 0)
                r = value_map(body);
        if (r == 0)
                r = value_bytes(map_get(body, 2), ID_OFFSET, size, &auth_data, &auth_data_size);
        if (r != 0)
                return -EBADMSG;
        id_size = (size_t)auth_data[ID_SIZE_OFFSET] << 8 | auth_data[ID_SIZE_OFFSET + 1];
        if (id_size > auth_data_size - ID_OFFSET)
                return -EBADMSG;
        public_size = read_public(auth_data + ID_OFFSET + id_size, auth_data_size - ID_OFFSET - id_size,
                                  is_point(waiting->ssh), public_key);
        if (public_size == 0)
                return -EBADMSG;
        return store(waiting, public_key, public_size, auth_data + ID_OFFSET, id_size, error);
}

static int start_own(Waiting *waiting, sd_bus_error *error);

static void on_own(void *userdata, int r, const uint8_t *data, size_t size)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Waiting *waiting = userdata;
        SshWish *wish = waiting->ssh;

        wish->own = NULL;
        /* Where there is something to verify its owner by, a resident key is made for its verified owner only. */
        if (data && size > 0 && data[0] == CTAP2_ERR_PUAT_REQUIRED && wish->resident && !wish->verifies) {
                wish->verifies = true;
                r = start_own(waiting, &error);
                if (r >= 0)
                        return;
        } else if (data && size > 1 && data[0] == CTAP_OK)
                r = store_own(waiting, data, size, &error);
        else if (data && size > 0 && (data[0] == CTAP2_ERR_UNSUPPORTED_OPTION || data[0] == CTAP2_ERR_INVALID_OPTION))
                r = sd_bus_error_set(&error, KEYFOB_ERROR_NOT_ALLOWED,
                                     "there is nothing to verify its owner by: run keyfob authenticator pin set");
        else if (data && size > 0)
                r = daemon_ctap_error(waiting->daemon, &error, data[0] == CTAP_OK ? CTAP1_ERR_OTHER : data[0]);
        waiting_settle(waiting, r, &error);
}

static int start_own(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_free_ char *sentence = NULL;
        uint8_t request[REQUEST_MAX];
        CtapOwnRequest own = {.caller = waiting->resource.caller, .fd = -1, .door = "bus", .data = request};

        sentence = sentence_of(waiting, "your security key");
        if (!sentence)
                return -ENOMEM;
        own.sentence = sentence;
        own.size = write_request(waiting->ssh, request);
        if (own.size == 0)
                return store1_invalid(error, "the application or the user's name is too long");
        return ctap_own_start(waiting->daemon->ctap, &own, on_own, waiting, &waiting->ssh->own);
}

static int make_own(Waiting *waiting, sd_bus_error *error)
{
        SshWish *wish = waiting->ssh;

        if (wish->pin)
                return store1_invalid(error, "the PIN of Keyfob's own security key is asked for when it is needed");
        wish->verifies = wish->verify_required;
        return start_own(waiting, error);
}

/* Whether another call has a resident key of this account made, which will be there when this one's person has answered. */
static bool is_being_made(const Waiting *waiting)
{
        uint8_t id[USER_ID_SIZE], other_id[USER_ID_SIZE];

        put_user_id(waiting->ssh, id);
        for (const Waiting *other = waiting->daemon->waitings; other; other = other->later) {
                if (other == waiting || !other->ssh || !other->ssh->own || !other->ssh->resident)
                        continue;
                put_user_id(other->ssh, other_id);
                if (memcmp(id, other_id, sizeof(id)) == 0 &&
                    strcmp(application_of(waiting->ssh), application_of(other->ssh)) == 0)
                        return true;
        }
        return false;
}

/* As a step, with passkeys open. A resident key would take the place of an older one of its account, which may be all that
 * lets its owner in somewhere. */
static int make_own_resident(Waiting *waiting, sd_bus_error *error)
{
        Authenticator *authenticator = ctap_authenticator(waiting->daemon->ctap);
        const char *application = application_of(waiting->ssh);
        AuthenticatorCredential credential;
        uint8_t hash[SHA256_SIZE], id[USER_ID_SIZE];
        uint64_t before = UINT64_MAX;
        int r;

        sha256(application, strlen(application), hash);
        put_user_id(waiting->ssh, id);
        while ((r = authenticator_credential_next(authenticator, &before, &credential)) == CTAP_OK)
                if (credential.discoverable && memcmp(credential.rp_id_hash, hash, sizeof(hash)) == 0 &&
                    credential.user_id_size == sizeof(id) && memcmp(credential.user_id, id, sizeof(id)) == 0)
                        return sd_bus_error_set(error, KEYFOB_ERROR_EXISTS,
                                                "there is a resident key of this application and user already: name "
                                                "another user, or first run keyfob passkey delete");
        if (r != CTAP2_ERR_NO_CREDENTIALS)
                return daemon_ctap_error(waiting->daemon, error, r);
        if (is_being_made(waiting))
                return sd_bus_error_set(error, KEYFOB_ERROR_BUSY,
                                        "a resident key of this application and user is being made: let that end first, or "
                                        "name another user");
        return make_own(waiting, error);
}

/* ---- another maker's ---- */

static int talk_error(sd_bus_error *error, const KeyTalkAnswer *answer)
{
        const char *name = answer->result == KEY_TALK_REFUSED         ? KEYFOB_ERROR_CANCELLED
                           : answer->error == KEY_E_PIN_REQUIRED ? KEYFOB_ERROR_NO_PROMPTER
                                                                      : keys1_error_name(answer->error);

        return sd_bus_error_set(error, name, answer->why);
}

static void on_talked(void *userdata, const KeyTalkAnswer *answer)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Waiting *waiting = userdata;
        const uint8_t *public_key, *handle;
        size_t public_size = 0, handle_size = 0;
        int r;

        waiting->ssh->talk = key_talk_free(waiting->ssh->talk);
        if (answer->result == KEY_TALK_DONE) {
                public_key = byte_reader_blob(answer->fields, 65, &public_size);
                handle = byte_reader_blob(answer->fields, KEY_ID_MAX, &handle_size);
                r = byte_reader_done(answer->fields) ? store(waiting, public_key, public_size, handle, handle_size, &error)
                                                     : -EBADMSG;
        } else {
                r = talk_error(&error, answer);
        }
        waiting_settle(waiting, r, &error);
}

static int make_at_device(Waiting *waiting)
{
        SshWish *wish = waiting->ssh;
        Caller *caller = waiting->resource.caller;
        _cleanup_free_ char *message = sentence_of(waiting, "a security key");
        uint8_t hash[KEY_HASH_SIZE];
        int r;

        if (!message)
                return -ENOMEM;
        r = key_talk_new(waiting->daemon,
                         &(KeyTalkRequest){.caller = caller, .message = message, .key = wish->device, .pin = wish->pin},
                         on_talked, waiting, &wish->talk);
        if (r < 0)
                return r;
        random_bytes(hash, sizeof(hash));
        return key_talk_order(wish->talk, &(KeyTalkOrder){
                                                  .operation = KEY_ENROLL,
                                                  .name = application_of(wish),
                                                  .display_name = wish->user,
                                                  .given = (is_point(wish) ? 0U : (unsigned)KEY_GIVEN_ED25519) |
                                                           (wish->resident ? KEY_GIVEN_RESIDENT : 0) |
                                                           (wish->verify_required ? KEY_GIVEN_VERIFICATION : 0),
                                                  .content = hash,
                                                  .content_size = sizeof(hash),
                                          });
}

int ssh1_add_sk(Waiting *waiting, sd_bus_error *error)
{
        const SshWish *wish = waiting->ssh;

        if (strlen(user_of(wish)) > USER_MAX)
                return store1_invalid(error, "a user's name has at most %u bytes", USER_MAX);
        if (!wish->device || strcmp(wish->device, "keyfob") == 0)
                return wish->resident ? waiting_storage(waiting, make_own_resident, error) : make_own(waiting, error);
        return make_at_device(waiting);
}
