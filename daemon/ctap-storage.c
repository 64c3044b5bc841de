/*
 * Credentials in the vault
 *
 * The authenticator's records are records of the vault's class of passkeys, which the Secret Service never shows. A
 * change commits by itself, at once and durably, because its reply goes out on a socket that no batch holds back; what
 * others have written until then is committed before it, with their replies. When the change is durable and its reply has gone out
 * it is logged, and told to listeners from the loop: many changes in a row are one signal, and no reply waits for a bus, for the
 * journal, or for finding out the name of a program.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crypto/seal.h"
#include "daemon/ctap-internal.h"
#include "daemon/log.h"

#define NOTE_NAME       "authenticator"
#define PROGRAM_MAX     64U
#define MARK_CREDENTIAL 1U /* that every credential has, and nothing else (docs/CTAP.md, Records) */

_Static_assert(AUTHENTICATOR_MARKS_MAX <= VAULT_MARKS_MAX, "the vault takes all marks of a record");
_Static_assert(AUTHENTICATOR_RECORD_MAX <= VAULT_RECORD_MAX, "the vault takes every record");

static int storage_result(int result)
{
        switch (result) {
        case VAULT_E_NO_VAULT:
        case VAULT_E_LOCKED:
        case VAULT_E_DEVICE:
                return AUTHENTICATOR_E_LOCKED;
        case VAULT_E_NOT_FOUND:
                return AUTHENTICATOR_E_NOT_FOUND;
        case VAULT_E_LIMIT:
        case -ENOSPC:
        case -EDQUOT:
                return AUTHENTICATOR_E_FULL;
        case VAULT_E_DAMAGED:
                return AUTHENTICATOR_E_DAMAGED;
        default:
                return result > 0 ? -EIO : result;
        }
}

static Vault *vault_of(const Ctap *ctap)
{
        return ctap->daemon->vault;
}

static bool storage_is_open(void *userdata)
{
        return ctap_seal_is_open(userdata);
}

/* A note of the vault's says when it was last backed up with them (daemon/store1-backup.c). One that was made in that second
 * may have come too late. */
static bool is_backed_up(void *userdata, uint64_t created)
{
        const Ctap *ctap = userdata;
        uint64_t backup = 0;
        size_t size;

        return vault_of(ctap) &&
               vault_note_get(vault_of(ctap), BACKUP_NOTE, &backup, sizeof(backup), &size) == 0 &&
               size == sizeof(backup) && created < le64toh(backup);
}

/* ---- changes ---- */

static int on_changed(sd_event_source *source, void *userdata)
{
        Ctap *ctap = userdata;
        AuthenticatorStatus status;
        bool blocked;

        (void)batch_signal(ctap->daemon, KEYFOB_PATH, KEYFOB_AUTHENTICATOR_INTERFACE, "Changed", NULL);
        ctap_rearm(ctap); /* a reset ends what waits for others */
        if (authenticator_status(ctap->authenticator, &status) != 0)
                return 0;
        blocked = status.pin_set && status.pin_retries == 0;
        if (blocked && !ctap->pin_blocked)
                log_line(LOG_WARNING,
                         "the PIN of the security key is blocked after too many wrong ones: set a new one "
                         "with keyfob authenticator pin reset");
        else if (status.pin_soft_blocked && !ctap->pin_soft_blocked)
                log_line(LOG_WARNING, "the PIN of the security key is blocked after wrong ones in a row, until keyfob "
                                      "authenticator replug");
        ctap->pin_blocked = blocked;
        ctap->pin_soft_blocked = status.pin_soft_blocked;
        return 0;
}

static void log_change(unsigned n, const char *what, const char *program, pid_t pid)
{
        char number[16] = "unknown";

        if (n == 0)
                return;
        if (pid > 0)
                (void)snprintf(number, sizeof(number), "%d", pid);
        log_line(LOG_NOTICE, "%u credential%s of the security key %s %s by %s (process %s)", n, n == 1 ? "" : "s",
                 n == 1 ? "was" : "were", what, program[0] ? program : "a program", number);
}

/* What a change has done, once it is durable. */
static void log_changes(Ctap *ctap)
{
        char program[PROGRAM_MAX] = "";
        pid_t pid = 0;

        if (!ctap->durable)
                return;
        ctap->durable = false;
        if (ctap->acting && ctap->acting->uhid)
                ctap_uhid_identify(ctap->acting->uhid, ctap->acting_channel, program, sizeof(program), &pid);
        else if (ctap->acting)
                ctap_client_identify(ctap->acting, program, sizeof(program), &pid);
        log_change(ctap->made, "made", program, pid);
        log_change(ctap->removed, "deleted", program, pid);
        log_change(ctap->restored, "restored", program, pid);
        ctap->made = ctap->removed = ctap->restored = 0;
}

void ctap_acted(Ctap *ctap)
{
        log_changes(ctap);
        ctap->acting = NULL;
}

void ctap_changed(Ctap *ctap)
{
        if (!ctap->changed && sd_event_add_defer(ctap->daemon->event, &ctap->changed, on_changed, ctap) < 0)
                return;
        (void)sd_event_source_set_enabled(ctap->changed, SD_EVENT_ONESHOT);
}

static int storage_begin(void *userdata)
{
        Ctap *ctap = userdata;

        if (!storage_is_open(ctap))
                return AUTHENTICATOR_E_LOCKED;
        log_changes(ctap); /* of the request before */
        batch_flush(ctap->daemon);
        ctap->made = ctap->removed = ctap->restored = 0;
        return storage_result(vault_batch_begin_whole(vault_of(ctap)));
}

static int storage_commit(void *userdata)
{
        Ctap *ctap = userdata;
        int r;

        if (!vault_of(ctap))
                return AUTHENTICATOR_E_LOCKED;
        r = ctap_guard_change(ctap);
        if (r == 0)
                r = vault_batch_commit(vault_of(ctap));
        else
                vault_batch_rollback(vault_of(ctap));
        if (r != 0) {
                log_line(LOG_ERR, "a change of the security key was not kept: %s", vault_strerror(r));
                return storage_result(r);
        }
        batch_wrote(ctap->daemon);
        ctap->durable = ctap->made + ctap->removed + ctap->restored > 0;
        ctap->acting_channel = ctap->acting && ctap->acting->host ? authenticator_host_channel(ctap->acting->host) : 0;
        if (!ctap->acting)
                log_changes(ctap);
        ctap_changed(ctap);
        return 0;
}

static void storage_rollback(void *userdata)
{
        if (vault_of(userdata))
                vault_batch_rollback(vault_of(userdata));
}

/* ---- records ---- */

static VaultMark vault_mark(const AuthenticatorMark *mark)
{
        VaultMark copy = {.kind = mark->kind};

        _Static_assert(sizeof(copy.value) == sizeof(mark->value), "marks are of one size");
        memcpy(copy.value, mark->value, sizeof(copy.value));
        return copy;
}

static int storage_get(void *userdata, uint64_t number, void *ret, size_t capacity, size_t *ret_size)
{
        if (!vault_of(userdata))
                return AUTHENTICATOR_E_LOCKED;
        return storage_result(
                vault_record_get(vault_of(userdata), VAULT_CLASS_PASSKEYS, number, ret, capacity, ret_size));
}

static int storage_find(void *userdata, const AuthenticatorMark *mark, uint64_t before, uint64_t *ret, size_t max,
                        size_t *ret_n)
{
        const VaultMark wanted = vault_mark(mark);

        if (!vault_of(userdata))
                return AUTHENTICATOR_E_LOCKED;
        return storage_result(
                vault_record_find(vault_of(userdata), VAULT_CLASS_PASSKEYS, &wanted, before, ret, max, ret_n));
}

static int storage_put(void *userdata, uint64_t *number, const AuthenticatorMark *marks, size_t n_marks,
                       const void *data, size_t size)
{
        Ctap *ctap = userdata;
        VaultMark copies[AUTHENTICATOR_MARKS_MAX];
        unsigned n = 0;
        int r;

        if (!vault_of(ctap))
                return AUTHENTICATOR_E_LOCKED;
        if (*number != 0)
                return storage_result(vault_record_update(vault_of(ctap), VAULT_CLASS_PASSKEYS, *number, data, size));
        if (n_marks > AUTHENTICATOR_MARKS_MAX)
                return -EINVAL;
        for (size_t i = 0; i < n_marks; i++)
                copies[i] = vault_mark(&marks[i]);
        for (size_t i = 0; i < n_marks; i++)
                n += marks[i].kind == MARK_CREDENTIAL;
        r = vault_record_create(vault_of(ctap), VAULT_CLASS_PASSKEYS, copies, n_marks, data, size, number);
        if (r == 0)
                ctap->made += n;
        return storage_result(r);
}

static int storage_remove(void *userdata, uint64_t number, bool keep)
{
        Ctap *ctap = userdata;
        int r;

        if (!vault_of(ctap))
                return AUTHENTICATOR_E_LOCKED;
        r = vault_record_delete(vault_of(ctap), VAULT_CLASS_PASSKEYS, number, keep);
        if (r == 0)
                ctap->removed += keep; /* what is not kept is the authenticator's own */
        return storage_result(r);
}

static int storage_restore(void *userdata, uint64_t number)
{
        Ctap *ctap = userdata;
        int r;

        if (!vault_of(ctap))
                return AUTHENTICATOR_E_LOCKED;
        r = vault_record_undelete(vault_of(ctap), VAULT_CLASS_PASSKEYS, number);
        if (r == 0)
                ctap->restored++;
        return storage_result(r);
}

static int storage_count(void *userdata, uint64_t *ret)
{
        if (!vault_of(userdata))
                return AUTHENTICATOR_E_LOCKED;
        return storage_result(vault_record_count(vault_of(userdata), VAULT_CLASS_PASSKEYS, ret));
}

/* ---- the note, readable while locked ---- */

static int storage_note_get(void *userdata, void *ret, size_t capacity, size_t *ret_size)
{
        if (!vault_of(userdata))
                return AUTHENTICATOR_E_NOT_FOUND;
        return storage_result(vault_note_get(vault_of(userdata), NOTE_NAME, ret, capacity, ret_size));
}

static int storage_note_put(void *userdata, const void *data, size_t size)
{
        if (!vault_of(userdata))
                return AUTHENTICATOR_E_LOCKED;
        return storage_result(vault_note_put(vault_of(userdata), NOTE_NAME, data, size));
}

int ctap_storage_forget_note(Ctap *ctap)
{
        return vault_note_put(vault_of(ctap), NOTE_NAME, NULL, 0);
}

/* ---- chance and time ---- */

static int storage_random(void *userdata, void *ret, size_t size)
{
        random_bytes(ret, size);
        return 0;
}

static uint64_t wall_clock(void *userdata)
{
        return (uint64_t)time(NULL);
}

void ctap_storage_ops(AuthenticatorOps *ops)
{
        ops->random = storage_random;
        ops->now = ctap_now;
        ops->clock = wall_clock;
        ops->is_open = storage_is_open;
        ops->begin = storage_begin;
        ops->commit = storage_commit;
        ops->rollback = storage_rollback;
        ops->get = storage_get;
        ops->find = storage_find;
        ops->put = storage_put;
        ops->remove = storage_remove;
        ops->restore = storage_restore;
        ops->count = storage_count;
        ops->note_get = storage_note_get;
        ops->note_put = storage_note_put;
        ops->backed_up = is_backed_up;
}
