/*
 * Signatures that take long
 *
 * A piece of work has all that it needs, so that it can be done on another thread, and outlive its client. The private half is
 * sealed in it until it is done: many may wait, and the arena has room for few.
 */
#include <errno.h>
#include <string.h>

#include "crypto/seal.h"
#include "sshagent/internal.h"
#include "sshagent/private.h"

struct SshWork {
        Key *key;
        uint8_t *sealed, *bytes, *data;
        size_t sealed_size, data_size;
        Blob blob; /* in `bytes` */
        uint32_t flags;
        ByteWriter signature;
        bool done;
};

SshWork *ssh_work_free(SshWork *work)
{
        if (!work)
                return NULL;
        key_free(work->key);
        free(work->sealed);
        free(work->bytes);
        free(work->data);
        byte_writer_done(&work->signature);
        free(work);
        return NULL;
}
DEFINE_CLEANUP(SshWork *, ssh_work_free)

static int copy(Span span, uint8_t **ret)
{
        *ret = malloc(span.size + 1);
        if (!*ret)
                return -ENOMEM;
        if (span.size > 0)
                memcpy(*ret, span.data, span.size);
        return 0;
}

int work_new(const Key *seal_key, const Entry *entry, Span secret, uint32_t flags, Span data, SshWork **ret)
{
        _cleanup_(ssh_work_freep) SshWork *work = calloc(1, sizeof(*work));
        int r;

        if (!work)
                return -ENOMEM;
        work->key = key_new_from(seal_key->bytes);
        work->sealed_size = secret.size + SEAL_OVERHEAD;
        work->sealed = malloc(work->sealed_size);
        if (!work->key || !work->sealed || copy(entry->blob.all, &work->bytes) < 0 || copy(data, &work->data) < 0)
                return -ENOMEM;
        r = blob_read((Span){work->bytes, entry->blob.all.size}, &work->blob);
        if (r < 0)
                return r;
        seal(work->key, NULL, 0, secret.data, secret.size, work->sealed);
        work->data_size = data.size;
        work->flags = flags;
        *ret = TAKE_PTR(work);
        return 0;
}

void ssh_work_run(SshWork *work)
{
        size_t size = work->sealed_size - SEAL_OVERHEAD;
        uint8_t *secret = arena_alloc(size);

        byte_writer_done(&work->signature);
        work->done = secret && seal_open(work->key, NULL, 0, work->sealed, work->sealed_size, secret) == 0 &&
                     private_sign(&work->blob, (Span){secret, size}, work->flags, (Span){work->data, work->data_size},
                                  &work->signature) == 0;
        arena_free(secret);
}

Span work_result(const SshWork *work)
{
        return work->done ? (Span){work->signature.data, work->signature.size} : (Span){0};
}
