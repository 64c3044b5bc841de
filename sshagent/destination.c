/*
 * Where a key may be used
 *
 * The rules are OpenSSH's, because users write them for its agent. The way of a connection is walked hop by hop: from here
 * to the first host, from it to the next, and so on; the user counts on the last hop only, and only where somebody logs in.
 * A key that is allowed to a host, but nowhere from there, is not shown behind it.
 */
#include "sshagent/destination.h"

#include <errno.h>

#define ROLE_HOST 2U

typedef struct Hop {
        Span user, host;
        Span keys; /* pairs: key, whether it is an authority's */
} Hop;

typedef struct Constraint {
        Hop from, to;
} Constraint;

bool pattern_matches(Span pattern, Span text)
{
        size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;

        while (t < text.size) {
                if (p < pattern.size && pattern.data[p] == '*') {
                        star = p++;
                        mark = t;
                } else if (p < pattern.size && (pattern.data[p] == '?' || pattern.data[p] == text.data[t])) {
                        p++;
                        t++;
                } else if (star != SIZE_MAX) {
                        p = star + 1; /* the last star takes one more */
                        t = ++mark;
                } else {
                        return false;
                }
        }
        while (p < pattern.size && pattern.data[p] == '*')
                p++;
        return p == pattern.size;
}

/* ssh-add puts in all keys that a host is known by, those of DSA among them. No host can prove that it has one of these here,
 * so it is no way to get anywhere. */
static bool is_of_the_past(Span key)
{
        ByteReader reader = span_reader(key);

        return span_is(wire_string(&reader), "ssh-dss");
}

static bool read_hop(ByteReader *reader, Hop *hop)
{
        ByteReader inner = span_reader(wire_string(reader));
        Span reserved, key;
        Blob blob;

        hop->user = wire_text(&inner);
        hop->host = wire_text(&inner);
        reserved = wire_string(&inner);
        hop->keys = (Span){inner.data, inner.size};
        if (reader->failed || inner.failed || reserved.size > 0)
                return false;
        while (inner.size > 0) {
                key = wire_string(&inner);
                (void)wire_bool(&inner);
                if (inner.failed || (blob_read(key, &blob) < 0 && !is_of_the_past(key)))
                        return false;
        }
        return true;
}

static bool read_constraint(ByteReader *reader, Constraint *ret)
{
        ByteReader inner = span_reader(wire_string(reader));

        if (reader->failed || !read_hop(&inner, &ret->from) || !read_hop(&inner, &ret->to) ||
            wire_string(&inner).size > 0 || !byte_reader_done(&inner))
                return false;
        /* From a host without keys would be from anywhere; to one without keys, to nobody. */
        return (ret->from.host.size == 0) == (ret->from.keys.size == 0) && ret->from.user.size == 0 &&
               ret->to.host.size > 0 && ret->to.keys.size > 0;
}

int destinations_check(Span list, size_t *ret_n)
{
        ByteReader reader = span_reader(list);
        Constraint unused;
        size_t n = 0;

        for (; reader.size > 0; n++)
                if (n == SSH_DESTINATIONS_MAX || !read_constraint(&reader, &unused))
                        return -EINVAL;
        if (n == 0)
                return -EINVAL; /* it would be no constraint at all */
        *ret_n = n;
        return 0;
}

/* Whether a host's certificate speaks for it now. That its authority signed it was verified when the session was bound. */
static bool certificate_speaks(const BlobCertificate *certificate, Span host, uint64_t wall)
{
        ByteReader principals = span_reader(certificate->principals), signature = span_reader(certificate->signature);

        if (certificate->role != ROLE_HOST || certificate->critical.size > 0 || wall < certificate->after ||
            wall >= certificate->before || span_is(wire_string(&signature), "ssh-rsa"))
                return false;
        while (principals.size > 0 && !principals.failed) {
                Span principal = wire_string(&principals);

                if (!principals.failed && pattern_matches(principal, host))
                        return true;
        }
        return false;
}

static bool matches_hop(const Hop *hop, Span key, uint64_t wall)
{
        ByteReader keys = span_reader(hop->keys);
        BlobCertificate certificate;
        Blob blob;
        bool certified = blob_read_certificate(key, &blob, &certificate) == 0;

        while (keys.size > 0) {
                Span known = wire_string(&keys);
                bool authority = wire_bool(&keys);

                if (!certified && !authority && span_equal(key, known))
                        return true;
                if (certified && authority && span_equal(certificate.authority, known) &&
                    certificate_speaks(&certificate, hop->host, wall))
                        return true;
        }
        return false;
}

/* Whether some constraint allows a hop. `from` and `to` may be NULL: from here, to anywhere. */
static bool permit_hop(Span list, const Session *from, const Session *to, const Span *user, uint64_t wall, Span *ret_host)
{
        ByteReader reader = span_reader(list);
        Constraint it;

        while (reader.size > 0 && read_constraint(&reader, &it)) {
                if (from ? !matches_hop(&it.from, session_key(from), wall) : it.from.host.size > 0)
                        continue;
                if (to && !matches_hop(&it.to, session_key(to), wall))
                        continue;
                if (user && it.to.user.size > 0 && !pattern_matches(it.to.user, *user))
                        continue;
                *ret_host = it.to.host;
                return true;
        }
        return false;
}

bool destinations_permit(Span list, const Sessions *sessions, const Span *user, uint64_t wall, DestinationNames *ret)
{
        const Session *from = NULL;
        DestinationNames names = {0};
        Span host;

        if (sessions->n == 0)
                return !sessions->attempted && !user; /* a local program may see it; where it would log in can't be told */
        for (size_t i = 0; i < sessions->n; i++) {
                const Session *to = &sessions->list[i];
                bool last = i == sessions->n - 1;

                /* A login goes to the end of the way, and nothing goes on from there. */
                if (last ? to->forwarded && user : !to->forwarded)
                        return false;
                if (!permit_hop(list, from, to, last ? user : NULL, wall, &host))
                        return false;
                if (last)
                        names.last = host;
                else
                        names.via = host;
                from = to;
        }
        if (from->forwarded && !permit_hop(list, from, /* to= */ NULL, /* user= */ NULL, wall, &host))
                return false;
        if (ret)
                *ret = names;
        return true;
}
