/*
 * Making passwords
 *
 * A random byte modulo the size of the set would prefer its first characters. Bytes beyond the largest multiple of the
 * size are thrown away instead, so that every character is equally likely.
 */
#include "cli/password-make.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

const char password_letters_and_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const char password_symbols[] = "!#$%&()*+,-./:;<=>?@[]^_{|}~";

int random_from_kernel(void *buffer, size_t size)
{
        uint8_t *p = buffer;

        while (size > 0) {
                ssize_t n = getrandom(p, size, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                size -= (size_t)n;
        }
        return 0;
}

int password_make(const char *set, size_t n, size_t length, RandomBytes random, Secret **ret)
{
        _cleanup_(secret_freep) Secret *password = NULL;
        uint8_t pool[64];
        size_t used = sizeof(pool);
        unsigned limit;
        int r;

        if (n < 2 || n > 256 || length > PASSWORD_MAKE_MAX)
                return -EINVAL;
        limit = 256U / (unsigned)n * (unsigned)n;

        r = secret_new(&password, length);
        while (r >= 0 && password->size < length) {
                if (used == sizeof(pool)) {
                        r = random(pool, sizeof(pool));
                        used = 0;
                        continue;
                }
                if (pool[used] < limit)
                        r = secret_append(password, &set[pool[used] % n], 1);
                used++;
        }
        explicit_bzero(pool, sizeof(pool));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(password);
        return 0;
}

int password_set_check(const char *set)
{
        size_t n = strlen(set);

        if (n < 2)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                if (set[i] < 0x20 || set[i] > 0x7e || strchr(set + i + 1, set[i]))
                        return -EINVAL;
        return 0;
}
