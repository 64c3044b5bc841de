/* Whether somebody speaks CTAPHID on a socket. */
#pragma once

/* Connects, sends INIT and waits a moment for the answer, which it describes in one line. 0, or a negative errno:
 * -EBADMSG when what came back is no answer to INIT. */
int ctap_probe(const char *path, char ret[64]);
