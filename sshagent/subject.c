/*
 * Telling what a signature is for
 *
 * An agent sees bytes. What is exactly a request to log in, or exactly the frame of a signed file, can be nothing else; the
 * rest is not guessed at.
 */
#include "sshagent/subject.h"

#include <string.h>

#define USERAUTH_REQUEST 50

static bool names_key(Span algorithm, const Blob *key)
{
        if (span_is(algorithm, blob_type(key->kind, key->certificate)))
                return true;
        if (key->kind != SSH_KEY_RSA)
                return false;
        return key->certificate ? span_is(algorithm, "rsa-sha2-256-cert-v01@openssh.com") ||
                                          span_is(algorithm, "rsa-sha2-512-cert-v01@openssh.com")
                                : span_is(algorithm, "rsa-sha2-256") || span_is(algorithm, "rsa-sha2-512");
}

static bool read_login(Span data, const Blob *key, Subject *ret)
{
        ByteReader reader = span_reader(data);
        Subject it = {.kind = SUBJECT_LOGIN};
        Span service, method, algorithm, named;
        uint8_t message;
        bool signature;
        Blob host;

        it.session = wire_string(&reader);
        message = byte_reader_u8(&reader);
        it.user = wire_text(&reader);
        service = wire_text(&reader);
        method = wire_text(&reader);
        signature = byte_reader_u8(&reader) == 1;
        algorithm = wire_text(&reader);
        named = wire_string(&reader);
        if (reader.failed || it.session.size == 0 || message != USERAUTH_REQUEST || !signature ||
            !span_is(service, "ssh-connection") || !names_key(algorithm, key) || !span_equal(named, key->all))
                return false;
        if (span_is(method, "publickey-hostbound-v00@openssh.com")) {
                it.host_key = wire_string(&reader);
                if (reader.failed || blob_read(it.host_key, &host) < 0)
                        return false;
        } else if (!span_is(method, "publickey")) {
                return false;
        }
        if (!byte_reader_done(&reader))
                return false;
        *ret = it;
        return true;
}

static bool read_file(Span data, Subject *ret)
{
        ByteReader reader = span_reader(data);
        const uint8_t *magic = byte_reader_raw(&reader, strlen("SSHSIG"));
        Span namespace;

        if (!magic || memcmp(magic, "SSHSIG", strlen("SSHSIG")) != 0)
                return false;
        namespace = wire_text(&reader);
        (void)wire_string(&reader); /* reserved */
        (void)wire_text(&reader);   /* hash algorithm */
        (void)wire_string(&reader); /* hash */
        if (!byte_reader_done(&reader))
                return false;
        *ret = (Subject){.kind = SUBJECT_FILE, .user = namespace};
        return true;
}

Subject subject_read(Span data, const Blob *key)
{
        ByteReader reader = span_reader(data);
        Subject it = {0};

        if (read_login(data, key, &it) || read_file(data, &it))
                return it;
        if (span_ends(wire_string(&reader), "-cert-v01@openssh.com"))
                it.kind = SUBJECT_CERTIFICATE;
        return it;
}

const char *subject_purpose(const Subject *subject)
{
        switch (subject->kind) {
        case SUBJECT_LOGIN:
                return "log in";
        case SUBJECT_FILE:
                return span_is(subject->user, "git")    ? "sign a git commit or tag"
                       : span_is(subject->user, "file") ? "sign a file"
                                                        : "sign data";
        case SUBJECT_CERTIFICATE:
                return "sign a certificate";
        case SUBJECT_UNKNOWN:
        default:
                return "sign something unknown";
        }
}
