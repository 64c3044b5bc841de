/*
 * Access entries
 *
 * Texts come from programs. They are cut to a bound between characters when they are written, and what reads them takes
 * no longer ones, no unknown kinds and no entry that says less or more than its length.
 */
#include "daemon/access-entry.h"

#include <errno.h>
#include <string.h>

#define CHUNK_VERSION 1U
#define ENTRY_MAX     (ACCESS_OBJECTS_MAX * 8U + 8U * ACCESS_TEXT_MAX + 128U)

const char *access_kind_name(unsigned kind)
{
        static const char *const names[_ACCESS_KIND_MAX] = {
                [ACCESS_READ] = "read",
                [ACCESS_CREATED] = "created",
                [ACCESS_CHANGED] = "changed",
                [ACCESS_DELETED] = "deleted",
                [ACCESS_RESTORED] = "restored",
                [ACCESS_COLLECTION_DELETED] = "collection-deleted",
                [ACCESS_COLLECTION_RESTORED] = "collection-restored",
                [ACCESS_REFUSED] = "refused",
        };

        return kind < _ACCESS_KIND_MAX ? names[kind] : NULL;
}

void access_entry_done(AccessEntry *entry)
{
        free(entry->program);
        free(entry->comm);
        free(entry->unit);
        free(entry->app);
        free(entry->label);
        free(entry->service);
        free(entry->username);
        free(entry->objects);
        *entry = (AccessEntry){0};
}

/* ---- writing ---- */

static void put_text(ByteWriter *writer, const char *text)
{
        size_t n = text ? strnlen(text, ACCESS_TEXT_MAX + 1) : 0;

        if (n > ACCESS_TEXT_MAX) {
                n = ACCESS_TEXT_MAX;
                while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
                        n--;
        }
        byte_writer_blob(writer, text ? text : "", n);
}

void access_chunk_begin(ByteWriter *chunk)
{
        byte_writer_u8(chunk, CHUNK_VERSION);
}

void access_chunk_add(ByteWriter *chunk, const AccessEntry *entry)
{
        ByteWriter body = BYTE_WRITER_NULL;

        byte_writer_u8(&body, (uint8_t)entry->kind);
        byte_writer_u64(&body, entry->first);
        byte_writer_u64(&body, entry->last);
        byte_writer_u32(&body, entry->count);
        byte_writer_u32(&body, entry->pid);
        byte_writer_u8(&body, (uint8_t)entry->confinement);
        put_text(&body, entry->program);
        put_text(&body, entry->comm);
        put_text(&body, entry->unit);
        put_text(&body, entry->app);
        byte_writer_u32(&body, entry->collection);
        put_text(&body, entry->label);
        put_text(&body, entry->service);
        put_text(&body, entry->username);
        byte_writer_u32(&body, (uint32_t)entry->n_objects);
        for (size_t i = 0; i < entry->n_objects; i++)
                byte_writer_u64(&body, entry->objects[i]);

        if (body.failed)
                chunk->failed = true;
        byte_writer_blob(chunk, body.data, body.size);
        byte_writer_done(&body);
}

int access_chunk_join(ByteWriter *chunk, const uint8_t *data, size_t size)
{
        size_t n;
        int r;

        r = access_chunk_count(data, size, &n);
        if (r < 0)
                return r;
        byte_writer_raw(chunk, data + 1, size - 1);
        return 0;
}

/* ---- reading ---- */

int access_chunk_open(ByteReader *reader, const uint8_t *data, size_t size)
{
        *reader = BYTE_READER(data, size);
        return byte_reader_u8(reader) == CHUNK_VERSION && !reader->failed ? 0 : -EBADMSG;
}

int access_chunk_count(const uint8_t *data, size_t size, size_t *ret)
{
        ByteReader reader;
        size_t n = 0, length;
        int r;

        r = access_chunk_open(&reader, data, size);
        if (r < 0)
                return r;
        for (; reader.size > 0; n++) {
                (void)byte_reader_blob(&reader, ENTRY_MAX, &length);
                if (reader.failed)
                        return -EBADMSG;
        }
        *ret = n;
        return 0;
}

static int read_objects(ByteReader *reader, AccessEntry *entry)
{
        uint32_t n = byte_reader_u32(reader);

        if (reader->failed || n > ACCESS_OBJECTS_MAX || reader->size != n * 8U)
                return -EBADMSG;
        if (n == 0)
                return 0;
        entry->objects = calloc(n, sizeof(*entry->objects));
        if (!entry->objects)
                return -ENOMEM;
        for (; entry->n_objects < n; entry->n_objects++)
                entry->objects[entry->n_objects] = byte_reader_u64(reader);
        return 0;
}

int access_chunk_next(ByteReader *reader, AccessEntry *ret)
{
        AccessEntry entry = {0};
        const uint8_t *body;
        ByteReader fields;
        size_t size;
        int r = -EBADMSG;

        if (reader->size == 0)
                return 0;
        body = byte_reader_blob(reader, ENTRY_MAX, &size);
        if (!body)
                return -EBADMSG;
        fields = BYTE_READER(body, size);
        entry.kind = (AccessKind)byte_reader_u8(&fields);
        entry.first = byte_reader_u64(&fields);
        entry.last = byte_reader_u64(&fields);
        entry.count = byte_reader_u32(&fields);
        entry.pid = byte_reader_u32(&fields);
        entry.confinement = (HelperConfinement)byte_reader_u8(&fields);
        entry.program = byte_reader_string(&fields, ACCESS_TEXT_MAX);
        entry.comm = byte_reader_string(&fields, ACCESS_TEXT_MAX);
        entry.unit = byte_reader_string(&fields, ACCESS_TEXT_MAX);
        entry.app = byte_reader_string(&fields, ACCESS_TEXT_MAX);
        entry.collection = byte_reader_u32(&fields);
        entry.label = byte_reader_string(&fields, ACCESS_TEXT_MAX);
        entry.service = byte_reader_string(&fields, ACCESS_TEXT_MAX);
        entry.username = byte_reader_string(&fields, ACCESS_TEXT_MAX);
        if (!fields.failed && access_kind_name(entry.kind) && entry.confinement <= HELPER_CONFINED)
                r = read_objects(&fields, &entry);
        if (r < 0) {
                access_entry_done(&entry);
                return r;
        }
        *ret = entry;
        return 1;
}

int access_chunk_walk_back(const uint8_t *data, size_t size, int (*each)(const AccessEntry *entry, void *userdata),
                           void *userdata)
{
        _cleanup_free_ AccessEntry *entries = NULL;
        size_t n, n_read = 0;
        ByteReader reader;
        int r;

        r = access_chunk_count(data, size, &n);
        if (r < 0)
                return r;
        entries = calloc(n + 1, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        r = access_chunk_open(&reader, data, size);
        while (r >= 0 && n_read < n && (r = access_chunk_next(&reader, &entries[n_read])) > 0)
                n_read++;
        if (r > 0)
                r = 0;
        for (size_t i = n_read; i > 0 && r == 0; i--)
                r = each(&entries[i - 1], userdata);
        while (n_read > 0)
                access_entry_done(&entries[--n_read]);
        return r;
}
