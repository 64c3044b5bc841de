/* The hand-over: one frame to the user's daemon, now or when the session begins. */
#pragma once

#include "pam/login.h"

/* Keeps a frame for the session of the same handle; it is wiped with the handle. Takes it over. 0, or a negative errno. */
int handover_keep(const Login *login, Secret *frame);
/* Sends what was kept, once. 0: sent and taken, or nothing was kept; LOGIN_REFUSED: the daemon did not take it; a negative errno. */
int handover_send_kept(const Login *login);
/* Sends a frame. 0, LOGIN_REFUSED, or a negative errno. */
int handover_send(const Login *login, const Secret *frame);
