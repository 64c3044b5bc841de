/*
 * keyfob pam remove: a security key that logs in no more
 *
 * As for one that was lost: its line is taken out of the authfile first, then its slot out of the vault, then logins are told. What could
 * not be done is said, with what does it.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "pam/authfile.h"
#include "pam/authfile-edit.h"
#include "pam/proof.h"
#include "pam/tool.h"

typedef struct Removal {
        const char *which;
        bool last, keep_slot;
} Removal;

static int cut(const Login *login, const ToolAuthfile *file, size_t i)
{
        _cleanup_(byte_writer_done) ByteWriter text = BYTE_WRITER_NULL;
        int r;

        r = authfile_remove((const char *)file->text->data, file->text->size, login->user.name, i, &text);
        if (r == AUTHFILE_NOBODY)
                return tool_error(TOOL_REFUSED, "that is a key of OpenSSH's: take it out of %s by hand", file->path.path);
        if (r < 0)
                return tool_error(TOOL_OTHER, "out of memory");
        r = tool_authfile_write(login, file, &text);
        if (r == 0)
                fprintf(stderr, "keyfob: removed from %s\n", file->path.path);
        return r;
}

static int run(const Login *login, const Removal *removal, ToolAuthfile *file)
{
        _cleanup_free_ uint8_t *id = NULL;
        const Credential *credential;
        size_t i = 0, id_size;
        int r, named;

        r = tool_authfile_which(file, removal->which, &i);
        if (r != 0)
                return r;
        credential = file->credentials.list + i;
        if (file->credentials.n == 1 && !removal->last)
                return tool_error(TOOL_REFUSED, "no other security key logs you in: enrol one before, or say --last");
        if (tool_authfile_id(file, credential, &id, &id_size) < 0)
                return tool_error(TOOL_OTHER, "out of memory");
        r = cut(login, file, i);
        if (r != 0)
                return r;
        if (credential->id_size == 0)
                fprintf(stderr, "keyfob: the security key keeps it, if you have that still: keyfob key passkey list %s\n",
                        proof_rp(login, credential));
        named = file->names ? tool_authfile_write_name(file, credential, /* entry= */ NULL) : 0;
        tool_authfile_unlock(file); /* all is written; whoever else changes the file need not wait until a password is typed */
        if (!removal->keep_slot && id_size > 0)
                r = tool_slot_remove(login, proof_rp(login, credential), id, id_size);
        else if (!removal->keep_slot)
                fprintf(stderr, "keyfob: it is a resident credential of which only the security key knows the id: if it has a slot, keyfob "
                                "slot list shows it\n");
        return r ?: named;
}

int tool_remove(int argc, char *argv[])
{
        static const struct option options[] = {{"last", no_argument, NULL, 'l'},
                                                {"keep-slot", no_argument, NULL, 'k'},
                                                {"conf", required_argument, NULL, 'c'},
                                                {NULL, 0, NULL, 0}};
        _cleanup_(login_done) Login login = {.log = LOG_NULL, .user = USER_NULL};
        _cleanup_(tool_authfile_done) ToolAuthfile file = TOOL_AUTHFILE_NULL;
        const char *conf = NULL;
        Removal removal = {0};
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c != 'l' && c != 'k' && c != 'c')
                        return TOOL_USAGE;
                removal.last |= c == 'l';
                removal.keep_slot |= c == 'k';
                conf = c == 'c' ? optarg : conf;
        }
        if (argc - optind != 1)
                return tool_error(TOOL_USAGE, "usage: keyfob pam remove NAME|NUMBER [--last] [--keep-slot] [--conf FILE]");
        removal.which = argv[optind];
        r = tool_begin(&login, conf, /* origin= */ NULL);
        if (r == 0)
                r = tool_authfile_read(&login, TOOL_AUTHFILE_LOCKED, &file);
        return r == 0 ? run(&login, &removal, &file) : r;
}
