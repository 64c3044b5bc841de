/*
 * The fingers of the daemon's security key
 *
 * The same shapes as for other makers' keys (key-content.c). Enrolling and deleting may take a secret of a slot of the
 * vault; it ends the message, so that nothing moves it once it is there.
 */
#include <errno.h>

#include "client/client.h"

int client_fingers_list(keyfob *k, keyfob_fingers **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        r = client_authenticator_message(k, "ListFingers", &call);
        if (r == 0)
                r = client_call(k, call, CLIENT_QUICK, &reply);
        return r == 0 ? client_read_fingers(k, reply, ret) : r;
}

/* Id (NULL: none), name (NULL: none), options with `auth` (NULL: none). */
static int call_finger(keyfob *k, const char *method, const keyfob_finger *finger, const char *name,
                       const Secret *auth)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = client_authenticator_message(k, method, &call);
        if (r != 0)
                return r;
        if (finger)
                r = sd_bus_message_append_array(call, 'y', finger->id, finger->id_size);
        if (r >= 0 && name)
                r = sd_bus_message_append(call, "s", name);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0 && auth)
                r = client_append_bytes(call, "auth", auth->data, auth->size);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? client_fail_append(k, r) : client_call(k, call, CLIENT_ASKS | CLIENT_LISTENS, NULL);
}

int client_finger_enroll(keyfob *k, const char *name, const Secret *auth)
{
        return call_finger(k, "EnrollFinger", NULL, name ?: "", auth);
}

int client_finger_rename(keyfob *k, const keyfob_finger *finger, const char *name)
{
        return call_finger(k, "RenameFinger", finger, name, NULL);
}

int client_finger_delete(keyfob *k, const keyfob_finger *finger, const Secret *auth)
{
        return call_finger(k, "DeleteFinger", finger, NULL, auth);
}
