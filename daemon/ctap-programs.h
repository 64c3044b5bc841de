/*
 * Programs: who uses which channel of the kernel's device
 *
 * All programs share the device, and a report does not say whose it is; its channel does, once it is known to whom it
 * was given. A program asks for one (CTAPHID INIT on the broadcast channel) when it has opened the device: so of those
 * that have it open then, it is the one that was not there before.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/protocol.h"
#include "keyfob/authenticator.h"

#define CTAP_PROGRAM_CHANNELS 64U /* that are remembered; the one that was given first makes room */

typedef struct CtapPrograms {
        pid_t there[HELPER_WHO_MAX]; /* at the last INIT */
        unsigned n_there;
        struct {
                uint32_t channel;
                pid_t pid; /* 0: free */
        } channels[CTAP_PROGRAM_CHANNELS];
        unsigned next;
} CtapPrograms;

/* These have it open now. Who of them asks for a channel; 0 when that can't be told. */
pid_t ctap_programs_see(CtapPrograms *programs, const pid_t *pids, unsigned n);
void ctap_programs_give(CtapPrograms *programs, uint32_t channel, pid_t pid);
/* Whose channel it is, 0 when unknown; of channel 0, the only program there is. */
pid_t ctap_programs_find(const CtapPrograms *programs, uint32_t channel);

/* Whether a report asks for a channel, or is the answer to that; and which channel an answer gives. */
bool ctap_report_is_init(const uint8_t report[AUTHENTICATOR_REPORT_SIZE]);
uint32_t ctap_report_given_channel(const uint8_t report[AUTHENTICATOR_REPORT_SIZE]);
