/*
 * Using a root
 *
 * Unlocking tells who listens, ends whoever waited for the same, and notes the time in the slot a moment later. At
 * start, and after init, the daemon opens by itself what needs nobody: first the vault, by slots without a secret, key
 * files, then by what the service manager handed in; and each collection that has slots of its own.
 */
#include "daemon/opening-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/batch.h"
#include "daemon/ctap.h"
#include "daemon/epoch.h"
#include "daemon/log.h"
#include "daemon/secret-notify.h"

#define USED_USEC (UINT64_C(500) * 1000)

/* ---- when a slot was used ---- */

/* Written a moment later: unlocking must work, and answer, where nothing can be written. */
static int on_used(sd_event_source *source, uint64_t usec, void *userdata)
{
        Openings *openings = userdata;
        Vault *vault = openings->daemon->vault;

        if (!openings->used_pending || !vault)
                return 0;
        openings->used_pending = false;
        if (batch_begin(openings->daemon) == 0)
                (void)vault_slot_used(vault, openings->used_slot, openings->used_at);
        return 0;
}

void opening_write_used(Daemon *daemon)
{
        Openings *openings = daemon->openings;

        if (!openings || !openings->used_pending || !daemon->vault)
                return;
        openings->used_pending = false;
        /* By itself: at the end no batch can be begun any more. */
        batch_flush(daemon);
        (void)vault_slot_used(daemon->vault, openings->used_slot, openings->used_at);
}

static void note_use(Openings *openings, const Root *root)
{
        if (openings->used_pending && memcmp(openings->used_slot, root_slot_id(root), SLOT_ID_SIZE) != 0)
                opening_write_used(openings->daemon);
        openings->used_pending = true;
        openings->used_at = (uint64_t)time(NULL);
        memcpy(openings->used_slot, root_slot_id(root), SLOT_ID_SIZE);
        (void)sd_event_source_set_time_relative(openings->used, USED_USEC);
        (void)sd_event_source_set_enabled(openings->used, SD_EVENT_ONESHOT);
}

/* ---- unlocking ---- */

int opening_unlock(Daemon *daemon, const Root *root)
{
        _cleanup_free_ uint32_t *locked = NULL;
        const VaultCollection *collection = NULL;
        Vault *vault = daemon->vault;
        bool was_unlocked;
        size_t n = 0;
        int r;

        if (!vault)
                return VAULT_E_NO_VAULT;
        /* What is opened stays open when the writes of others come to nothing, and so must be said. */
        batch_flush(daemon);
        locked = calloc(VAULT_COLLECTIONS_MAX, sizeof(*locked));
        if (!locked)
                return -ENOMEM;
        while ((collection = vault_collection_next(vault, collection)) && n < VAULT_COLLECTIONS_MAX)
                if (collection->locked)
                        locked[n++] = collection->no;
        was_unlocked = vault_is_unlocked(vault);

        r = vault_unlock(vault, root, root_collection(root));
        if (r != 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                collection = vault_collection_get(vault, locked[i]);
                if (!collection || collection->locked)
                        continue;
                if (collection->tampered)
                        log_line(LOG_WARNING, "collection %s was changed behind keyfobd's back: run keyfob check",
                                 collection->name);
                secret_notify_lock_changed(daemon, (CollectionRef){.vault = vault, .no = locked[i]});
        }
        if (!was_unlocked && vault_is_unlocked(vault))
                (void)batch_signal(daemon, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "LockChanged", "ob", "/", 0);
        note_use(daemon->openings, root);
        ctap_unlocked(daemon->ctap);
        epoch_unlocked(daemon);

        for (Opening *opening = daemon->openings->list; opening; opening = opening->next)
                if (opening->unlock && opening_scope_is_open(daemon, opening->collection))
                        opening_end(opening, 0, NULL);
        return 0;
}

/* ---- by itself ---- */

static void on_automatic(void *userdata, int result, Root *root)
{
        Openings *openings = userdata;
        int r;

        openings->n_automatic--;
        if (root) {
                r = opening_unlock(openings->daemon, root);
                if (r != 0)
                        log_line(LOG_WARNING, "the vault could not be unlocked: %s", vault_strerror(r));
                root_free(root);
        }
}

static void start_automatic(Openings *openings, uint32_t collection, const Secret *secret, OpeningDone done)
{
        Opening *opening;

        if (opening_start(
                    openings->daemon,
                    &(OpeningRequest){.collection = collection, .secret = secret, .unlock = true, .purpose = "unlock"},
                    done, openings, &opening) >= 0)
                openings->n_automatic++;
}

/* The vault itself: what opens without anything, then the key and the password the service manager handed in. */
static void on_automatic_vault(void *userdata, int result, Root *root)
{
        Openings *openings = userdata;
        _cleanup_(secret_freep) Secret *secret = NULL;

        on_automatic(openings, result, root);
        if (!openings->credential_key && !openings->credential_password)
                return;
        if (opening_scope_is_open(openings->daemon, 0)) {
                openings->credential_key = secret_free(openings->credential_key);
                openings->credential_password = secret_free(openings->credential_password);
                return;
        }
        secret = openings->credential_key ? TAKE_PTR(openings->credential_key)
                                          : TAKE_PTR(openings->credential_password);
        start_automatic(openings, 0, secret, on_automatic_vault);
}

void opening_automatic(Daemon *daemon)
{
        Openings *openings = daemon->openings;
        const VaultCollection *collection = NULL;

        if (!daemon->vault || openings->n_automatic > 0)
                return;
        start_automatic(openings, 0, NULL, on_automatic_vault);
        while ((collection = vault_collection_next(daemon->vault, collection)))
                if (collection->own_slots)
                        start_automatic(openings, collection->no, NULL, on_automatic);
}

bool opening_automatic_pending(const Daemon *daemon)
{
        return daemon->openings->n_automatic > 0;
}

/* ---- life ---- */

static Secret *read_credential(const char *name)
{
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -1;
        Secret *secret = NULL;
        int r;

        if (!directory || directory[0] != '/')
                return NULL;
        if (asprintf(&path, "%s/%s", directory, name) < 0) {
                path = NULL;
                return NULL;
        }
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
        if (fd < 0)
                return NULL;
        r = secret_read(fd, SLOT_SECRET_MAX, &secret);
        if (r < 0)
                log_line(LOG_WARNING, "the credential %s could not be read: %s", name, strerror(-r));
        return secret;
}

int openings_use_init(Openings *openings)
{
        int r;

        r = sd_event_add_time_relative(openings->daemon->event, &openings->used, CLOCK_MONOTONIC, 0, 0, on_used,
                                       openings);
        if (r < 0)
                return r;
        openings->credential_key = read_credential("keyfob.key");
        openings->credential_password = read_credential("keyfob.password");
        if (openings->credential_password)
                secret_chomp(openings->credential_password);
        return 0;
}

void openings_use_done(Openings *openings)
{
        sd_event_source_disable_unref(openings->used);
        secret_free(openings->credential_key);
        secret_free(openings->credential_password);
}
