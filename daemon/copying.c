/*
 * Copying the vault
 *
 * The pages are copied a few at a time, and so is what happens in the meantime (store/copy.c). What is done with the copy then, is
 * done by another thread: a backup, or verifying it.
 */
#include "daemon/copying.h"

#include <errno.h>

#include "daemon/batch.h"
#include "daemon/slices.h"

#define STEP_PAGES 64U

struct Copying {
        Daemon *daemon;
        VaultCopy *copy;
        Slices *slices;
        int fd;
        void (*done)(void *userdata, int result);
        void *userdata;
};

Copying *copying_free(Copying *copying)
{
        if (!copying)
                return NULL;
        if (copying->daemon->patient == copying)
                copying->daemon->patient = NULL;
        (void)vault_copy_free(copying->copy);
        (void)slices_free(copying->slices);
        closep(&copying->fd);
        free(copying);
        return NULL;
}

static void end(Copying *copying, int result)
{
        if (copying->daemon->patient == copying)
                copying->daemon->patient = NULL;
        copying->copy = vault_copy_free(copying->copy);
        copying->done(copying->userdata, result);
}

static void step(void *userdata)
{
        Copying *copying = userdata;
        bool done = false;
        int r;

        batch_flush(copying->daemon);
        r = vault_copy_step(copying->copy, STEP_PAGES, &done);
        if (r == 0 && !done)
                slices_again(copying->slices);
        else
                end(copying, r);
}

void copying_make_way(Daemon *daemon)
{
        if (daemon->patient)
                end(daemon->patient, -EBUSY);
}

static int start(Daemon *daemon, void (*done)(void *userdata, int result), void *userdata, Copying **ret)
{
        _cleanup_(copying_freep) Copying *copying = calloc(1, sizeof(*copying));
        int r;

        if (!copying)
                return -ENOMEM;
        *copying = (Copying){.daemon = daemon, .fd = -1, .done = done, .userdata = userdata};
        batch_flush(daemon);
        r = vault_private_file(daemon->vault_path, &copying->fd);
        if (r == 0)
                r = vault_copy_new(daemon->vault, copying->fd, &copying->copy);
        if (r == 0)
                r = slices_new(daemon->event, step, copying, &copying->slices);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(copying);
        return 0;
}

int copying_new(Daemon *daemon, void (*done)(void *userdata, int result), void *userdata, Copying **ret)
{
        copying_make_way(daemon);
        return start(daemon, done, userdata, ret);
}

int copying_new_patient(Daemon *daemon, void (*done)(void *userdata, int result), void *userdata, Copying **ret)
{
        int r = start(daemon, done, userdata, ret);

        if (r == 0)
                daemon->patient = *ret;
        return r;
}

int copying_take(Copying *copying, int *ret_fd, Vault **ret)
{
        _cleanup_(vault_freep) Vault *vault = NULL;
        int r;

        r = vault_open_copy(copying->fd, &vault);
        if (r == 0)
                r = vault_lend(copying->daemon->vault, vault);
        if (r != 0)
                return r;
        *ret_fd = TAKE_FD(copying->fd);
        *ret = TAKE_PTR(vault);
        return 0;
}

int copying_error(Daemon *daemon, sd_bus_error *error, int result)
{
        if (result != -EBUSY && result != -ECANCELED)
                return daemon_error(daemon, error, result);
        sd_bus_error_set(error, KEYFOB_ERROR_BUSY,
                         result == -ECANCELED ? "the vault was replaced meanwhile: try again"
                         : daemon->wiping     ? "the vault is being wiped: try again when it is done"
                                              : "a backup is being made: try again when it is done");
        return -EBUSY;
}
