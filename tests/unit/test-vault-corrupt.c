/*
 * A vault file with any byte changed, or cut anywhere: it opens with the right data, fails by name, or reports the
 * damaged record. Never a crash, a hang, or a wrong secret.
 *
 * The slot needs no password, so that each of some thousand variants costs milliseconds. KEYFOB_TEST_STRIDE=1 tries
 * every byte instead of every seventh.
 */
#include <errno.h>
#include <time.h>

#include "tests/unit/record-tools.h"

#define N_ITEMS   8
#define N_RECORDS 4 /* of a class; the last one is deleted */

typedef struct Original {
        uint8_t *data;
        size_t size;
        char value[N_ITEMS][64];
        ItemId id[N_ITEMS];
        char old_value[64];
        uint64_t number[N_RECORDS];
} Original;

typedef struct Tally {
        unsigned right, damaged, refused, tampered;
        unsigned records_right, records_damaged, classes_tampered;
} Tally;

/* What a change of the file may lead to. */
static bool by_name(int r)
{
        return (r > 0 && r < _VAULT_RESULT_MAX) || r == -EIO || r == -ENOSPC || r == -ENOMEM || r == -EROFS;
}

static void read_file(const char *path, uint8_t **ret, size_t *ret_size)
{
        struct stat st;
        FILE *file = fopen(path, "re");

        CHECK(file && fstat(fileno(file), &st) == 0);
        *ret_size = (size_t)st.st_size;
        *ret = malloc(*ret_size);
        CHECK(*ret);
        CHECK_EQ(fread(*ret, 1, *ret_size, file), *ret_size);
        (void)fclose(file);
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        CHECK(fd >= 0);
        CHECK_EQ(write(fd, data, size), size);
        close(fd);
}

static void record_text(unsigned i, char ret[16])
{
        (void)snprintf(ret, 16, "record %u", i);
}

static void make_records(Vault *vault, uint64_t ret[N_RECORDS])
{
        for (unsigned i = 0; i < N_RECORDS; i++) {
                char text[16];

                record_text(i, text);
                ret[i] = make(vault, CLASS, text, MARKS(mark(1, "all"), mark(2, text)));
        }
        CHECK_EQ(vault_record_delete(vault, CLASS, ret[N_RECORDS - 1], true), 0);
        CHECK_EQ(vault_note_put(vault, "note", "a note", 6), 0);
}

/* Items of several sizes, one of them over several pages; trash; an alias; a second collection; a deleted item;
 * records. */
static void make_all(Scratch *s, Original *original)
{
        _cleanup_free_ char *big = calloc(1, 10001);
        const VaultCollection *c;
        ItemId id;

        scratch_new(s);
        CHECK(big);
        memset(big, 'B', 10000);
        CHECK_EQ(vault_collection_create(s->vault, s->root, "Second", NULL, &c), 0);
        CHECK_EQ(vault_alias_set(s->vault, "second", c->no), 0);
        for (unsigned i = 0; i < N_ITEMS; i++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "item%u", i);
                (void)snprintf(original->value[i], sizeof(original->value[i]), "value-%u-0123456789", i);
                original->id[i] = put(s->vault, i < N_ITEMS - 2 ? 1 : c->no, name, i == 3 ? big : original->value[i],
                                      false, NULL, ATTRIBUTES({"name", name}, {"shared", "yes"}));
        }
        id = put(s->vault, 1, "gone", "gone", false, NULL, ATTRIBUTES({"name", "gone"}));
        CHECK_EQ(vault_item_delete(s->vault, id), 0);
        CHECK_EQ(change_value(s->vault, original->id[0], "another"), 0);
        (void)snprintf(original->old_value, sizeof(original->old_value), "%s", original->value[0]);
        CHECK_EQ(change_value(s->vault, original->id[0], original->value[0]), 0);
        make_records(s->vault, original->number);
        scratch_close(s);
        read_file(s->path, &original->data, &original->size);
}

static void check_item(Vault *vault, const Original *original, unsigned i, Tally *tally)
{
        _cleanup_(item_freep) Item *item = NULL;
        char name[16];
        int r;

        r = vault_item_get(vault, original->id[i], true, &item);
        if (r != 0) {
                CHECK(by_name(r));
                tally->damaged++;
                return;
        }
        (void)snprintf(name, sizeof(name), "item%u", i);
        CHECK(strcmp(item->label, name) == 0);
        CHECK(item->n_attributes == 2 && strcmp(item->attributes[0].value, name) == 0);
        if (i == 3) {
                CHECK_EQ(item->value->size, 10000);
                for (size_t k = 0; k < 10000; k++)
                        CHECK_EQ(item->value->data[k], 'B');
        } else
                CHECK(strcmp((char *)item->value->data, original->value[i]) == 0);
        tally->right++;
}

static void check_record(Vault *vault, const Original *original, unsigned i, Tally *tally)
{
        char text[16], got[256];
        int r;

        r = get(vault, CLASS, original->number[i], got);
        if (r != 0) {
                CHECK(by_name(r));
                tally->records_damaged++;
                return;
        }
        record_text(i, text);
        CHECK(strcmp(got, text) == 0);
        tally->records_right++;
}

/* Everything with records of classes that a program does. */
static void use_records(Vault *vault, const Original *original, Tally *tally)
{
        const VaultMark by = mark(1, "all");
        uint64_t numbers[16] = {0}, number;
        VaultDeleted deleted[4];
        char got[256];
        size_t n = 0;
        int r;

        for (unsigned i = 0; i < N_RECORDS - 1; i++)
                check_record(vault, original, i, tally);
        r = vault_record_find(vault, CLASS, &by, UINT64_MAX, numbers, 16, &n);
        CHECK(r == 0 || by_name(r));
        for (size_t i = 1; r == 0 && i < n; i++)
                CHECK(numbers[i] < numbers[i - 1]);
        r = vault_record_deleted(vault, CLASS, UINT64_MAX, deleted, 4, &n);
        CHECK(r == 0 || by_name(r));
        r = vault_record_get_deleted(vault, CLASS, original->number[N_RECORDS - 1], got, sizeof(got), &n);
        CHECK(by_name(r) || (r == 0 && n == 8 && memcmp(got, "record 3", 8) == 0));
        r = vault_note_get(vault, "note", got, sizeof(got), &n);
        CHECK(r == 0 || by_name(r));
        if (vault_class_tampered(vault, CLASS))
                tally->classes_tampered++;

        r = vault_record_create(vault, CLASS, &by, 1, "new", 3, &number);
        CHECK(r == 0 || by_name(r));
        if (r == 0) {
                r = vault_record_get(vault, CLASS, number, got, sizeof(got), &n);
                CHECK(by_name(r) || (r == 0 && n == 3 && memcmp(got, "new", 3) == 0));
        }
        r = vault_record_undelete(vault, CLASS, original->number[N_RECORDS - 1]);
        CHECK(r == 0 || by_name(r));
        r = vault_record_update(vault, CLASS, original->number[0], "changed", 7);
        CHECK(r == 0 || by_name(r));
        r = vault_record_delete(vault, CLASS, original->number[1], true);
        CHECK(r == 0 || by_name(r));
}

/* Everything a person could do with it. */
static void use(Vault *vault, const Original *original, Tally *tally)
{
        _cleanup_(item_ids_done) ItemIds open = {0}, closed = {0}, all = {0}, named = {0};
        _cleanup_(trash_list_done) TrashList trash = {0};
        const VaultAttribute shared[] = {{"shared", "yes"}}, new[] = {{"name", "new"}};
        VaultReport got;
        ItemId id;
        int r;

        for (unsigned i = 0; i < N_ITEMS; i++)
                check_item(vault, original, i, tally);
        r = vault_search(vault, 0, shared, 1, 0, &open, &closed);
        CHECK(r == 0 || by_name(r));
        CHECK(open.n + closed.n <= N_ITEMS);
        r = vault_search(vault, 0, NULL, 0, 0, &all, &named);
        CHECK(r == 0 || by_name(r));
        r = vault_trash(vault, 0, 0, &trash);
        CHECK(r == 0 || by_name(r));
        for (size_t i = 0; i < trash.n; i++)
                CHECK(strcmp(trash.entries[i].item->label, "gone") == 0 ||
                      strcmp(trash.entries[i].item->label, "item0") == 0);
        for (const VaultCollection *c = vault_collection_next(vault, NULL); c; c = vault_collection_next(vault, c)) {
                CHECK(utf8_valid(c->label, strlen(c->label)));
                if (c->tampered)
                        tally->tampered++;
        }
        r = vault_check(vault, false, NULL, NULL, &got);
        CHECK(r == 0 || by_name(r));

        /* Writing into it, too. */
        r = vault_item_create(vault, 1,
                              &(ItemChange){.attributes = new, .n_attributes = 1, .value = "n", .value_size = 1}, true,
                              &id, NULL);
        CHECK(r == 0 || by_name(r));
        if (r == 0) {
                _cleanup_(item_freep) Item *item = NULL;

                /* A damaged tree may lead elsewhere than it was written; never to another value. */
                r = vault_item_get(vault, id, true, &item);
                CHECK(by_name(r) || (r == 0 && item->value->size == 1 && item->value->data[0] == 'n'));
        }
        r = vault_item_delete(vault, original->id[1]);
        CHECK(r == 0 || by_name(r));
        r = change_value(vault, original->id[2], "changed");
        CHECK(r == 0 || by_name(r));
        use_records(vault, original, tally);
        r = vault_check(vault, true, NULL, NULL, &got);
        CHECK(r == 0 || by_name(r));
        r = vault_idle(vault, vault_now());
        CHECK(r == 0 || by_name(r));
}

static void try_file(const Scratch *s, const Original *original, const uint8_t *data, size_t size, bool empty_log,
                     Tally *tally)
{
        _cleanup_(vault_freep) Vault *vault = NULL;
        int r;

        write_file(s->path, data, size);
        if (empty_log)
                file_forget_wal(s->path); /* it would bring the right pages back */
        r = vault_open(s->path, &vault, NULL);
        if (r == 0)
                r = vault_unlock(vault, s->root, 0);
        if (r != 0) {
                CHECK(by_name(r));
                tally->refused++;
                return;
        }
        use(vault, original, tally);
}

static void report_tally(const Original *original, const Tally *tally, unsigned tried)
{
        printf("  %zu bytes, %u variants: %u refused, %u items right, %u damaged, %u collections tampered\n",
               original->size, tried, tally->refused, tally->right, tally->damaged, tally->tampered);
        printf("  %u records right, %u damaged, %u classes tampered\n", tally->records_right, tally->records_damaged,
               tally->classes_tampered);
        CHECK(tally->records_right > tally->records_damaged && tally->records_damaged > 0 &&
              tally->classes_tampered > 0);
        /* A test whose changes do nothing, or always everything, would show nothing. */
        CHECK(tally->refused > 0 && tally->right > 0 && tally->damaged > 0 && tally->tampered > 0);
        CHECK(tally->right > tally->damaged);
}

TEST(any_byte_changed)
{
        const char *stride_text = getenv("KEYFOB_TEST_STRIDE");
        size_t stride = stride_text && atoi(stride_text) > 0 ? (size_t)atoi(stride_text) : 7;
        Original original = {0};
        _cleanup_free_ uint8_t *copy = NULL;
        Tally tally = {0};
        unsigned tried = 0;
        Scratch s;

        make_all(&s, &original);
        copy = malloc(original.size);
        CHECK(copy);
        for (size_t i = 0; i < original.size; i += stride) {
                /* Free space inside pages is most of the file, and says nothing: skip runs of zeros but some. */
                if (original.data[i] == 0 && i > 200 && i % (stride * 16) != 0)
                        continue;
                memcpy(copy, original.data, original.size);
                copy[i] ^= (uint8_t)(i % 3 == 0 ? 0xff : i % 3 == 1 ? 0x01 : 0x80);
                try_file(&s, &original, copy, original.size, true, &tally);
                tried++;
        }
        report_tally(&original, &tally, tried);
        free(original.data);
        scratch_done(&s);
}

TEST(whole_pages_changed)
{
        Original original = {0};
        _cleanup_free_ uint8_t *copy = NULL;
        Tally tally = {0};
        unsigned tried = 0;
        Scratch s;

        make_all(&s, &original);
        copy = malloc(original.size);
        CHECK(copy);
        for (size_t page = 0; page < original.size / 4096; page++)
                for (unsigned kind = 0; kind < 3; kind++) {
                        size_t other = (page + 3) % (original.size / 4096);

                        memcpy(copy, original.data, original.size);
                        if (kind < 2)
                                memset(copy + page * 4096, kind ? 0xff : 0, 4096);
                        else
                                memcpy(copy + page * 4096, original.data + other * 4096, 4096);
                        try_file(&s, &original, copy, original.size, true, &tally);
                        tried++;
                }
        report_tally(&original, &tally, tried);
        free(original.data);
        scratch_done(&s);
}

TEST(cut_anywhere)
{
        Original original = {0};
        Tally tally = {0};
        unsigned tried = 0;
        Scratch s;

        make_all(&s, &original);
        for (size_t size = 0; size < original.size; size += size < 4096 ? 97 : 1021) {
                try_file(&s, &original, original.data, size, true, &tally);
                tried++;
        }
        printf("  %u lengths: %u refused, %u items right, %u damaged\n", tried, tally.refused, tally.right,
               tally.damaged);
        CHECK(tally.refused > 0);
        free(original.data);
        scratch_done(&s);
}

/* A damaged log loses what was only in it, and nothing else. */
TEST(the_log_changed)
{
        Original original = {0};
        _cleanup_free_ uint8_t *log = NULL, *file = NULL, *copy = NULL;
        size_t log_size, file_size, used;
        char path[80];
        Tally tally = {0};
        Scratch s;

        make_all(&s, &original);
        scratch_open(&s);
        scratch_unlock(&s);
        for (unsigned i = 0; i < 4; i++)
                put(s.vault, 1, "later", "l", false, NULL, ATTRIBUTES({"later", "1"}));
        used = 32 + (size_t)s.vault->wal_frames * 4120;
        (void)snprintf(path, sizeof(path), "%s-wal", s.path);
        read_file(s.path, &file, &file_size);
        read_file(path, &log, &log_size);
        scratch_close(&s);
        CHECK(used > 4120 && used < log_size);
        copy = malloc(log_size);
        CHECK(copy);
        for (size_t i = 0; i < used; i += 211) {
                memcpy(copy, log, log_size);
                copy[i] ^= 0x41;
                write_file(path, copy, log_size);
                try_file(&s, &original, file, file_size, false, &tally);
        }
        CHECK(tally.right > 0);
        CHECK_EQ(tally.refused, 0);
        CHECK_EQ(tally.damaged, 0);
        CHECK_EQ(tally.records_damaged, 0);
        free(original.data);
        scratch_done(&s);
}

TEST_MAIN
