/*
 * Subcommands that a token permits
 *
 * A pinUvAuthParam proves that who sends this very subcommand with these very parameters has a token; what the token may be used
 * for is asked after that. A token's RP is no matter of this file: what it means is up to each subcommand.
 */
#include "authenticator/pin.h"
#include "authenticator/subcommand.h"

#define PERMISSIONS_LEGACY (PERMISSION_MC | PERMISSION_GA)

int subcommand_read(const cbor_item_t *body, int64_t first, Subcommand *ret)
{
        Subcommand s = {
                .params = map_get(body, first + 1),
                .protocol = map_get(body, first + 2),
                .mac = map_get(body, first + 3),
        };
        int r;

        r = value_uint(map_get(body, first), UINT64_MAX, &s.number);
        if (r == CTAP_OK && s.params)
                r = value_map(s.params);
        if (r == CTAP_OK)
                *ret = s;
        return r;
}

static int permit(PinToken *token, uint8_t permission, bool preview)
{
        if (preview && !token->bound && token_permit(token, PERMISSIONS_LEGACY, /* rp_id_hash= */ NULL) == CTAP_OK)
                return CTAP_OK;
        return token_permit(token, permission, /* rp_id_hash= */ NULL);
}

int subcommand_permit(Transaction *t, const Subcommand *subcommand, const uint8_t *prefix, size_t prefix_size,
                      uint8_t permission, bool read_only, bool preview, Shown *ret)
{
        _cleanup_free_ uint8_t *message = NULL;
        Shown shown = {0};
        const uint8_t *mac;
        size_t size, mac_size;
        int r;

        r = value_uint(subcommand->protocol, UINT64_MAX, &shown.protocol);
        if (r == CTAP_OK)
                r = protocol_check(shown.protocol);
        if (r == CTAP_OK)
                r = value_bytes(subcommand->mac, 0, AUTHENTICATOR_MESSAGE_MAX, &mac, &mac_size);
        if (r == CTAP_OK)
                r = params_message(prefix, prefix_size, subcommand->params, &message, &size);
        if (r != CTAP_OK)
                return r;
        r = token_check(t->host, shown.protocol, message, size, mac, mac_size, &shown.token);
        if (r == CTAP_OK)
                r = permit(shown.token, permission, preview);
        else if (r == CTAP2_ERR_PIN_AUTH_INVALID && read_only)
                r = token_check_persistent(t->a, shown.protocol, message, size, mac, mac_size);
        if (r == CTAP_OK)
                *ret = shown;
        return r;
}
