/*
 * keyfob pam status: what a login would find of this user
 *
 * The same files are read by the same code as in the module: the configuration file, and the authfile where that says
 * it is. What stands in stacks is not looked at: there may be many, with different options.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "pam/authfile.h"
#include "pam/authfile-path.h"
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

static const char *opens_vault(const Login *login, const Known *known, const Credential *credential, bool *ret_hint)
{
        const char *rp = proof_rp(login, credential);

        if (credential->id_size > 0 && slots_have(known->mirror, credential->id, credential->id_size, rp))
                return "opens the vault";
        if (credential->id_size > 0 && slots_have(known->vault, credential->id, credential->id_size, rp))
                return "will open the vault, once logins know of it: keyfob pam mirror | sudo keyfob pam mirror "
                       "--install";
        *ret_hint = true;
        return "does not open the vault";
}

static void print(const Login *login, const Known *known)
{
        bool hint = false;

        for (size_t i = 0; i < login->credentials.n; i++) {
                const Credential *credential = login->credentials.list + i;

                printf("%zu  %s  %s%s%s%s  %s\n", i + 1,
                       credential->rp       ? credential->rp
                       : credential->of_u2f ? "U2F"
                                            : "FIDO2",
                       algorithm_name(credential->algorithm), credential->presence ? " touch" : "",
                       credential->verification ? " verification" : "", credential->pin ? " PIN" : "",
                       opens_vault(login, known, credential, &hint));
        }
        (void)fflush(stdout);
        if (hint)
                fprintf(stderr, "keyfob: credentials of pamu2fcfg, of ssh-keygen and resident ones log in only: what "
                                "keyfob pam enroll "
                                "--add makes opens the vault, too\n");
        if (login->credentials.n == 1)
                fprintf(stderr,
                        "keyfob: there is one security key only: enrol a second one, for when this one is lost\n");
}

static int explain(const char *path, int r)
{
        if (r == FILE_MISSING || r == AUTHFILE_NOBODY)
                return tool_error(TOOL_NOT_FOUND, "no security key logs in here (%s): see keyfob pam enroll", path);
        return tool_error(TOOL_OTHER, "%s: %s", path, file_outcome(r) ? file_outcome(r) : strerror(-r));
}

static int read_authfile(Login *login)
{
        _cleanup_(authfile_path_done) AuthfilePath path = {0};
        _cleanup_(secret_freep) Secret *text = NULL;
        AuthfileRules rules = {.user = login->user.name, .max = login->options->max_devices};
        int r;

        r = authfile_path_find(&login->user, login->options, &path);
        if (r > 0)
                return tool_error(TOOL_OTHER, "authfile has a %% that is neither %%u nor %%%%");
        if (r == 0)
                r = file_read_own(path.path, AUTHFILE_MAX, &text);
        if (r != 0)
                return explain(path.path ? path.path : "authfile", r);
        rules.ssh_keys = login->options->sshformat || path.of_user;
        r = authfile_read((const char *)text->data, text->size, &rules, &login->credentials);
        if (r == AUTHFILE_WRONG)
                return tool_error(TOOL_OTHER, "%s: your line is cut off or not known, so none of it counts",
                                  path.path);
        return r == 0 ? 0 : explain(path.path, r);
}

int tool_status(int argc, char *argv[])
{
        static const struct option options[] = {{"conf", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
        _cleanup_(login_done) Login login = {.log = LOG_NULL, .user = USER_NULL};
        _cleanup_(known_done) Known known = {0};
        const char *conf = NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c != 'c')
                        return TOOL_USAGE;
                conf = optarg;
        }
        if (optind != argc)
                return tool_error(TOOL_USAGE, "usage: keyfob pam status [--conf FILE]");
        r = tool_begin(&login, conf, /* origin= */ NULL);
        if (r == 0)
                r = read_authfile(&login);
        if (r != 0)
                return r;
        read_known(&login, &known);
        print(&login, &known);
        return TOOL_DONE;
}
