/*
 * Secret values on the bus
 *
 * What a client sends is not copied where that can be avoided: a plain value stays in the message, which sd-bus wipes
 * because the method is marked sensitive, and a decrypted one goes to locked pages. The size is checked before
 * anything is decrypted.
 */
#include "daemon/secret-value.h"

#include <errno.h>

#define BLOCK 16U /* AES */

int secret_value_read(Daemon *daemon, sd_bus_message *message, SecretValue *ret, sd_bus_error *error)
{
        _cleanup_(secret_freep) Secret *decrypted = NULL;
        const void *parameters, *value;
        const char *path, *content_type;
        size_t n_parameters, size;
        SecretSession *session;
        const ExchangeKey *key;
        int r;

        r = sd_bus_message_enter_container(message, 'r', "oayays");
        if (r >= 0)
                r = sd_bus_message_read(message, "o", &path);
        if (r >= 0)
                r = sd_bus_message_read_array(message, 'y', &parameters, &n_parameters);
        if (r >= 0)
                r = sd_bus_message_read_array(message, 'y', &value, &size);
        if (r >= 0)
                r = sd_bus_message_read(message, "s", &content_type);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        session = secret_session_of(daemon, message, path, error);
        if (!session)
                return -EINVAL;
        key = secret_session_key(session);

        if (size > VAULT_SECRET_MAX + (key ? BLOCK : 0))
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "a secret may be up to %zu bytes",
                                         VAULT_SECRET_MAX);
        if (key) {
                r = exchange_decrypt(key, parameters, n_parameters, value, size, &decrypted);
                if (r == -EINVAL || r == -EBADMSG)
                        return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                                "the secret was not encrypted for this session");
                if (r < 0)
                        return r;
                value = decrypted->data;
                size = decrypted->size;
                if (size > VAULT_SECRET_MAX)
                        return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                 "a secret may be up to %zu bytes", VAULT_SECRET_MAX);
        }

        *ret = (SecretValue){.data = value, .size = size, .content_type = content_type, .decrypted = decrypted};
        decrypted = NULL;
        return 0;
}

void secret_value_done(SecretValue *value)
{
        secret_free(value->decrypted);
        *value = (SecretValue){0};
}

static int append_bytes(sd_bus_message *reply, const ExchangeKey *key, const ItemValue *value)
{
        _cleanup_free_ uint8_t *box = NULL;
        uint8_t iv[EXCHANGE_IV_SIZE];
        size_t size;
        int r;

        if (!key) {
                r = sd_bus_message_append_array(reply, 'y', NULL, 0);
                return r < 0 ? r : sd_bus_message_append_array(reply, 'y', value->value, value->size);
        }

        box = malloc((value->size / BLOCK + 1) * BLOCK);
        if (!box)
                return -ENOMEM;
        r = exchange_encrypt(key, value->value, value->size, iv, box, &size);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', iv, sizeof(iv));
        return r < 0 ? r : sd_bus_message_append_array(reply, 'y', box, size);
}

int secret_value_append(sd_bus_message *reply, const SecretSession *session, const ItemValue *value)
{
        int r;

        r = sd_bus_message_open_container(reply, 'r', "oayays");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 'o', secret_session_path(session));
        if (r >= 0)
                r = append_bytes(reply, secret_session_key(session), value);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', value->content_type);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
