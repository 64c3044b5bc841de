/*
 * Binding a connection to sessions
 *
 * The signature is what makes a host's name worth anything: without it, any hop could invent the rest of the way. A host that
 * has a certificate shows that; its authority's signature is verified here, whose authority it is where it is used.
 */
#include "sshagent/session.h"

#include <errno.h>
#include <string.h>

#include "sshagent/signature.h"

static Span session_id(const Session *session)
{
        return (Span){session->id, session->id_size};
}

Span session_key(const Session *session)
{
        return (Span){session->key, session->key_size};
}

bool sessions_remote(const Sessions *sessions)
{
        if (sessions->attempted && sessions->n == 0)
                return true;
        for (size_t i = 0; i < sessions->n; i++)
                if (sessions->list[i].forwarded)
                        return true;
        return false;
}

const Session *sessions_login(const Sessions *sessions, Span id, Span host_key)
{
        const Session *last = sessions->n > 0 ? &sessions->list[sessions->n - 1] : NULL;

        return last && !last->forwarded && span_equal(session_id(last), id) &&
                               (host_key.size == 0 || span_equal(session_key(last), host_key))
                       ? last
                       : NULL;
}

void sessions_done(Sessions *sessions)
{
        for (size_t i = 0; i < sessions->n; i++) {
                free(sessions->list[i].id);
                free(sessions->list[i].key);
        }
        free(sessions->list);
        *sessions = (Sessions){0};
}

static int verify_host(Span key, Span id, Span signature)
{
        BlobCertificate certificate;
        Blob host, authority;
        int r;

        r = blob_read(key, &host);
        if (r < 0)
                return r;
        if (host.certificate) {
                r = blob_read_certificate(key, &host, &certificate);
                if (r == 0)
                        r = blob_read(certificate.authority, &authority);
                if (r == 0)
                        r = ssh_signature_verify(&authority, certificate.body, certificate.signature);
                if (r < 0)
                        return r;
        }
        return ssh_signature_verify(&host, id, signature);
}

/* 1 when it is recorded already, -EINVAL when it contradicts what is. */
static int compare(const Sessions *sessions, Span key, Span id)
{
        for (size_t i = 0; i < sessions->n; i++) {
                const Session *session = &sessions->list[i];

                if (!session->forwarded)
                        return -EINVAL; /* where a login goes to is the end of the way */
                if (!span_equal(id, session_id(session)))
                        continue;
                return span_equal(key, session_key(session)) ? 1 : -EINVAL;
        }
        return 0;
}

int sessions_bind(Sessions *sessions, ByteReader *reader)
{
        _cleanup_free_ uint8_t *id_copy = NULL, *key_copy = NULL;
        Span key = wire_string(reader), id = wire_string(reader), signature = wire_string(reader);
        bool forwarded = wire_bool(reader);
        Session *list;
        int r;

        sessions->attempted = true;
        if (!byte_reader_done(reader) || id.size == 0 || id.size > SSH_SESSION_ID_MAX)
                return -EINVAL;
        r = verify_host(key, id, signature);
        if (r < 0)
                return r == -ENOMEM ? r : -EINVAL;
        r = compare(sessions, key, id);
        if (r != 0)
                return r < 0 ? r : 0;
        if (sessions->n == SSH_SESSIONS_MAX)
                return -EINVAL;
        id_copy = malloc(id.size);
        key_copy = malloc(key.size);
        list = reallocarray(sessions->list, sessions->n + 1, sizeof(*list));
        if (list)
                sessions->list = list;
        if (!id_copy || !key_copy || !list)
                return -ENOMEM;
        memcpy(id_copy, id.data, id.size);
        memcpy(key_copy, key.data, key.size);
        list[sessions->n++] = (Session){
                .id = TAKE_PTR(id_copy), .key = TAKE_PTR(key_copy), .id_size = id.size, .key_size = key.size, .forwarded = forwarded};
        return 0;
}
