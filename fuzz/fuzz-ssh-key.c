/* OpenSSH's private keys on security keys. The input is what base64 is around, or, after a '-', the text itself. */
#include <errno.h>
#include <string.h>

#include "common/base64.h"
#include "fuzz/fuzz.h"
#include "pam/ssh-key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(credential_done) Credential credential = {0};
        _cleanup_free_ char *text = NULL;
        int r;

        if (size > 0 && data[0] == '-') {
                r = ssh_key_read((const char *)data + 1, size - 1, &credential);
        } else {
                text = base64_encode(data, size);
                if (!text)
                        return 0;
                r = ssh_key_read(text, strlen(text), &credential);
        }
        PROMISE(r == 0 || r == -EBADMSG);
        if (r == 0) {
                PROMISE(credential.rp && credential.id && credential.id_size > 0 && credential.id_size <= CREDENTIAL_ID_MAX);
                PROMISE(credential.key_size == (credential.algorithm == ALGORITHM_ES256 ? 64U : 32U));
        } else {
                PROMISE(!credential.rp && !credential.id);
        }
        return 0;
}
