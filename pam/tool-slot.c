/*
 * A slot of the vault for the credential that logs in
 *
 * The daemon asks the security key itself, about that very credential: what opens the vault does not pass through
 * here. It wants a slot opened afresh for that, and asks for a password where this is run. The slot is made with
 * verification where the login has it, because the two answers of a security key differ.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/hex.h"
#include "pam/proof.h"
#include "pam/slots.h"
#include "pam/tool.h"

/* Runs inside of the call. */
static bool answer(void *userdata, const keyfob_question *question, keyfob_answer *ret)
{
        _cleanup_(secret_freep) Secret *typed = NULL;

        if (strcmp(question->kind, "show") != 0 && strcmp(question->kind, "secret") != 0)
                return false;
        if (question->error)
                (void)tool_error(TOOL_OTHER, "%s", question->error);
        (void)tool_error(TOOL_DONE, "%s", question->message);
        if (strcmp(question->kind, "show") == 0)
                return true;
        return tool_ask("Answer: ", &typed) == 0 && keyfob_answer_secret(ret, typed->data, typed->size) == 0;
}

static int append(sd_bus_message *call, const ToolSlot *slot, const char *label)
{
        const Credential *credential = slot->credential;
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = client_append_string(call, "kind", "fido2");
        if (r >= 0)
                r = client_append_string(call, "label", label);
        if (r >= 0)
                r = client_append_string(call, "key", slot->key);
        if (r >= 0)
                r = client_append_bool(call, "uv", slot->verified);
        if (r >= 0)
                r = client_append_string(call, "rp-id", proof_rp(slot->login, credential));
        if (r >= 0)
                r = client_append_bytes(call, "credential", slot->id, slot->id_size);
        if (r >= 0 && slot->pin && slot->verified)
                r = client_append_bytes(call, "pin", slot->pin->data, slot->pin->size);
        return r >= 0 ? sd_bus_message_close_container(call) : r;
}

static int add(keyfob *k, const ToolSlot *slot)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_free_ char *label = NULL;
        int r;

        if (asprintf(&label, "login to %s", slot->login->host) < 0) {
                label = NULL;
                return -ENOMEM;
        }
        r = client_store_message(k, "AddSlot", /* sensitive= */ true, &call);
        if (r == 0)
                r = append(call, slot, slot->label ? slot->label : label);
        return r < 0 ? r : client_call(k, call, CLIENT_ASKS, NULL);
}

/* Who types answers here, if anybody can. */
static int reach(keyfob **ret)
{
        int r = keyfob_connect(KEYFOB_START | KEYFOB_SOCKET_ONLY, ret);

        if (r == 0 && (isatty(STDIN_FILENO) || isatty(STDERR_FILENO)))
                r = keyfob_set_prompt(*ret, answer, NULL);
        return r;
}

int tool_slot_add(const ToolSlot *slot)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(secret_freep) Secret *mirror = NULL;
        int r;

        r = reach(&k);
        if (r == 0) {
                fprintf(stderr, "keyfob: touch it a third time, so that it opens the vault when you log in\n");
                r = add(k, slot);
        }
        if ((r == KEYFOB_E_NO_VAULT || r == KEYFOB_E_UNREACHABLE) && !slot->must) {
                fprintf(stderr, "keyfob: there is no vault that it could open\n");
                return TOOL_DONE;
        }
        if (r == 0)
                r = tool_mirror_read(k, &mirror);
        if (r != 0)
                return tool_error(TOOL_OTHER, "it logs in, and does not open the vault: %s", tool_why(k, r));
        return tool_mirror_pass_on(slot->login, mirror);
}

/* ---- removed ---- */

static const SlotMirrorEntry *find(const SlotMirror *mirror, const char *rp, const uint8_t *id, size_t id_size)
{
        for (size_t i = 0; mirror && i < mirror->n; i++)
                if (slots_is_of(mirror->slots + i, id, id_size, rp))
                        return mirror->slots + i;
        return NULL;
}

static int drop(keyfob *k, const char *slot)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = client_store_message(k, "RemoveSlot", /* sensitive= */ true, &call);

        if (r == 0)
                r = sd_bus_message_append(call, "sa{sv}", slot, 0);
        return r < 0 ? r : client_call(k, call, CLIENT_ASKS, NULL);
}

/* *ret is NULL where there is no vault. */
static int read_mirror(keyfob *k, Secret **ret_data, SlotMirror **ret)
{
        int r = tool_mirror_read(k, ret_data);

        if (r == KEYFOB_E_NO_VAULT)
                return 0;
        return r == 0 ? slot_mirror_read((*ret_data)->data, (*ret_data)->size, ret) : r;
}

int tool_slot_remove(const Login *login, const char *rp, const uint8_t *id, size_t id_size)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(secret_freep) Secret *data = NULL;
        _cleanup_(slot_mirror_freep) SlotMirror *mirror = NULL, *known = NULL;
        const SlotMirrorEntry *entry;
        char slot[2 * SLOT_MIRROR_ID_SIZE + 1] = "";
        int r;

        (void)slots_read(login, &known);
        r = reach(&k);
        if (r == 0)
                r = read_mirror(k, &data, &mirror);
        if (r == 0 && !find(mirror, rp, id, id_size))
                return TOOL_DONE;
        if (r != 0 && !find(known, rp, id, id_size))
                return tool_error(TOOL_OTHER, "it logs in no more; whether it opens the vault is not known (%s): keyfob slot list shows it",
                                  tool_why(k, r));
        /* Nothing keeps somebody from having several slots of one credential. */
        while (r == 0 && (entry = find(mirror, rp, id, id_size))) {
                hex_encode(entry->id, sizeof(entry->id), slot);
                r = drop(k, slot);
                mirror = slot_mirror_free(mirror);
                data = secret_free(data);
                if (r == 0)
                        r = read_mirror(k, &data, &mirror);
                if (r == 0 && !mirror)
                        r = KEYFOB_E_NO_VAULT;
        }
        if (r != 0)
                return tool_error(TOOL_OTHER, "it logs in no more, but opens the vault still (%s): keyfob slot remove %.8s",
                                  tool_why(k, r), slot[0] ? slot : "ID");
        fprintf(stderr, "keyfob: it does not open the vault any more; an old copy of the vault still opens with it: \"keyfob rekey\" "
                        "makes new keys\n");
        return tool_mirror_pass_on(login, data);
}
