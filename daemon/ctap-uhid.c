/*
 * The kernel's device
 */
#include "daemon/ctap-internal.h"

int ctap_uhid_new(Ctap *ctap)
{
        return 0;
}

void ctap_uhid_free(Ctap *ctap)
{
}

void ctap_uhid_drop(Ctap *ctap)
{
}

void ctap_uhid_rearm(Ctap *ctap)
{
}

void ctap_uhid_identify(const CtapUhid *uhid, uint32_t channel, char *ret_program, size_t size, pid_t *ret_pid)
{
        ret_program[0] = 0;
        *ret_pid = 0;
}
