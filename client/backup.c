/*
 * Backups: the daemon opens no file but its own, so the caller opens them and passes descriptors
 */
#include "client/client.h"

#include <errno.h>

KEYFOB_API int keyfob_backup(keyfob *k, int fd, keyfob_backup_report *ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        keyfob_backup_report report = {0};
        int sound = 0, r;
        const ClientField fields[] = {
                {"size", "t", &report.size, NULL},        {"items", "t", &report.items, NULL},
                {"modified", "t", &report.modified, NULL}, {"checked", "t", &report.checked, NULL},
                {"damaged", "t", &report.damaged, NULL},   {"sound", "b", &sound, NULL},
        };

        if (!k || fd < 0)
                return -EINVAL;
        r = client_store_message(k, "Backup", /* sensitive= */ false, &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "ha{sv}", fd, 0);
        if (r < 0)
                return client_fail_append(k, r);
        r = client_call(k, call, CLIENT_PATIENT, &reply);
        if (r != 0)
                return r;
        r = client_read_dictionary(reply, fields, ELEMENTSOF(fields));
        if (r < 0)
                return client_fail_errno(k, r);
        report.sound = sound;
        if (ret)
                *ret = report;
        return 0;
}

KEYFOB_API int keyfob_restore(keyfob *k, int fd, unsigned flags, const void *secret, size_t size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k || fd < 0 || (!secret && size > 0) || (flags & ~(KEYFOB_RESTORE_CONFIRMED | KEYFOB_RESTORE_DAMAGED)))
                return -EINVAL;
        r = client_store_message(k, "Restore", /* sensitive= */ true, &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "h", fd);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = client_append_bool(call, "confirmed", flags & KEYFOB_RESTORE_CONFIRMED);
        if (r >= 0)
                r = client_append_bool(call, "accept", flags & KEYFOB_RESTORE_DAMAGED);
        /* last: what is appended after it could move it, and leave a copy that nobody wipes */
        if (r >= 0)
                r = client_append_bytes(call, "secret", secret, size);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_fail_append(k, r);
        return client_call(k, call, CLIENT_ASKS, NULL);
}
