/*
 * A unix socket in place of a USB device
 */
#include "tests/integration/fido-socket.h"

#include <stdio.h>

#include "bridge/transport.h"
#include "common/cleanup.h"

fido_dev_t *fido_socket_open(const char *path, int *ret_error)
{
        _cleanup_free_ char *device = NULL;
        fido_dev_t *dev = fido_dev_new();
        int r;

        if (!dev || asprintf(&device, TRANSPORT_PATH "%s", path) < 0) {
                fido_dev_free(&dev);
                return NULL;
        }
        r = fido_dev_set_io_functions(dev, &transport_io);
        if (r == FIDO_OK)
                r = fido_dev_open(dev, device);
        if (ret_error)
                *ret_error = r;
        if (r != FIDO_OK)
                fido_dev_free(&dev);
        return dev;
}
