/*
 * Who came last
 *
 * Where two are new, or nobody is, the one without a channel is meant, if there is just one; else it stays unknown: a
 * wrong name would be worse than none. It is a name for the person to read, which a program that wants to be mistaken
 * for another of the same user can give itself in easier ways.
 */
#include "daemon/ctap-programs.h"

#include <string.h>

#define BROADCAST    UINT32_C(0xffffffff)
#define COMMAND_INIT 0x86
#define COMMAND_AT   4U
#define GIVEN_AT     15U /* after channel, command, length and the client's nonce */

static uint32_t read_channel(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool ctap_report_is_init(const uint8_t report[AUTHENTICATOR_REPORT_SIZE])
{
        return read_channel(report) == BROADCAST && report[COMMAND_AT] == COMMAND_INIT;
}

uint32_t ctap_report_given_channel(const uint8_t report[AUTHENTICATOR_REPORT_SIZE])
{
        return read_channel(report + GIVEN_AT);
}

static bool contains(const pid_t *pids, unsigned n, pid_t pid)
{
        for (unsigned i = 0; i < n; i++)
                if (pids[i] == pid)
                        return true;
        return false;
}

static bool has_channel(const CtapPrograms *programs, pid_t pid)
{
        for (unsigned i = 0; i < CTAP_PROGRAM_CHANNELS; i++)
                if (programs->channels[i].pid == pid)
                        return true;
        return false;
}

pid_t ctap_programs_see(CtapPrograms *programs, const pid_t *pids, unsigned n)
{
        unsigned n_new = 0, n_without = 0;
        pid_t new = 0, without = 0, one;

        /* More may be there than fit. */
        if (n >= HELPER_WHO_MAX)
                return 0;
        for (unsigned i = 0; i < n; i++) {
                if (!contains(programs->there, programs->n_there, pids[i])) {
                        n_new++;
                        new = pids[i];
                }
                if (!has_channel(programs, pids[i])) {
                        n_without++;
                        without = pids[i];
                }
        }
        one = n == 1 ? pids[0] : n_new == 1 ? new : n_without == 1 ? without : 0;

        /* Who has gone may come back as somebody else. */
        for (unsigned i = 0; i < CTAP_PROGRAM_CHANNELS; i++)
                if (!contains(pids, n, programs->channels[i].pid))
                        programs->channels[i].pid = 0;
        if (n > 0)
                memcpy(programs->there, pids, n * sizeof(*pids));
        programs->n_there = n;
        return one;
}

void ctap_programs_give(CtapPrograms *programs, uint32_t channel, pid_t pid)
{
        programs->channels[programs->next].channel = channel;
        programs->channels[programs->next].pid = pid;
        programs->next = (programs->next + 1) % CTAP_PROGRAM_CHANNELS;
}

pid_t ctap_programs_find(const CtapPrograms *programs, uint32_t channel)
{
        if (channel == 0)
                return programs->n_there == 1 ? programs->there[0] : 0;
        for (unsigned i = 0; i < CTAP_PROGRAM_CHANNELS; i++)
                if (programs->channels[i].pid != 0 && programs->channels[i].channel == channel)
                        return programs->channels[i].pid;
        return 0;
}
