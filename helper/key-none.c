/*
 * Without libfido2 there is no way to security keys
 */
#include "helper/key-request.h"

void key(const Request *request, ByteWriter *reply)
{
        key_reply_failed(reply, request->id, KEY_E_UNSUPPORTED, "Keyfob was built without libfido2");
}
