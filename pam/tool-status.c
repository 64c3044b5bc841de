/*
 * keyfob pam status: what a login would find of this user
 *
 * The same file is read by the same code as in the module, at the place where it is without options.
 */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/slot-mirror.h"
#include "pam/authfile.h"
#include "pam/authfile-path.h"
#include "pam/file.h"
#include "pam/tool.h"
#include "pam/user.h"

static const char *algorithm_name(Algorithm algorithm)
{
        return algorithm == ALGORITHM_ES256 ? "es256" : algorithm == ALGORITHM_EDDSA ? "eddsa" : "rs256";
}

static bool opens_vault(const SlotMirror *mirror, const Credential *credential)
{
        for (size_t i = 0; mirror && i < mirror->n; i++)
                if (mirror->slots[i].kind == SLOT_MIRROR_FIDO2 && credential->id_size > 0 &&
                    mirror->slots[i].credential_size == credential->id_size &&
                    memcmp(mirror->slots[i].credential, credential->id, credential->id_size) == 0)
                        return true;
        return false;
}

static void print(const Credentials *credentials, const SlotMirror *mirror)
{
        for (size_t i = 0; i < credentials->n; i++) {
                const Credential *credential = credentials->list + i;

                printf("%zu  %s  %s%s%s%s  %s\n", i + 1, credential->rp ? credential->rp : credential->of_u2f ? "U2F" : "FIDO2",
                       algorithm_name(credential->algorithm), credential->presence ? " touch" : "",
                       credential->verification ? " verification" : "", credential->pin ? " PIN" : "",
                       opens_vault(mirror, credential) ? "opens the vault" : "does not open the vault");
        }
}

static SlotMirror *read_mirror(const User *user)
{
        _cleanup_(secret_freep) Secret *data = NULL;
        SlotMirror *mirror = NULL;
        char path[64];

        (void)snprintf(path, sizeof(path), SLOT_MIRROR_DIR "/%u", user->uid);
        if (file_read_own(path, SLOT_MIRROR_SIZE_MAX, &data) != 0 || slot_mirror_read(data->data, data->size, &mirror) != 0)
                return NULL;
        return mirror->uid == user->uid ? mirror : slot_mirror_free(mirror);
}

static int explain(const char *path, int r)
{
        if (r == FILE_MISSING || r == AUTHFILE_NOBODY)
                return tool_error(TOOL_NOT_FOUND, "no security key logs in here (%s): see keyfob pam enroll", path);
        return tool_error(TOOL_OTHER, "%s: %s", path, file_outcome(r) ? file_outcome(r) : strerror(-r));
}

int tool_status(int argc, char *argv[])
{
        _cleanup_(authfile_path_done) AuthfilePath path = {0};
        _cleanup_(credentials_done) Credentials credentials = CREDENTIALS_NULL;
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = NULL;
        _cleanup_(options_freep) Options *options = NULL;
        _cleanup_(secret_freep) Secret *text = NULL;
        _cleanup_(user_done) User user = USER_NULL;
        const struct passwd *entry = getpwuid(getuid());
        AuthfileRules rules = {.max = OPTIONS_KEYS_MAX, .ssh_keys = true};
        int r;

        if (argc != 1)
                return tool_error(TOOL_USAGE, "usage: keyfob pam status");
        if (!entry || user_find(entry->pw_name, &user) != 0 || options_new(&options) != 0)
                return tool_error(TOOL_OTHER, "the user database does not have you");
        r = authfile_path_find(&user, options, &path);
        if (r == 0)
                r = file_read_own(path.path, AUTHFILE_MAX, &text);
        if (r != 0)
                return explain(path.path ? path.path : "authfile", r);
        rules.user = user.name;
        r = authfile_read((const char *)text->data, text->size, &rules, &credentials);
        if (r == AUTHFILE_WRONG)
                return tool_error(TOOL_OTHER, "%s: your line is cut off or not known, so none of it counts", path.path);
        if (r != 0)
                return explain(path.path, r);
        mirror = read_mirror(&user);
        print(&credentials, mirror);
        if (credentials.n == 1)
                fprintf(stderr, "keyfob: there is one security key only: enrol a second one, for when this one is lost\n");
        return TOOL_DONE;
}
