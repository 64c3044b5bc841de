/*
 * The epoch: what a vault had come to, kept elsewhere
 *
 * An old copy of the whole file is a consistent vault, so nothing in the file can tell. What can is a word kept outside of it: how
 * far the numbers of the vault had come, all of which only grow and none of which can be set without its keys. Those are
 * `next-key`, which goes up with every change of slots, keys, collections and aliases and is part of the manifest; and of each
 * collection and class the counter that numbers its items and versions, which is sealed in its head. A vault whose
 * numbers are behind is an older one, or has a part that is.
 *
 * The word is authenticated by a key of the vault's own, so who can write it, but has no key, can't make one that fits an old copy.
 * docs/FORMAT.md has its layout.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define FORMAT    "keyfob epoch 1"
#define MAC_SIZE  32U
#define COUNT_MAX (VAULT_COLLECTIONS_MAX + _VAULT_CLASS_MAX)

typedef struct Counter {
        uint32_t no;
        uint64_t counter;
} Counter;

typedef struct Word {
        uint64_t time;
        uint32_t number;
        uint32_t n;
        Counter counters[COUNT_MAX];
} Word;

static int word_mac(const Vault *vault, const uint8_t *data, size_t size, uint8_t ret[MAC_SIZE])
{
        _cleanup_(key_freep) Key *key = key_derive(vault->manifest_key, "keyfob epoch", NULL, 0);

        if (!key)
                return -ENOMEM;
        mac(key, data, size, ret, MAC_SIZE);
        return 0;
}

/* VAULT_E_DAMAGED: not a word of this vault's, or not by these keys. */
static int read_word(const Vault *vault, const uint8_t *data, size_t size, Word *ret)
{
        ByteReader reader = BYTE_READER(data, size);
        const uint8_t *magic, *id, *said;
        uint8_t expected[MAC_SIZE];
        uint32_t magic_size;
        int r;

        magic_size = byte_reader_u32(&reader);
        magic = magic_size == strlen(FORMAT) ? byte_reader_raw(&reader, strlen(FORMAT)) : NULL;
        id = byte_reader_raw(&reader, VAULT_ID_SIZE);
        ret->time = byte_reader_u64(&reader);
        ret->number = byte_reader_u32(&reader);
        ret->n = byte_reader_u32(&reader);
        if (!magic || !id || reader.failed || ret->n > COUNT_MAX || memcmp(magic, FORMAT, strlen(FORMAT)) != 0 ||
            memcmp(id, vault->id, VAULT_ID_SIZE) != 0)
                return VAULT_E_DAMAGED;
        for (uint32_t i = 0; i < ret->n; i++) {
                ret->counters[i].no = byte_reader_u32(&reader);
                ret->counters[i].counter = byte_reader_u64(&reader);
        }
        said = byte_reader_raw(&reader, MAC_SIZE);
        if (!said || !byte_reader_done(&reader))
                return VAULT_E_DAMAGED;
        r = word_mac(vault, data, size - MAC_SIZE, expected);
        if (r < 0)
                return r;
        return bytes_equal(said, expected, MAC_SIZE) ? 0 : VAULT_E_DAMAGED;
}

static const Counter *find(const Word *word, uint32_t no)
{
        for (uint32_t i = 0; i < word->n; i++)
                if (word->counters[i].no == no)
                        return word->counters + i;
        return NULL;
}

/* Whether something has come to less than the word says; and whether to more. */
static void compare(Vault *vault, const Word *word, VaultEpoch *ret)
{
        const Collection *c;

        ret->state = VAULT_EPOCH_CURRENT;
        if (vault->next_key < word->number)
                ret->state = VAULT_EPOCH_OLD;
        ret->moved = ret->structure = vault->next_key > word->number;
        for (uint32_t i = 0; i < word->n; i++) {
                c = keeper_find(vault, word->counters[i].no);
                /* One that is gone was purged: the manifest vouches for the list. */
                if (c && c->key && c->head.counter < word->counters[i].counter)
                        ret->state = VAULT_EPOCH_OLD;
        }
        for (size_t i = 0; (c = keeper_nth(vault, i)); i++) {
                const Counter *said = find(word, c->public.no);

                if (c->key && c->head.counter > (said ? said->counter : 0))
                        ret->moved = true;
        }
}

uint32_t vault_structure(const Vault *vault)
{
        return vault->next_key;
}

int vault_epoch_compare(Vault *vault, const void *data, size_t size, VaultEpoch *ret)
{
        _cleanup_free_ Word *word = NULL;
        int r;

        *ret = (VaultEpoch){.state = VAULT_EPOCH_NONE, .moved = true, .found = vault_modified(vault)};
        if (!vault->manifest_key)
                return VAULT_E_LOCKED;
        if (vault->in_batch)
                return -EBUSY;
        if (!data)
                return 0;
        word = calloc(1, sizeof(*word));
        if (!word)
                return -ENOMEM;
        r = read_word(vault, data, size, word);
        if (r < 0)
                return r;
        if (r != 0) {
                ret->state = VAULT_EPOCH_FOREIGN;
                return 0;
        }
        ret->recorded = word->time;
        compare(vault, word, ret);
        return 0;
}

int vault_epoch_make(Vault *vault, const void *previous, size_t size, uint64_t now, Secret **ret)
{
        _cleanup_(byte_writer_done) ByteWriter writer = BYTE_WRITER_NULL;
        _cleanup_free_ Word *word = NULL;
        uint8_t word_tag[MAC_SIZE];
        const Collection *c;
        uint32_t n = 0;
        size_t at;
        int r;

        if (!vault->manifest_key)
                return VAULT_E_LOCKED;
        if (vault->in_batch)
                return -EBUSY;
        word = calloc(1, sizeof(*word));
        if (!word)
                return -ENOMEM;
        r = previous ? read_word(vault, previous, size, word) : 0;
        if (r < 0)
                return r; /* or what is closed would be forgotten */
        if (r != 0)
                word->n = 0;

        byte_writer_string(&writer, FORMAT);
        byte_writer_raw(&writer, vault->id, VAULT_ID_SIZE);
        byte_writer_u64(&writer, now);
        byte_writer_u32(&writer, vault->next_key);
        at = writer.size;
        byte_writer_u32(&writer, 0);
        for (size_t i = 0; (c = keeper_nth(vault, i)) && n < COUNT_MAX; i++) {
                const Counter *said = find(word, c->public.no);
                /* Of what is closed, what was known of it. */
                uint64_t counter = c->key ? c->head.counter : said ? said->counter : 0;

                if (counter == 0)
                        continue;
                byte_writer_u32(&writer, c->public.no);
                byte_writer_u64(&writer, counter);
                n++;
        }
        if (writer.failed)
                return -ENOMEM;
        for (size_t i = 0; i < 4; i++)
                writer.data[at + i] = (uint8_t)(n >> (8 * i));
        r = word_mac(vault, writer.data, writer.size, word_tag);
        if (r < 0)
                return r;
        byte_writer_raw(&writer, word_tag, sizeof(word_tag));
        return writer.failed ? -ENOMEM : secret_new_from(ret, writer.data, writer.size);
}
