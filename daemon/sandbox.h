/*
 * Sandbox: what keyfobd gives up once it runs
 *
 * Executing, tracing, mounting, keyrings, other sockets than local ones (seccomp), and every file but the vault's
 * directory and the sockets' (Landlock). What the kernel lacks is logged and done without.
 */
#pragma once

/* `directories` (NULL-terminated) stay readable and writable. */
void sandbox_enter(const char *const *directories);
