/*
 * From a request to its reply
 *
 * A transaction runs its command until that has an outcome or waits for the person. Storage comes first: a locked one is
 * opened within the same request, and one that locks itself in the middle makes the command begin anew, so that no
 * client is ever told "no such credential" because of a lock. Whatever goes wrong becomes a status byte; only a host that
 * has a transaction already is refused without one.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/external.h"
#include "authenticator/transaction.h"
#include "authenticator/u2f.h"

#define BEGINNINGS_MAX 3 /* how often storage may be locked under a command */

#define SW_WRONG_LENGTH             0x6700U
#define SW_CONDITIONS_NOT_SATISFIED 0x6985U
#define SW_UNKNOWN                  0x6f00U

static const Command *const commands[] = {
        &command_make_credential, &command_get_assertion, &command_get_info, &command_client_pin, &command_reset,
        &command_get_next_assertion, &command_bio_enrollment, &command_credential_management, &command_selection,
        &command_large_blobs, &command_config, &command_bio_enrollment_preview, &command_credential_management_preview,
};

static const Command *find_command(uint8_t code)
{
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (commands[i]->code == code)
                        return commands[i];
        return NULL;
}

static void drop_data(Transaction *t)
{
        if (t->data && t->data_free)
                t->data_free(t->data);
        if (t->data)
                explicit_bzero(t->data, t->data_size);
        free(TAKE_PTR(t->data));
        t->data_free = NULL;
        t->step = 0;
        t->chosen = 0;
        t->by_pin = t->pin_right = false;
        t->work = NULL;
}

Transaction *transaction_free(Transaction *t)
{
        if (!t)
                return NULL;
        drop_data(t);
        if (t->body)
                cbor_decref(&t->body);
        if (t->raw)
                explicit_bzero(t->raw, t->raw_size);
        free(t->raw);
        free(t);
        return NULL;
}

int transaction_data(Transaction *t, size_t size, void (*done)(void *data))
{
        t->data = calloc(1, size);
        if (!t->data)
                return -ENOMEM;
        t->data_size = size;
        t->data_free = done;
        return 0;
}

/* ---- the person ---- */

void transaction_withdraw(AuthenticatorHost *host)
{
        external_withdraw(host);
        if (host->latch.state != LATCH_ASKING)
                question_withdraw(host);
}

void question_withdraw(AuthenticatorHost *host)
{
        if (!host->asking)
                return;
        host->asking = false;
        host->waits_for = 0;
        host->question_deadline = UINT64_MAX;
        host->a->ops.withdraw(host->a->userdata, host);
}

int transaction_ask(Transaction *t, const AuthenticatorQuestion *question)
{
        AuthenticatorQuestion q = *question;
        AuthenticatorHost *host = t->host;
        int r;

        if (q.timeout_ms == 0)
                q.timeout_ms = q.kind == AUTHENTICATOR_ASK_STORAGE || q.by_pin ? t->a->config.storage_timeout_ms :
                                                                                 t->a->config.presence_timeout_ms;
        t->n_accounts = q.accounts ? q.n_accounts : 0;
        t->chosen = 0;
        t->by_pin = q.by_pin;
        t->pin_right = false;
        r = t->a->ops.ask(t->a->userdata, host, &q);
        if (r < 0)
                return r;
        if (r != AUTHENTICATOR_LATER) {
                t->answer = (AuthenticatorAnswer)r;
                return CTAP_OK;
        }
        host->asking = true;
        host->waits_for = (int)q.kind;
        host->question_deadline = authenticator_now(t->a) + q.timeout_ms;
        return TRANSACTION_WAIT;
}

int presence_status(AuthenticatorAnswer answer)
{
        switch (answer) {
        case AUTHENTICATOR_YES:
                return CTAP_OK;
        case AUTHENTICATOR_TIMED_OUT:
                return CTAP2_ERR_USER_ACTION_TIMEOUT;
        default:
                return CTAP2_ERR_OPERATION_DENIED;
        }
}

/* ---- outcome ---- */

static size_t write_status_word(uint8_t *reply, unsigned word)
{
        reply[0] = (uint8_t)(word >> 8);
        reply[1] = (uint8_t)word;
        return 2;
}

static unsigned status_word(int status)
{
        return status < 0 || status == CTAP1_ERR_OTHER ? SW_UNKNOWN : SW_CONDITIONS_NOT_SATISFIED;
}

int transaction_end(Transaction *t, int status, AuthenticatorReply *ret)
{
        AuthenticatorHost *host = t->host;

        if (status == CTAP_OK && t->reply.failed)
                status = CTAP1_ERR_OTHER;
        if (t->command == &command_u2f) {
                host->reply_size = status == CTAP_OK ? t->reply.size : write_status_word(host->reply, status_word(status));
        } else {
                if (status < 0)
                        status = status == -ENOSPC ? CTAP2_ERR_KEY_STORE_FULL : CTAP1_ERR_OTHER;
                host->reply[0] = (uint8_t)status;
                host->reply_size = status == CTAP_OK ? 1 + t->reply.size : 1;
        }
        if (host->transaction == t) {
                host->transaction = NULL;
                host->opening = host->ended = false;
        }
        (void)transaction_free(t);
        *ret = (AuthenticatorReply){host->reply, host->reply_size};
        return 0;
}

/* CTAP_OK when storage is open and the state is read; else a status, or TRANSACTION_WAIT. */
static int open_storage(Transaction *t)
{
        int r;

        for (int i = 0; i < BEGINNINGS_MAX; i++) {
                r = authenticator_load(t->a);
                if (r != CTAP2_ERR_OPERATION_PENDING)
                        return r;
                r = transaction_ask(t, &(AuthenticatorQuestion){.kind = AUTHENTICATOR_ASK_STORAGE,
                                                               .purpose = AUTHENTICATOR_TO_OPEN});
                if (r != CTAP_OK) {
                        t->host->opening = r == TRANSACTION_WAIT;
                        return r;
                }
                if (t->answer == AUTHENTICATOR_NOBODY)
                        return CTAP2_ERR_NOT_ALLOWED;
                r = presence_status(t->answer);
                if (r != CTAP_OK)
                        return r;
        }
        return CTAP2_ERR_NOT_ALLOWED;
}

static int run(Transaction *t)
{
        int step = t->step, r;
        AuthenticatorAnswer answer = t->answer;
        unsigned chosen = t->chosen;

        for (int i = 0; i < BEGINNINGS_MAX; i++) {
                if (t->command->flags & COMMAND_STORAGE) {
                        r = open_storage(t);
                        if (r == TRANSACTION_WAIT && t->step != 0)
                                drop_data(t); /* what it has read may not be so any more */
                        if (r != CTAP_OK)
                                return r;
                        if (t->step == step) { /* the command's, not the storage's */
                                t->answer = answer;
                                t->chosen = chosen;
                        }
                }
                r = t->command->run(t);
                if (r != CTAP2_ERR_OPERATION_PENDING)
                        return r;
                /* It was locked under the command's hands, which has changed nothing yet. */
                drop_data(t);
                t->reply.size = 0;
                t->reply.failed = false;
                step = 0;
                chosen = 0;
        }
        return CTAP2_ERR_NOT_ALLOWED;
}

static int go_on(Transaction *t, AuthenticatorReply *ret)
{
        int r;

        t->host->transaction = t; /* whom ask() asks for can be looked up */
        r = run(t);
        return r == TRANSACTION_WAIT ? AUTHENTICATOR_PENDING : transaction_end(t, r, ret);
}

int transaction_resume(Transaction *t, AuthenticatorAnswer answer, AuthenticatorReply *ret)
{
        int r = CTAP_OK;

        if (t->host->opening) {
                t->host->opening = false;
                r = answer == AUTHENTICATOR_NOBODY ? CTAP2_ERR_NOT_ALLOWED : presence_status(answer);
        } else {
                t->answer = answer;
        }
        return r == CTAP_OK ? go_on(t, ret) : transaction_end(t, r, ret);
}

int transaction_resume_work(Transaction *t, const AuthenticatorKeyResult *result, AuthenticatorReply *ret)
{
        int r;

        t->work = result;
        r = go_on(t, ret);
        if (r == AUTHENTICATOR_PENDING)
                t->work = NULL; /* it is the caller's */
        return r;
}

int authenticator_answer(AuthenticatorHost *host, AuthenticatorAnswer answer, AuthenticatorReply *ret)
{
        if (host->latch.state == LATCH_ASKING) {
                u2f_answer(host, answer);
                return AUTHENTICATOR_PENDING;
        }
        if (!host->asking || !host->transaction || answer == AUTHENTICATOR_LATER)
                return AUTHENTICATOR_PENDING;
        host->asking = false;
        host->waits_for = 0;
        host->question_deadline = UINT64_MAX;
        if (host->ended) /* what it was about is gone */
                return transaction_end(host->transaction, CTAP2_ERR_KEEPALIVE_CANCEL, ret);
        return transaction_resume(host->transaction, answer, ret);
}

int authenticator_choose(AuthenticatorHost *host, unsigned i)
{
        Transaction *t = host->transaction;

        if (!t || !host->asking || host->opening || i >= t->n_accounts)
                return -EINVAL;
        t->chosen = i + 1;
        return 0;
}

int authenticator_cancel(AuthenticatorHost *host, uint32_t channel, AuthenticatorReply *ret)
{
        Transaction *t = host->transaction;

        if (!t || t->channel->id != channel)
                return AUTHENTICATOR_PENDING;
        transaction_withdraw(host);
        if (t->channel->enumeration == ENUMERATION_SAMPLES)
                channel_clear(t->channel); /* whoever cancels a sample does not want the finger */
        return transaction_end(t, CTAP2_ERR_KEEPALIVE_CANCEL, ret);
}

/* ---- the request ---- */

static int reply_status(AuthenticatorHost *host, int status, AuthenticatorReply *ret)
{
        host->reply[0] = (uint8_t)status;
        host->reply_size = 1;
        *ret = (AuthenticatorReply){host->reply, host->reply_size};
        return 0;
}

static int make(AuthenticatorHost *host, uint32_t channel, const Command *command, const void *request, size_t size,
                Transaction **ret)
{
        Transaction *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        t->a = host->a;
        t->host = host;
        t->command = command;
        t->channel = host_channel(host, channel);
        t->raw = malloc(size);
        if (!t->raw) {
                free(t);
                return -ENOMEM;
        }
        memcpy(t->raw, request, size);
        t->raw_size = size;
        t->reply = command == &command_u2f ? CBOR_WRITER(host->reply, AUTHENTICATOR_MESSAGE_MAX) :
                                             CBOR_WRITER(host->reply + 1, AUTHENTICATOR_MESSAGE_MAX - 1);
        *ret = t;
        return 0;
}

static int prepare(AuthenticatorHost *host)
{
        if (host->transaction)
                return -EBUSY;
        host->ended = false;
        if (!host->reply)
                host->reply = malloc(AUTHENTICATOR_MESSAGE_MAX);
        return host->reply ? 0 : -ENOMEM;
}

static int read_body(Transaction *t)
{
        int r;

        if (t->command->flags & COMMAND_NO_BODY)
                return CTAP_OK;
        if (t->raw_size == 1)
                return CTAP2_ERR_MISSING_PARAMETER;
        r = cbor_read(t->raw + 1, t->raw_size - 1, &t->body);
        return r == CTAP_OK ? value_map(t->body) : r;
}

int authenticator_request(AuthenticatorHost *host, uint32_t channel, const void *request, size_t size,
                          AuthenticatorReply *ret)
{
        const Command *command;
        Transaction *t = NULL;
        int r;

        r = prepare(host);
        if (r < 0)
                return r;
        u2f_tick(host);
        u2f_drop_channel(host, channel);
        if (size == 0)
                return reply_status(host, CTAP1_ERR_INVALID_LENGTH, ret);
        if (size > AUTHENTICATOR_MESSAGE_MAX)
                return reply_status(host, CTAP2_ERR_REQUEST_TOO_LARGE, ret);
        command = find_command(*(const uint8_t *)request);
        if (!command || !(command->flags & COMMAND_ENUMERATION))
                channel_clear(host_channel(host, channel));
        if (!command)
                return reply_status(host, CTAP1_ERR_INVALID_COMMAND, ret);
        if (!(command->flags & COMMAND_SILENT) && u2f_asks_other(host, channel))
                return reply_status(host, CTAP1_ERR_CHANNEL_BUSY, ret); /* one person, one question */
        r = make(host, channel, command, request, size, &t);
        if (r < 0)
                return r;
        r = read_body(t);
        return r == CTAP_OK ? go_on(t, ret) : transaction_end(t, r, ret);
}

int authenticator_u2f_request(AuthenticatorHost *host, uint32_t channel, const void *request, size_t size,
                              AuthenticatorReply *ret)
{
        Transaction *t = NULL;
        int r;

        r = prepare(host);
        if (r < 0)
                return r;
        channel_clear(host_channel(host, channel));
        if (size == 0 || size > AUTHENTICATOR_MESSAGE_MAX) {
                host->reply_size = write_status_word(host->reply, SW_WRONG_LENGTH);
                *ret = (AuthenticatorReply){host->reply, host->reply_size};
                return 0;
        }
        r = make(host, channel, &command_u2f, request, size, &t);
        return r < 0 ? r : go_on(t, ret);
}
