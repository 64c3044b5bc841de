/*
 * The passkeys of a key
 *
 * A key lists sites, then the passkeys of each; there is no asking for one by its id.
 */
#include <fido/credman.h>
#include <string.h>

#include "helper/key-entry.h"
#include "helper/key-internal.h"
#include "helper/task.h"

static int each_of_site(KeyCall *call, const char *rp_id, const char *rp_name, KeyEachPasskey each, void *userdata)
{
        fido_credman_rk_t *passkeys = fido_credman_rk_new();
        int r;

        if (!passkeys)
                return FIDO_ERR_INTERNAL;
        r = fido_credman_get_dev_rk(call->dev, rp_id, passkeys, key_pin(call));
        for (size_t i = 0; r == FIDO_OK && i < fido_credman_rk_count(passkeys); i++)
                r = each(call, rp_id, rp_name, fido_credman_rk(passkeys, i), userdata);
        fido_credman_rk_free(&passkeys);
        return r;
}

int key_each_passkey(KeyCall *call, KeyEachPasskey each, void *userdata)
{
        fido_credman_rp_t *sites;
        int r;

        r = key_need(call, fido_dev_supports_credman(call->dev), "list of passkeys");
        if (r == FIDO_OK)
                r = key_need_pin(call);
        if (r != FIDO_OK)
                return r;
        sites = fido_credman_rp_new();
        if (!sites)
                return FIDO_ERR_INTERNAL;
        r = fido_credman_get_dev_rp(call->dev, sites, key_pin(call));
        if (r == FIDO_ERR_NO_CREDENTIALS)
                r = FIDO_OK;
        for (size_t i = 0; r == FIDO_OK && i < fido_credman_rp_count(sites); i++) {
                const char *rp_id = fido_credman_rp_id(sites, i), *rp_name = fido_credman_rp_name(sites, i);

                if (rp_id)
                        r = each_of_site(call, rp_id, rp_name ? rp_name : "", each, userdata);
        }
        fido_credman_rp_free(&sites);
        return r;
}

static int say_passkey(KeyCall *call, const char *rp_id, const char *rp_name, const fido_cred_t *passkey,
                       void *userdata)
{
        ByteWriter item = key_progress(call, KEY_PROGRESS_ITEM);

        entry_bytes(&item, "id", fido_cred_id_ptr(passkey), fido_cred_id_len(passkey));
        entry_bytes(&item, "user-id", fido_cred_user_id_ptr(passkey), fido_cred_user_id_len(passkey));
        entry_text(&item, "rp-id", rp_id);
        entry_text(&item, "rp-name", rp_name);
        entry_text(&item, "user-name", fido_cred_user_name(passkey));
        entry_text(&item, "user-display-name", fido_cred_display_name(passkey));
        entry_i32(&item, "algorithm", fido_cred_type(passkey));
        entry_bool(&item, "discoverable", true);
        if (fido_cred_prot(passkey) > 0)
                entry_u32(&item, "protection", (uint64_t)fido_cred_prot(passkey));
        entry_bool(&item, "large-blob", fido_cred_largeblob_key_len(passkey) > 0);
        task_progress(call->task, &item);
        return FIDO_OK;
}

int key_passkeys(KeyCall *call)
{
        return key_each_passkey(call, say_passkey, NULL);
}

/* ---- one ---- */

typedef struct Wanted {
        int (*found)(KeyCall *call, const fido_cred_t *passkey);
        bool done;
        int result;
} Wanted;

static int try_passkey(KeyCall *call, const char *rp_id, const char *rp_name, const fido_cred_t *passkey,
                       void *userdata)
{
        Wanted *wanted = userdata;

        if (wanted->done || fido_cred_id_len(passkey) != call->request.id_size ||
            memcmp(fido_cred_id_ptr(passkey), call->request.id, call->request.id_size) != 0)
                return FIDO_OK;
        wanted->done = true;
        wanted->result = wanted->found(call, passkey);
        return KEY_REFUSED; /* no need to look further */
}

int key_with_passkey(KeyCall *call, int (*found)(KeyCall *call, const fido_cred_t *passkey))
{
        Wanted wanted = {.found = found};
        int r;

        r = key_each_passkey(call, try_passkey, &wanted);
        if (wanted.done)
                return wanted.result;
        return r == FIDO_OK ? FIDO_ERR_NO_CREDENTIALS : r;
}

static int rename_found(KeyCall *call, const fido_cred_t *passkey)
{
        const KeyRequest *request = &call->request;
        const char *name = request->given & KEY_GIVEN_NAME ? request->name : fido_cred_user_name(passkey);
        const char *display_name =
                request->given & KEY_GIVEN_DISPLAY_NAME ? request->display_name : fido_cred_display_name(passkey);
        fido_cred_t *renamed = fido_cred_new();
        int r;

        if (!renamed)
                return FIDO_ERR_INTERNAL;
        r = fido_cred_set_id(renamed, request->id, request->id_size);
        if (r == FIDO_OK)
                r = fido_cred_set_user(renamed, fido_cred_user_id_ptr(passkey), fido_cred_user_id_len(passkey), name,
                                       display_name, /* icon= */ NULL);
        if (r == FIDO_OK)
                r = fido_credman_set_dev_rk(call->dev, renamed, key_pin(call));
        fido_cred_free(&renamed);
        return r;
}

int key_passkey_rename(KeyCall *call)
{
        return key_with_passkey(call, rename_found);
}

int key_passkey_delete(KeyCall *call)
{
        int r;

        r = key_need(call, fido_dev_supports_credman(call->dev), "list of passkeys");
        if (r == FIDO_OK)
                r = key_need_pin(call);
        return r == FIDO_OK ? fido_credman_del_dev_rk(call->dev, call->request.id, call->request.id_size, key_pin(call))
                            : r;
}
