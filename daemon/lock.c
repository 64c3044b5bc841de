/*
 * Locking everything
 *
 * Keys go at once, and with them what would bring them back after the lock was answered: passwords that are being tried, root
 * keys that wait for an answer. What programs were told before stays true, for it is committed before the key that it was
 * sealed with goes. A request of the security key or of ssh that is under way finds itself before a locked vault, and begins anew.
 */
#include "daemon/lock.h"

#include "daemon/access-policy.h"
#include "daemon/batch.h"
#include "daemon/ctap.h"
#include "daemon/epoch.h"
#include "daemon/opening.h"
#include "daemon/secret-notify.h"
#include "daemon/secret-service.h"
#include "daemon/ssh.h"
#include "daemon/store1-internal.h"

bool lock_is_open(const Daemon *daemon)
{
        if (!daemon->vault)
                return false;
        if (vault_is_unlocked(daemon->vault))
                return true;
        for (const VaultCollection *c = NULL; (c = vault_collection_next(daemon->vault, c));)
                if (!c->locked)
                        return true;
        return false;
}

void lock_everything(Daemon *daemon)
{
        bool was[VAULT_COLLECTIONS_MAX] = {0};
        size_t i = 0;

        openings_end_with_keys(daemon);
        waiting_end_with_keys(daemon);
        secret_prompts_end_with_keys(daemon);
        /* Before the walk: a commit that fails takes collections away. */
        batch_flush(daemon);
        for (const VaultCollection *c = NULL; (c = vault_collection_next(daemon->vault, c));)
                was[i++] = c->locked;
        access_before_lock(daemon);
        epoch_idle(daemon);
        vault_lock(daemon->vault, 0);
        ctap_forget(daemon->ctap);
        ssh_door_forget(daemon->ssh);
        epoch_closed(daemon);
        i = 0;
        for (const VaultCollection *c = NULL; (c = vault_collection_next(daemon->vault, c));)
                if (!was[i++])
                        secret_notify_lock_changed(daemon, (CollectionRef){daemon->vault, c->no});
        (void)batch_signal(daemon, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "LockChanged", "ob", "/", 1);
}
