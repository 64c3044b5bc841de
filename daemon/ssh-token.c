/*
 * Signatures of security keys for the ssh-agent
 *
 * The key handle says which security key is meant: Keyfob's own, or one of another maker that is plugged in. While the
 * vault is open it is known whether it is our own. Otherwise those that are plugged in are looked at first, which asks
 * nobody anything, and ours is only opened when none of them is it.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/cbor.h"
#include "daemon/ctap-internal.h"
#include "daemon/log.h"
#include "daemon/ssh-internal.h"

#define GET_ASSERTION   0x02U
#define REQUEST_MAX     2048U
#define HANDLE_MAX      AUTHENTICATOR_ID_MAX
#define AUTH_DATA_LEAST 37U /* hash of the relying party (32), flags, counter (4) */
#define FLAGS_OFFSET    32U

struct SshToken {
        SshConnection *connection;
        CtapOwn *own;
        KeyTalk *talk;
        char *application, *sentence, *user, *host_name;
        uint8_t handle[HANDLE_MAX], hash[32];
        size_t handle_size;
        bool presence, verification;
        bool not_ours; /* for sure */
};

SshToken *ssh_token_cancel(SshToken *token)
{
        if (!token)
                return NULL;
        ctap_own_cancel(token->own);
        key_talk_free(token->talk);
        free(token->application);
        free(token->sentence);
        free(token->user);
        free(token->host_name);
        free(token);
        return NULL;
}
DEFINE_CLEANUP(SshToken *, ssh_token_cancel)

static void end(SshToken *token, const SshSkResult *result)
{
        SshConnection *connection = token->connection;

        connection->token = ssh_token_cancel(token);
        ssh_connection_count(connection, false);
        ssh_client_sk_done(connection->client, result);
        ssh_connection_settle(connection);
}

/* ---- our own ---- */

static size_t write_request(const SshToken *token, uint8_t ret[REQUEST_MAX])
{
        CborWriter w = CBOR_WRITER(ret + 1, REQUEST_MAX - 1);

        ret[0] = GET_ASSERTION;
        put_map(&w, 4);
        put_uint(&w, 1);
        put_text(&w, token->application);
        put_uint(&w, 2);
        put_bytes(&w, token->hash, sizeof(token->hash));
        put_uint(&w, 3);
        put_array(&w, 1);
        put_map(&w, 2);
        put_text(&w, "id");
        put_bytes(&w, token->handle, token->handle_size);
        put_text(&w, "type");
        put_text(&w, "public-key");
        put_uint(&w, 5);
        put_map(&w, token->verification ? 2 : 1);
        put_text(&w, "up");
        put_bool(&w, token->presence);
        if (token->verification) {
                put_text(&w, "uv");
                put_bool(&w, true);
        }
        return w.failed ? 0 : 1 + w.size;
}

/* 0 when the reply says what it must. */
static int read_reply(const uint8_t *data, size_t size, SshSkResult *ret)
{
        _cleanup_(cbor_item_donep) cbor_item_t *body = NULL;
        const uint8_t *auth_data, *signature;
        size_t auth_data_size, signature_size;
        int r;

        r = cbor_read(data + 1, size - 1, &body);
        if (r == 0)
                r = value_map(body);
        if (r == 0)
                r = value_bytes(map_get(body, 2), AUTH_DATA_LEAST, size, &auth_data, &auth_data_size);
        if (r == 0)
                r = value_bytes(map_get(body, 3), 1, sizeof(ret->signature), &signature, &signature_size);
        if (r != 0)
                return r;
        ret->flags = auth_data[FLAGS_OFFSET];
        for (size_t i = 1; i <= 4; i++)
                ret->counter = ret->counter << 8 | auth_data[FLAGS_OFFSET + i];
        memcpy(ret->signature, signature, signature_size);
        ret->signature_size = signature_size;
        ret->answer = SSH_YES;
        return 0;
}

static void on_own(void *userdata, int r, const uint8_t *data, size_t size)
{
        SshSkResult result = {.answer = SSH_NO};
        SshToken *token = userdata;

        token->own = NULL;
        if (data && size > 1 && data[0] == CTAP_OK && read_reply(data, size, &result) != 0)
                result = (SshSkResult){.answer = SSH_NO};
        end(token, &result);
        explicit_bzero(&result, sizeof(result));
}

static int start_own(SshToken *token)
{
        SshConnection *connection = token->connection;
        uint8_t request[REQUEST_MAX];
        CtapOwnRequest own = {.pid = connection->peer->pid,
                              .fd = connection->fd,
                              .door = "ssh",
                              .sentence = token->sentence,
                              .user = token->user,
                              .host_name = token->host_name,
                              .data = request};

        own.size = write_request(token, request);
        return own.size == 0 ? -EINVAL : ctap_own_start(connection->door->daemon->ctap, &own, on_own, token, &token->own);
}

/* ---- others ---- */

static void on_talked(void *userdata, const KeyTalkAnswer *answer)
{
        SshSkResult result = {.answer = SSH_NO};
        ByteReader *fields = answer->fields;
        SshToken *token = userdata;
        const uint8_t *signature;

        token->talk = key_talk_free(token->talk);
        if (answer->result == KEY_TALK_NOT_FOUND && !token->not_ours && start_own(token) >= 0)
                return;
        if (answer->result == KEY_TALK_DONE) {
                result.flags = byte_reader_u8(fields);
                result.counter = byte_reader_u32(fields);
                signature = byte_reader_blob(fields, sizeof(result.signature), &result.signature_size);
                if (byte_reader_done(fields)) {
                        memcpy(result.signature, signature, result.signature_size);
                        result.answer = SSH_YES;
                }
        } else {
                log_line(LOG_NOTICE, "a security key did not sign for ssh: %s", answer->why);
        }
        end(token, &result);
}

static int start_device(SshToken *token)
{
        SshConnection *connection = token->connection;
        char program[SSH_PROGRAM_MAX];
        KeyTalkRequest request = {.message = token->sentence};
        int r;

        ssh_connection_identify(connection, program, &request.about);
        request.about.user = token->user;
        request.about.host = token->host_name;
        r = key_talk_new(connection->door->daemon, &request, on_talked, token, &token->talk);
        if (r < 0)
                return r;
        return key_talk_order(token->talk, &(KeyTalkOrder){
                                                   .operation = KEY_SIGN,
                                                   .name = token->application,
                                                   .id = token->handle,
                                                   .id_size = token->handle_size,
                                                   .given = (token->presence ? KEY_GIVEN_PRESENCE : 0) |
                                                            (token->verification ? KEY_GIVEN_VERIFICATION : 0),
                                                   .content = token->hash,
                                                   .content_size = sizeof(token->hash),
                                           });
}

/* ---- which ---- */

/* 1: it is ours; 0: it is not; -ENOKEY: the vault is locked, and nobody knows. */
static int is_ours(SshToken *token)
{
        Authenticator *authenticator = ctap_authenticator(token->connection->door->daemon->ctap);
        AuthenticatorCredential credential;
        int r;

        r = authenticator_credential_find(authenticator, token->handle, token->handle_size, &credential);
        if (r == CTAP_OK)
                return 1;
        return r == CTAP2_ERR_NO_CREDENTIALS ? 0 : -ENOKEY;
}

static int copy(char **ret, const char *text)
{
        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

static int token_new(SshConnection *connection, const SshSkRequest *request, SshToken **ret)
{
        _cleanup_(ssh_token_cancelp) SshToken *token = calloc(1, sizeof(*token));
        const SshQuestion *question = request->question;
        char program[SSH_PROGRAM_MAX];
        AskAbout about;
        int r;

        if (!token)
                return -ENOMEM;
        token->connection = connection;
        token->presence = request->presence;
        token->verification = request->verification;
        memcpy(token->handle, request->key_handle, request->key_handle_size);
        token->handle_size = request->key_handle_size;
        memcpy(token->hash, request->message_hash, sizeof(token->hash));
        ssh_connection_identify(connection, program, &about);
        r = copy(&token->application, request->application);
        if (r >= 0)
                r = copy(&token->user, question->user);
        if (r >= 0)
                r = copy(&token->host_name, question->host ? question->host : question->host_key);
        if (r >= 0)
                r = ssh_message(&about, question, "", &token->sentence);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(token);
        return 0;
}

int ssh_sk_sign(void *userdata, SshClient *client, const SshSkRequest *request)
{
        _cleanup_(ssh_token_cancelp) SshToken *token = NULL;
        SshConnection *connection = ssh_client_userdata(client);
        int r, ours;

        if (request->key_handle_size == 0 || request->key_handle_size > HANDLE_MAX || !ssh_connection_may_ask(connection))
                return SSH_NO;
        r = token_new(connection, request, &token);
        if (r < 0)
                return r;
        ours = is_ours(token);
        token->not_ours = ours == 0;
        r = ours > 0 ? start_own(token) : start_device(token);
        if (r < 0)
                return r;
        connection->token = TAKE_PTR(token);
        ssh_connection_count(connection, true);
        return SSH_LATER;
}
