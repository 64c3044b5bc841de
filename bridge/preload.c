/*
 * The bridge: Keyfob as one more device of libfido2, in programs that know nothing of it
 *
 * Preloaded, these three functions stand in front of libfido2's own and call them. The list of devices gets one more entry
 * where Keyfob's socket is; opening that entry gives the device our transport; everything else about a device, from
 * framing to cancelling, stays libfido2's. Nothing happens before a program calls one of the three, and nothing is kept
 * between calls: there is no state that a fork or a second thread could find half done.
 *
 * libfido2 is not linked, so that a program which does not use it does not load it either. Its functions are the next ones
 * of their names; or, where libfido2 came with a module that was opened later (PAM's are), those of the copy that is loaded
 * by then. It must be loaded: somebody calls it.
 */
#include <dlfcn.h>

#include "bridge/transport.h"

#define BRIDGE_API   __attribute__((visibility("default")))
#define LIBRARY      "libfido2.so.1"
#define MANUFACTURER "Keyfob"
#define PRODUCT      "security key"

/* libfido2's own function of that name, or NULL. */
static void *next(const char *name)
{
        void *function = dlsym(RTLD_NEXT, name), *library;

        if (function)
                return function;
        library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
        if (library) {
                function = dlsym(library, name);
                (void)dlclose(library);
        }
        (void)dlerror(); /* our failure is not the program's */
        return function;
}

static int use_transport(fido_dev_t *dev)
{
        __typeof__(fido_dev_set_io_functions) *set_io = next("fido_dev_set_io_functions");

        return set_io ? set_io(dev, &transport_io) : FIDO_ERR_INTERNAL;
}

BRIDGE_API int fido_dev_info_manifest(fido_dev_info_t *devlist, size_t ilen, size_t *olen)
{
        __typeof__(fido_dev_info_manifest) *manifest = next("fido_dev_info_manifest");
        __typeof__(fido_dev_info_set) *set = next("fido_dev_info_set");
        int r;

        *olen = 0;
        if (!manifest || !set)
                return FIDO_ERR_INTERNAL;
        r = manifest(devlist, ilen, olen);
        if (!devlist || *olen >= ilen || !transport_is_there())
                return r;
        /* Where devices can't be listed (no /sys in a container) there is this one. */
        if (set(devlist, *olen, TRANSPORT_PATH, MANUFACTURER, PRODUCT, &transport_io, NULL) != FIDO_OK)
                return r;
        (*olen)++;
        return FIDO_OK;
}

/* With an entry's functions but no transport of its own, libfido2 takes the handle for one of its HID devices and reads the
 * reports' sizes from it. Setting the functions once more says whose they are. */
BRIDGE_API fido_dev_t *fido_dev_new_with_info(const fido_dev_info_t *info)
{
        __typeof__(fido_dev_new_with_info) *new_with_info = next("fido_dev_new_with_info");
        __typeof__(fido_dev_info_path) *info_path = next("fido_dev_info_path");
        __typeof__(fido_dev_free) *dev_free = next("fido_dev_free");
        fido_dev_t *dev;

        if (!new_with_info || !info_path || !dev_free)
                return NULL;
        dev = new_with_info(info);
        if (dev && transport_is_path(info_path(info)) && use_transport(dev) != FIDO_OK)
                dev_free(&dev);
        return dev;
}

BRIDGE_API int fido_dev_open(fido_dev_t *dev, const char *path)
{
        __typeof__(fido_dev_open) *open = next("fido_dev_open");
        int r;

        if (!open)
                return FIDO_ERR_INTERNAL;
        if (transport_is_path(path)) {
                r = use_transport(dev);
                if (r != FIDO_OK)
                        return r;
        }
        return open(dev, path);
}
