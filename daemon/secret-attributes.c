/*
 * Attributes on the bus
 *
 * The limits are the vault's, applied before anything is looked up, so that a query costs what it is allowed to cost.
 * The strings are not copied: they live as long as the message, which outlives the handler.
 */
#include "daemon/secret-attributes.h"

#include <errno.h>
#include <string.h>

int secret_attributes_read(sd_bus_message *message, SecretAttributes *ret, sd_bus_error *error)
{
        _cleanup_(secret_attributes_done) SecretAttributes attributes = {0};
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{ss}");
        if (r < 0)
                return r;
        attributes.attributes = calloc(VAULT_ATTRIBUTES_MAX, sizeof(*attributes.attributes));
        if (!attributes.attributes)
                return -ENOMEM;

        while ((r = sd_bus_message_enter_container(message, 'e', "ss")) > 0) {
                const char *name, *value;

                r = sd_bus_message_read_basic(message, 's', &name);
                if (r >= 0)
                        r = sd_bus_message_read_basic(message, 's', &value);
                if (r < 0)
                        return r;
                if (attributes.n == VAULT_ATTRIBUTES_MAX || strlen(name) > VAULT_ATTRIBUTE_MAX ||
                    strlen(value) > VAULT_ATTRIBUTE_MAX)
                        return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                 "at most %u attributes of %u bytes each", VAULT_ATTRIBUTES_MAX,
                                                 VAULT_ATTRIBUTE_MAX);
                for (size_t i = 0; i < attributes.n; i++)
                        if (strcmp(attributes.attributes[i].name, name) == 0)
                                return daemon_error_quote(error, SD_BUS_ERROR_INVALID_ARGS,
                                                          "attribute '%.64s' is given twice", name);
                attributes.attributes[attributes.n++] = (VaultAttribute){.name = name, .value = value};

                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        *ret = attributes;
        attributes.attributes = NULL;
        return 0;
}

void secret_attributes_done(SecretAttributes *attributes)
{
        free(attributes->attributes);
        *attributes = (SecretAttributes){0};
}

int secret_attributes_append(sd_bus_message *message, const VaultAttribute *attributes, size_t n)
{
        int r;

        r = sd_bus_message_open_container(message, 'a', "{ss}");
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = sd_bus_message_open_container(message, 'e', "ss");
                if (r >= 0)
                        r = sd_bus_message_append_basic(message, 's', attributes[i].name);
                if (r >= 0)
                        r = sd_bus_message_append_basic(message, 's', attributes[i].value);
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}
