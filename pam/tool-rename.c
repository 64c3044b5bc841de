/*
 * keyfob pam rename: what a security key is called
 *
 * One that pamu2fcfg enrolled gets its name so, too. The authfile does not change.
 */
#include <getopt.h>

#include "pam/tool.h"

static int run(const ToolAuthfile *file, const char *which, const char *name)
{
        _cleanup_free_ uint8_t *id = NULL;
        const Credential *credential;
        NamesEntry entry = {.name = name};
        size_t i = 0;
        int r;

        r = tool_authfile_which(file, which, &i);
        if (r == 0)
                r = tool_authfile_name_is_free(file, name);
        if (r != 0)
                return r;
        credential = file->credentials.list + i;
        if (credential->id_size == 0 && tool_authfile_id(file, credential, &id, &entry.id_size) < 0)
                return tool_error(TOOL_OTHER, "out of memory");
        entry.id = id;
        return tool_authfile_write_name(file, credential, &entry);
}

int tool_rename(int argc, char *argv[])
{
        static const struct option options[] = {{"conf", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
        _cleanup_(login_done) Login login = {.log = LOG_NULL, .user = USER_NULL};
        _cleanup_(tool_authfile_done) ToolAuthfile file = TOOL_AUTHFILE_NULL;
        const char *conf = NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c != 'c')
                        return TOOL_USAGE;
                conf = optarg;
        }
        if (argc - optind != 2)
                return tool_error(TOOL_USAGE, "usage: keyfob pam rename NAME|NUMBER NEWNAME [--conf FILE]");
        r = tool_begin(&login, conf, /* origin= */ NULL);
        if (r == 0)
                r = tool_authfile_read(&login, TOOL_AUTHFILE_LOCKED, &file);
        return r == 0 ? run(&file, argv[optind], argv[optind + 1]) : r;
}
