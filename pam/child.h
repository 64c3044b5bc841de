/*
 * Child: work that is done as the user
 *
 * The program around us keeps its own rights, whatever happens: there is nothing to be given back.
 */
#pragma once

#include "common/bytes.h"
#include "common/secret.h"
#include "pam/user.h"

/* Runs in the child: 0, a positive outcome, or a negative errno; what it appends to `reply` goes to the parent. */
typedef int ChildWork(const User *user, void *data, ByteWriter *reply);

/*
 * Runs `work` in a child that has become `user`, where this process may do that, and otherwise as who it is. Answers what the work
 * did, and with 0 its reply; -EIO when the child did not get to its end, or said more than `max` bytes.
 */
int child_run(const User *user, ChildWork *work, void *data, size_t max, Secret **ret);
