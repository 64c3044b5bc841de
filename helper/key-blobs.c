/*
 * Large blobs: what a site's passkey has beside it on a key
 *
 * The key seals each blob under a secret of its passkey, which the list of passkeys tells and which goes no further than
 * this process. libfido2 seals, opens and compresses.
 */
#include <string.h>

#include "helper/key-internal.h"

static int need_blobs(KeyCall *call)
{
        return key_need(call, key_option(call, "largeBlobs") == 1, "large blobs");
}

static int need_key(KeyCall *call, const fido_cred_t *passkey)
{
        if (fido_cred_largeblob_key_len(passkey) > 0)
                return FIDO_OK;
        return key_refuse(call, KEY_E_UNSUPPORTED,
                          "this passkey can have no blob: its site did not ask for one when it was made");
}

static int get_found(KeyCall *call, const fido_cred_t *passkey)
{
        unsigned char *blob = NULL;
        size_t size = 0;
        int r;

        r = need_key(call, passkey);
        if (r != FIDO_OK)
                return r;
        r = fido_dev_largeblob_get(call->dev, fido_cred_largeblob_key_ptr(passkey),
                                   fido_cred_largeblob_key_len(passkey), &blob, &size);
        if (r == FIDO_OK && size > KEY_CONTENT_MAX)
                r = key_refuse(call, KEY_E_LIMITS, "the blob is larger than %u bytes", KEY_CONTENT_MAX);
        else if (r == FIDO_OK)
                byte_writer_blob(&call->fields, blob, size);
        if (blob)
                explicit_bzero(blob, size);
        free(blob);
        return r;
}

static int set_found(KeyCall *call, const fido_cred_t *passkey)
{
        const Secret *content = call->request.content;
        int r;

        r = need_key(call, passkey);
        if (r != FIDO_OK)
                return r;
        r = fido_dev_largeblob_set(call->dev, fido_cred_largeblob_key_ptr(passkey),
                                   fido_cred_largeblob_key_len(passkey), content->data, content->size, key_pin(call));
        /* libfido2 1.12 encrypts no less than a block of what it has compressed. */
        if (r == FIDO_ERR_INTERNAL)
                return key_refuse(call, KEY_E_INVALID,
                                  "libfido2 can't seal this blob: short ones, and what shrinks to less than 16 bytes, are "
                                  "beyond it");
        return r;
}

static int delete_found(KeyCall *call, const fido_cred_t *passkey)
{
        int r;

        r = need_key(call, passkey);
        if (r != FIDO_OK)
                return r;
        return fido_dev_largeblob_remove(call->dev, fido_cred_largeblob_key_ptr(passkey),
                                         fido_cred_largeblob_key_len(passkey), key_pin(call));
}

int key_blob_get(KeyCall *call)
{
        int r = need_blobs(call);

        return r == FIDO_OK ? key_with_passkey(call, get_found) : r;
}

int key_blob_set(KeyCall *call)
{
        int r = need_blobs(call);

        return r == FIDO_OK ? key_with_passkey(call, set_found) : r;
}

int key_blob_delete(KeyCall *call)
{
        int r = need_blobs(call);

        return r == FIDO_OK ? key_with_passkey(call, delete_found) : r;
}
