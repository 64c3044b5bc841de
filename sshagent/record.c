/*
 * Records and hints of stored keys
 *
 * A record is all there is to know of a key; its private half is in it, so it is sealed by the store. A hint is what may be seen
 * of the key while that is locked; whoever changes it can hide a key or show one that is none, but not have anything signed,
 * because what is used comes from the record, and its public half must be the one that was shown.
 *
 * Record: version (u8), blob, private half (blob), comment (string), flags (u8), end of life (u64, seconds since 1970, 0: none),
 * destinations (blob, as on the wire), policy. Hint: version, blob, comment, flags, end of life, number of destinations (u32),
 * flags of a security key (u8). Types are those of common/bytes.h.
 */
#include <errno.h>
#include <string.h>

#include "sshagent/internal.h"
#include "sshagent/private.h"

#define RECORD_VERSION 1
#define HINT_VERSION   1
#define FLAG_CONFIRM   1

int record_write(const Entry *entry, Span secret, ByteWriter *record, ByteWriter *hint)
{
        uint8_t flags = entry->confirm ? FLAG_CONFIRM : 0;

        byte_writer_u8(record, RECORD_VERSION);
        byte_writer_blob(record, entry->blob.all.data, entry->blob.all.size);
        byte_writer_blob(record, secret.data, secret.size);
        byte_writer_string(record, entry->comment);
        byte_writer_u8(record, flags);
        byte_writer_u64(record, entry->end);
        byte_writer_blob(record, entry->destinations, entry->destinations_size);
        policy_write(&entry->policy, record);

        byte_writer_u8(hint, HINT_VERSION);
        byte_writer_blob(hint, entry->blob.all.data, entry->blob.all.size);
        byte_writer_string(hint, entry->comment);
        byte_writer_u8(hint, flags);
        byte_writer_u64(hint, entry->end);
        byte_writer_u32(hint, (uint32_t)entry->n_destinations);
        byte_writer_u8(hint, entry->sk_flags);
        if (record->failed || hint->failed)
                return -ENOMEM;
        return record->size <= SSH_RECORD_MAX && hint->size <= SSH_HINT_MAX ? 0 : SSH_E_INVALID;
}

static Span read_blob(ByteReader *reader)
{
        size_t size;
        const uint8_t *data = byte_reader_blob(reader, SSH_RECORD_MAX, &size);

        return (Span){data, size};
}

/* What a record says, before it is believed. */
typedef struct Said {
        Span blob, secret, comment, destinations;
        uint8_t flags, sk_flags;
        uint64_t end;
        size_t n_destinations;
        SshPolicy policy;
} Said;

static void said_done(Said *said)
{
        ssh_policy_done(&said->policy);
}

static int read_said(ByteReader *reader, Said *said)
{
        int r;

        if (byte_reader_u8(reader) != RECORD_VERSION)
                return SSH_E_DAMAGED;
        said->blob = read_blob(reader);
        said->secret = read_blob(reader);
        said->comment = read_blob(reader);
        said->flags = byte_reader_u8(reader);
        said->end = byte_reader_u64(reader);
        said->destinations = read_blob(reader);
        r = policy_read(reader, &said->policy);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !byte_reader_done(reader) ||
            (said->destinations.size > 0 && destinations_check(said->destinations, &said->n_destinations) < 0))
                return SSH_E_DAMAGED;
        return 0;
}

int record_read(Span record, Entry *entry, Span *ret_secret)
{
        _cleanup_(said_done) Said said = {0};
        ByteReader reader = span_reader(record);
        Span handle;
        int r;

        r = read_said(&reader, &said);
        if (r != 0)
                return r;
        if (!span_equal(said.blob, entry->blob.all) ||
            (blob_is_sk(entry->blob.kind) && private_sk(said.secret, &said.sk_flags, &handle) < 0))
                return SSH_E_DAMAGED;
        r = entry_set_destinations(entry, said.destinations, said.n_destinations);
        if (r == 0)
                r = entry_set_comment(entry, said.comment);
        if (r < 0)
                return r;
        entry->confirm = said.flags & FLAG_CONFIRM;
        entry->end = said.end;
        entry->sk_flags = said.sk_flags;
        ssh_policy_done(&entry->policy);
        entry->policy = said.policy;
        said.policy = (SshPolicy){0};
        entry->loaded = true;
        *ret_secret = said.secret;
        return 0;
}

int hint_read(Span hint, Entry **ret)
{
        _cleanup_(entry_freep) Entry *entry = NULL;
        ByteReader reader = span_reader(hint);
        uint8_t version = byte_reader_u8(&reader), *bytes;
        Span blob = read_blob(&reader), comment = read_blob(&reader);
        int r;

        if (version != HINT_VERSION || reader.failed)
                return SSH_E_INVALID;
        bytes = malloc(blob.size + 1);
        if (!bytes)
                return -ENOMEM;
        if (blob.size > 0)
                memcpy(bytes, blob.data, blob.size);
        r = entry_new(bytes, blob.size, &entry);
        if (r < 0)
                return r == -EINVAL ? SSH_E_INVALID : r;
        r = entry_set_comment(entry, comment);
        if (r < 0)
                return r;
        entry->confirm = byte_reader_u8(&reader) & FLAG_CONFIRM;
        entry->end = byte_reader_u64(&reader);
        entry->n_destinations = byte_reader_u32(&reader);
        entry->sk_flags = byte_reader_u8(&reader);
        entry->stored = true;
        if (!byte_reader_done(&reader))
                return SSH_E_INVALID;
        *ret = TAKE_PTR(entry);
        return 0;
}
