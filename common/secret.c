/*
 * Secret buffers
 *
 * Each buffer is a mapping of its own. That costs five system calls, which matters to code that makes one for every
 * answer: such code keeps one. It buys the three properties that a heap block cannot have: locked,
 * undumped, and gone in a child.
 * A limit that forbids locking is not an error: the buffer works and says so.
 */
#include "common/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static size_t round_to_pages(size_t size)
{
        size_t page = (size_t)sysconf(_SC_PAGESIZE);

        return (size + page - 1) / page * page;
}

int secret_new(Secret **ret, size_t capacity)
{
        _cleanup_free_ Secret *secret = NULL;
        size_t mapped;

        if (capacity > SIZE_MAX / 4)
                return -ENOMEM;

        secret = calloc(1, sizeof(*secret));
        if (!secret)
                return -ENOMEM;

        mapped = round_to_pages(capacity + 1);
        secret->data = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (secret->data == MAP_FAILED)
                return -ENOMEM;

        secret->capacity = mapped - 1;
        secret->locked = mlock(secret->data, mapped) == 0;
        (void)madvise(secret->data, mapped, MADV_DONTDUMP);
        (void)madvise(secret->data, mapped, MADV_WIPEONFORK);

        *ret = TAKE_PTR(secret);
        return 0;
}

int secret_new_from(Secret **ret, const void *data, size_t size)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        int r;

        r = secret_new(&secret, size);
        if (r < 0)
                return r;

        if (size > 0)
                memcpy(secret->data, data, size);
        secret->size = size;

        *ret = TAKE_PTR(secret);
        return 0;
}

Secret *secret_free(Secret *secret)
{
        if (!secret)
                return NULL;

        explicit_bzero(secret->data, secret->capacity + 1);
        (void)munmap(secret->data, secret->capacity + 1);
        free(secret);
        return NULL;
}

int secret_append(Secret *secret, const void *data, size_t size)
{
        if (size > SIZE_MAX / 8 - secret->size)
                return -ENOMEM;

        if (size > secret->capacity - secret->size) {
                Secret *larger, swap;
                int r;

                r = secret_new(&larger, (secret->size + size) * 2);
                if (r < 0)
                        return r;
                memcpy(larger->data, secret->data, secret->size);
                larger->size = secret->size;
                swap = *secret;
                *secret = *larger;
                *larger = swap;
                secret_free(larger);
        }

        if (size > 0)
                memcpy(secret->data + secret->size, data, size);
        secret->size += size;
        secret->data[secret->size] = 0;
        return 0;
}

int secret_read(int fd, size_t max, Secret **ret)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        int r;

        r = secret_new(&secret, 4095);
        if (r < 0)
                return r;

        for (;;) {
                ssize_t n;

                if (secret->size == secret->capacity) {
                        size_t used = secret->size;

                        /* Grows the mapping; the byte appended is taken back. */
                        r = secret_append(secret, "", 1);
                        if (r < 0)
                                return r;
                        secret->size = used;
                }

                n = read(fd, secret->data + secret->size, secret->capacity - secret->size);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        break;
                secret->size += (size_t)n;
                if (secret->size > max)
                        return -EFBIG;
        }

        secret->data[secret->size] = 0;
        *ret = TAKE_PTR(secret);
        return 0;
}

void secret_chomp(Secret *secret)
{
        if (secret->size > 0 && secret->data[secret->size - 1] == '\n')
                secret->data[--secret->size] = 0;
        else
                return;
        if (secret->size > 0 && secret->data[secret->size - 1] == '\r')
                secret->data[--secret->size] = 0;
}

bool secret_equal(const Secret *a, const Secret *b)
{
        volatile uint8_t difference = 0;

        if (a->size != b->size)
                return false;
        for (size_t i = 0; i < a->size; i++)
                difference |= (uint8_t)(a->data[i] ^ b->data[i]);
        return difference == 0;
}

char *secret_strdup(const Secret *secret)
{
        char *string = malloc(secret->size + 1);

        if (!string)
                return NULL;
        memcpy(string, secret->data, secret->size);
        string[secret->size] = 0;
        return string;
}

char *string_wipe_free(char *string)
{
        if (string)
                explicit_bzero(string, strlen(string));
        free(string);
        return NULL;
}
