/*
 * Ctap: the security key that Keyfob is
 *
 * One authenticator (keyfob/authenticator.h) with its credentials in the vault, and those who use it: connections of
 * the socket, each a port that speaks CTAPHID, and callers of org.keyfob.Authenticator1.
 */
#pragma once

#include "daemon/daemon.h"
#include "keyfob/authenticator.h"

/* Makes the authenticator and binds the socket; who connects waits until ctap_open(). What an administrator has
 * provided for enterprise attestation is read here, so it comes before the sandbox. */
int ctap_new(Daemon *daemon, Ctap **ret);
/* Lets clients in. */
int ctap_open(Ctap *ctap);
/* Ends every client and question. */
Ctap *ctap_free(Ctap *ctap);
DEFINE_CLEANUP(Ctap *, ctap_free)

/* The vault was locked, replaced or got new keys: what was read from it goes. NULL allowed. */
void ctap_forget(Ctap *ctap);

/* The vault was unlocked: what a TPM seals is opened by it, a moment later. NULL allowed. */
void ctap_unlocked(Ctap *ctap);

/* Why a TPM has not opened what it seals when it was last asked: one line with the remedy, or "". */
const char *ctap_seal_problem(const Ctap *ctap);

/* As if the key were pulled out and put in again: ends all connections of the socket and clears what a power cycle
 * clears. */
void ctap_replug(Ctap *ctap);

Authenticator *ctap_authenticator(const Ctap *ctap);
/* Where the socket is, or NULL. */
const char *ctap_socket_path(const Ctap *ctap);
/* "ready" when there is a device of the kernel's, else why there is none. */
const char *ctap_uhid_status(const Ctap *ctap);
