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
 * Who puts back an older word along with an older vault is noticed where there is something else that only goes up. This file
 * knows no TPM; a word says what a counter there comes to by it, and what to ask for it is derived from the same key.
 *
 * docs/FORMAT.md has its layout. One without a counter is what it was before there were any.
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define FORMAT      "keyfob epoch 1"
#define FORMAT_TPM  "keyfob epoch 2" /* the same, and a counter */
#define FORMAT_SIZE 14U
#define MAC_SIZE    32U
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
        VaultEpochCounter counter;
} Word;

static int word_mac(const Vault *vault, const uint8_t *data, size_t size, uint8_t ret[MAC_SIZE])
{
        _cleanup_(key_freep) Key *key = key_derive(vault->manifest_key, "keyfob epoch", NULL, 0);

        if (!key)
                return -ENOMEM;
        mac(key, data, size, ret, MAC_SIZE);
        return 0;
}

static bool read_format(ByteReader *reader, bool *ret_counter)
{
        size_t size;
        const uint8_t *text = byte_reader_blob(reader, FORMAT_SIZE, &size);

        _Static_assert(sizeof(FORMAT) - 1 == FORMAT_SIZE && sizeof(FORMAT_TPM) - 1 == FORMAT_SIZE, "as long as each other");
        if (!text || size != FORMAT_SIZE)
                return false;
        *ret_counter = memcmp(text, FORMAT_TPM, FORMAT_SIZE) == 0;
        return *ret_counter || memcmp(text, FORMAT, FORMAT_SIZE) == 0;
}

static void read_counter(ByteReader *reader, VaultEpochCounter *ret)
{
        VaultEpochCounter counter = {0};
        const uint8_t *tpm;
        uint8_t behind;

        counter.handle = byte_reader_u32(reader);
        counter.count = byte_reader_u64(reader);
        behind = byte_reader_u8(reader);
        counter.behind = behind;
        counter.spent = byte_reader_u64(reader);
        tpm = byte_reader_blob(reader, VAULT_EPOCH_TPM_MAX, &counter.tpm_size);
        if (tpm)
                memcpy(counter.tpm, tpm, counter.tpm_size);
        counter.stale = byte_reader_u32(reader);
        byte_reader_copy(reader, counter.stale_tag, sizeof(counter.stale_tag));
        if (behind > 1 || counter.count == UINT64_MAX)
                reader->failed = true;
        if (!reader->failed)
                *ret = counter;
}

static void write_counter(ByteWriter *writer, const VaultEpochCounter *counter)
{
        byte_writer_u32(writer, counter->handle);
        byte_writer_u64(writer, counter->count);
        byte_writer_u8(writer, counter->behind);
        byte_writer_u64(writer, counter->spent);
        byte_writer_blob(writer, counter->tpm, counter->tpm_size);
        byte_writer_u32(writer, counter->stale);
        byte_writer_raw(writer, counter->stale_tag, sizeof(counter->stale_tag));
}

/* VAULT_E_DAMAGED: not a word of this vault's, or not by these keys. */
static int read_word(const Vault *vault, const uint8_t *data, size_t size, Word *ret)
{
        ByteReader reader = BYTE_READER(data, size);
        uint8_t expected[MAC_SIZE];
        const uint8_t *id, *said;
        bool has_counter;
        int r;

        if (!read_format(&reader, &has_counter))
                return VAULT_E_DAMAGED;
        id = byte_reader_raw(&reader, VAULT_ID_SIZE);
        ret->time = byte_reader_u64(&reader);
        ret->number = byte_reader_u32(&reader);
        ret->n = byte_reader_u32(&reader);
        if (!id || reader.failed || ret->n > COUNT_MAX || memcmp(id, vault->id, VAULT_ID_SIZE) != 0)
                return VAULT_E_DAMAGED;
        for (uint32_t i = 0; i < ret->n; i++) {
                ret->counters[i].no = byte_reader_u32(&reader);
                ret->counters[i].counter = byte_reader_u64(&reader);
        }
        ret->counter = (VaultEpochCounter){0};
        if (has_counter)
                read_counter(&reader, &ret->counter);
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
        ret->counter = word->counter;
        compare(vault, word, ret);
        return 0;
}

int vault_epoch_make(Vault *vault, const void *previous, size_t size, uint64_t now, const VaultEpochCounter *counter,
                     Secret **ret)
{
        bool has_counter = counter && (counter->handle != 0 || counter->stale != 0);
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
        if (has_counter && (counter->tpm_size > VAULT_EPOCH_TPM_MAX || counter->count == UINT64_MAX))
                return VAULT_E_INVALID;
        word = calloc(1, sizeof(*word));
        if (!word)
                return -ENOMEM;
        r = previous ? read_word(vault, previous, size, word) : 0;
        if (r < 0)
                return r; /* or what is closed would be forgotten */
        if (r != 0)
                word->n = 0;

        byte_writer_string(&writer, has_counter ? FORMAT_TPM : FORMAT);
        byte_writer_raw(&writer, vault->id, VAULT_ID_SIZE);
        byte_writer_u64(&writer, now);
        byte_writer_u32(&writer, vault->next_key);
        at = writer.size;
        byte_writer_u32(&writer, 0);
        for (size_t i = 0; (c = keeper_nth(vault, i)) && n < COUNT_MAX; i++) {
                const Counter *said = find(word, c->public.no);
                /* Of what is closed, what was known of it. */
                uint64_t known = c->key ? c->head.counter : said ? said->counter : 0;

                if (known == 0)
                        continue;
                byte_writer_u32(&writer, c->public.no);
                byte_writer_u64(&writer, known);
                n++;
        }
        if (has_counter)
                write_counter(&writer, counter);
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

static int derive(const Vault *vault, const char *label, uint32_t user, uint8_t ret[VAULT_EPOCH_SECRET_SIZE])
{
        const uint8_t context[] = {(uint8_t)user, (uint8_t)(user >> 8), (uint8_t)(user >> 16), (uint8_t)(user >> 24)};
        _cleanup_(key_freep) Key *key = key_derive(vault->manifest_key, label, context, sizeof(context));

        _Static_assert(sizeof(key->bytes) == VAULT_EPOCH_SECRET_SIZE, "a key is as long as they are");
        if (!key)
                return -ENOMEM;
        memcpy(ret, key->bytes, VAULT_EPOCH_SECRET_SIZE);
        return 0;
}

int vault_epoch_secrets(const Vault *vault, uint32_t user, uint8_t ret_tag[VAULT_EPOCH_SECRET_SIZE],
                        uint8_t ret_auth[VAULT_EPOCH_SECRET_SIZE])
{
        int r;

        if (!vault->manifest_key)
                return VAULT_E_LOCKED;
        r = derive(vault, "keyfob epoch counter", user, ret_tag);
        return r < 0 ? r : derive(vault, "keyfob epoch counter value", user, ret_auth);
}
