/*
 * What a key says of itself
 */
#include "common/hex.h"
#include "helper/key-entry.h"
#include "helper/key-internal.h"

#define UV_FINGERPRINT    2U /* of the registry of user verification methods */
#define MIN_PIN_STANDARD  4U
#define AAGUID_SIZE       16U

static void append_aaguid(KeyCall *call)
{
        static const uint8_t groups[] = {4, 2, 2, 2, 6};
        char text[2 * AAGUID_SIZE + ELEMENTSOF(groups)], *to = text;
        const uint8_t *from = fido_cbor_info_aaguid_ptr(call->info);

        if (!from || fido_cbor_info_aaguid_len(call->info) != AAGUID_SIZE)
                return;
        for (size_t i = 0; i < ELEMENTSOF(groups); i++) {
                hex_encode(from, groups[i], to);
                from += groups[i];
                to += 2 * groups[i];
                *to++ = '-';
        }
        to[-1] = 0;
        entry_text(&call->fields, "aaguid", text);
}

static void append_algorithms(KeyCall *call)
{
        size_t n = entry_numbers(&call->fields, "algorithms", fido_cbor_info_algorithm_count(call->info));

        for (size_t i = 0; i < n; i++)
                byte_writer_u32(&call->fields, (uint32_t)fido_cbor_info_algorithm_cose(call->info, i));
}

static void append_abilities(KeyCall *call)
{
        const fido_cbor_info_t *info = call->info;
        ByteWriter *to = &call->fields;

        append_aaguid(call);
        entry_texts(to, "versions", fido_cbor_info_versions_ptr(info), fido_cbor_info_versions_len(info));
        entry_texts(to, "extensions", fido_cbor_info_extensions_ptr(info), fido_cbor_info_extensions_len(info));
        entry_texts(to, "transports", fido_cbor_info_transports_ptr(info), fido_cbor_info_transports_len(info));
        append_algorithms(call);
        entry_flags(to, "options", fido_cbor_info_options_name_ptr(info), fido_cbor_info_options_value_ptr(info),
                    fido_cbor_info_options_len(info));
        if (fido_cbor_info_maxmsgsiz(info) > 0)
                entry_u32(to, "max-message", fido_cbor_info_maxmsgsiz(info));
        if (fido_cbor_info_maxlargeblob(info) > 0)
                entry_u32(to, "large-blobs", fido_cbor_info_maxlargeblob(info));
        if (fido_cbor_info_fwversion(info) > 0)
                entry_u64(to, "firmware", fido_cbor_info_fwversion(info));
}

static void append_option(KeyCall *call, const char *option, const char *name)
{
        int value = key_option(call, option);

        if (value >= 0)
                entry_bool(&call->fields, name, value);
}

static int append_state(KeyCall *call)
{
        bool fingers = key_option(call, "bioEnroll") >= 0 || key_option(call, "userVerificationMgmtPreview") >= 0 ||
                       (fido_cbor_info_uv_modality(call->info) & UV_FINGERPRINT) != 0;
        uint64_t least = fido_cbor_info_minpinlen(call->info);
        int64_t left = fido_cbor_info_rk_remaining(call->info);
        ByteWriter *to = &call->fields;
        int n, r;

        if (fido_dev_supports_pin(call->dev))
                entry_bool(to, "pin-set", fido_dev_has_pin(call->dev));
        entry_u32(to, "min-pin-length", least > 0 ? least : MIN_PIN_STANDARD);
        entry_bool(to, "force-pin-change", fido_cbor_info_new_pin_required(call->info));
        entry_bool(to, "fingerprints", fingers);
        append_option(call, "alwaysUv", "always-uv");
        append_option(call, "ep", "enterprise-attestation");
        if (left >= 0)
                entry_u32(to, "passkeys-left", (uint64_t)left);
        if (fido_dev_has_pin(call->dev)) {
                r = fido_dev_get_retry_count(call->dev, &n);
                if (r != FIDO_OK)
                        return r;
                entry_u32(to, "pin-retries", n > 0 ? (uint64_t)n : 0);
        }
        if (fido_dev_has_uv(call->dev) && fido_dev_get_uv_retry_count(call->dev, &n) == FIDO_OK)
                entry_u32(to, "uv-retries", n > 0 ? (uint64_t)n : 0);
        return FIDO_OK;
}

int key_info(KeyCall *call)
{
        static char u2f[] = "U2F_V2";
        char *only_u2f[] = {u2f};
        int r;

        entry_text(&call->fields, "path", call->path);
        if (!call->info) {
                entry_texts(&call->fields, "versions", only_u2f, 1);
                return FIDO_OK;
        }
        r = append_state(call);
        if (r == FIDO_OK)
                append_abilities(call);
        return r;
}
