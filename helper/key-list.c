/*
 * Which keys are plugged in
 *
 * Nothing is opened for it: a key that another program waits for answers nobody else.
 */
#include "helper/key-entry.h"
#include "helper/key-internal.h"
#include "helper/task.h"

int key_list(KeyCall *call, const KeyDevices *devices)
{
        for (size_t i = 0; i < devices->n; i++) {
                const KeyDevice *device = &devices->devices[i];
                ByteWriter item;

                if (device->own)
                        continue;
                item = key_progress(call, KEY_PROGRESS_ITEM);
                entry_text(&item, "path", fido_dev_info_path(device->info));
                entry_text(&item, "product", fido_dev_info_product_string(device->info));
                entry_text(&item, "manufacturer", fido_dev_info_manufacturer_string(device->info));
                entry_u32(&item, "vendor", (uint16_t)fido_dev_info_vendor(device->info));
                entry_u32(&item, "model", (uint16_t)fido_dev_info_product(device->info));
                if (device->serial[0])
                        entry_text(&item, "serial", device->serial);
                task_progress(call->task, &item);
        }
        return FIDO_OK;
}
