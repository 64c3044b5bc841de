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

#include "pam/proof.h"
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
                r = client_append_bytes(call, "credential", credential->id, credential->id_size);
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

int tool_slot_add(const ToolSlot *slot)
{
        _cleanup_(keyfob_closep) keyfob *k = NULL;
        _cleanup_(secret_freep) Secret *mirror = NULL;
        int r;

        r = keyfob_connect(KEYFOB_START | KEYFOB_SOCKET_ONLY, &k);
        if (r == 0 && (isatty(STDIN_FILENO) || isatty(STDERR_FILENO)))
                r = keyfob_set_prompt(k, answer, NULL);
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
                return tool_error(TOOL_OTHER, "it logs in, and does not open the vault: %s",
                                  k && keyfob_message(k)[0] ? keyfob_message(k) : keyfob_strerror(r));
        return tool_mirror_pass_on(slot->login, mirror);
}
