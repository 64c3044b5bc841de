/*
 * Enterprise attestation, from an administrator
 *
 * Two files of root's: the certificates and key by which the machines of an organisation attest, and the sites that
 * get such an attestation without the browser's policy. Both are optional. What cannot be trusted or understood is
 * left out with one line in the log: the security key works without it. They are read once, at start; the sandbox
 * hides them afterwards no less than the key's own memory does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/bytes.h"
#include "daemon/ctap-internal.h"
#include "daemon/log.h"

#define PEM_NAME    "enterprise.pem"
#define RP_IDS_NAME "enterprise-rp-ids"
#define FILE_MAX    ((size_t)64 * 1024)
#define RP_IDS_MAX  256U

/* -ENOENT; -EPERM when somebody else than root or we could have written it. */
static int read_file(const char *directory, const char *name, Secret **ret)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -1;
        struct stat st;

        if (asprintf(&path, "%s/%s", directory, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != getuid()) || (st.st_mode & 022) != 0)
                return -EPERM;
        return secret_read(fd, FILE_MAX, ret);
}

static void say(const char *directory, const char *name, int r)
{
        if (r == -EPERM)
                log_line(LOG_WARNING, "%s/%s is left out: it must be a file of root's that nobody else can write",
                         directory, name);
        else if (r < 0 && r != -ENOENT)
                log_line(LOG_WARNING, "%s/%s is left out: %s", directory, name, strerror(-r));
}

static char **list_free(char **list)
{
        for (char **line = list; line && *line; line++)
                free(*line);
        free(list);
        return NULL;
}
DEFINE_CLEANUP(char **, list_free)

/* One of each line; empty ones and those that begin with # do not count. */
static int split_lines(const Secret *text, char ***ret)
{
        _cleanup_(list_freep) char **list = calloc(RP_IDS_MAX + 1, sizeof(*list));
        const char *line = (const char *)text->data;
        size_t n = 0;

        if (!list)
                return -ENOMEM;
        if (!utf8_valid(text->data, text->size))
                return -EBADMSG;
        while (*line) {
                size_t length, used;

                line += strspn(line, " \t");
                length = strcspn(line, "\n");
                used = strcspn(line, " \t\r\n");
                if (used > 0 && line[0] != '#') {
                        if (n == RP_IDS_MAX || used > AUTHENTICATOR_RP_ID_MAX)
                                return -EFBIG;
                        list[n] = strndup(line, used);
                        if (!list[n++])
                                return -ENOMEM;
                }
                line += length + (line[length] ? 1 : 0);
        }
        *ret = TAKE_PTR(list);
        return 0;
}

int ctap_enterprise_load(const char *directory, CtapEnterprise **ret)
{
        _cleanup_(ctap_enterprise_freep) CtapEnterprise *enterprise = calloc(1, sizeof(*enterprise));
        _cleanup_(secret_freep) Secret *text = NULL;
        int r;

        if (!enterprise)
                return -ENOMEM;
        r = read_file(directory, PEM_NAME, &enterprise->pem);
        say(directory, PEM_NAME, r);
        if (r >= 0) {
                r = read_file(directory, RP_IDS_NAME, &text);
                if (r >= 0)
                        r = split_lines(text, &enterprise->rp_ids);
                say(directory, RP_IDS_NAME, r);
        }
        *ret = TAKE_PTR(enterprise);
        return 0;
}

CtapEnterprise *ctap_enterprise_free(CtapEnterprise *enterprise)
{
        if (!enterprise)
                return NULL;
        secret_free(enterprise->pem);
        list_free(enterprise->rp_ids);
        free(enterprise);
        return NULL;
}
