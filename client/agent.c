/*
 * Agent: this connection answers the questions it causes
 *
 * The handle exports org.keyfob.PromptAgent1 and tells the daemon so before the first call that may ask. The callback
 * runs while that call is being dispatched, so a question that the daemon takes back is noticed only after the
 * callback returned; its answer then goes nowhere. That is right here: the only cause of our questions is the call
 * that waits for us.
 */
#include "client/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct keyfob_answer {
        Secret *secret;
};

KEYFOB_API int keyfob_answer_secret(keyfob_answer *answer, const void *data, size_t size)
{
        Secret *secret;
        int r;

        if (!answer || (!data && size > 0) || size > CLIENT_SECRET_MAX)
                return -EINVAL;
        r = secret_new_from(&secret, data, size);
        if (r < 0)
                return r;
        secret_free(answer->secret);
        answer->secret = secret;
        return 0;
}

KEYFOB_API int keyfob_answer_choice(keyfob_answer *answer, unsigned i)
{
        char digits[16];
        int n = snprintf(digits, sizeof(digits), "%u", i);

        return keyfob_answer_secret(answer, digits, (size_t)n);
}

bool client_from_daemon(const keyfob *k, sd_bus_message *m)
{
        const char *sender;

        /* the peer of the own socket was checked when it was connected */
        if (!k->destination)
                return true;
        sender = sd_bus_message_get_sender(m);
        return sender && strcmp(sender, k->destination) == 0;
}

int client_question_read(sd_bus_message *m, ClientQuestion *ret)
{
        keyfob_question question = {.pid = -1, .retries = -1};
        size_t n_choices = CLIENT_CHOICES_MAX;
        uint32_t pid = UINT32_MAX, retries = UINT32_MAX;
        const ClientField fields[] = {
                {"id", "s", &question.id, NULL},           {"kind", "s", &question.kind, NULL},
                {"purpose", "s", &question.purpose, NULL}, {"title", "s", &question.title, NULL},
                {"message", "s", &question.message, NULL}, {"error", "s", &question.error, NULL},
                {"program", "s", &question.program, NULL}, {"rp_id", "s", &question.rp_id, NULL},
                {"user", "s", &question.user, NULL},       {"pid", "u", &pid, NULL},
                {"retries", "u", &retries, NULL},          {"door", "s", &question.door, NULL},
                {"choices", "as", ret->choices, &n_choices},
        };
        int r;

        ret->choices[0] = NULL;
        r = client_read_dictionary(m, fields, ELEMENTSOF(fields));
        if (r < 0)
                return r;
        if (r == 0 || !question.id || !question.kind)
                return -EINVAL;
        if (strcmp(question.kind, "choose") == 0) {
                if (!ret->choices[0])
                        return -EINVAL;
                ret->choices[n_choices] = NULL;
                question.choices = ret->choices;
        }
        if (pid != UINT32_MAX)
                question.pid = pid;
        if (retries != UINT32_MAX)
                question.retries = retries > 1000 ? 1000 : (int)retries;

        ret->question = question;
        return 0;
}

static int handle_ask(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        keyfob *k = userdata;
        ClientQuestion question;
        keyfob_answer answer = {0};
        bool allowed;
        int r;

        if (!client_from_daemon(k, m))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "only the daemon may ask");
        r = client_question_read(m, &question);
        if (r < 0)
                return r;
        if (!k->prompt)
                return sd_bus_error_set(error, KEYFOB_ERROR_NO_PROMPTER, "there is nobody to ask any more");

        allowed = k->prompt(k->prompt_data, &question.question, &answer);

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_sensitive(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "b", (int)allowed);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', allowed && answer.secret ? answer.secret->data : NULL,
                                                allowed && answer.secret ? answer.secret->size : 0);
        secret_free(answer.secret);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static int handle_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable agent_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Ask", "a{sv}", "bay", handle_ask, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD("Cancel", "s", NULL, handle_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int client_agent_register(keyfob *k)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (k->agent_registered)
                return 0;
        if (!k->agent_slot) {
                r = sd_bus_add_object_vtable(k->bus, &k->agent_slot, CLIENT_AGENT_PATH, KEYFOB_AGENT_INTERFACE,
                                             agent_vtable, k);
                if (r < 0)
                        return client_fail_errno(k, r);
        }

        r = client_message_new(k, KEYFOB_PROMPTER_INTERFACE, "RegisterAgent", &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "oa{sv}", CLIENT_AGENT_PATH, 0);
        if (r < 0)
                return client_fail_errno(k, r);
        r = client_call(k, call, CLIENT_QUICK, NULL);
        if (r != 0)
                return r;
        k->agent_registered = true;
        return 0;
}

void client_agent_drop(keyfob *k)
{
        k->agent_slot = sd_bus_slot_unref(k->agent_slot);
        k->agent_registered = false;
}

KEYFOB_API int keyfob_set_prompt(keyfob *k, keyfob_prompt prompt, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!k)
                return -EINVAL;
        k->prompt = prompt;
        k->prompt_data = userdata;
        if (prompt || !k->agent_registered)
                return 0;

        r = client_message_new(k, KEYFOB_PROMPTER_INTERFACE, "UnregisterAgent", &call);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "o", CLIENT_AGENT_PATH);
        if (r < 0)
                return client_fail_errno(k, r);
        r = client_call(k, call, CLIENT_QUICK, NULL);
        if (r != 0)
                return r;
        client_agent_drop(k);
        return 0;
}
