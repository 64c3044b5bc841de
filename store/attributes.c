/*
 * Attribute sets
 *
 * Sorted by the bytes of the name. An item without "xdg:schema" is the same as one whose schema is the generic one,
 * for finding and for replacing; what is stored and shown stays as the program gave it.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define SMALL_PAIR 256U /* bytes that most attributes fit in, with what frames them */

static const Pair generic = {{"xdg:schema", 10}, {VAULT_GENERIC_SCHEMA, sizeof(VAULT_GENERIC_SCHEMA) - 1}};

int text_compare(Text a, Text b)
{
        size_t size = a.size < b.size ? a.size : b.size;
        int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

        if (order != 0)
                return order;
        return a.size < b.size ? -1 : a.size > b.size;
}

int pairs_from(const VaultAttribute *attributes, size_t n, Pair ret[VAULT_ATTRIBUTES_MAX])
{
        if (n > VAULT_ATTRIBUTES_MAX)
                return VAULT_E_LIMIT;
        for (size_t i = 0; i < n; i++) {
                Pair pair;
                size_t at = i;

                if (!attributes[i].name || !attributes[i].value)
                        return VAULT_E_INVALID;
                pair = (Pair){TEXT(attributes[i].name), TEXT(attributes[i].value)};
                if (pair.name.size > VAULT_ATTRIBUTE_MAX || pair.value.size > VAULT_ATTRIBUTE_MAX)
                        return VAULT_E_LIMIT;
                if (!utf8_valid(pair.name.data, pair.name.size) || !utf8_valid(pair.value.data, pair.value.size))
                        return VAULT_E_INVALID;
                for (; at > 0; at--) {
                        int order = text_compare(ret[at - 1].name, pair.name);

                        if (order == 0)
                                return VAULT_E_INVALID;
                        if (order < 0)
                                break;
                        ret[at] = ret[at - 1];
                }
                ret[at] = pair;
        }
        return 0;
}

/* The set as it counts for comparing: the schema put in where it is absent. */
static size_t canonical(const Pair *pairs, size_t n, const Pair *ret[VAULT_ATTRIBUTES_MAX + 1])
{
        bool placed = false;
        size_t m = 0;

        for (size_t i = 0; i < n; i++) {
                int order = text_compare(generic.name, pairs[i].name);

                if (!placed && order < 0)
                        ret[m++] = &generic;
                if (order <= 0)
                        placed = true;
                ret[m++] = pairs + i;
        }
        if (!placed)
                ret[m++] = &generic;
        return m;
}

static bool pair_equal(const Pair *a, const Pair *b)
{
        return text_compare(a->name, b->name) == 0 && text_compare(a->value, b->value) == 0;
}

bool pairs_same(const Pair *a, size_t n_a, const Pair *b, size_t n_b)
{
        const Pair *left[VAULT_ATTRIBUTES_MAX + 1], *right[VAULT_ATTRIBUTES_MAX + 1];
        size_t n = canonical(a, n_a, left);

        if (canonical(b, n_b, right) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!pair_equal(left[i], right[i]))
                        return false;
        return true;
}

bool record_has(const Record *record, const Pair *pair)
{
        bool has_schema = false;

        for (size_t i = 0; i < record->n_attributes; i++) {
                if (pair_equal(record->attributes + i, pair))
                        return true;
                if (text_compare(record->attributes[i].name, generic.name) == 0)
                        has_schema = true;
        }
        return !has_schema && pair_equal(pair, &generic);
}

static void write_pair(ByteWriter *writer, const Pair *pair)
{
        byte_writer_blob(writer, pair->name.data, pair->name.size);
        byte_writer_blob(writer, pair->value.data, pair->value.size);
}

int index_token(const Key *index_key, const Pair *pair, uint8_t ret[TOKEN_SIZE])
{
        static const char label[] = "keyfob attribute 1";
        const size_t size = 3 * sizeof(uint32_t) + sizeof(label) - 1 + pair->name.size + pair->value.size;
        _cleanup_free_ uint8_t *large = NULL;
        uint8_t small[SMALL_PAIR];
        ByteWriter writer = BYTE_WRITER_ON(small);

        if (size > sizeof(small)) {
                large = malloc(size);
                if (!large)
                        return -ENOMEM;
                writer = (ByteWriter){.data = large, .capacity = size};
        }
        byte_writer_string(&writer, label);
        write_pair(&writer, pair);
        mac(index_key, writer.data, writer.size, ret, TOKEN_SIZE);
        explicit_bzero(writer.data, writer.size);
        return 0;
}

int index_tokens(const Key *index_key, const Pair *pairs, size_t n, Tokens *ret)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;
        const Pair *set[VAULT_ATTRIBUTES_MAX + 1];
        size_t m = canonical(pairs, n, set);
        int r;

        byte_writer_string(&writer, "keyfob attribute set 1");
        byte_writer_u32(&writer, (uint32_t)m);
        for (size_t i = 0; i < m; i++) {
                write_pair(&writer, set[i]);
                r = index_token(index_key, set[i], ret->token[i + 1]);
                if (r < 0)
                        return r;
        }
        if (writer.failed)
                return -ENOMEM;
        mac(index_key, writer.data, writer.size, ret->token[0], TOKEN_SIZE);
        ret->n = m + 1;
        return 0;
}
