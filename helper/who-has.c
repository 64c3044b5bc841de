/*
 * HELPER_WHO_HAS: which programs have a HID device open
 */
#include "helper/who-has.h"

void who_has(uint32_t id, const char *uniq, ByteWriter *reply)
{
        reply_failed(reply, id, "this part is not built yet");
}
