/* What the tests of classes share: short ways to make records, read them and find them */
#pragma once

#include "tests/unit/vault-tools.h"

#define CLASS VAULT_CLASS_PASSKEYS

static inline VaultMark mark(uint8_t kind, const char *text)
{
        VaultMark made = {.kind = kind};

        digest(text, strlen(text), made.value);
        return made;
}

#define MARKS(...) ((const VaultMark[]){__VA_ARGS__}), ELEMENTSOF(((const VaultMark[]){__VA_ARGS__}))

static inline uint64_t make(Vault *vault, VaultClass class, const char *text, const VaultMark *marks, size_t n)
{
        uint64_t number = 0;

        CHECK_EQ(vault_record_create(vault, class, marks, n, text, strlen(text), &number), 0);
        CHECK(number > 0);
        return number;
}

static inline int get(Vault *vault, VaultClass class, uint64_t number, char ret[256])
{
        size_t size = 0;
        int r;

        r = vault_record_get(vault, class, number, ret, 255, &size);
        if (r == 0)
                ret[size] = 0;
        return r;
}

static inline void check_text(Vault *vault, VaultClass class, uint64_t number, const char *text)
{
        char got[256];

        CHECK_EQ(get(vault, class, number, got), 0);
        CHECK(strcmp(got, text) == 0);
}

/* All that have a mark, newest first. */
static inline size_t found(Vault *vault, VaultClass class, VaultMark by, uint64_t ret[16])
{
        size_t n = 99;

        CHECK_EQ(vault_record_find(vault, class, &by, UINT64_MAX, ret, 16, &n), 0);
        return n;
}

static inline uint64_t n_records(Vault *vault, VaultClass class)
{
        uint64_t n = 0;

        CHECK_EQ(vault_record_count(vault, class, &n), 0);
        return n;
}

static inline size_t n_deleted(Vault *vault, VaultClass class)
{
        VaultDeleted deleted[16];
        size_t n = 99;

        CHECK_EQ(vault_record_deleted(vault, class, UINT64_MAX, deleted, 16, &n), 0);
        return n;
}
