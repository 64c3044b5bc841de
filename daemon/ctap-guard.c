/*
 * What a reset has taken stays behind the PIN
 *
 * A reset takes the PIN, and its credentials can be had back. Without more, a program that answers questions in the
 * person's place could reset, set a PIN of its own, restore, and so sign as verified. Hence a sealed time is kept:
 * what was deleted up to then comes back only for who opens a slot of the vault afresh. It is written in the same
 * transaction as each change that may be such a reset, which is one that follows a power cycle, while there is a PIN.
 */
#include <errno.h>
#include <time.h>

#include "common/bytes.h"
#include "daemon/ctap-internal.h"

#define GUARD_MARK_KIND 1U
#define GUARD_FORMAT    1U
#define GUARD_MAX       64U
/* A reset begins within seconds of the power cycle, but waits for the vault and for the person. */
#define GUARD_TIME_MS (UINT64_C(30) * 60 * 1000)

static const VaultMark guard_mark = {.kind = GUARD_MARK_KIND};

/* 0 when there is none yet. */
static int find_guard(Vault *vault, uint64_t *ret_number)
{
        uint64_t number = 0;
        size_t n = 0;
        int r;

        r = vault_record_find(vault, VAULT_CLASS_POLICY, &guard_mark, UINT64_MAX, &number, 1, &n);
        if (r == 0)
                *ret_number = n > 0 ? number : 0;
        return r;
}

/* Up to when it guards; UINT64_MAX of one that can't be read: everything. */
static int read_guard(Vault *vault, uint64_t number, uint64_t *ret_until)
{
        uint8_t record[GUARD_MAX];
        ByteReader reader;
        size_t size;
        int r;

        r = vault_record_get(vault, VAULT_CLASS_POLICY, number, record, sizeof(record), &size);
        if (r < 0 || r == VAULT_E_LOCKED)
                return r;
        reader = BYTE_READER(record, r == 0 ? size : 0);
        (void)byte_reader_u8(&reader);
        *ret_until = byte_reader_u64(&reader);
        if (reader.failed)
                *ret_until = UINT64_MAX;
        return 0;
}

/* Not less than before: the clock may have been fast when something was taken. */
static int next_guard(Vault *vault, uint64_t number, uint64_t *ret_until)
{
        uint64_t now = (uint64_t)time(NULL), until = 0;
        int r;

        r = number > 0 ? read_guard(vault, number, &until) : 0;
        if (r == 0)
                *ret_until = until > now && until < UINT64_MAX ? until : now;
        return r;
}

int ctap_guard_change(Ctap *ctap)
{
        Vault *vault = ctap->daemon->vault;
        ByteWriter record = BYTE_WRITER_NULL;
        AuthenticatorStatus before;
        uint64_t number, until = 0;
        int r;

        if (ctap->plugged_in == 0 || ctap_now(NULL) - ctap->plugged_in > GUARD_TIME_MS)
                return 0;
        /* Until it is durable, the state is the one before the change. */
        if (authenticator_status(ctap->authenticator, &before) != CTAP_OK || !before.pin_set)
                return 0;
        r = find_guard(vault, &number);
        if (r == 0)
                r = next_guard(vault, number, &until);
        if (r != 0)
                return r;
        byte_writer_u8(&record, GUARD_FORMAT);
        byte_writer_u64(&record, until);
        if (record.failed)
                r = -ENOMEM;
        else if (number > 0)
                r = vault_record_update(vault, VAULT_CLASS_POLICY, number, record.data, record.size);
        else
                r = vault_record_create(vault, VAULT_CLASS_POLICY, &guard_mark, 1, record.data, record.size, &number);
        byte_writer_done(&record);
        return r;
}

int ctap_is_guarded(const Ctap *ctap, uint64_t number, bool *ret)
{
        Vault *vault = ctap->daemon->vault;
        VaultDeleted deleted;
        uint64_t guard, until;
        size_t n = 0;
        int r;

        if (number == 0 || number == UINT64_MAX)
                return VAULT_E_NOT_FOUND;
        r = vault_record_deleted(vault, VAULT_CLASS_PASSKEYS, number + 1, &deleted, 1, &n);
        if (r != 0)
                return r;
        if (n == 0 || deleted.number != number)
                return VAULT_E_NOT_FOUND;
        r = find_guard(vault, &guard);
        if (r != 0)
                return r;
        if (guard == 0) {
                *ret = false;
                return 0;
        }
        r = read_guard(vault, guard, &until);
        if (r == 0)
                *ret = deleted.removed <= until;
        return r;
}
