/*
 * Keys of ssh in the vault
 *
 * A stored key is a record of the vault's class for them, which the Secret Service never shows, and what is listed of it
 * while the vault is locked is the record's hint. A change commits by itself, at once and durably, because its reply goes
 * out on a socket that no batch holds back; what others have written until then is committed before it.
 */
#include <errno.h>

#include "daemon/log.h"
#include "daemon/ssh-internal.h"

#define RECORD_USUAL ((size_t)16 * 1024)

_Static_assert(SSH_RECORD_MAX <= VAULT_RECORD_MAX && SSH_HINT_MAX <= VAULT_HINT_MAX, "the vault takes every key");

static Vault *vault_of(const SshDoor *door)
{
        return door->daemon->vault;
}

static int storage_result(int result)
{
        switch (result) {
        case VAULT_E_NO_VAULT:
        case VAULT_E_LOCKED:
        case VAULT_E_DEVICE:
                return SSH_E_LOCKED;
        case VAULT_E_NOT_FOUND:
                return SSH_E_NOT_FOUND;
        case VAULT_E_LIMIT:
        case -ENOSPC:
        case -EDQUOT:
                return SSH_E_FULL;
        case VAULT_E_DAMAGED:
                return SSH_E_DAMAGED;
        default:
                return result > 0 ? -EIO : result;
        }
}

static bool storage_is_open(void *userdata)
{
        Vault *vault = vault_of(userdata);

        return vault && vault_class_is_open(vault, VAULT_CLASS_SSH);
}

/* ---- changes ---- */

/* 0: it is durable. */
static int settle(SshDoor *door, int r)
{
        if (r == 0)
                batch_wrote(door->daemon);
        else if (r != VAULT_E_LOCKED && r != VAULT_E_NOT_FOUND)
                log_line(LOG_ERR, "a key of ssh was not stored as it should be: %s", vault_strerror(r));
        return storage_result(r);
}

static int storage_put(void *userdata, uint64_t *number, const void *data, size_t size, const void *hint,
                       size_t hint_size)
{
        SshDoor *door = userdata;

        if (!storage_is_open(door))
                return SSH_E_LOCKED;
        batch_flush(door->daemon);
        return settle(door, vault_record_put(vault_of(door), VAULT_CLASS_SSH, number, data, size, hint, hint_size));
}

static int storage_remove(void *userdata, uint64_t number)
{
        SshDoor *door = userdata;

        if (!storage_is_open(door))
                return SSH_E_LOCKED;
        batch_flush(door->daemon);
        return settle(door, vault_record_delete(vault_of(door), VAULT_CLASS_SSH, number, /* keep= */ true));
}

static int get_into(SshDoor *door, uint64_t number, size_t capacity, Secret *ret)
{
        _cleanup_(secret_freep) Secret *record = NULL;
        int r;

        r = secret_new(&record, capacity);
        if (r < 0)
                return r;
        r = vault_record_get(vault_of(door), VAULT_CLASS_SSH, number, record->data, record->capacity, &record->size);
        return r == 0 ? secret_append(ret, record->data, record->size) : r;
}

static int storage_get(void *userdata, uint64_t number, Secret *ret)
{
        SshDoor *door = userdata;
        int r;

        if (!storage_is_open(door))
                return SSH_E_LOCKED;
        r = get_into(door, number, RECORD_USUAL, ret);
        if (r == VAULT_E_LIMIT)
                r = get_into(door, number, SSH_RECORD_MAX, ret);
        return storage_result(r);
}

static void storage_used(void *userdata)
{
        if (vault_of(userdata))
                vault_use(vault_of(userdata));
}

void ssh_storage_ops(SshAgentOps *ops)
{
        ops->used = storage_used;
        ops->is_open = storage_is_open;
        ops->put = storage_put;
        ops->get = storage_get;
        ops->remove = storage_remove;
}

/* ---- what there is ---- */

void ssh_storage_list(SshDoor *door)
{
        _cleanup_free_ uint8_t *hint = NULL;
        uint64_t number = 0;
        unsigned bad = 0;
        size_t size;
        int r;

        if (!vault_of(door))
                return;
        hint = malloc(SSH_HINT_MAX);
        if (!hint)
                return;
        while ((r = vault_hint_next(vault_of(door), VAULT_CLASS_SSH, &number, hint, SSH_HINT_MAX, &size)) !=
               VAULT_E_NOT_FOUND) {
                if (r < 0) {
                        bad++;
                        break;
                }
                if (r == 0)
                        r = ssh_agent_stored(door->agent, number, hint, size);
                bad += r != 0;
        }
        if (bad > 0)
                log_line(LOG_WARNING, "%u key%s of ssh can't be listed: run keyfob check", bad, bad == 1 ? "" : "s");
}
