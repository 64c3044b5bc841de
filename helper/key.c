/*
 * HELPER_KEY: security keys of other makers, through libfido2
 */
#include "helper/key.h"

void key(const Request *request, ByteWriter *reply)
{
        reply_failed(reply, request->id, "this part is not built yet");
}
