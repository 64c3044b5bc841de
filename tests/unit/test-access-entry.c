/* Entries of the log: written, put together, read within bounds. */
#include "daemon/access-entry.h"

#include <errno.h>

#include "tests/unit/test.h"

static char editor[] = "/usr/bin/editor", app[] = "flatpak:org.example.Editor", unit[] = "editor.service", mail[] = "mail",
            alice[] = "alice", label[] = "höhe";

static AccessEntry sample(uint32_t pid, uint64_t *objects, size_t n)
{
        return (AccessEntry){.kind = ACCESS_READ,
                             .first = 1000000,
                             .last = 3000000,
                             .count = 7,
                             .pid = pid,
                             .confinement = HELPER_CONFINED,
                             .program = editor,
                             .unit = unit,
                             .app = app,
                             .collection = 3,
                             .label = label,
                             .service = mail,
                             .username = alice,
                             .objects = objects,
                             .n_objects = n};
}

TEST(what_is_written_is_read)
{
        _cleanup_(byte_writer_done) ByteWriter chunk = BYTE_WRITER_NULL;
        uint64_t objects[] = {UINT64_C(3) << 40 | 1, UINT64_C(3) << 40 | 9};
        AccessEntry entry = sample(12, objects, 2), again;
        ByteReader reader;
        size_t n;

        access_chunk_begin(&chunk);
        access_chunk_add(&chunk, &entry);
        CHECK(!chunk.failed);
        CHECK_EQ(access_chunk_count(chunk.data, chunk.size, &n), 0);
        CHECK_EQ(n, 1);
        CHECK_EQ(access_chunk_open(&reader, chunk.data, chunk.size), 0);
        CHECK_EQ(access_chunk_next(&reader, &again), 1);
        CHECK_EQ(again.kind, ACCESS_READ);
        CHECK(again.first == 1000000 && again.last == 3000000 && again.count == 7 && again.pid == 12);
        CHECK(again.confinement == HELPER_CONFINED && again.collection == 3);
        CHECK(strcmp(again.program, editor) == 0 && strcmp(again.comm, "") == 0 && strcmp(again.unit, unit) == 0);
        CHECK(strcmp(again.app, app) == 0 && strcmp(again.label, label) == 0);
        CHECK(strcmp(again.service, mail) == 0 && strcmp(again.username, alice) == 0);
        CHECK(again.n_objects == 2 && again.objects[0] == objects[0] && again.objects[1] == objects[1]);
        access_entry_done(&again);
        CHECK_EQ(access_chunk_next(&reader, &again), 0);
}

TEST(texts_are_cut_between_characters)
{
        _cleanup_(byte_writer_done) ByteWriter chunk = BYTE_WRITER_NULL;
        char longer[ACCESS_TEXT_MAX + 8];
        AccessEntry entry = sample(1, NULL, 0), again;
        ByteReader reader;

        memset(longer, 'x', sizeof(longer) - 1);
        longer[sizeof(longer) - 1] = 0;
        memcpy(longer + ACCESS_TEXT_MAX - 1, "\xe2\x82\xac", 3);
        entry.label = longer;
        access_chunk_begin(&chunk);
        access_chunk_add(&chunk, &entry);
        CHECK_EQ(access_chunk_open(&reader, chunk.data, chunk.size), 0);
        CHECK_EQ(access_chunk_next(&reader, &again), 1);
        CHECK_EQ(strlen(again.label), ACCESS_TEXT_MAX - 1);
        access_entry_done(&again);
}

static int note(const AccessEntry *entry, void *userdata)
{
        uint32_t **to = userdata;

        *(*to)++ = entry->pid;
        return entry->pid == 2;
}

TEST(chunks_are_joined_and_walked_from_the_newest)
{
        _cleanup_(byte_writer_done) ByteWriter a = BYTE_WRITER_NULL, b = BYTE_WRITER_NULL, all = BYTE_WRITER_NULL;
        uint32_t pids[8] = {0}, *to = pids;
        size_t n;

        access_chunk_begin(&a);
        access_chunk_begin(&b);
        access_chunk_begin(&all);
        for (uint32_t pid = 1; pid <= 4; pid++) {
                AccessEntry entry = sample(pid, NULL, 0);

                access_chunk_add(pid <= 2 ? &a : &b, &entry);
        }
        CHECK_EQ(access_chunk_join(&all, a.data, a.size), 0);
        CHECK_EQ(access_chunk_join(&all, b.data, b.size), 0);
        CHECK_EQ(access_chunk_count(all.data, all.size, &n), 0);
        CHECK_EQ(n, 4);
        CHECK_EQ(access_chunk_walk_back(all.data, all.size, note, &to), 1);
        CHECK(pids[0] == 4 && pids[1] == 3 && pids[2] == 2 && pids[3] == 0);
}

/* Every cut and every changed byte is refused or read as something within the bounds. */
TEST(damage)
{
        _cleanup_(byte_writer_done) ByteWriter chunk = BYTE_WRITER_NULL;
        uint64_t objects[] = {1, 2, 3};
        AccessEntry entry = sample(5, objects, 3);
        size_t n;

        access_chunk_begin(&chunk);
        access_chunk_add(&chunk, &entry);
        CHECK_EQ(access_chunk_count(chunk.data, 0, &n), -EBADMSG);
        for (size_t size = 2; size < chunk.size; size++)
                CHECK_EQ(access_chunk_count(chunk.data, size, &n), -EBADMSG);
        for (size_t i = 0; i < chunk.size; i++) {
                for (unsigned bit = 0; bit < 8; bit++) {
                        AccessEntry again;
                        ByteReader reader;

                        chunk.data[i] ^= (uint8_t)(1U << bit);
                        if (access_chunk_open(&reader, chunk.data, chunk.size) == 0 &&
                            access_chunk_next(&reader, &again) == 1) {
                                CHECK(access_kind_name(again.kind) && again.confinement <= HELPER_CONFINED);
                                CHECK(strlen(again.label) <= ACCESS_TEXT_MAX && again.n_objects <= ACCESS_OBJECTS_MAX);
                                access_entry_done(&again);
                        }
                        chunk.data[i] ^= (uint8_t)(1U << bit);
                }
        }
}

TEST(kinds_have_names)
{
        CHECK(!access_kind_name(0) && !access_kind_name(_ACCESS_KIND_MAX) && !access_kind_name(255));
        for (unsigned kind = 1; kind < _ACCESS_KIND_MAX; kind++)
                CHECK(access_kind_name(kind));
}

TEST_MAIN
