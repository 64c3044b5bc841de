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

bool client_from_daemon(const keyfob *k, sd_bus_message *m)
{
        const char *sender;

        /* the peer of the own socket was checked when it was connected */
        if (!k->destination)
                return true;
        sender = sd_bus_message_get_sender(m);
        return sender && strcmp(sender, k->destination) == 0;
}

int client_question_read(sd_bus_message *m, keyfob_question *ret)
{
        keyfob_question question = {.pid = -1, .retries = -1};
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const struct {
                        const char *key;
                        const char **string;
                } strings[] = {
                        {"id", &question.id},           {"kind", &question.kind},       {"purpose", &question.purpose},
                        {"title", &question.title},     {"message", &question.message}, {"error", &question.error},
                        {"program", &question.program},
                };
                const char *key, *contents;
                bool used = false;
                uint32_t number;
                char type;

                r = sd_bus_message_read(m, "s", &key);
                if (r < 0)
                        return r;
                r = sd_bus_message_peek_type(m, &type, &contents);
                if (r < 0)
                        return r;
                if (strcmp(contents, "s") == 0) {
                        for (size_t i = 0; i < ELEMENTSOF(strings) && !used; i++) {
                                if (strcmp(key, strings[i].key) != 0)
                                        continue;
                                r = sd_bus_message_read(m, "v", "s", strings[i].string);
                                used = true;
                        }
                } else if (strcmp(contents, "u") == 0 && (strcmp(key, "pid") == 0 || strcmp(key, "retries") == 0)) {
                        r = sd_bus_message_read(m, "v", "u", &number);
                        used = true;
                        if (r >= 0 && key[0] == 'p')
                                question.pid = number;
                        else if (r >= 0)
                                question.retries = number > 1000 ? 1000 : (int)number;
                }
                if (!used)
                        r = sd_bus_message_skip(m, "v");
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        if (!question.id || !question.kind)
                return -EINVAL;

        *ret = question;
        return 0;
}

static int handle_ask(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        keyfob *k = userdata;
        keyfob_question question;
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

        allowed = k->prompt(k->prompt_data, &question, &answer);

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
