/*
 * keyfob pam status: what a login would find of this user
 *
 * The same files are read by the same code as in the module: the configuration file, and the authfile where that says
 * it is. Then comes what stands in the stacks of services (tool-stacks.c).
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "pam/file.h"
#include "pam/proof.h"
#include "pam/slots.h"
#include "pam/tool.h"

static const char *algorithm_name(Algorithm algorithm)
{
        return algorithm == ALGORITHM_ES256 ? "es256" : algorithm == ALGORITHM_EDDSA ? "eddsa" : "rs256";
}

/* What logins know of the vault, and what the daemon would have them know. */
typedef struct Known {
        SlotMirror *mirror, *vault;
} Known;

static void known_done(Known *known)
{
        known->mirror = slot_mirror_free(known->mirror);
        known->vault = slot_mirror_free(known->vault);
}

/* A daemon that does not run is not started for that. */
static void read_known(const Login *login, Known *ret)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(secret_freep) Secret *data = NULL;

        (void)slots_read(login, &ret->mirror);
        if (keyfob_connect(KEYFOB_SOCKET_ONLY, &k) == 0 && tool_mirror_read(k, &data) == 0)
                (void)slot_mirror_read(data->data, data->size, &ret->vault);
}

#define INSTALL "keyfob pam mirror | sudo keyfob pam mirror --install"

static const char *opens_vault(const Login *login, const ToolAuthfile *file, const Known *known, const Credential *credential,
                               bool *ret_hint)
{
        _cleanup_free_ uint8_t *id = NULL;
        const char *rp = proof_rp(login, credential);
        size_t size;
        bool now, soon;

        (void)tool_authfile_id(file, credential, &id, &size);
        now = slots_have(known->mirror, id, size, rp);
        soon = slots_have(known->vault, id, size, rp);
        if (size == 0 && (now || soon))
                return now ? "may open the vault" : "may open the vault, once logins know of it: " INSTALL;
        if (now)
                return "opens the vault";
        if (soon)
                return "will open the vault, once logins know of it: " INSTALL;
        *ret_hint = true;
        return "does not open the vault";
}

static const char *kind_of(const Credential *credential)
{
        if (credential->rp)
                return credential->rp;
        return credential->of_u2f ? "U2F" : credential->id_size == 0 ? "FIDO2 resident" : "FIDO2";
}

static void print(const Login *login, const ToolAuthfile *file, const Known *known)
{
        bool hint = false;

        for (size_t i = 0; i < file->credentials.n; i++) {
                const Credential *credential = file->credentials.list + i;
                char name[NAMES_NAME_SIZE];
                bool named = tool_authfile_name(file, credential, name);

                printf("%zu  %s%s%s%s  %s%s%s%s  %s\n", i + 1, named ? "\"" : "", name, named ? "\"  " : "", kind_of(credential),
                       algorithm_name(credential->algorithm), credential->presence ? " touch" : "",
                       credential->verification ? " verification" : "", credential->pin ? " PIN" : "",
                       opens_vault(login, file, known, credential, &hint));
        }
        (void)fflush(stdout);
        if (hint)
                fprintf(stderr, "keyfob: credentials of pamu2fcfg and of ssh-keygen log in only: what keyfob pam enroll --add makes "
                                "opens the vault, too\n");
        if (file->names_outcome != 0 && file->names_outcome != FILE_MISSING)
                fprintf(stderr, "keyfob: names are not shown, because of %s.names: %s: remove it\n", file->path.path,
                        file->names_outcome > 0 ? file_outcome(file->names_outcome) : strerror(-file->names_outcome));
        if (file->credentials.n == 1)
                fprintf(stderr,
                        "keyfob: there is one security key only: enrol a second one, for when this one is lost\n");
}

int tool_status(int argc, char *argv[])
{
        static const struct option options[] = {
                {"conf", required_argument, NULL, 'c'}, {"stacks", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
        _cleanup_(login_done) Login login = {.log = LOG_NULL, .user = USER_NULL};
        _cleanup_(tool_authfile_done) ToolAuthfile file = TOOL_AUTHFILE_NULL;
        _cleanup_(known_done) Known known = {0};
        const char *conf = NULL, *stacks = NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c != 'c' && c != 's')
                        return TOOL_USAGE;
                conf = c == 'c' ? optarg : conf;
                stacks = c == 's' ? optarg : stacks;
        }
        if (optind != argc)
                return tool_error(TOOL_USAGE, "usage: keyfob pam status [--conf FILE] [--stacks DIRECTORY]");
        r = tool_begin(&login, conf, /* origin= */ NULL);
        if (r != 0)
                return r;
        r = tool_authfile_read(&login, /* flags= */ 0, &file);
        if (r == 0) {
                read_known(&login, &known);
                print(&login, &file, &known);
        }
        tool_stacks(&login, &file, stacks);
        return r;
}
