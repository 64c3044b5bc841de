/*
 * Keys of OpenSSH's
 *
 * The format is in OpenSSH's PROTOCOL.key and PROTOCOL.u2f: fields with a 32-bit length before them, most significant byte first.
 * Keys with a passphrase can't be read here, and a login is no place to ask for it.
 */
#include "pam/ssh-key.h"

#include <errno.h>
#include <string.h>

#include "common/base64.h"
#include "common/bytes.h"

#define MAGIC     "openssh-key-v1" /* and its NUL */
#define NONE      "none"
#define ECDSA     "sk-ecdsa-sha2-nistp256@openssh.com"
#define ED25519   "sk-ssh-ed25519@openssh.com"
#define CURVE     "nistp256"
#define FLAG_UP   0x01U
#define FLAG_UV   0x04U
#define RP_MAX    1024U

static uint32_t read_u32(ByteReader *reader)
{
        const uint8_t *p = byte_reader_raw(reader, 4);

        return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static ByteReader read_field(ByteReader *reader)
{
        uint32_t size = read_u32(reader);
        const uint8_t *data = byte_reader_raw(reader, size);

        return data ? BYTE_READER(data, size) : BYTE_READER(NULL, 0);
}

static bool field_is(const ByteReader *field, const char *text)
{
        return field->data && field->size == strlen(text) && memcmp(field->data, text, field->size) == 0;
}

static bool padding_is_right(const ByteReader *rest)
{
        for (size_t i = 0; i < rest->size; i++)
                if (rest->data[i] != i + 1)
                        return false;
        return rest->size < 256;
}

static int set_rp(Credential *credential, const ByteReader *rp)
{
        if (!rp->data || rp->size == 0 || rp->size > RP_MAX || !utf8_valid(rp->data, rp->size))
                return -EBADMSG;
        credential->rp = strndup((const char *)rp->data, rp->size);
        return credential->rp ? 0 : -ENOMEM;
}

static int set_id(Credential *credential, const ByteReader *id)
{
        if (!id->data || id->size == 0 || id->size > CREDENTIAL_ID_MAX)
                return -EBADMSG;
        credential->id = malloc(id->size);
        if (!credential->id)
                return -ENOMEM;
        memcpy(credential->id, id->data, id->size);
        credential->id_size = id->size;
        return 0;
}

static int read_private(ByteReader reader, Credential *credential)
{
        uint32_t check = read_u32(&reader), again = read_u32(&reader);
        ByteReader type = read_field(&reader), key, rp, id;
        Algorithm algorithm = field_is(&type, ECDSA) ? ALGORITHM_ES256 : ALGORITHM_EDDSA;
        uint8_t flags;
        int r;

        if (check != again || (algorithm == ALGORITHM_EDDSA && !field_is(&type, ED25519)))
                return -EBADMSG;
        if (algorithm == ALGORITHM_ES256) {
                ByteReader curve = read_field(&reader);

                if (!field_is(&curve, CURVE))
                        return -EBADMSG;
        }
        key = read_field(&reader);
        rp = read_field(&reader);
        flags = byte_reader_u8(&reader);
        id = read_field(&reader);
        (void)read_field(&reader); /* reserved */
        (void)read_field(&reader); /* comment */
        if (reader.failed || !padding_is_right(&reader) || !key.data)
                return -EBADMSG;
        r = credential_set_key(credential, algorithm, key.data, key.size);
        if (r == 0)
                r = set_rp(credential, &rp);
        if (r == 0)
                r = set_id(credential, &id);
        credential->presence = flags & FLAG_UP;
        credential->verification = flags & FLAG_UV;
        return r;
}

static int read_key(ByteReader reader, Credential *ret)
{
        const uint8_t *magic = byte_reader_raw(&reader, sizeof(MAGIC));
        ByteReader cipher = read_field(&reader), kdf = read_field(&reader), kdf_options = read_field(&reader), private;
        _cleanup_(credential_done) Credential credential = {0};
        uint32_t n = read_u32(&reader);
        int r;

        (void)read_field(&reader); /* the public half: the private one has the same */
        private = read_field(&reader);
        if (!magic || memcmp(magic, MAGIC, sizeof(MAGIC)) != 0 || !field_is(&cipher, NONE) || !field_is(&kdf, NONE) ||
            kdf_options.size != 0 || n != 1 || !private.data || !byte_reader_done(&reader))
                return -EBADMSG;
        r = read_private(private, &credential);
        if (r < 0)
                return r;
        *ret = credential;
        credential = (Credential){0};
        return 0;
}

int ssh_key_read(const char *text, size_t size, Credential *ret)
{
        _cleanup_free_ char *digits = malloc(size + 1);
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t n = 0, n_bytes;
        int r;

        if (!digits)
                return -ENOMEM;
        for (size_t i = 0; i < size; i++)
                if (text[i] != '\n' && text[i] != '\r')
                        digits[n++] = text[i];
        r = base64_decode(digits, n, &bytes, &n_bytes);
        if (r < 0)
                return r == -EINVAL ? -EBADMSG : r;
        return read_key(BYTE_READER(bytes, n_bytes), ret);
}
