/*
 * A desk: where a login finds what it must know of a vault, and whom it hands its key to
 *
 * A mirror with one slot, of key 0's credential, in the world's directory; and the socket of a daemon, which the test
 * plays itself.
 */
#pragma once

#include "common/slot-mirror.h"
#include "tests/unit/pam-world.h"

typedef struct Desk {
        World *w;
        char mirror[64], option[80];
        SlotMirror *slots;
        uint8_t *id;
        size_t id_size;
        int listener;
} Desk;

void desk_open(Desk *desk, bool uv, void (*adjust)(Fixture *fixture));
void desk_close(Desk *desk);
/* Makes the file what desk->slots says. */
void desk_write(const Desk *desk);
