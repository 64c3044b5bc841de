/*
 * Store1: which key slots there are
 *
 * What is told of a slot is what stands in clear in the file, so it is told while the vault is locked, too; and so is
 * what is mirrored of the slots that a login opens.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/slot-mirror.h"

int store1_find_slot(const SlotList *slots, const char *name, size_t *ret, sd_bus_error *error)
{
        size_t found = SIZE_MAX, length = strlen(name), n = 0;

        for (size_t i = 0; i < slots->n; i++) {
                char id[SLOT_ID_TEXT];

                hex_encode(slot_id(slots->slots[i]), SLOT_ID_SIZE, id);
                if ((length >= 4 && strncmp(id, name, length) == 0) ||
                    strcmp(slot_label(slots->slots[i]), name) == 0) {
                        found = i;
                        n++;
                }
        }
        if (n == 1) {
                *ret = found;
                return 0;
        }
        daemon_error_quote(error, n == 0 ? KEYFOB_ERROR_NOT_FOUND : KEYFOB_ERROR_INVALID,
                           n == 0 ? "there is no slot '%.64s': see keyfob slot list"
                                  : "'%.64s' names several slots: use the id that keyfob slot list shows",
                           name);
        return n == 0 ? -ENOENT : -EINVAL;
}

int store1_list_slots(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(slot_list_done) SlotList slots = {0};
        Daemon *daemon = userdata;
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        batch_flush(daemon);
        r = vault_slots(daemon->vault, &slots);
        if (r != 0)
                return daemon_error(daemon, error, r);

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < slots.n; i++) {
                const Slot *slot = slots.slots[i];
                const VaultCollection *c = vault_collection_get(daemon->vault, slot_collection(slot));
                char id[SLOT_ID_TEXT];
                SlotFido2 fido2 = {0};
                SlotTpm2 tpm2 = {0};
                KdfParams kdf = {0};

                hex_encode(slot_id(slot), SLOT_ID_SIZE, id);
                (void)slot_kdf(slot, &kdf);
                (void)slot_fido2(slot, &fido2);
                (void)slot_tpm2(slot, &tpm2);
                r = sd_bus_message_append(
                        reply, "a{sv}", 13, "id", "s", id, "kind", "s", slot_kind_name(slot_kind(slot)) ?: "unknown",
                        "label", "s", slot_label(slot), "collection", "s", c ? c->name : "", "created", "t",
                        slot_created(slot), "used", "t", slot_used(slot), "path", "s", slot_path(slot) ?: "",
                        "kdf_memory", "u", kdf.memory_kib, "kdf_passes", "u", kdf.passes, "rp_id", "s", fido2.rp_id,
                        "uv", "b", (int)fido2.uv, "pin", "b", (int)tpm2.pin, "pcrs", "u", tpm2.pcrs);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : batch_reply(daemon, m, reply);
}

/* ---- MirrorSlots ---- */

static void mirror_slot(SlotMirror *mirror, const Slot *slot)
{
        SlotMirrorEntry *entry = &mirror->slots[mirror->n];
        SlotFido2 fido2;
        KdfParams kdf;

        if (slot_collection(slot) != 0 || mirror->n == SLOT_MIRROR_SLOTS_MAX)
                return;
        memcpy(entry->id, slot_id(slot), sizeof(entry->id));
        if (slot_kind(slot) == SLOT_LOGIN && slot_kdf(slot, &kdf)) {
                entry->kind = SLOT_MIRROR_LOGIN;
                entry->memory_kib = kdf.memory_kib;
                entry->passes = kdf.passes;
                memcpy(entry->kdf_salt, kdf.salt, sizeof(entry->kdf_salt));
                mirror->n++;
        } else if (slot_fido2(slot, &fido2)) {
                entry->kind = SLOT_MIRROR_FIDO2;
                entry->uv = fido2.uv;
                memcpy(entry->rp_id, fido2.rp_id, sizeof(entry->rp_id));
                memcpy(entry->credential, fido2.credential, fido2.credential_size);
                entry->credential_size = fido2.credential_size;
                mirror->n++;
        }
}

int store1_mirror_slots(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(byte_writer_done) ByteWriter bytes = BYTE_WRITER_NULL;
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = NULL;
        _cleanup_(slot_list_done) SlotList slots = {0};
        Daemon *daemon = userdata;
        int r;

        r = store1_need_vault(daemon, error);
        if (r < 0)
                return r;
        batch_flush(daemon);
        r = vault_slots(daemon->vault, &slots);
        if (r != 0)
                return daemon_error(daemon, error, r);
        mirror = calloc(1, sizeof(*mirror));
        if (!mirror)
                return -ENOMEM;
        mirror->uid = getuid();
        memcpy(mirror->vault, vault_id(daemon->vault), sizeof(mirror->vault));
        vault_hmac_salt(daemon->vault, mirror->hmac_salt);
        for (size_t i = 0; i < slots.n; i++)
                mirror_slot(mirror, slots.slots[i]);
        slot_mirror_write(mirror, &bytes);
        if (bytes.failed)
                return -ENOMEM;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', bytes.data, bytes.size);
        return r < 0 ? r : batch_reply(daemon, m, reply);
}
