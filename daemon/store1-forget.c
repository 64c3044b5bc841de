/*
 * Store1: what is kept of a vault outside of it goes
 *
 * A vault is a file, and who deletes it tells nobody; its counter would stay in the TPM, where there is little room. So before that the
 * owner has the counter removed, and then the word. What ends in between leaves a word whose counter is gone, which is said.
 */
#include "daemon/store1-internal.h"

#include <errno.h>

#include "daemon/epoch.h"
#include "daemon/slot-tpm.h"

static int forget_removed(Waiting *waiting, sd_bus_error *error)
{
        int r;

        if (waiting->tpm_problem != 0) {
                sd_bus_error_set(error, slot_tpm_error_name(waiting->tpm_problem), waiting->tpm_why);
                return -EIO;
        }
        r = epoch_forget(waiting->daemon);
        return r < 0 ? daemon_error(waiting->daemon, error, r) : waiting_finish(waiting, NULL);
}

static int forget_now(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        Daemon *daemon = waiting->daemon;

        if (!vault_is_unlocked(daemon->vault))
                return daemon_error(daemon, error, VAULT_E_LOCKED);
        if (epoch_is_bad(daemon)) {
                sd_bus_error_set(error, KEYFOB_ERROR_NOT_ALLOWED,
                                 "an old copy of the vault was put back, or a part of one: run keyfob check, and decide that first");
                return -EPERM;
        }
        epoch_counter_fields(daemon, &fields);
        if (fields.failed)
                return -ENOMEM;
        return fields.size > 0 ? waiting_tpm(waiting, TPM_COUNTER_REMOVE, &fields, forget_removed)
                               : forget_removed(waiting, error);
}

int store1_forget_epoch(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;
        Waiting *waiting;
        int r;

        r = store1_not_for_apps(daemon, m, store1_forget_epoch, "can't forget what a vault has come to", error);
        if (r == 0)
                r = waiting_new(daemon, m, /* allowed= */ NULL, error, &waiting);
        if (r != 0)
                return r;
        batch_flush(daemon);
        return waiting_started(waiting, waiting_epoch(waiting, forget_now, error));
}
