/*
 * Reading constraints
 *
 * A constraint that is not understood can't be kept to, so its key is refused; so is one that comes twice, because it could
 * mean either.
 */
#include "sshagent/constraint.h"

#include <errno.h>

#include "sshagent/destination.h"

enum {
        CONSTRAIN_LIFETIME = 1,
        CONSTRAIN_CONFIRM = 2,
        CONSTRAIN_EXTENSION = 255,
};

static int read_extension(ByteReader *reader, Constraints *it)
{
        Span name = wire_text(reader), value = wire_string(reader);

        if (reader->failed)
                return -EINVAL;
        if (span_is(name, "restrict-destination-v00@openssh.com") && it->n_destinations == 0) {
                it->destinations = value;
                return destinations_check(value, &it->n_destinations);
        }
        if (span_is(name, "sk-provider@openssh.com") && !it->has_provider) {
                it->has_provider = true;
                it->provider = value;
                return 0;
        }
        return -EINVAL;
}

int constraints_read(ByteReader *reader, Constraints *ret)
{
        Constraints it = {0};
        int r = 0;

        while (reader->size > 0 && r == 0 && !reader->failed) {
                switch (byte_reader_u8(reader)) {
                case CONSTRAIN_LIFETIME:
                        r = it.has_lifetime ? -EINVAL : 0;
                        it.has_lifetime = true;
                        it.lifetime = wire_u32(reader);
                        break;
                case CONSTRAIN_CONFIRM:
                        r = it.confirm ? -EINVAL : 0;
                        it.confirm = true;
                        break;
                case CONSTRAIN_EXTENSION:
                        r = read_extension(reader, &it);
                        break;
                default:
                        r = -EINVAL;
                        break;
                }
        }
        if (r < 0 || !byte_reader_done(reader))
                return -EINVAL;
        *ret = it;
        return 0;
}
