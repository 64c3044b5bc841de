/*
 * Where
 */
#include "daemon/where.h"

#include <errno.h>

struct Where {
        HelperCall *call;
        WhereDone done;
        void *userdata;
};

static void on_answer(void *userdata, HelperResult result, ByteReader *fields)
{
        Where *where = userdata;
        WhereDone done = where->done;
        void *done_userdata = where->userdata;
        bool remote = byte_reader_u8(fields) != 0;

        remote = result != HELPER_OK || fields->failed || remote;
        free(where);
        done(done_userdata, remote);
}

int where_start(Daemon *daemon, pid_t pid, WhereDone done, void *userdata, Where **ret)
{
        ByteWriter fields = BYTE_WRITER_NULL;
        Where *where = calloc(1, sizeof(*where));
        int r;

        if (!where)
                return -ENOMEM;
        where->done = done;
        where->userdata = userdata;
        byte_writer_u32(&fields, (uint32_t)pid);
        r = fields.failed ? -ENOMEM
                          : helper_call(daemon, HELPER_WHERE, &fields, on_answer, where, &where->call);
        byte_writer_done(&fields);
        if (r < 0) {
                free(where);
                return r;
        }
        *ret = where;
        return 0;
}

Where *where_cancel(Where *where)
{
        if (!where)
                return NULL;
        helper_call_cancel(where->call);
        free(where);
        return NULL;
}
