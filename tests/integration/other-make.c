/*
 * Of another make
 *
 * Preloaded, it has programs take a Keyfob that plays a plugged-in security key for someone else's: by its AAGUID they
 * would know it, and demand verification each time.
 */
#include <stddef.h>
#include <stdint.h>

typedef struct fido_cbor_info fido_cbor_info_t;

#define EXPORT __attribute__((visibility("default")))

EXPORT const unsigned char *fido_cbor_info_aaguid_ptr(const fido_cbor_info_t *info);
EXPORT const unsigned char *fido_cbor_info_aaguid_ptr(const fido_cbor_info_t *info)
{
        static const uint8_t other[16] = {1};

        return other;
}
