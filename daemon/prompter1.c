/*
 * org.keyfob.Prompter1
 *
 * How a program offers to ask the person: for what its own connection causes, and as the session's agent for
 * everything else. Agents end with their connection.
 */
#include "daemon/prompter1.h"

#include <errno.h>
#include <string.h>

#include "daemon/ask.h"
#include "daemon/batch.h"
#include "daemon/identity.h"

static int read_options(sd_bus_message *call, bool *ret_session)
{
        int r, session = 0;

        r = sd_bus_message_enter_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(call, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
                const char *key;

                r = sd_bus_message_read(call, "s", &key);
                if (r >= 0)
                        r = strcmp(key, "session") == 0 ? sd_bus_message_read(call, "v", "b", &session)
                                                        : sd_bus_message_skip(call, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(call);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        *ret_session = session;
        return sd_bus_message_exit_container(call);
}

static int handle_register_agent(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(identity_unrefp) Identity *who = NULL;
        Daemon *daemon = userdata;
        const char *path;
        Caller *caller;
        bool session = false;
        int r;

        r = sd_bus_message_read(call, "o", &path);
        if (r >= 0)
                r = read_options(call, &session);
        if (r >= 0)
                r = caller_of(daemon, call, &caller);
        if (r < 0)
                return r;

        if (session) {
                r = identity_of(daemon, call, handle_register_agent, &who, error);
                if (r != 0)
                        return r;
        }
        if (who && identity_may_be_app(who))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                                        "an app in a sandbox can't be the session agent");
        r = asker_add_agent(daemon, caller, path, session);
        if (r == -EEXIST)
                return sd_bus_error_set(error, KEYFOB_ERROR_EXISTS,
                                        session ? "there is a session agent already (see keyfob status)"
                                                : "that agent is registered already");
        if (r == -ENOBUFS)
                return sd_bus_error_set(error, KEYFOB_ERROR_LIMITS, "too many agents on one connection");
        if (r == -EPERM)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                                        "only a program of the same user can be the session agent");
        if (r == -EACCES)
                return sd_bus_error_set(error, KEYFOB_ERROR_NOT_ALLOWED,
                                        "session agents are turned off: see session-agent= in keyfobd.conf(5)");
        if (r < 0)
                return r;
        return batch_reply_return(daemon, call, NULL);
}

static int handle_unregister_agent(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Daemon *daemon = userdata;
        const char *path;
        Caller *caller;
        int r;

        r = sd_bus_message_read(call, "o", &path);
        if (r >= 0)
                r = caller_of(daemon, call, &caller);
        if (r < 0)
                return r;
        if (asker_remove_agent(daemon, caller, path) < 0)
                return sd_bus_error_set(error, KEYFOB_ERROR_NOT_FOUND, "there is no such agent");
        return batch_reply_return(daemon, call, NULL);
}

static const sd_bus_vtable prompter_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("RegisterAgent", SD_BUS_ARGS("o", agent, "a{sv}", options), SD_BUS_NO_RESULT,
                                handle_register_agent, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("UnregisterAgent", SD_BUS_ARGS("o", agent), SD_BUS_NO_RESULT, handle_unregister_agent,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int prompter1_attach(Daemon *daemon, sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, KEYFOB_PATH, KEYFOB_PROMPTER_INTERFACE, prompter_vtable, daemon);
}
