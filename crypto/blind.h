/*
 * Blind: an agreement on P-256 that a messenger carries and learns nothing from
 *
 * A key elsewhere (d) is asked for d·P, and what carries question and answer is not to know d·P. So it is asked about r·P, with a
 * random r, which is any point at all, and r is taken off again from the answer. x coordinates are enough: of ±Q the same one comes.
 */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"

typedef struct Blind Blind;

/* `point` is x ‖ y; so is what to ask about. 0, -EINVAL when it is no point of the curve, -ENOMEM. */
int blind_new(const uint8_t point[64], uint8_t ret_question[64], Blind **ret);
/* The x coordinate of d·P, from that of the answer. 0, -EINVAL when it is none of a point, -ENOMEM. */
int blind_take_off(const Blind *blind, const uint8_t answer[32], uint8_t ret[32]);
Blind *blind_free(Blind *blind);
DEFINE_CLEANUP(Blind *, blind_free)
